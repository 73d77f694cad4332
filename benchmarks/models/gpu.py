"""Scoring speed on one device, a GPU where there is one: `python -m benchmarks.models.gpu`.

The served network on JAX, in batches of 1 to 262,144 rows, in float32 and with bfloat16 in the
hidden layers. Two times are measured: from rows in the host's memory to scores there, as the
detector needs them, including both transfers; and with rows that are on the device already. The
second is compared with the limit of the device's memory: a row's features have to be read and its
score written, at the bandwidth of a large copy on the same device. A second table has the
detector's loop over a topic in memory: decoding, scoring and committing without Kafka, with this
network and, for comparison, with one that costs nothing.
It needs JAX (for a GPU `jax[cuda12]`), Keras and scikit-learn, and no TensorFlow.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice, product
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.harness import report
from benchmarks.harness.command import errors_in_one_sentence
from benchmarks.harness.in_memory import LoopTimes, run_loop
from benchmarks.models.scoring import network
from consumer.detector.loop import Stage
from dataset.columns import FEATURES
from dataset.twin import synthesize
from events.codec import encode
from events.messages import Transaction
from fraudstream.progress import progress_bar
from model.artifact import markdown
from model.recipes.champion import CHAMPION
from model.serving.backend import ScoreFunction, compiled, import_keras, installed, use_device

LARGEST = 262_144
SIZES = tuple(4**power for power in range(10))
DTYPES = ("float32", "bfloat16")

FLOAT_BYTES = 4
ROW_BYTES = FLOAT_BYTES * (len(FEATURES) + 1)

# Larger than every cache.
COPY_BYTES = 1 << 28

SECONDS = 0.3
CALLS_LEAST = 5

LOOP_BATCHES = (2_048, 16_384)
LOOP_ROUNDS = 5  # medians of these, in turns
LOOP_RECORDS = 500_000
LOOP_STAGES = (Stage.DECODE, Stage.SCORE)
LOOP_ROWS = 20_000  # that differ: 14 MB, more than the processor's caches hold


@dataclass(frozen=True, slots=True)
class BatchTimes:
    """Scoring times of batches of one size.

    Attributes:
        dtype: of the hidden layers.
        rows: in a batch.
        seconds: of a batch, with the transfers to the device and back.
        on_device: seconds of a batch that is on the device, and whose scores stay there.
    """

    dtype: str
    rows: int
    seconds: float
    on_device: float

    def share(self, bandwidth: float) -> float:
        """Return the share, at most 1, of the memory's bandwidth, in bytes a second, that is used.

        The weights are a third of a megabyte, which every device keeps in a cache. So are small
        batches, for which the share is meaningless.
        """
        return self.rows * ROW_BYTES / self.on_device / bandwidth


def seconds_of(call: Callable[[], object]) -> float:
    """Return the median seconds of a call, after one that compiles it."""
    call()
    took: list[float] = []
    begin = time.perf_counter()
    while len(took) < CALLS_LEAST or time.perf_counter() - begin < SECONDS:
        start = time.perf_counter()
        call()
        took.append(time.perf_counter() - start)
    return median(took)


def bandwidth() -> float:
    """Return the bytes a second that the device's memory reads and writes in a large copy."""
    jax = installed("jax")
    source = jax.numpy.zeros(COPY_BYTES // FLOAT_BYTES, "float32")
    copy = jax.jit(lambda numbers: numbers + 1)
    return 2 * COPY_BYTES / seconds_of(lambda: copy(source).block_until_ready())


def lowered(path: Path, dtype: str) -> Any:
    """Load a network that computes its hidden layers in this type.

    Preprocessing stays in float32, since seconds of two days need 18 bits; so does the last layer,
    since scores must remain distinguishable.
    """
    keras = import_keras()
    loaded = keras.saving.load_model(path, compile=False)
    hidden = [layer for layer in loaded.layers if isinstance(layer, keras.layers.Dense)][:-1]
    for layer in hidden if dtype != "float32" else ():
        layer.dtype_policy = keras.DTypePolicy(f"mixed_{dtype}")
    return loaded


def on_device(loaded: Any) -> Callable[[Any], Any]:
    """Return a function that scores rows on the device and leaves the scores there."""
    jax = installed("jax")
    weights = [
        [variable.value for variable in variables]
        for variables in (loaded.trainable_variables, loaded.non_trainable_variables)
    ]
    call = jax.jit(lambda rows: loaded.stateless_call(*weights, rows)[0])
    return lambda rows: call(rows).block_until_ready()


def measure(path: Path, largest: int) -> Iterator[BatchTimes]:
    """Time batches of all sizes up to the largest one, in both types."""
    jax = installed("jax")
    random = np.random.default_rng(1)
    sizes = [size for size in SIZES if size <= largest]
    with progress_bar("Scoring", len(DTYPES) * len(sizes), unit="batches") as advance:
        for dtype in DTYPES:
            loaded = lowered(path, dtype)
            score, resident = compiled(loaded), on_device(loaded)
            for rows in sizes:
                batch = random.normal(size=(rows, len(FEATURES))).astype(np.float32)
                yield BatchTimes(
                    dtype,
                    rows,
                    seconds=seconds_of(partial(score, batch)),
                    on_device=seconds_of(partial(resident, jax.device_put(batch))),
                )
                advance(1)


def table(timed: Sequence[BatchTimes], bandwidth: float) -> str:
    """Return the measurements as a Markdown table."""
    rows = [
        [
            f"{batch.dtype}, {batch.rows:,}",
            f"{batch.seconds * 1e3:,.3f}",
            f"{batch.rows / batch.seconds:,.0f}",
            f"{batch.on_device * 1e3:,.3f}",
            f"{batch.rows / batch.on_device:,.0f}",
            f"{batch.share(bandwidth):.2%}",
        ]
        for batch in timed
    ]
    headers = ["rows in a batch", "ms", "rows a second", "on the device, ms", "rows a second"]
    return markdown.table([*headers, "of the memory's limit"], rows, align="lr", padded=True)


def payloads(records: int) -> list[bytes]:
    """Return so many transactions of the twin in JSON."""
    rows = synthesize(LOOP_ROWS, seed=1)[list(FEATURES)].to_numpy().tolist()
    encoded = [encode(Transaction(f"row-{number}", *row)) for number, row in enumerate(rows)]
    return [*islice(cycle(encoded), records)]


def loop_table(score: ScoreFunction, device: str, records: int) -> str:
    """Measure the detector's loop over a topic in memory; return a Markdown table."""
    stored = payloads(records)
    models: dict[str, ScoreFunction] = {
        device: score,
        "no network": lambda features: np.zeros(len(features), np.float32),
    }
    for batch in LOOP_BATCHES:
        run_loop(score, stored[: 2 * batch], batch)  # compiles
    measured: dict[tuple[str, int], list[LoopTimes]] = {
        place: [] for place in product(models, LOOP_BATCHES)
    }
    with progress_bar("Loop", LOOP_ROUNDS * len(measured), unit="runs") as advance:
        for _, (name, batch) in product(range(LOOP_ROUNDS), measured):
            measured[name, batch].append(run_loop(models[name], stored, batch))
            advance(1)
    rows = [
        [
            f"{name}, batches of {batch:,}",
            f"{median(times.rate for times in taken):,.0f}",
            *(f"{median(times.stages[stage] for times in taken):.2f}" for stage in LOOP_STAGES),
        ]
        for (name, batch), taken in measured.items()
    ]
    headers = ["the loop on a topic in memory", "transactions a second", "decode, µs", "score, µs"]
    return markdown.table(headers, rows, align="lr", padded=True)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.models.gpu", description=(__doc__ or "").partition("\n\n")[2]
    )
    parser.add_argument("--largest", type=int, default=LARGEST, metavar="ROWS", help="of a batch")
    parser.add_argument(
        "--records", type=int, default=LOOP_RECORDS, metavar="NUMBER", help="of the loop's topic"
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="page to write it to")
    arguments = parser.parse_args()
    os.environ["KERAS_BACKEND"] = "jax"
    machine = report.machine()
    with errors_in_one_sentence(), TemporaryDirectory(prefix="fraudstream-benchmark-") as folder:
        device = use_device("auto")
        jax = installed("jax")
        # Without TensorFloat-32's ten bits, as on TensorFlow (`model.serving.backend`).
        jax.config.update("jax_default_matmul_precision", "highest")
        path = Path(folder) / "network.keras"
        score = network(CHAMPION, path).score
        limit = bandwidth()
        timed = list(measure(path, arguments.largest))
        text = (
            "`python -m benchmarks.models.gpu`, "
            f"on {jax.devices()[0].device_kind} ({device}), {machine}, "
            f"JAX {jax.__version__}. A large copy reads and writes {limit / 1e9:,.1f} GB a second; "
            f"a row is {ROW_BYTES} bytes.\n\n{table(timed, limit)}\n\n"
            f"{loop_table(score, device, arguments.records)}"
        )
        print(text)
        if arguments.report:
            report.write_section(arguments.report, "gpu", text)


if __name__ == "__main__":
    main()
