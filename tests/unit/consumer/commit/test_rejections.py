"""Only a record that its topic rejects alone is changed."""

from dataclasses import replace

from confluent_kafka import KafkaError

from consumer.commit.rejections import Adjuster, Adjustment, Deliveries
from consumer.commit.sink import OutputRecord
from events.codec import ORIGINAL_TIMESTAMP

TOO_LARGE = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
OTHER = KafkaError(KafkaError._INVALID_DIFFERENT_RECORD)


def record(size: int, *, timestamp: int | None = 5) -> OutputRecord:
    whole = OutputRecord("dlq", b"", b"x" * size, timestamp=timestamp)
    return replace(whole, excerpt=lambda: replace(whole, value=b"x" * 10, excerpt=None))


def rejections(*records: OutputRecord, error: KafkaError = TOO_LARGE) -> Deliveries:
    deliveries = Deliveries()
    for each in records:
        deliveries.callback(each)(error, None)
    return deliveries


def test_batches_become_smaller_before_a_record_is_cut() -> None:
    adjuster = Adjuster()
    records = [record(100), record(100), record(5000)]
    assert adjuster.batch_bytes("dlq") is None
    assert adjuster.adjust(records, rejections(*records)) == records
    assert adjuster.batch_bytes("dlq") == 2600
    # The large one is alone now. The small ones are accepted.
    attempt = adjuster.adjust(records, rejections(records[2]))
    assert attempt is not None
    assert [each.size for each in attempt] == [100, 100, 10]
    assert adjuster.adjusted == [(records[2], Adjustment.SIZE)]


def test_many_small_records_only_need_smaller_batches() -> None:
    adjuster = Adjuster()
    records = [record(100) for _ in range(64)]
    for limit in (3200, 1600, 800):
        assert adjuster.adjust(records, rejections(*records)) == records
        assert adjuster.batch_bytes("dlq") == limit
    assert adjuster.adjusted == []


def test_a_record_that_cannot_become_smaller_is_given_up() -> None:
    adjuster = Adjuster()
    only = replace(record(100), excerpt=None)
    assert adjuster.adjust([only], rejections(only)) == [only]
    assert adjuster.adjust([only], rejections(only)) is None


def test_a_rejected_timestamp_is_kept_in_a_header() -> None:
    adjuster = Adjuster()
    late, innocent = record(1, timestamp=123), record(1)
    deliveries = rejections(late, error=KafkaError(KafkaError.INVALID_TIMESTAMP))
    deliveries.callback(innocent)(OTHER, None)
    attempt = adjuster.adjust([late, innocent], deliveries)
    assert attempt is not None
    assert (attempt[0].timestamp, attempt[1]) == (None, innocent)
    assert attempt[0].headers == ((ORIGINAL_TIMESTAMP, b"123"),)
    again = rejections(attempt[0], error=KafkaError(KafkaError.INVALID_TIMESTAMP))
    assert adjuster.adjust(attempt, again) is None


def test_any_other_error_adjusts_nothing() -> None:
    only = record(1)
    timed_out = KafkaError(KafkaError._MSG_TIMED_OUT)
    assert Adjuster().adjust([only], rejections(only, error=timed_out)) is None
