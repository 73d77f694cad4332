"""What travels over Kafka: the messages and their codec, topic names, client settings."""
