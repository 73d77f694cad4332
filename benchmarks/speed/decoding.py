"""Measure the time of decoding: `python -m benchmarks.speed.decoding [--report FILE]`.

Decodes the same records in each way, in turns, without Kafka: CPU time of one thread, which is
mostly independent of other work on the machine. It takes half a minute.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from itertools import chain
from operator import attrgetter
from pathlib import Path
from statistics import median
from typing import cast

import numpy as np
from confluent_kafka import Message

from benchmarks.harness import report
from benchmarks.harness.command import command_parser, publish, run_command
from consumer.detector.decode import CHUNK_RECORDS, Decoder
from consumer.detector.protocols import InputRecord
from dataset.reader import read
from dataset.twin import synthesize
from events.codec import Encoding, decode_transaction
from events.messages import FEATURES, Transaction
from events.native.library import NativeDecoder, nothing_usual
from fraudstream.progress import progress_bar
from model.artifact import markdown

ROUNDS = 15
ROWS = 8 * CHUNK_RECORDS

Decode = Callable[[Sequence[InputRecord]], object]

_numbers = attrgetter(*FEATURES)


def read_only(records: Sequence[InputRecord]) -> None:
    """Call what decoding calls of each record."""
    for record in records:
        record.value()
        record.headers()
        record.timestamp()


def structs(records: Sequence[InputRecord]) -> None:
    """Decode with msgspec alone: into structs, and their numbers into a matrix."""
    decoded = [decode_transaction(record.value(), record.headers()) for record in records]
    numbers = np.fromiter(chain.from_iterable(map(_numbers, decoded)), np.float64)
    numbers.reshape(len(decoded), len(FEATURES)).astype(np.float32)


def ways() -> dict[str, Decode]:
    """Return the ways to decode, by name."""
    return {
        "the detector, in C": _chunks(Decoder(FEATURES, NativeDecoder())),
        "the detector without a C compiler": _chunks(Decoder(FEATURES, nothing_usual)),
        "msgspec structs, then a matrix": structs,
        "reading the records only": read_only,
    }


def _chunks(decoder: Decoder) -> Decode:
    return lambda records: [len(chunk.ids) for chunk in decoder.chunks(records)]


def as_records(rows: Sequence[Sequence[float]], encoding: Encoding) -> list[InputRecord]:
    """Return rows as the client returns records."""
    return [
        cast(
            "InputRecord",
            Message(
                topic="transactions",
                value=encoding.write(Transaction(f"row-{number:07d}", *row)),
                headers=list(encoding.headers) or None,
                timestamp=(1, number),
            ),
        )
        for number, row in enumerate(rows)
    ]


def measure(
    contenders: dict[str, Decode], records: dict[Encoding, list[InputRecord]], rounds: int = ROUNDS
) -> dict[tuple[str, Encoding], float]:
    """Return the microseconds for a record, medians of the rounds."""
    taken: dict[tuple[str, Encoding], list[float]] = {
        (name, encoding): [] for name in contenders for encoding in records
    }
    with progress_bar("Decoding", rounds, unit="rounds") as advance:
        for _ in range(rounds):
            for (name, encoding), microseconds in taken.items():
                begin = time.thread_time_ns()
                contenders[name](records[encoding])
                spent = time.thread_time_ns() - begin
                microseconds.append(spent / len(records[encoding]) / 1e3)
            advance(1)
    return {way: median(microseconds) for way, microseconds in taken.items()}


def table(measured: dict[tuple[str, Encoding], float]) -> str:
    """Return the times as a Markdown table."""
    names = dict.fromkeys(name for name, _ in measured)
    lines = [[name, *(f"{measured[name, one]:.2f}" for one in Encoding)] for name in names]
    headers = ["microseconds for a record", *Encoding]
    return markdown.table(headers, lines, align="lr", padded=True)


def run(arguments: argparse.Namespace) -> None:
    """Measure and print; write the section, if there is a page for it."""
    machine = report.machine()
    frame = read(arguments.data)[:ROWS] if arguments.data else synthesize(ROWS, seed=3)
    rows = frame[list(FEATURES)].to_numpy(np.float64).tolist()
    records = {encoding: as_records(rows, encoding) for encoding in Encoding}
    source = "genuine rows" if arguments.data else "rows of the twin"
    text = table(measure(ways(), records)) + (
        f"\n\n`python -m benchmarks.speed.decoding`, on {machine}: CPU time, medians of {ROUNDS} "
        f"rounds over {len(rows):,} {source}."
    )
    publish(text, arguments.report, "decoding")


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = command_parser("benchmarks.speed.decoding", __doc__)
    parser.add_argument(
        "--data", type=Path, metavar="FILE", help="genuine rows instead of the twin"
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="page to write the table to")
    return parser


if __name__ == "__main__":
    run_command(parser(), run)
