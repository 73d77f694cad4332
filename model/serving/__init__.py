"""Scoring with a saved network: the Keras backend and the scorer that the detector calls."""
