"""What peers do with a batch of records where it is left to their user: msgspec, one model call."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np

from benchmarks.peers.job import Job
from events.messages import FEATURES


class Found(msgspec.Struct, frozen=True, gc=False):
    """An alert as the peers write it."""

    transaction_id: str
    score: float

    @property
    def key(self) -> bytes:
        """The alert's key."""
        return self.transaction_id.encode()


# A transaction as one declares it by hand: types, without the bounds that ours has.
_Record = msgspec.defstruct(
    "_Record", [("transaction_id", str), *((name, float) for name in FEATURES)], gc=False
)

encode = msgspec.json.Encoder().encode


class BatchScoring:
    """Finds the frauds in a batch; made once."""

    def __init__(self, job: Job) -> None:
        self._score = job.scorer()
        self._threshold = self._score.metadata.threshold
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(_Record).decode
        self._numbers = attrgetter(*FEATURES)

    def __call__(self, payloads: Sequence[bytes]) -> list[Found]:
        """Return the alerts of these records."""
        records = [self._decode(payload) for payload in payloads]
        scores = self._score(np.array([self._numbers(it) for it in records], np.float32))
        return [
            Found(records[row].transaction_id, float(scores[row]))
            for row in np.flatnonzero(scores >= self._threshold).tolist()
        ]
