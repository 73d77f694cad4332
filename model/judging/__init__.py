"""How good scores are, and at which score to flag."""
