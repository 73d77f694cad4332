"""Shared by all benchmarks: broker, model, load generator, subscriber, rounds, usage, reports."""
