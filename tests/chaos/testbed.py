"""The test bed: starts Kafka, its topics and the processes, and stops them."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from broker.ports import free_ports
from consumer.detector.options import DeliveryName
from events.messages import FEATURES
from events.topics import Topics
from kafkaio.errors import TopicAdminError
from kafkaio.settings import KafkaSettings
from kafkaio.topics import create_topics
from tests.chaos.detector import KnownArtifact
from tests.chaos.kafka import cluster, single
from tests.chaos.processes import SupervisedProcess
from tests.chaos.recovery import RecoveryMonitor, alert_arrival, input_arrival
from tests.chaos.stream import PARTITIONS, Stream, features_with_score
from tests.chaos.system import System
from tests.support.bad_payloads import generate

DETECTORS = 3  # at most; two run at the start
GROUP = "chaos"
POISON_PAYLOADS = 200

# Two rounds of five have one fault, which yields a recovery time; the others average four.
SIZES = (1, 1, 3, 4, 5)

MARGIN = 0.05  # minimum distance of a real network's scores from its threshold


Protocol = Literal["classic", "consumer"]
"""The values of `group.protocol`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The parameters of a campaign.

    Attributes:
        faults: number of faults to inject.
        seed: of every random choice: faults, their times, flagged and poison records.
        rate: records per second.
        delivery: the detectors' delivery guarantee.
        brokers: 1, or 3 with as many replicas of each partition, two of which must have a record.
        protocol: the detectors' `group.protocol`.
        artifact: folder of a real artifact; None for the model whose score is V1.
        longest_outage: maximum seconds that the broker is down.
        only: inject only kinds whose name contains this.
        sizes: numbers of faults in a round, one of which is chosen at random for each.
        recovery_limit: seconds within which the stream must recover after a round.
    """

    faults: int
    seed: int = 1
    rate: float = 300.0
    delivery: DeliveryName = "exactly-once"
    brokers: int = 1
    protocol: Protocol = "classic"
    artifact: Path | None = None
    longest_outage: float = 60.0
    only: str = ""
    sizes: tuple[int, ...] = SIZES
    recovery_limit: float = 180.0

    @property
    def network(self) -> Literal["known", "keras"]:
        """The value of the detectors' option `--network`."""
        return "known" if self.artifact is None else "keras"

    @property
    def section(self) -> str:
        """The section of docs/chaos.md that shows such a campaign."""
        kafka = "" if self.brokers == 1 else f", {self.brokers} brokers"
        group = "" if self.protocol == "classic" else f", {self.protocol} protocol"
        return f"{self.delivery}{kafka}{group}"


@dataclass(frozen=True, slots=True)
class RunContext:
    """Connection, topics and input of a campaign.

    Attributes:
        settings: connection to Kafka that bypasses the network.
        topics: the stream's topics.
        stream: the published records.
        folder: for logs and all other files.
    """

    settings: KafkaSettings
    topics: Topics
    stream: Stream
    folder: Path


@contextmanager
def build(plan: Plan, folder: Path) -> Iterator[tuple[System, RunContext]]:
    """Start Kafka, prepare the processes; kill everything when the block ends."""
    metrics = free_ports(DETECTORS)
    with ExitStack() as stack:
        kafka = stack.enter_context(single(folder) if plan.brokers == 1 else cluster(folder))
        topics = Topics("chaos.")
        settings = KafkaSettings(kafka.direct)
        _create_topics(settings, topics, replicas=plan.brokers)
        stream = make_stream(plan)
        stream.save(folder / "stream")
        _make_artifact(plan, folder / "artifact")
        publisher = SupervisedProcess(
            "publisher",
            (
                "tests.chaos.publisher",
                kafka.direct,
                topics.transactions,
                str(folder / "stream"),
                str(plan.rate),
            ),
            folder,
        )
        detectors = [
            _detector(number, port, plan, topics, kafka.proxied, folder)
            for number, port in enumerate(metrics, start=1)
        ]
        alerts, arrivals = (
            RecoveryMonitor(settings, topic, arrival=arrival, clock=time.time)
            for topic, arrival in (
                (topics.alerts, alert_arrival),
                (topics.transactions, input_arrival),
            )
        )
        stack.callback(alerts.close)
        stack.callback(arrivals.close)
        for process in (publisher, *detectors):
            stack.callback(process.kill)
        system = System(kafka, topics, publisher, detectors, alerts, arrivals, folder)
        yield system, RunContext(settings, topics, stream, folder)


def _create_topics(settings: KafkaSettings, topics: Topics, *, replicas: int) -> None:
    """Create the topics; records count when all replicas but one have them."""
    for last in (False, False, True):
        try:
            create_topics(
                settings,
                topics.all(),
                partitions=PARTITIONS,
                retention=None,
                replication_factor=replicas,
                minimum_in_sync_replicas=max(1, replicas - 1),
            )
        except TopicAdminError:
            # Where it knows several addresses, librdkafka may drop the connection to one of them
            # with the request that was sent there.
            if last:
                raise
        else:
            return


def make_stream(plan: Plan) -> Stream:
    """Return a stream whose alerts are known for the plan's model."""
    poison_payloads = tuple(generate(POISON_PAYLOADS))
    if plan.artifact is None:
        flagged, unflagged = features_with_score(1.0), features_with_score(0.0)
    else:
        flagged, unflagged = _sample(plan.artifact)
    return Stream(plan.seed, dict(flagged), dict(unflagged), poison_payloads)


def _sample(artifact: Path) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Return a flagged and an unflagged row of the sample in the artifact's metadata."""
    from model.artifact.load import load_metadata

    metadata = load_metadata(artifact)
    rows = list(zip(metadata.sample.scores, metadata.sample.features, strict=True))
    highest, lowest = max(rows), min(rows)
    if not lowest[0] + MARGIN < metadata.threshold < highest[0] - MARGIN:
        raise ValueError(f"The sample in {artifact} is not clearly on both sides of its threshold.")
    named = (dict(zip(FEATURES, map(float, row), strict=True)) for _, row in (highest, lowest))
    return next(named), next(named)


def _make_artifact(plan: Plan, path: Path) -> None:
    if plan.artifact is None:
        path.write_bytes(msgspec.json.encode(KnownArtifact()))
    else:
        path.symlink_to(plan.artifact.resolve())


def _detector(
    number: int, port: int, plan: Plan, topics: Topics, broker: str, folder: Path
) -> SupervisedProcess:
    name = f"detector-{number}"
    options = {
        "broker": broker,
        "prefix": topics.prefix,
        "group": GROUP,
        "delivery": plan.delivery,
        "network": plan.network,
        "artifact": folder / "artifact",
        "self-signals": folder / f"{name}.self-signals",
        "clock": folder / "clock",
        "port": port,
        "protocol": plan.protocol,
    }
    arguments = [f"--{option}={value}" for option, value in options.items()]
    return SupervisedProcess(name, ("tests.chaos.detector", *arguments), folder, port=port)
