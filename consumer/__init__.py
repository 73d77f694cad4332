"""What reads from Kafka: the detector, the alert follower, the quality monitor."""
