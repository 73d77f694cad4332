"""The model store: versions of the model, and which of them serves."""
