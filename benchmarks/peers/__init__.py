"""Alternatives to the detector that do the same work, a program each.

Each follows the documentation of its framework and is tuned as its users would tune it. A program
is given a `job.Job`; `benchmarks.speed` runs them.
"""
