"""Generates the sections of docs/ that follow from the code: `python -m tools.docs`."""
