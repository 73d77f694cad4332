"""Scoring of columns, for peers with vectorised functions that run in Python workers.

The workers import this module, so that each loads the network once and not for each task.
"""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.job import BATCH
from model.serving.scorer import Scorer


@cache
def scorer(artifact: str) -> Scorer:
    """Return this process's scorer, loaded and warm."""
    loaded = Scorer.load(Path(artifact), runtime="onnx", device="cpu", batch_maximum=BATCH)
    loaded.warm_up()
    return loaded


def scores(artifact: str, columns: Any) -> NDArray[np.float32]:
    """Return the scores, float32 [n], of n rows: a data frame, or a list of 30 columns."""
    frame = np.column_stack(columns) if isinstance(columns, list) else columns.to_numpy()
    return scorer(artifact)(np.ascontiguousarray(frame, np.float32))
