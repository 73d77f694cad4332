"""Benchmarks of the networks: quality on later transactions, size, and speed on CPU and GPU."""
