"""The Kafka client layer: settings, clients, connectivity, permissions, topics and reading them."""
