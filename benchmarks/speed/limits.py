"""Upper limits of the throughput, a program each, which `benchmarks.speed` runs.

`python -m benchmarks.speed.limits {bare,decode,score} JOB... RECORDS` runs the client alone, the
client and our decoder, or the network alone. It prints when it had its first and its last batch,
in nanoseconds of the monotonic clock, and the number of records in between.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import cast

import numpy as np
from confluent_kafka import Consumer

from benchmarks.peers.job import BATCH, CONSUMER_SETTINGS, Job
from consumer.detector.decode import Decoder
from consumer.detector.protocols import InputRecord
from events.messages import FEATURES

Limit = Callable[[Job, int], tuple[int, int, int]]
"""Takes a job and a number of records; returns first and last moment, and records in between."""


def consume(
    job: Job, records: int, process: Callable[[list[InputRecord]], object] | None
) -> tuple[int, int, int]:
    """Read so many records and process each batch of them."""
    consumer = Consumer(
        {
            "bootstrap.servers": job.broker,
            "group.id": job.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            **CONSUMER_SETTINGS,
        }
    )
    consumer.subscribe([job.transactions])
    first = count = skipped = 0
    while count < records:
        messages = consumer.consume(BATCH, timeout=0.1)
        if process:
            process(cast("list[InputRecord]", messages))
        count += len(messages)
        if count and not first:
            first, skipped = time.monotonic_ns(), count
    last = time.monotonic_ns()
    consumer.close()
    return first, last, count - skipped


def bare(job: Job, records: int) -> tuple[int, int, int]:
    """Read and discard."""
    return consume(job, records, None)


def decode(job: Job, records: int) -> tuple[int, int, int]:
    """Read and decode into the network's input."""
    return consume(job, records, Decoder(FEATURES).decode)


def score(job: Job, records: int) -> tuple[int, int, int]:
    """Score batches that are in memory, without Kafka."""
    scorer = job.scorer()
    batches = np.random.default_rng(1).normal(size=(8, BATCH, len(FEATURES))).astype(np.float32)
    count = -(-records // BATCH)
    first = time.monotonic_ns()
    for number in range(count):
        scorer(batches[number % len(batches)])
    return first, time.monotonic_ns(), count * BATCH


LIMITS: dict[str, Limit] = {"bare": bare, "decode": decode, "score": score}


def main(name: str, *arguments: str) -> None:
    """Run one limit and print its result."""
    *job, records = arguments
    print(json.dumps(LIMITS[name](Job.of(job), int(records))))


if __name__ == "__main__":
    main(*sys.argv[1:])
