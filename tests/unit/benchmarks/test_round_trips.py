"""The benchmark of a commit's round trips: librdkafka's log is read, and the table is right."""

import logging

from benchmarks.speed.round_trips import CommitTimes, protocol_log, table
from kafkaio.settings import LIBRDKAFKA_LOGGER

LINE = (
    "RECV [rdkafka#producer-1] [thrd:main]: 127.0.0.1:9092/1: "
    "Received EndTxnResponse (v1, 6 bytes, CorrId 12, rtt 0.42ms)"
)


def test_the_protocol_log_has_the_duration_of_each_round_trip() -> None:
    logger = logging.getLogger(LIBRDKAFKA_LOGGER)
    with protocol_log() as log:
        logger.debug("%s", LINE)
        logger.debug("SEND [rdkafka#producer-1] Sent EndTxnRequest (v1, 60 bytes @ 0, CorrId 12)")
    logger.debug("%s", LINE)
    assert log.milliseconds == {"EndTxn": [0.42]}


def test_the_table_counts_round_trips_by_commit() -> None:
    times = CommitTimes({"EndTxn": [1.0, 2.0, 3.0], "Fetch": [9.0]}, [4.0, 6.0], [0.5, 0.5])
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table({"exactly-once": times}).splitlines()[2:]
    ]
    assert rows == [
        ["exactly-once: EndTxn", "1.5", "2.00", "2.98"],
        ["exactly-once: the whole commit", "", "5.00", "5.98"],
        ["exactly-once: then until a reader has the alert", "", "0.50", "0.50"],
    ]
