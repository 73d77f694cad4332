"""The names of an artifact's files."""

NETWORK = "model.keras"
GRAPH = "model.onnx"
"""The same network for onnxruntime; it is missing where it has no translation."""
METADATA = "metadata.json"
CARD = "README.md"
PLOTS = "pictures"
"""A folder; it is missing where nothing was plotted."""
