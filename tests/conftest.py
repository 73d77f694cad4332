"""What all tests share: a real Kafka (`--broker`), topics on it, the genuine rows."""

import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from events.settings import KafkaSettings
from events.topics import Topics

# Where tests are started in the background, Ctrl-C is ignored, and so it would be in every command
# that a test starts and then ends with Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent
GENUINE = ROOT.parent / "shared" / "data"
IMAGE = "apache/kafka:4.3.1"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--broker",
        default="embedded",
        metavar="embedded|docker|HOST:PORT",
        help="the Kafka to test on: our embedded one (default), one in Docker, or one that runs",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    sample = GENUINE / "creditcard_sample.csv.gz"
    if not sample.exists():
        missing = pytest.mark.skip(reason=f"no genuine rows: {sample} is missing")
        for item in items:
            if item.get_closest_marker("genuine"):
                item.add_marker(missing)


@pytest.fixture
def genuine_folder() -> Path:
    """The genuine rows' folder; only for tests marked `genuine`."""
    return GENUINE


@pytest.fixture(scope="session")
def kafka_address(request: pytest.FixtureRequest) -> Iterator[str]:
    """A real Kafka's HOST:PORT, the same for the whole session."""
    which = request.config.getoption("--broker")
    with {"embedded": _embedded, "docker": _docker}.get(which, lambda: _existing(which))() as it:
        yield it


@pytest.fixture
def kafka_settings(kafka_address: str) -> KafkaSettings:
    return KafkaSettings(kafka_address)


@pytest.fixture
def topics(kafka_settings: KafkaSettings) -> Iterator[Topics]:
    """The stream's topics, of this test alone, with 2 partitions each."""
    from broker.topics import create_topics, delete_topics

    topics = Topics(prefix=f"test-{uuid.uuid4().hex[:12]}.")
    create_topics(kafka_settings.client(), topics.all(), partitions=2, retention=None)
    yield topics
    delete_topics(kafka_settings.client(), topics.all())


@contextmanager
def _embedded() -> Iterator[str]:
    from broker.errors import BrokerError
    from broker.server import EmbeddedBroker
    from fraudstream.cache import cache_folder

    broker = EmbeddedBroker(cache=cache_folder("kafka"))
    try:
        broker.start()
    except BrokerError as error:
        pytest.fail(
            f"No Kafka to test on: {error} "
            f"(pytest --broker docker and --broker HOST:PORT are the other ways)",
            pytrace=False,
        )
    try:
        yield broker.address
    finally:
        broker.stop()


@contextmanager
def _existing(address: str) -> Iterator[str]:
    from broker.errors import BrokerError
    from broker.topics import list_topics

    try:
        list_topics(KafkaSettings(address).client())
    except BrokerError as error:
        pytest.fail(f"No Kafka to test on: {error}", pytrace=False)
    yield address


@contextmanager
def _docker() -> Iterator[str]:
    """Apache Kafka's own image; its one advertised address must be the one that is mapped."""
    try:
        from testcontainers.core.container import DockerContainer
        from testcontainers.core.wait_strategies import LogMessageWaitStrategy

        port = _free_port()
        container = (
            DockerContainer(IMAGE)
            .with_bind_ports(9092, port)
            .with_env("KAFKA_NODE_ID", "1")
            .with_env("KAFKA_PROCESS_ROLES", "broker,controller")
            .with_env("KAFKA_LISTENERS", "PLAINTEXT://:9092,CONTROLLER://:9093")
            .with_env("KAFKA_ADVERTISED_LISTENERS", f"PLAINTEXT://127.0.0.1:{port}")
            .with_env(
                "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"
            )
            .with_env("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER")
            .with_env("KAFKA_CONTROLLER_QUORUM_VOTERS", "1@localhost:9093")
            .with_env("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", "1")
            .with_env("KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR", "1")
            .with_env("KAFKA_TRANSACTION_STATE_LOG_MIN_ISR", "1")
            .with_env("KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR", "1")
            .with_env("KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR", "1")
            .with_env("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", "0")
            .with_env("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false")
            .waiting_for(LogMessageWaitStrategy("Kafka Server started"))
        )
        container.start()
    except Exception as error:  # noqa: BLE001 - whatever Docker lacks is said in one sentence
        pytest.fail(f"No Kafka to test on: Docker cannot run {IMAGE}: {error}", pytrace=False)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        container.stop()


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
