"""10,000 bad payloads among good ones: each is one dead letter, every good one is scored."""

from collections.abc import Callable
from typing import cast

from events.codec import encode
from events.errors import Reason
from events.topics import Topics
from kafkaio.reading import read_topic
from kafkaio.settings import KafkaSettings
from tests.support.bad_payloads import generate
from tests.support.detector import DetectorThread, publish, transaction

BAD = 10_000
DISTINCT = 1_000


def test_every_bad_payload_is_one_dead_letter_and_every_good_one_is_scored(
    kafka_settings: KafkaSettings, topics: Topics, detect: Callable[..., DetectorThread]
) -> None:
    bad = generate(DISTINCT) * (BAD // DISTINCT)
    # A valid record after every fourth bad one; every second of these is a fraud.
    values: list[bytes | None] = []
    wrong: dict[bytes, bytes | None] = {}
    for number, payload in enumerate(bad):
        wrong[str(len(values)).encode()] = payload
        values.append(payload)
        if number % 4 == 3:
            values.append(encode(transaction(number, fraud=number % 8 == 3)))
    goods = len(values) - BAD
    running = detect()
    publish(kafka_settings, topics, values)
    running.wait_for(
        lambda: (
            running.value("fraud_messages_consumed_total", topic=topics.transactions) == len(values)
        )
    )
    running.stop()

    letters = list(read_topic(kafka_settings, topics.dead_letters))
    alerts = list(read_topic(kafka_settings, topics.alerts))
    assert len(letters) == BAD
    assert {letter.key(): letter.value() for letter in letters} == wrong
    headers = [dict(cast("list[tuple[str, bytes]]", letter.headers())) for letter in letters]
    reasons = {header["fraudstream.reason"].decode() for header in headers}
    assert reasons == {reason.value for reason in Reason}
    assert running.value("fraud_transactions_scored_total") == goods
    assert len(alerts) == goods // 2
    assert (
        sum(running.value("fraud_dead_letters_total", reason=reason.value) for reason in Reason)
        == BAD
    )
