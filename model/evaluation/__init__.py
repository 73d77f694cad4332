"""Metrics of scores on labelled rows, and the choice of the threshold."""
