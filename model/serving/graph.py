"""The one module that knows onnxruntime, which scores with an ONNX graph on the CPU."""

import os

import numpy as np
from numpy.typing import NDArray

from model.serving.backend import ScoreFunction, installed

INPUT, OUTPUT = "transaction", "score"
"""The names of a graph's input, float32 [n, 30], and of its output, float32 [n, 1]."""

_FATAL = 4


def graph_scores(graph: bytes) -> ScoreFunction:
    """Return an ONNX graph as a function of any number of rows, for threads to call at once.

    A call computes in the calling thread alone, without the GIL. The detector scores beside the
    thread that decodes; a pool of threads would only wait for the core of the other.

    Raises:
        MissingExtraError: onnxruntime is not installed.
        Exception: whatever onnxruntime raises for a graph that it cannot load.
    """
    # Since 1.29 it reports its use to Microsoft, and keeps an identifier in the home folder, unless
    # this is set before it is imported.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    onnxruntime = installed("onnxruntime")
    # It raises its errors as well, and on some machines it warns of GPUs that it would not use.
    onnxruntime.set_default_logger_severity(_FATAL)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def score(features: NDArray[np.float32]) -> NDArray[np.float32]:
        scores: NDArray[np.float32] = session.run([OUTPUT], {INPUT: features})[0]
        return scores.reshape(-1)

    return score
