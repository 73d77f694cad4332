"""Committing results and offsets: exactly-once, at-least-once, the journal and recovery from it."""
