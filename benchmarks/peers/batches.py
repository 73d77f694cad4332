"""Scoring of a batch of records, for peers that leave it to their user: msgspec, one model call."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np

from benchmarks.peers.job import Job
from events.messages import FEATURES


class PeerAlert(msgspec.Struct, frozen=True, gc=False):
    """An alert of a peer."""

    transaction_id: str
    score: float

    @property
    def key(self) -> bytes:
        """The record's key."""
        return self.transaction_id.encode()


# A transaction as a user would declare it: types, without the bounds of ours.
_Record = msgspec.defstruct(
    "_Record", [("transaction_id", str), *((name, float) for name in FEATURES)], gc=False
)

encode = msgspec.json.Encoder().encode


class BatchScoring:
    """Scores batches and returns their alerts."""

    def __init__(self, job: Job) -> None:
        self._score = job.scorer()
        self._threshold = self._score.metadata.threshold
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(_Record).decode
        self._numbers = attrgetter(*FEATURES)

    def __call__(self, payloads: Sequence[bytes]) -> list[PeerAlert]:
        """Return the alerts of these records."""
        records = [self._decode(payload) for payload in payloads]
        scores = self._score(np.array([self._numbers(record) for record in records], np.float32))
        return [
            PeerAlert(records[row].transaction_id, float(scores[row]))
            for row in np.flatnonzero(scores >= self._threshold).tolist()
        ]
