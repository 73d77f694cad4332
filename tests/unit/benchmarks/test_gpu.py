"""What a device's table says of times that are known, and that batches are timed at all."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.models.gpu import ROW_BYTES, Timed, table

# In a process of its own, as this one has TensorFlow for its backend.
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
    "timed": [[it.dtype, it.rows, it.seconds > 0 < it.on_device] for it in timed],
    "computed": [it.compute_dtype for it in gpu.lowered(path, "bfloat16").layers],
    "bandwidth": gpu.bandwidth(),
}))
"""


def test_the_share_is_of_what_the_memory_could_move() -> None:
    assert ROW_BYTES == 124
    # A million rows are 124 MB, in a tenth of a second 1.24 GB/s.
    found = Timed("float32", 1_000_000, seconds=0.5, on_device=0.1)
    assert found.share(12.4e9) == pytest.approx(0.1)


def test_the_table_has_both_times() -> None:
    row = table([Timed("bfloat16", 4096, seconds=0.002, on_device=0.001)], 1e9).splitlines()[2]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["bfloat16, 4,096", "2.000", "2,048,000", "1.000", "4,096,000", "50.79%"]


def test_batches_are_timed_on_jax_and_hidden_layers_alone_are_lowered(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path / "network.keras")],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": "jax"},
    )
    found = json.loads(done.stdout)
    sizes = (1, 4, 16)
    assert found["timed"] == [[it, rows, True] for it in ("float32", "bfloat16") for rows in sizes]
    assert found["computed"] == ["bfloat16", "bfloat16", "float32"]
    assert found["bandwidth"] > 0
