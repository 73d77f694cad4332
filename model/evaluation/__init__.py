"""How good scores are, and the threshold at which to flag."""
