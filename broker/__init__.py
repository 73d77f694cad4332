"""A real single-node Apache Kafka from pip alone, for trying, developing and testing."""
