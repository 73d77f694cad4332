"""Replays creditcard.csv as a live stream: pace, publish, report."""
