"""The campaign: rounds of faults, each followed by recovery; then the drain and the check."""

import logging
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import NoReturn

from consumer.commit.sink import CommitStep
from tests.chaos.drain import NotRecoveredError, diagnostics, drain
from tests.chaos.faults import Kind, injectors
from tests.chaos.inspection import inspect
from tests.chaos.result import CampaignResult, read_log, read_reasons
from tests.chaos.schedule import Schedule
from tests.chaos.system import Fault, System
from tests.chaos.testbed import Plan, build

logger = logging.getLogger(__name__)

BASELINE_RECOVERIES = 5  # recovery times measured without a fault, before the first round
PAUSE_SECONDS = (0.0, 1.0)  # between two rounds
FAULT_GAP_SECONDS = (0.0, 1.5)  # between the faults of one round

STEPS = {
    "exactly-once": (
        CommitStep.BEGIN,
        CommitStep.PRODUCE,
        CommitStep.OFFSETS,
        CommitStep.COMMIT,
        CommitStep.DONE,
    ),
    "at-least-once": (CommitStep.PRODUCE, CommitStep.OFFSETS, CommitStep.DONE),
}


def run(
    plan: Plan,
    folder: Path,
    *,
    stopped: Callable[[], bool] = lambda: False,
    progress: Callable[[int], None] = lambda _count: None,
) -> CampaignResult:
    """Run a campaign and return its result; `stopped` ends it early, still with a check.

    Raises:
        NotRecoveredError: if the stream does not recover from a round.
    """
    started = time.monotonic()
    with build(plan, folder) as (system, context):
        system.stopped = stopped
        campaign = _Campaign(plan, system, progress)
        campaign.begin()
        campaign.inject()
        drain(system, context)
        result = campaign.result
        result.verdict = inspect(context)
        for detector in system.detectors:
            result.exits += detector.exits
            result.logged += read_log(detector.log)
            result.reasons += read_reasons(detector.log)
        result.check(exactly_once=plan.delivery == "exactly-once")
    result.seconds = time.monotonic() - started
    return result


class _Campaign:
    """The rounds of a campaign."""

    def __init__(self, plan: Plan, system: System, progress: Callable[[int], None]) -> None:
        self._plan = plan
        self._system = system
        self._progress = progress
        self._random = Random(plan.seed)
        steps = STEPS[plan.delivery]
        self._injectors = injectors(plan.brokers, plan.longest_outage, steps)
        kinds = [kind for kind in self._injectors if plan.only in kind]
        self._schedule = Schedule(self._random, kinds, plan.sizes)
        self.result = CampaignResult()

    def begin(self) -> None:
        """Start publisher and two detectors, then measure the recovery time without a fault."""
        system = self._system
        system.publisher.wanted = True
        system.add_detector()
        system.add_detector()
        self._settle("the start")
        for _ in range(BASELINE_RECOVERIES):
            since = time.time()
            self.result.baseline.append(self._recover(since, "no fault") - since)

    def inject(self) -> None:
        """Inject rounds of faults up to the planned number."""
        for number, kinds in enumerate(self._schedule.rounds(), start=1):
            remaining = self._plan.faults - self.result.injected.total()
            if remaining <= 0 or self._system.stopped():
                return
            self._round(number, kinds[:remaining])
            self._wait(self._random.uniform(*PAUSE_SECONDS))

    def _round(self, number: int, kinds: Sequence[Kind]) -> None:
        system = self._system
        system.alerts.reset()
        system.input.reset()
        logger.info("Round %d: %s.", number, "; ".join(kinds))
        started = time.monotonic()
        failures = system.failures()
        ended = self._run_faults(kinds)
        for kind, since in ended:
            if since is None:
                self._schedule.put_back(kind)
            else:
                self.result.injected[kind] += 1
                self._progress(1)
        seconds = None
        if len(kinds) == 1 and (since := ended[0][1]) is not None:
            seconds = self._recover(since, kinds[0]) - since
            self.result.recoveries[kinds[0]].append(seconds)
            arrived = system.input.recovered(since)
            if arrived is not None:
                self.result.arrivals[kinds[0]].append(arrived - since)
        self._settle(f"round {number}")
        if len(kinds) == 1:
            self.result.failures[kinds[0]] += system.failures() - failures
        logger.info(
            "Round %d: finished after %.1f s%s.",
            number,
            time.monotonic() - started,
            "" if seconds is None else f", recovered in {seconds:.2f} s",
        )

    def _run_faults(self, kinds: Sequence[Kind]) -> list[tuple[Kind, float | None]]:
        """Start these faults in short succession; return when each ended (`system.Fault`)."""
        running: list[tuple[Kind, Fault]] = []
        start = time.monotonic()
        for kind in kinds:
            fault = self._injectors[kind](self._system, Random(self._random.random()))
            running.append((kind, _after(start, fault)))
            start += self._random.uniform(*FAULT_GAP_SECONDS)
        ended: list[tuple[Kind, float | None]] = []
        deadline = time.monotonic() + self._plan.recovery_limit
        while running:
            for kind, fault in list(running):
                try:
                    next(fault)
                except StopIteration as end:
                    ended.append((kind, end.value))
                    running.remove((kind, fault))
            self._system.tick()
            if time.monotonic() > deadline:
                self._fail(f"the start of {'; '.join(kind for kind, _ in running)}")
        return ended

    def _settle(self, after: str) -> None:
        """Undo the remaining effects of faults, and wait until every partition yields alerts."""
        system = self._system
        system.network.heal()
        for detector in system.detectors:
            if detector.pid is not None and detector.frozen:
                detector.send(signal.SIGCONT)
        self._recover(time.time(), after)

    def _recover(self, since: float, after: str) -> float:
        """Wait for recovery and return its time, in seconds since the epoch."""
        deadline = time.monotonic() + self._plan.recovery_limit
        while (recovered := self._system.alerts.recovered(since)) is None:
            self._system.tick()
            if time.monotonic() > deadline:
                self._fail(after)
        return recovered

    def _wait(self, seconds: float) -> None:
        for _ in self._system.pause(seconds):
            self._system.tick()

    def _fail(self, after: str) -> NoReturn:
        raise NotRecoveredError(
            f"The stream has not recovered within {self._plan.recovery_limit:.0f} s after {after}."
            f"\n{diagnostics(self._system)}"
        )


def _after(start: float, fault: Fault) -> Fault:
    """Delay a fault until a time of the monotonic clock."""
    while time.monotonic() < start:
        yield
    return (yield from fault)
