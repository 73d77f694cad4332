"""Putting the world together: Kafka with two listeners, topics, processes; and taking it apart."""

import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal

import msgspec

from broker.properties import NODE
from broker.server import EmbeddedBroker
from consumer.detector.service import DeliveryName
from events.messages import FEATURES
from events.topics import Topics
from fraudstream.cache import cache_folder
from kafkaio.settings import KafkaSettings
from kafkaio.topics import create_topics
from tests.chaos.detector import KnownArtifact
from tests.chaos.members import Member
from tests.chaos.proxy import Proxy
from tests.chaos.recovery import AlertFollower
from tests.chaos.stream import PARTITIONS, Stream, plain_numbers
from tests.chaos.world import World
from tests.support.bad_payloads import generate

DETECTORS = 3  # at most; the stream begins with one less
GROUP = "chaos"
POISONS = 200

# Two rounds of five have one fault, and so give a recovery time; the others average four.
SIZES = (1, 1, 3, 4, 5)

MARGIN = 0.05  # rows for a real network lie so far from its threshold that no rounding matters

# Below the range that the system gives to outgoing connections. A client that tries a port of that
# range again and again while the broker is away is one day given the same port as its source: it
# then talks to itself, and the broker cannot have its port back.
PORTS = range(20_000, 32_000)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is to do.

    Attributes:
        faults: how many to inflict.
        seed: of everything that is drawn: faults, their moments, verdicts, poison.
        rate: records a second.
        delivery: how the detectors commit.
        artifact: folder of a real artifact; None for the model whose score is V1.
        longest_outage: seconds that the broker is stopped for, at most.
        only: inflict only the kinds whose names contain this.
        sizes: how many faults a round may have; each size as likely as it is often in here.
        recovery_limit: seconds within which all must be well again after a round.
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
        """What the detectors' `--network` is."""
        return "known" if self.artifact is None else "keras"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run takes place.

    Attributes:
        settings: how to reach Kafka, past the proxy.
        topics: the stream's.
        stream: what is published.
        folder: for logs and everything else.
    """

    settings: KafkaSettings
    topics: Topics
    stream: Stream
    folder: Path


@contextmanager
def build(plan: Plan, folder: Path) -> Iterator[tuple[World, Place]]:
    """Start all of it but the publisher; end all of it by force when the block ends."""
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
        publisher = Member(
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
        follower = AlertFollower(settings, topics.alerts, clock=time.time)
        stack.callback(follower.close)
        for member in (publisher, *detectors):
            stack.callback(member.end)
        world = World(broker, proxy, publisher, detectors, follower, folder)
        yield world, Place(settings, topics, stream, folder)


def make_stream(plan: Plan) -> Stream:
    """Return the stream whose verdicts are known for the plan's model."""
    poisons = tuple(generate(POISONS))
    if plan.artifact is None:
        flagged, passed = plain_numbers(1.0), plain_numbers(0.0)
    else:
        flagged, passed = _sample(plan.artifact)
    return Stream(plan.seed, dict(flagged), dict(passed), poisons)


def _sample(artifact: Path) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Return a flagged and an unflagged row of those whose scores the artifact says itself."""
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
) -> Member:
    name = f"detector-{number}"
    options = {
        "broker": broker,
        "prefix": topics.prefix,
        "group": GROUP,
        "delivery": plan.delivery,
        "network": plan.network,
        "artifact": folder / "artifact",
        "orders": folder / f"{name}.order",
        "clock": folder / "clock",
        "port": port,
    }
    arguments = [f"--{option}={value}" for option, value in options.items()]
    return Member(name, ("tests.chaos.detector", *arguments), folder, port=port)


def _properties(client: int, proxied: int, controller: int, proxy: int) -> dict[str, str]:
    """Return what Kafka needs beyond ours: a second listener whose clients come by the proxy."""
    return {
        "listeners": f"PLAINTEXT://127.0.0.1:{client},PROXIED://127.0.0.1:{proxied},"
        f"CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{client},PROXIED://127.0.0.1:{proxy}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,"
        "CONTROLLER:PLAINTEXT",
        "controller.quorum.voters": f"{NODE}@127.0.0.1:{controller}",
        # A transaction that nobody ends any more is ended by Kafka, which looks for such ones every
        # 10 s by default. With 1 s, readers wait for its timeout (10 s) and not for up to 20 s.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    }


def free_ports(count: int) -> list[int]:
    """Return so many ports that nobody listens on, and that no client is given as its source."""
    found: list[int] = []
    random = Random()
    while len(found) < count:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found
