"""The messages that travel over Kafka: structs, codecs, topic names, schemas."""
