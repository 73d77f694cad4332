"""From labelled rows to a fitted network."""
