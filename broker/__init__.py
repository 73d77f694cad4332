"""A real single-node Apache Kafka, installed by pip alone, for demos, development and tests."""
