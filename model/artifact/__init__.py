"""The artifact, a folder with a trained network: saving, loading, metadata, model card."""
