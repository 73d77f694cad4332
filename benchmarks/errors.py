"""What can go wrong with a measurement.

BenchmarkError
"""


class BenchmarkError(Exception):
    """What was measured would not be what was to be measured."""
