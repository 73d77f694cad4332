"""Settings of the whole process, which only its entry point may choose."""

import gc

YOUNG_OBJECTS = 100_000
"""New objects before Python's garbage collector runs. Its default is 700 to 2,000. A batch creates
tens of thousands, which are all freed after it; traversing them takes a twentieth of the time."""


def tune_garbage_collector() -> None:
    """Exclude all existing objects from garbage collection, and collect less often.

    Call it when the model is loaded and warm. 300,000 objects have come with TensorFlow by then;
    the collector would traverse them again and again, for 100 ms or more each time, in which
    nothing is scored.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)


def disable_created_metrics() -> None:
    """Export counters and histograms without `_created` samples, which double the series."""
    from prometheus_client import disable_created_metrics

    disable_created_metrics()  # type: ignore[no-untyped-call]  # not typed there
