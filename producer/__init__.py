"""Replays creditcard.csv as a live stream: pace, rows, labels, publish, report."""
