"""The reconciliation at the end of a demo does not wait for ever."""

import pytest

import fraudstream.demo.reconciliation
from events.topics import Topics
from fraudstream.demo.errors import ReconciliationError
from fraudstream.demo.reconciliation import read_committed
from kafkaio.settings import KafkaSettings
from tests.support.command import Transactions


@pytest.mark.parametrize("name", ["alerts", "transactions", "dead_letters"])
def test_a_transaction_that_stays_open_ends_the_reconciliation(
    kafka_settings: KafkaSettings, topics: Topics, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(fraudstream.demo.reconciliation, "ANSWER_SECONDS", 3.0)
    transactions = Transactions(kafka_settings)
    transactions.begin(getattr(topics, name), b"open")
    with pytest.raises(ReconciliationError, match=r"^Cannot read the topics: "):
        read_committed(kafka_settings, topics, "nobody")
    transactions.commit()
