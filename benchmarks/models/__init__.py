"""How well and how fast networks score: folds, boosted trees beside them, CPU and GPU."""
