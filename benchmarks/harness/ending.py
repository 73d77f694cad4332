"""How a benchmark ends: with its children, its errors in a sentence, Ctrl-C no traceback."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from errors import FraudstreamError


@contextmanager
def in_a_sentence() -> Iterator[None]:
    """Have SIGTERM end the block as Ctrl-C does; exit with a sentence and 1 where it fails."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that nothing is left behind
    try:
        yield
    except FraudstreamError as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        sys.exit("Stopped; nothing was written.")
