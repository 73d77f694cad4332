"""The options of a detector."""

import socket
from dataclasses import dataclass
from typing import Literal

from consumer.detector.dead_letter_limit import DeadLetterLimit, OnTooMany
from consumer.detector.loop import OnGap
from events.topics import Topics
from kafkaio.permissions import Permission

DeliveryName = Literal["exactly-once", "at-least-once"]


@dataclass(frozen=True, slots=True)
class DetectorOptions:
    """What a user chooses.

    Attributes:
        group: the consumer group whose members share the partitions.
        delivery: "exactly-once" or "at-least-once".
        batch_maximum: records in a micro-batch, at most.
        commit_interval: seconds that offsets of batches without results may wait.
        broker_timeout: seconds that Kafka may be away before the detector gives up.
        dead_letter_ratio: `ratio` of `consumer.detector.dead_letter_limit.DeadLetterLimit`.
        dead_letters_in_a_row: `in_a_row` of the same.
        journal: whether each commit also records what it covers, in `Topics.journal`; exactly-once
            continues where the journal ends, should Kafka report an earlier offset.
        on_gap: what to do about records that cannot be read any more.
        metrics_host: where /metrics, /healthz and /readyz are served.
        metrics_port: likewise; 0 picks a free one.
        on_too_many_dead_letters: a value of `consumer.detector.dead_letter_limit.OnTooMany`.
    """

    group: str
    delivery: DeliveryName
    batch_maximum: int
    commit_interval: float
    broker_timeout: float
    dead_letter_ratio: float
    dead_letters_in_a_row: int
    journal: bool
    on_gap: OnGap
    metrics_host: str
    metrics_port: int
    on_too_many_dead_letters: str = OnTooMany.REPORT

    @property
    def limit(self) -> DeadLetterLimit:
        """When too many records are rejected, and what happens then."""
        return DeadLetterLimit(
            self.dead_letter_ratio,
            self.dead_letters_in_a_row,
            action=OnTooMany(self.on_too_many_dead_letters),
        )

    def permissions(self, topics: Topics) -> list[Permission]:
        """Return what Kafka must permit; a transactional id is checked when it is used."""
        permissions = [
            Permission("Read", "topic", topics.transactions),
            Permission("Write", "topic", topics.dead_letters),
            Permission("Write", "topic", topics.alerts),
            Permission("Read", "group", self.group),
        ]
        if self.journal:
            permissions += [
                Permission("Read", "topic", topics.journal),
                Permission("Write", "topic", topics.journal),
            ]
        return permissions

    def transactional_id(self, metrics_address: str) -> str | None:
        """Return the detector's transactional id, None where it commits without transactions.

        It is stable over restarts, so that a new process aborts what its killed predecessor left
        open instead of everybody waiting for the timeout. No two processes share it: machines,
        containers and pods have names of their own, and on one of them the operating system gives
        the metrics' address to one process at a time.
        """
        if self.delivery == "at-least-once":
            return None
        return f"{self.group}-{socket.gethostname()}-{metrics_address}"
