"""The table of a device, from known times, and the timing of batches."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.models.gpu import ROW_BYTES, BatchTimes, table

# In a process of its own, since this one has TensorFlow as its backend.
CODE = """
import json, sys
from pathlib import Path
from benchmarks.models import gpu
from model.serving.backend import import_keras

gpu.SECONDS = 0.0
gpu.COPY_BYTES = 1 << 12
path, keras = Path(sys.argv[1]), import_keras()
layers = [keras.layers.Dense(8), keras.layers.Dense(4), keras.layers.Dense(1)]
keras.Sequential([keras.Input((30,)), *layers]).save(path)
timed = list(gpu.measure(path, 16))
print(json.dumps({
    "timed": [[batch.dtype, batch.rows, batch.seconds > 0 < batch.on_device] for batch in timed],
    "computed": [layer.compute_dtype for layer in gpu.lowered(path, "bfloat16").layers],
    "bandwidth": gpu.bandwidth(),
}))
"""


def test_the_share_is_that_of_the_memorys_bandwidth() -> None:
    assert ROW_BYTES == 124
    # A million rows are 124 MB, in a tenth of a second 1.24 GB/s.
    times = BatchTimes("float32", 1_000_000, seconds=0.5, on_device=0.1)
    assert times.share(12.4e9) == pytest.approx(0.1)


def test_the_table_has_both_times() -> None:
    row = table([BatchTimes("bfloat16", 4096, seconds=0.002, on_device=0.001)], 1e9).splitlines()[2]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["bfloat16, 4,096", "2.000", "2,048,000", "1.000", "4,096,000", "50.79%"]


def test_batches_are_timed_on_jax_and_only_hidden_layers_are_lowered(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path / "network.keras")],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": "jax"},
    )
    result = json.loads(done.stdout)
    sizes = (1, 4, 16)
    dtypes = ("float32", "bfloat16")
    assert result["timed"] == [[dtype, rows, True] for dtype in dtypes for rows in sizes]
    assert result["computed"] == ["bfloat16", "bfloat16", "float32"]
    assert result["bandwidth"] > 0
