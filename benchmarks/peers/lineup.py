"""The peers that the detector is compared with."""

from dataclasses import dataclass
from pathlib import Path
from sys import executable

from benchmarks.peers import environments


@dataclass(frozen=True, slots=True)
class Peer:
    """An alternative to the detector.

    Attributes:
        name: its usual name.
        program: module within `benchmarks.peers`.
        delivery: its guarantee, with the settings that it has here.
        environment: name of its virtual environment; None if it runs in this one.
        records: that it is given at most, so that a slow peer finishes in half a minute.
        engine: whether it runs on a JVM of its own: half a gigabyte to install, slow to start.
    """

    name: str
    program: str
    delivery: str
    environment: str | None = None
    records: int = 1_000_000
    engine: bool = False

    @property
    def is_framework(self) -> bool:
        """Whether it is more than a loop around the Kafka client."""
        return self.environment is not None

    @property
    def python(self) -> Path:
        """The Python interpreter that runs it."""
        return environments.python(self.environment) if self.environment else Path(executable)

    @property
    def title(self) -> str:
        """Its name and its version."""
        if self.environment is None:
            return self.name
        return f"{self.name} {environments.version(self.environment)}"


TUTORIAL_LOOP = Peer("tutorial loop", "tutorial_loop", "offsets every 5 s", records=200)
BATCH_LOOP = Peer("batch loop", "batch_loop", "at-least-once")

PEERS = (
    TUTORIAL_LOOP,
    Peer("direct call", "direct_call", "offsets every 5 s", records=3_000),
    BATCH_LOOP,
    Peer("sentry-arroyo", "arroyo", "at-least-once", "arroyo", records=500_000),
    Peer("Bytewax", "bytewax", "at-least-once", "bytewax"),
    Peer("Quix Streams", "quix", "at-least-once", "quix", records=50_000),
    Peer("Spark", "spark", "at-least-once", "spark", 300_000, engine=True),
    Peer("PyFlink", "flink", "exactly-once", "flink", 300_000, engine=True),
)
