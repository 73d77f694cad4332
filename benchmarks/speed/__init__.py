"""Throughput, latency, cost and pace: `python -m benchmarks.speed`."""
