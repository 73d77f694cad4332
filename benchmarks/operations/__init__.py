"""Benchmarks for operations: memory, drift, a soak, and the dashboards as pictures."""
