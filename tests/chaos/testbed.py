"""The test bed: starts Kafka with two listeners, topics, proxy and processes, and stops them."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from broker.ports import free_ports
from broker.properties import NODE
from broker.server import EmbeddedBroker
from consumer.detector.options import DeliveryName
from events.messages import FEATURES
from events.topics import Topics
from fraudstream.cache import cache_folder
from kafkaio.settings import KafkaSettings
from kafkaio.topics import create_topics
from tests.chaos.detector import KnownArtifact
from tests.chaos.processes import SupervisedProcess
from tests.chaos.proxy import Proxy
from tests.chaos.recovery import RecoveryMonitor
from tests.chaos.stream import PARTITIONS, Stream, features_with_score
from tests.chaos.system import System
from tests.support.bad_payloads import generate

DETECTORS = 3  # at most; two run at the start
GROUP = "chaos"
POISON_PAYLOADS = 200

# Two rounds of five have one fault, which yields a recovery time; the others average four.
SIZES = (1, 1, 3, 4, 5)

MARGIN = 0.05  # minimum distance of a real network's scores from its threshold


@dataclass(frozen=True, slots=True)
class Plan:
    """The parameters of a campaign.

    Attributes:
        faults: number of faults to inject.
        seed: of every random choice: faults, their times, flagged and poison records.
        rate: records per second.
        delivery: the detectors' delivery guarantee.
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
    artifact: Path | None = None
    longest_outage: float = 60.0
    only: str = ""
    sizes: tuple[int, ...] = SIZES
    recovery_limit: float = 180.0

    @property
    def network(self) -> Literal["known", "keras"]:
        """The value of the detectors' option `--network`."""
        return "known" if self.artifact is None else "keras"


@dataclass(frozen=True, slots=True)
class RunContext:
    """Connection, topics and input of a campaign.

    Attributes:
        settings: connection to Kafka that bypasses the proxy.
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
    """Start broker and proxy, prepare the processes; kill everything when the block ends."""
    client, proxied, controller, proxy_port, *metrics = free_ports(4 + DETECTORS)
    properties = _properties(client, proxied, controller, proxy_port)
    with ExitStack() as stack:
        broker = EmbeddedBroker(
            cache=cache_folder("kafka"), data=folder / "kafka", port=client, properties=properties
        )
        stack.enter_context(broker)
        proxy = stack.enter_context(Proxy(proxy_port, proxied))
        topics = Topics("chaos.")
        settings = KafkaSettings(broker.address)
        create_topics(settings, topics.all(), partitions=PARTITIONS, retention=None)
        stream = make_stream(plan)
        stream.save(folder / "stream")
        _make_artifact(plan, folder / "artifact")
        publisher = SupervisedProcess(
            "publisher",
            (
                "tests.chaos.publisher",
                broker.address,
                topics.transactions,
                str(folder / "stream"),
                str(plan.rate),
            ),
            folder,
        )
        detectors = [
            _detector(number, port, plan, topics, f"127.0.0.1:{proxy_port}", folder)
            for number, port in enumerate(metrics, start=1)
        ]
        monitor = RecoveryMonitor(settings, topics.alerts, clock=time.time)
        stack.callback(monitor.close)
        for process in (publisher, *detectors):
            stack.callback(process.kill)
        system = System(broker, proxy, publisher, detectors, monitor, folder)
        yield system, RunContext(settings, topics, stream, folder)


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
    }
    arguments = [f"--{option}={value}" for option, value in options.items()]
    return SupervisedProcess(name, ("tests.chaos.detector", *arguments), folder, port=port)


def _properties(client: int, proxied: int, controller: int, proxy: int) -> dict[str, str]:
    """Return extra broker properties: a second listener, advertised with the proxy's port."""
    return {
        "listeners": f"PLAINTEXT://127.0.0.1:{client},PROXIED://127.0.0.1:{proxied},"
        f"CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{client},PROXIED://127.0.0.1:{proxy}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,"
        "CONTROLLER:PLAINTEXT",
        "controller.quorum.voters": f"{NODE}@127.0.0.1:{controller}",
        # Kafka looks for expired transactions every 10 s by default. With 1 s, readers wait for an
        # abandoned transaction's timeout (10 s) and not for up to 20 s.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    }
