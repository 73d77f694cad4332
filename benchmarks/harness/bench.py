"""The environment that all runs of a benchmark share: Kafka, the model, full topics, a folder."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.harness.backlog import SPACING, Backlog, fill
from benchmarks.harness.detector import PARTITIONS, artifact
from benchmarks.harness.transactions import TransactionPool, draw_transactions
from broker.server import EmbeddedBroker
from events.codec import Encoding
from events.topics import Topics
from fraudstream.cache import cache_folder
from kafkaio.settings import KafkaSettings
from kafkaio.topics import create_topics

# In a short backlog more records are flagged, so that there are alerts to count: 30 of 300.
FEW_RECORDS = 10_000
FEW_SPACING = 10


@dataclass(slots=True)
class Bench:
    """The shared environment.

    Attributes:
        settings: how to reach Kafka.
        artifact: folder of the model.
        transactions: to fill topics with, in each encoding.
        folder: for logs, and for the state of peers.
    """

    settings: KafkaSettings
    artifact: Path
    transactions: Mapping[Encoding, TransactionPool]
    folder: Path
    _backlogs: dict[str, Backlog] = field(default_factory=dict)

    def backlog(
        self, records: int, *, encoding: Encoding = Encoding.JSON, partitions: int = PARTITIONS
    ) -> Backlog:
        """Return a full topic of this kind, which the first call fills."""
        prefix = f"{encoding}-{records}-{partitions}."
        if prefix not in self._backlogs:
            topics = self.topics(prefix, partitions)
            spacing = SPACING if records > FEW_RECORDS else FEW_SPACING
            pool = self.transactions[encoding]
            keys = fill(self.settings, topics.transactions, pool, records, spacing=spacing)
            self._backlogs[prefix] = Backlog(topics, records, spacing, keys)
        return self._backlogs[prefix]

    def topics(self, prefix: str, partitions: int = PARTITIONS) -> Topics:
        """Create empty topics with this prefix."""
        topics = Topics(prefix)
        create_topics(self.settings, topics.all(), partitions=partitions, retention=None)
        return topics


@contextmanager
def open_bench(encodings: Sequence[Encoding] = tuple(Encoding)) -> Iterator[Bench]:
    """Run an embedded Kafka for the block, with the demo's model and transactions to send."""
    model = artifact()
    with (
        TemporaryDirectory(prefix="fraudstream-benchmark-") as folder,
        EmbeddedBroker(cache=cache_folder("kafka"), full_speed=True) as broker,
    ):
        pools = {encoding: draw_transactions(model, encoding) for encoding in encodings}
        yield Bench(KafkaSettings(broker.address), model, pools, Path(folder))
