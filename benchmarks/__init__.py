"""Measurements that print their figures; run as `python -m benchmarks.NAME`."""
