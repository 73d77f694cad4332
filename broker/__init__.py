"""A real Apache Kafka, installed by pip alone: a node for demos and tests, a cluster for tests."""
