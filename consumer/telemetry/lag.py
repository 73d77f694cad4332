"""Consumer lag, from librdkafka's statistics."""

import msgspec


class _Partition(msgspec.Struct):
    fetch_state: str
    app_offset: int
    committed_offset: int
    lo_offset: int
    ls_offset: int


class _Topic(msgspec.Struct):
    partitions: dict[str, _Partition]


class _Statistics(msgspec.Struct):
    topics: dict[str, _Topic]


_decode = msgspec.json.Decoder(_Statistics).decode


def lags(statistics: str) -> dict[tuple[str, int], int]:
    """Return the number of readable records that each fetched partition still has for us.

    librdkafka's own `consumer_lag` counts from the offsets that the consumer commits; ours are
    committed by the producer, in transactions, so that figure would never move. The application's
    position (`app_offset`) replaces it, and before the first record the committed or the oldest
    offset. The end is the last stable offset: records beyond it are not readable yet.

    Args:
        statistics: the JSON text passed to `stats_cb`.

    Returns:
        Records, by topic and partition.
    """
    result: dict[tuple[str, int], int] = {}
    for topic, details in _decode(statistics).topics.items():
        for number, partition in details.partitions.items():
            starts = (partition.app_offset, partition.committed_offset, partition.lo_offset)
            start = next((offset for offset in starts if offset >= 0), None)
            ours = partition.fetch_state == "active"
            if ours and start is not None and partition.ls_offset >= 0:
                result[topic, int(number)] = max(0, partition.ls_offset - start)
    return result
