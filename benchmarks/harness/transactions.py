"""Transactions to measure a detector with, drawn from the twin, whose verdicts are known.

Each record gets an id of its own. The model's own scores decide which rows are flagged, so that
a load can be made in which each flagged record has an alert to wait for.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from events.codec import Encoding

# Of 100,000 rows about 200 are flagged. The ordinary ones may repeat: 20,000 of them are 14 MB,
# more than the processor's caches hold, so that reading them costs as much as reading new ones.
DRAWN_ROWS = 100_000
ORDINARY_ROWS = 20_000

# A score depends on its batch to about 1e-6; rows this near to the threshold are left out.
MARGIN = 1e-4

_JSON_ID = b'{"transaction_id":"'


@dataclass(frozen=True, slots=True)
class TransactionPool:
    """Encoded transactions without their id, which `payload` adds.

    Attributes:
        ordinary: transactions that the model does not flag.
        flagged: transactions that it flags.
        encoding: of both.
    """

    ordinary: tuple[bytes, ...]
    flagged: tuple[bytes, ...]
    encoding: Encoding = Encoding.JSON

    def payload(self, number: int, transaction_id: bytes, *, flagged: bool) -> bytes:
        """Return a record's value: the transaction of that number, with this id."""
        pool = self.flagged if flagged else self.ordinary
        encoded = pool[number % len(pool)]
        if self.encoding is Encoding.COMPACT:
            return encoded + transaction_id
        return _JSON_ID + transaction_id + encoded


def draw_transactions(artifact: Path, encoding: Encoding = Encoding.JSON) -> TransactionPool:
    """Draw rows of the twin and sort them by the artifact's verdict.

    Runs in a process of its own, so that what scores and its threads stay out of this one.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_draw_transactions, artifact, encoding).result()


def _draw_transactions(artifact: Path, encoding: Encoding) -> TransactionPool:
    from dataset.twin import synthesize
    from events.messages import FEATURES, Transaction
    from model.serving.scorer import Scorer

    frame = synthesize(DRAWN_ROWS, seed=11)[list(FEATURES)]
    scorer = Scorer.load(artifact, device="cpu")
    scores = scorer(frame.to_numpy(np.float32))
    threshold = scorer.metadata.threshold

    def encoded(chosen: NDArray[np.bool_], maximum: int) -> tuple[bytes, ...]:
        rows = frame.to_numpy()[chosen][:maximum].tolist()
        payloads = (encoding.write(Transaction("", *row)) for row in rows)
        return tuple(payload.removeprefix(_JSON_ID) for payload in payloads)

    return TransactionPool(
        encoded(scores < threshold - MARGIN, ORDINARY_ROWS),
        encoded(scores > threshold + MARGIN, DRAWN_ROWS),
        encoding,
    )
