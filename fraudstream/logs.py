"""What a service says while it runs: one line an event on stderr, with its time."""

import logging
import sys

from kafkaio.settings import LIBRDKAFKA_LOGGER


def log_to_stderr(*, verbose: bool = False) -> None:
    """Send log lines to stderr.

    Args:
        verbose: also what librdkafka says of its connections, which our own lines sum up.
    """
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)-7s %(message)s",
        datefmt="%H:%M:%S",
    )
    level = logging.DEBUG if verbose else logging.CRITICAL
    logging.getLogger(LIBRDKAFKA_LOGGER).setLevel(level)
