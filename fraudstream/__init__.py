"""The `fraudstream` command, and the demo that runs the whole stream."""
