"""Fixtures of all tests: a real Kafka (`--broker`), topics on it, the genuine rows."""

import os
import signal
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from broker.ports import free_port
from broker.properties import server_properties
from events.topics import Topics
from kafkaio.settings import KafkaSettings
from tests.support.workers import UnitScheduling, shared_lock

pytest_plugins = ["pytester", "tests.support.leaks"]

# Workers share the cores. Pools that are as large as the machine would only wait for each other.
if "PYTEST_XDIST_WORKER" in os.environ:
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        os.environ.setdefault(variable, "1")

# A shell that starts the tests in the background ignores SIGINT for them and their children, and
# nohup ignores SIGHUP; tests end commands with both.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# No deadlines: they measure the machine's load. No database: a test depends on its code and seed
# alone; continuous integration draws the same examples every time.
settings.register_profile(
    "tests", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", settings.get_profile("tests"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "tests")

ROOT = Path(__file__).resolve().parent.parent
GENUINE = ROOT.parent / "shared" / "data"
IMAGE = "apache/kafka:4.2.1"
# The files that take longest come first. A tuple is one unit of work: its files share a worker,
# where TensorFlow is imported and the shared networks are trained once.
LONGEST: tuple[str | tuple[str, ...], ...] = (
    "tests/chaos/test_chaos.py",
    (
        "tests/unit/model/",
        "tests/unit/fraudstream/test_evaluate.py",
        "tests/unit/fraudstream/test_recipes.py",
        "tests/unit/benchmarks/test_folds.py",
        "tests/unit/benchmarks/test_gpu.py",
        "tests/unit/benchmarks/test_scoring.py",
        "tests/unit/dataset/test_fitting.py",
        "tests/integration/consumer/test_drift.py",
        "tests/integration/consumer/test_runtimes.py",
    ),
    "tests/chaos/test_cluster.py",
    "tests/integration/consumer/test_unclean_election.py",
    "tests/integration/fraudstream/test_demo.py",
    "tests/integration/deploy/test_queries.py",
    "tests/integration/test_wheel.py",
    "tests/order/test_order.py",
    "tests/order/test_rules.py",
    "tests/integration/consumer/",
    "tests/integration/broker/",
    "tests/integration/",
)
MAXIMUM_WORKERS = 8  # each takes about 1.5 GiB: a broker and TensorFlow


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--broker",
        default="embedded",
        metavar="embedded|docker|HOST:PORT",
        help="the Kafka to test on: our embedded one (default), one in Docker, or one that runs",
    )


def pytest_xdist_auto_num_workers() -> int:
    """Return the number of workers for `-n auto`: one more than the cores that we may use.

    Tests wait for Kafka a fifth of the time.
    """
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(cores + 1, MAXIMUM_WORKERS)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Give whole files, and the groups of `LONGEST`, to the workers."""
    return UnitScheduling(config, log, unit_of)


def unit_of(node_id: str) -> str:
    """Return the name of the unit of work that a test belongs to."""
    entry = LONGEST[rank] if (rank := rank_of(node_id)) < len(LONGEST) else ""
    return entry[0] if isinstance(entry, tuple) else node_id.split("::", 1)[0]


def rank_of(node_id: str) -> int:
    """Return the place of a test's file in `LONGEST`; its length for the files that follow."""
    ranks = (rank for rank, prefixes in enumerate(LONGEST) if node_id.startswith(prefixes))
    return next(ranks, len(LONGEST))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests without their data; put the longest tests first, after pytest-randomly's shuffle.

    A worker that begins its longest test last would keep the others waiting.
    """
    items.sort(key=lambda item: rank_of(item.nodeid))
    sample = GENUINE / "creditcard_sample.csv.gz"
    if not sample.exists():
        missing = pytest.mark.skip(reason=f"no genuine rows: {sample} is missing")
        for item in items:
            if item.get_closest_marker("genuine"):
                item.add_marker(missing)


@pytest.fixture
def genuine_folder() -> Path:
    """Return the folder of the genuine rows, for tests marked `genuine`."""
    return GENUINE


@pytest.fixture(scope="session")
def kafka_address(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Return the HOST:PORT of a real Kafka; each worker has its own unless `--broker` names one."""
    which = request.config.getoption("--broker")
    if which == "embedded":
        broker = _embedded(shared_lock(tmp_path_factory, "kafka"))
    elif which == "docker":
        broker = _docker()
    else:
        broker = _existing(which)
    with broker as address:
        yield address


@pytest.fixture(scope="session")
def demo_artifact() -> Path:
    """Return the demo's artifact; the first worker that needs it trains it."""
    from fraudstream.demo.artifact import cached_artifact, ensure_artifact

    folder = cached_artifact()
    ensure_artifact(folder, lambda _sentence: None)
    return folder


@pytest.fixture
def kafka_settings(kafka_address: str) -> KafkaSettings:
    return KafkaSettings(kafka_address)


@pytest.fixture
def topics(kafka_settings: KafkaSettings) -> Iterator[Topics]:
    """Create the stream's topics for one test, with 2 partitions each."""
    from kafkaio.topics import create_topics, delete_topics

    topics = Topics(prefix=f"test-{uuid.uuid4().hex[:12]}.")
    create_topics(kafka_settings, topics.all(), partitions=2, retention=None)
    yield topics
    delete_topics(kafka_settings, topics.all())


@contextmanager
def _embedded(starting: AbstractContextManager[None]) -> Iterator[str]:
    from broker.errors import BrokerError
    from broker.server import EmbeddedBroker
    from fraudstream.cache import cache_folder

    broker = EmbeddedBroker(cache=cache_folder("kafka"))
    try:
        with starting:  # one worker fetches what the others then find in the cache
            broker.start()
    except BrokerError as error:
        pytest.fail(
            f"No Kafka to test on: {error} "
            f"(pytest also takes --broker docker and --broker HOST:PORT)",
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
    """Run Apache Kafka's own image with the properties of the embedded broker.

    The port is the same inside the container and outside: the node also connects to itself at the
    advertised address, to verify and complete transactions.
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
    " (testcontainers needs its own image to clean up; if that cannot be pulled, set "
    "TESTCONTAINERS_RYUK_DISABLED=true)"
)


def _variable(name: str) -> str:
    """Return the environment variable that sets this property in the image."""
    return "KAFKA_" + name.upper().replace(".", "_")
