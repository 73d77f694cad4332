"""From labelled rows to a trained network."""
