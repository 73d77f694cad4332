"""The result of a campaign: injected faults, exit codes, counted log lines and violations."""

import re
import signal
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from fraudstream.main import INTERRUPTED
from tests.chaos.faults import Kind
from tests.chaos.verify import Verdict

# Log lines of detectors whose requests Kafka rejected because they were no longer members.
FENCED = re.compile(r"fenced|generation id is not valid|unknown member", re.IGNORECASE)

NUMBER = re.compile(r"\d+(\.\d+)*")
REASON_LENGTH = 90

# Orderly shutdown, failure, invalid configuration, second SIGTERM, SIGKILL; and SIGTERM while
# Python was still importing, on a busy machine.
EXPECTED_CODES = {0, 1, 2, INTERRUPTED, -signal.SIGKILL, -signal.SIGTERM}


@dataclass(slots=True)
class CampaignResult:
    """The counts of a campaign so far.

    Attributes:
        injected: number of faults by kind.
        recoveries: recovery times in seconds, by kind, of rounds with one fault.
        arrivals: for the same rounds, when Kafka had taken a record for every partition again.
        failures: for the same rounds, exits of detectors that the fault had not asked for.
        reasons: number of those exits in all rounds, by the detector's last words.
        baseline: recovery times measured without a fault.
        exits: number of detector exits by exit code, negative for signals.
        logged: number of log lines by type (`read_log`).
        seconds: duration of the campaign.
        verdict: the comparison of input and output at the end; None until then.
        violations: violated guarantees; empty if there are none.
    """

    injected: Counter[Kind] = field(default_factory=Counter)
    recoveries: dict[Kind, list[float]] = field(default_factory=lambda: defaultdict(list))
    arrivals: dict[Kind, list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: Counter[Kind] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    baseline: list[float] = field(default_factory=list)
    exits: Counter[int] = field(default_factory=Counter)
    logged: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    verdict: Verdict | None = None
    violations: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """Number of detectors killed with SIGKILL."""
        return self.exits[-signal.SIGKILL]

    @property
    def kills_at_steps(self) -> int:
        """Number of those killed at a step of a commit."""
        return sum(count for line, count in self.logged.items() if line.startswith("at "))

    @property
    def kills_within(self) -> int:
        """Number of those killed between the beginning and the end of a commit."""
        return self.kills_at_steps - self.logged["at begin"] - self.logged["at done"]

    def check(self, *, exactly_once: bool) -> None:
        """Set `violations` from the verdict, the exit codes and the logs.

        Args:
            exactly_once: whether duplicates are violations.
        """
        self.violations = (
            [] if self.verdict is None else self.verdict.violations(exactly_once=exactly_once)
        )
        if self.logged["traceback"]:
            self.violations.append(f"Tracebacks of detectors: {self.logged['traceback']}")
        # Not equality: a detector may be killed between the log line and its exit.
        if self.exits[2] > self.logged["no artifact"]:
            self.violations.append("Detectors exited with code 2 for a reason but the artifact")
        if unexpected := sorted(set(self.exits) - EXPECTED_CODES):
            self.violations.append(f"Detectors exited with codes {unexpected}")


def read_log(log: Path) -> Counter[str]:
    """Count the lines of a detector's log by type.

    The types are "aborted" and "fenced" commits, "lost" partitions, "forgotten" offsets (Kafka
    returned older ones), starts with "no artifact", "traceback", and kills "at <step>".
    """
    counts: Counter[str] = Counter()
    if not log.exists():
        return counts
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            counts["aborted"] += "Cannot commit" in line
            counts["fenced"] += bool(FENCED.search(line))
            counts["lost"] += "INFO    Lost " in line
            counts["forgotten"] += "Kafka reports offset " in line
            counts["no artifact"] += line.startswith("Error: There is no artifact at ")
            counts["traceback"] += line.startswith("Traceback")
            if "Injected: SIGKILL at " in line:
                counts[f"at {line.split()[-1].rstrip('.')}"] += 1
    return counts


def read_reasons(log: Path) -> Counter[str]:
    """Count the errors with which a detector ended by their text, without the numbers in it."""
    if not log.exists():
        return Counter()
    with log.open(encoding="utf-8", errors="replace") as lines:
        return Counter(
            NUMBER.sub("N", line.removeprefix("Error: ").strip())[:REASON_LENGTH]
            for line in lines
            if line.startswith("Error: ")
        )
