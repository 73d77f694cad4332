"""Kafka goes away and comes back: the detector waits and continues where it was."""

import pytest

from broker.server import EmbeddedBroker
from events.topics import Topics
from fraudstream.cache import cache_folder
from kafkaio.reading import read_topic
from kafkaio.settings import KafkaSettings
from kafkaio.topics import create_topics
from tests.support.detector import DetectorThread, payloads, publish


def test_a_detector_survives_a_restart_of_its_broker(caplog: pytest.LogCaptureFixture) -> None:
    topics = Topics()
    with EmbeddedBroker(cache=cache_folder("kafka")) as broker:
        settings = KafkaSettings(broker.address)
        create_topics(settings, topics.all(), partitions=1, retention=None)
        running = DetectorThread(settings, topics, group="outage")
        publish(settings, topics, payloads([True] * 10))
        running.wait_for(lambda: running.value("fraud_alerts_total") == 10)
        broker.kill()
        running.wait_for(lambda: "does not answer; trying again" in caplog.text)
        broker.restart()
        publish(settings, topics, payloads([True] * 10))
        running.wait_for(lambda: running.value("fraud_alerts_total") == 20)
        running.stop()
        assert len(list(read_topic(settings, topics.alerts))) == 20
