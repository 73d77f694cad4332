"""What all runs of a benchmark share: Kafka, the model, full topics, a folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.harness.detector import PARTITIONS
from benchmarks.harness.runs import Backlog
from benchmarks.harness.stream import Rows
from benchmarks.peers.job import Job
from benchmarks.speed import throughput
from events.codec import Encoding
from events.topics import Topics
from kafkaio.settings import KafkaSettings
from kafkaio.topics import create_topics

# Of a short backlog more are flagged, so that there are alerts to count: 30 of 300.
FEW_RECORDS = 10_000
FEW_SPACING = 10


@dataclass(slots=True)
class Bench:
    """What all runs share.

    Attributes:
        settings: how to reach Kafka.
        artifact: folder of the model.
        rows: of the topics, in each encoding.
        folder: for logs, and for what peers keep.
    """

    settings: KafkaSettings
    artifact: Path
    rows: Mapping[Encoding, Rows]
    folder: Path
    _backlogs: dict[str, Backlog] = field(default_factory=dict)

    def backlog(
        self, records: int, *, encoding: Encoding = Encoding.JSON, partitions: int = PARTITIONS
    ) -> Backlog:
        """Return a full topic like this; it is filled when it is first asked for."""
        prefix = f"{encoding}-{records}-{partitions}."
        if prefix not in self._backlogs:
            topics = self.topics(prefix, partitions)
            spacing = throughput.SPACING if records > FEW_RECORDS else FEW_SPACING
            keys = throughput.fill(
                self.settings, topics.transactions, self.rows[encoding], records, spacing=spacing
            )
            self._backlogs[prefix] = Backlog(topics, records, spacing, keys)
        return self._backlogs[prefix]

    def topics(self, prefix: str, partitions: int = PARTITIONS) -> Topics:
        """Create empty topics with this prefix."""
        topics = Topics(prefix)
        create_topics(self.settings, topics.all(), partitions=partitions, retention=None)
        return topics

    def job(self, name: str, transactions: str, alerts: str) -> Job:
        """Return the job of a run: its own group and folder, these topics."""
        folder = self.folder / name
        folder.mkdir()
        return Job(
            broker=self.settings.broker,
            transactions=transactions,
            alerts=alerts,
            artifact=self.artifact,
            group=name,
            folder=folder,
        )
