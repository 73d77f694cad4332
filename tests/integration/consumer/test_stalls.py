"""A detector that cannot go on ends with a sentence, or reports that it stands still."""

from collections.abc import Callable

import pytest

from events.topics import Topics
from kafkaio.errors import ClientFailedError
from kafkaio.settings import KafkaSettings
from tests.support.detector import DetectorThread

Detect = Callable[..., DetectorThread]


def test_a_member_whose_instance_id_another_one_took_ends_with_a_sentence(
    kafka_settings: KafkaSettings, topics: Topics, detect: Detect
) -> None:
    static = KafkaSettings(kafka_settings.broker, {"group.instance.id": "same"})
    first = detect(static)
    first.wait_for(lambda: first.value("fraud_kafka_rebalances_total", event="assigned") > 0)
    second = detect(static)
    with pytest.raises(ClientFailedError, match=r"cannot continue: .*group\.instance\.id") as fatal:
        first.join()
    assert fatal.value.exit_code == 1
    assert (
        fatal.value.hint == "Each member of a group needs a group.instance.id of its own, or none."
    )
    second.stop()
