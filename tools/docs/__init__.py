"""What stands in docs/ and follows from the code: `python -m tools.docs` writes it anew."""
