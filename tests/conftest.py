"""What all tests share: a real Kafka (`--broker`), topics on it, the genuine rows."""

import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from broker.ports import free_port
from broker.properties import server_properties
from events.topics import Topics
from kafkaio.settings import KafkaSettings

# Where tests are started in the background, Ctrl-C is ignored, and so it would be in every command
# that a test starts and then ends with Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent
GENUINE = ROOT.parent / "shared" / "data"
IMAGE = "apache/kafka:4.2.1"


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
    from kafkaio.topics import create_topics, delete_topics

    topics = Topics(prefix=f"test-{uuid.uuid4().hex[:12]}.")
    create_topics(kafka_settings, topics.all(), partitions=2, retention=None)
    yield topics
    delete_topics(kafka_settings, topics.all())


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
    from errors import FraudstreamError
    from kafkaio.topics import list_topics

    try:
        list_topics(KafkaSettings(address))
    except FraudstreamError as error:
        pytest.fail(f"No Kafka to test on: {error}", pytrace=False)
    yield address


@contextmanager
def _docker() -> Iterator[str]:
    """Apache Kafka's own image, with the properties of the embedded broker.

    The port is the same inside the container and outside, since the node connects to the address
    that it advertises as well: to itself, to verify partitions of transactions and to end them.
    """
    container = None
    try:
        from testcontainers.core.container import DockerContainer
        from testcontainers.core.wait_strategies import LogMessageWaitStrategy

        port, controller = free_port(), free_port()
        properties = server_properties(
            Path("/tmp/records"),  # noqa: S108 - the container's own, where its user may write
            port=port,
            controller_port=controller,
            extra={"listeners": f"PLAINTEXT://:{port},CONTROLLER://127.0.0.1:{controller}"},
        )
        container = (
            DockerContainer(IMAGE)
            .with_bind_ports(port, port)
            .with_envs(**{_variable(name): value for name, value in properties.items()})
            .waiting_for(LogMessageWaitStrategy("Kafka Server started"))
        )
        container.start()
        yield f"127.0.0.1:{port}"
    except Exception as error:  # noqa: BLE001 - whatever Docker lacks is said in one sentence
        hint = _WITHOUT_RYUK if "ryuk" in str(error) else ""
        pytest.fail(f"No Kafka to test on: Docker cannot run {IMAGE}: {error}{hint}", pytrace=False)
    finally:
        if container is not None:
            container.stop()


_WITHOUT_RYUK = (
    " (testcontainers cleans up with an image of its own; where that one cannot be pulled, set "
    "TESTCONTAINERS_RYUK_DISABLED=true)"
)


def _variable(name: str) -> str:
    """Return the environment variable by which the image sets a property of the server."""
    return "KAFKA_" + name.upper().replace(".", "_")
