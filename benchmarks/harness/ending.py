"""How a benchmark ends: with its children, its errors in a sentence, Ctrl-C no traceback."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.harness.errors import BenchmarkError
from broker.errors import BrokerError
from consumer.errors import ConsumerError
from dataset.errors import DatasetError
from fraudstream.demo.errors import PartFailedError
from model.errors import ModelError

_TOLD = (BenchmarkError, BrokerError, ConsumerError, DatasetError, ModelError, PartFailedError)


@contextmanager
def in_a_sentence() -> Iterator[None]:
    """Have SIGTERM end the block as Ctrl-C does; exit with a sentence and 1 where it fails."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that nothing is left behind
    try:
        yield
    except _TOLD as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        sys.exit("Stopped; nothing was written.")
