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
        in_short_form: whether the short form of the benchmark includes it: the two loops that
            goals are set for, and the framework that was the fastest in the long form.
    """

    name: str
    program: str
    delivery: str
    environment: str | None = None
    records: int = 1_000_000
    in_short_form: bool = False

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


TUTORIAL_LOOP = Peer(
    "tutorial loop", "tutorial_loop", "offsets every 5 s", records=200, in_short_form=True
)
BATCH_LOOP = Peer("batch loop", "batch_loop", "at-least-once", in_short_form=True)

PEERS = (
    TUTORIAL_LOOP,
    Peer("direct call", "direct_call", "offsets every 5 s", records=3_000),
    BATCH_LOOP,
    Peer("sentry-arroyo", "arroyo", "at-least-once", "arroyo", records=500_000),
    Peer("Bytewax", "bytewax", "at-least-once", "bytewax", in_short_form=True),
    Peer("Quix Streams", "quix", "at-least-once", "quix", records=50_000),
    Peer("Spark", "spark", "at-least-once", "spark", 300_000),
    Peer("PyFlink", "flink", "exactly-once", "flink", 300_000),
)
