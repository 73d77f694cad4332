"""What nothing can pass: `python -m benchmarks.speed.limits {bare,decode,score} JOB... RECORDS`.

Run by `benchmarks.speed.compare`: the client alone, the client and our decoder, the network alone.
Each says on stdout when it had its first batch and its last, in nanoseconds of the monotonic
clock, and how many records came in between.
"""

import json
import sys
import time
from collections.abc import Callable

import numpy as np
from confluent_kafka import Consumer, Message

from benchmarks.peers.job import BATCH, Job
from events.codec import decode_transaction
from events.messages import FEATURES

Limit = Callable[[Job, int], tuple[int, int, int]]
"""Of a job and so many records: first moment, last moment, records after the first moment."""


def consume(
    job: Job, records: int, look: Callable[[Message], object] | None
) -> tuple[int, int, int]:
    """Read so many records, and do that with each of them."""
    consumer = Consumer(
        {
            "bootstrap.servers": job.broker,
            "group.id": job.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            # As the detector has it: by default the client pauses for a second when it is ahead.
            "fetch.queue.backoff.ms": 20,
        }
    )
    consumer.subscribe([job.transactions])
    first = seen = skipped = 0
    while seen < records:
        messages = consumer.consume(BATCH, timeout=0.1)
        if look:
            for message in messages:
                look(message)
        seen += len(messages)
        if seen and not first:
            first, skipped = time.monotonic_ns(), seen
    last = time.monotonic_ns()
    consumer.close()
    return first, last, seen - skipped


def bare(job: Job, records: int) -> tuple[int, int, int]:
    """Read without looking at what was read."""
    return consume(job, records, None)


def decode(job: Job, records: int) -> tuple[int, int, int]:
    """Read and decode into validated transactions."""
    return consume(job, records, lambda message: decode_transaction(message.value()))


def score(job: Job, records: int) -> tuple[int, int, int]:
    """Score, without Kafka, batches that are there already."""
    scorer = job.scorer()
    batches = np.random.default_rng(1).normal(size=(8, BATCH, len(FEATURES))).astype(np.float32)
    number = -(-records // BATCH)
    first = time.monotonic_ns()
    for turn in range(number):
        scorer(batches[turn % len(batches)])
    return first, time.monotonic_ns(), number * BATCH


LIMITS: dict[str, Limit] = {"bare": bare, "decode": decode, "score": score}


def main(name: str, *arguments: str) -> None:
    """Run one and print."""
    *job, records = arguments
    print(json.dumps(LIMITS[name](Job.of(job), int(records))))


if __name__ == "__main__":
    main(*sys.argv[1:])
