import numpy as np

from benchmarks.models.agreement import agreement


def test_rows_that_one_runtime_alone_flags_are_counted() -> None:
    keras = np.array([0.1, 0.5, 0.9], np.float32)
    onnx = np.array([0.1, np.nextafter(np.float32(0.5), np.float32(0)), 0.9], np.float32)
    found = agreement(keras, onnx, 0.5)
    assert found["rows"] == "3"
    assert found["flagged by Keras"] == "2"
    assert found["flagged by one alone"] == "1"
    assert found["largest difference"] == "3.0e-08"
    assert found["smallest distance to the threshold"] == "0.0e+00"
