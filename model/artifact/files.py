"""The names of an artifact's files."""

NETWORK = "model.keras"
METADATA = "metadata.json"
CARD = "README.md"
PLOTS = "pictures"
"""A folder; it is missing where nothing was plotted."""
