"""Log lines on stderr, one per event: text for people, or JSON for log collectors."""

import json
import logging
import sys
from datetime import datetime

from kafkaio.settings import LIBRDKAFKA_LOGGER

FORMATS = ("text", "json")


def log_to_stderr(log_format: str = "text", *, verbose: bool = False) -> None:
    """Send log lines to stderr.

    Args:
        log_format: one of `FORMATS`.
        verbose: include librdkafka's own lines about its connections.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    level = logging.DEBUG if verbose else logging.CRITICAL
    logging.getLogger(LIBRDKAFKA_LOGGER).setLevel(level)


class TextFormatter(logging.Formatter):
    """Lines such as `2026-11-27T17:42:37.123+00:00 INFO Ready.`, in local time with its offset."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802 - logging's name
        """Return the record's time in ISO 8601, with milliseconds and the zone's offset."""
        return (
            datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds")
        )


class JsonFormatter(TextFormatter):
    """One JSON object per line: time, level, logger, message, and the exception if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        fields = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields)
