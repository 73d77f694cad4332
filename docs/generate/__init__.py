"""What stands in docs/ and follows from the code: `python -m docs.generate` writes it anew."""
