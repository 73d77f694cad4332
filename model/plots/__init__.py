"""Plots of the data, of a training run and of an evaluation."""
