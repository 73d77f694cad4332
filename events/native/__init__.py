"""Usual transactions, decoded many at a time by C code that does not hold the GIL."""
