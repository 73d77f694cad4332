"""Training: from labelled rows to a network."""
