"""What all benchmarks share: broker, model, load, subscriber, resource usage, tables."""
