"""Dead letters: read, counted, shown, and put back where they came from."""
