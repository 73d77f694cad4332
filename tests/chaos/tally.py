"""The count: what was done to the detectors, what their logs say, what was found."""

import re
import signal
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from fraudstream.main import INTERRUPTED
from tests.chaos.faults import Kind
from tests.chaos.verify import Verdict

# What the detectors' logs say of what Kafka refused a member that is no longer one.
FENCED = re.compile(r"fenced|generation id is not valid|unknown member", re.IGNORECASE)

# Stopped orderly, given up to be started anew, refused to start, told to end twice, killed; and
# SIGTERM heard by a Python that was still importing, on a machine that is busy.
EXPECTED_CODES = {0, 1, 2, INTERRUPTED, -signal.SIGKILL, -signal.SIGTERM}


@dataclass(slots=True)
class Tally:
    """What was done and seen, up to now.

    Attributes:
        inflicted: faults by kind.
        recoveries: seconds, by kind, of rounds with one fault.
        undisturbed: seconds, when nothing was done.
        endings: exit codes of detectors, negative for signals.
        logged: remarks in the detectors' logs that are counted.
        seconds: how long it took.
        verdict: what was found at the end; None until then.
        failures: what is not as promised; empty when all is well.
    """

    inflicted: Counter[Kind] = field(default_factory=Counter)
    recoveries: dict[Kind, list[float]] = field(default_factory=lambda: defaultdict(list))
    undisturbed: list[float] = field(default_factory=list)
    endings: Counter[int] = field(default_factory=Counter)
    logged: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    verdict: Verdict | None = None
    failures: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """How many detectors were killed with -9."""
        return self.endings[-signal.SIGKILL]

    @property
    def kills_at_steps(self) -> int:
        """How many of them at a step of a commit."""
        return sum(count for what, count in self.logged.items() if what.startswith("at "))

    @property
    def kills_within(self) -> int:
        """How many of those between the beginning of a commit and its end."""
        return self.kills_at_steps - self.logged["at begin"] - self.logged["at done"]

    def judge(self, *, once: bool) -> None:
        """Say in `failures` what is not as promised, of the records or of the processes.

        Args:
            once: whether nothing may be there twice.
        """
        self.failures = [] if self.verdict is None else self.verdict.failures(once=once)
        if self.logged["traceback"]:
            self.failures.append(f"Tracebacks of detectors: {self.logged['traceback']}")
        # Who says so may be killed before it ends.
        if self.endings[2] > self.logged["no artifact"]:
            self.failures.append("Detectors refused to start for another reason than the artifact")
        if strange := sorted(set(self.endings) - EXPECTED_CODES):
            self.failures.append(f"Detectors ended with exit codes {strange}")


def read_log(log: Path) -> Counter[str]:
    """Count what a detector's log says.

    "aborted" commits, "fenced" ones, partitions "lost", offsets "forgotten" by Kafka,
    starts with "no artifact", "traceback", and kills "at <step>".
    """
    counts: Counter[str] = Counter()
    if not log.exists():
        return counts
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            counts["aborted"] += "Transaction aborted" in line
            counts["fenced"] += bool(FENCED.search(line))
            counts["lost"] += "INFO    Lost " in line
            counts["forgotten"] += "Kafka says that " in line
            counts["no artifact"] += line.startswith("Error: There is no artifact at ")
            counts["traceback"] += line.startswith("Traceback")
            if "Ordered: SIGKILL at " in line:
                counts[f"at {line.split()[-1].rstrip('.')}"] += 1
    return counts
