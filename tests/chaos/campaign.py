"""The run itself: rounds of faults, each followed by a recovery; then the drain and the verdict."""

import logging
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from consumer.commit.sink import CommitStep
from tests.chaos.building import Plan, build
from tests.chaos.drain import NotRecoveredError, drain, last_words
from tests.chaos.faults import Kind, inflictions
from tests.chaos.inspection import inspect
from tests.chaos.proxy import FAIR
from tests.chaos.schedule import Schedule
from tests.chaos.tally import Tally, read_log
from tests.chaos.world import Fault, World

logger = logging.getLogger(__name__)

UNDISTURBED = 5  # recoveries of nothing, measured first: what the measure itself takes
PAUSE_SECONDS = (0.0, 1.0)  # between two rounds
APART_SECONDS = (0.0, 1.5)  # between the blows of one round

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
) -> Tally:
    """Do what the plan says, and return the count; `stopped` ends it early, with a verdict.

    Raises:
        NotRecoveredError: if the stream does not come back to life.
    """
    started = time.monotonic()
    with build(plan, folder) as (world, place):
        world.stopped = stopped
        campaign = _Campaign(plan, world, progress)
        campaign.begin()
        campaign.inflict()
        drain(world, place)
        tally = campaign.tally
        tally.verdict = inspect(place)
        for member in world.detectors:
            tally.endings += member.endings
            tally.logged += read_log(member.log)
        tally.judge(once=plan.delivery == "exactly-once")
    tally.seconds = time.monotonic() - started
    return tally


class _Campaign:
    """The rounds."""

    def __init__(self, plan: Plan, world: World, progress: Callable[[int], None]) -> None:
        self._plan = plan
        self._world = world
        self._progress = progress
        self._random = Random(plan.seed)
        steps = STEPS[plan.delivery]
        self._inflict = inflictions(plan.longest_outage, steps)
        kinds = [kind for kind in self._inflict if plan.only in kind]
        self._schedule = Schedule(self._random, kinds, plan.sizes)
        self.tally = Tally()

    def begin(self) -> None:
        """Start publisher and two detectors; measure what recovery takes where nothing was done."""
        world = self._world
        world.publisher.wanted = True
        world.join()
        world.join()
        self._settle("the start")
        for _ in range(UNDISTURBED):
            since = time.time()
            self._recover(since, "nothing")
            recovered = world.follower.recovered(since)
            assert recovered is not None
            self.tally.undisturbed.append(recovered - since)

    def inflict(self) -> None:
        """Inflict rounds of faults until there were as many as planned."""
        for number, kinds in enumerate(self._schedule.rounds(), start=1):
            left = self._plan.faults - self.tally.inflicted.total()
            if left <= 0 or self._world.stopped():
                return
            self._round(number, kinds[:left])
            self._wait(self._random.uniform(*PAUSE_SECONDS))

    def _round(self, number: int, kinds: Sequence[Kind]) -> None:
        world = self._world
        world.follower.forget()
        logger.info("Round %d: %s.", number, "; ".join(kinds))
        began = time.monotonic()
        played = self._play(kinds)
        for kind, moment in played:
            if moment is None:
                self._schedule.put_back(kind)
            else:
                self.tally.inflicted[kind] += 1
                self._progress(1)
        seconds = None
        if len(kinds) == 1 and (since := played[0][1]) is not None:
            seconds = self._measure(kinds[0], since)
        self._settle(f"round {number}")
        logger.info(
            "Round %d: well again after %.1f s%s.",
            number,
            time.monotonic() - began,
            "" if seconds is None else f", recovered in {seconds:.2f} s",
        )

    def _play(self, kinds: Sequence[Kind]) -> list[tuple[Kind, float | None]]:
        """Inflict these faults, one a little after the other, and wait until they are healed."""
        playing: list[tuple[Kind, Fault]] = []
        start = time.monotonic()
        for kind in kinds:
            fault = self._inflict[kind](self._world, Random(self._random.random()))
            playing.append((kind, _after(start, fault)))
            start += self._random.uniform(*APART_SECONDS)
        played: list[tuple[Kind, float | None]] = []
        deadline = time.monotonic() + self._plan.recovery_limit
        while playing:
            for kind, fault in list(playing):
                try:
                    next(fault)
                except StopIteration as ending:
                    played.append((kind, ending.value))
                    playing.remove((kind, fault))
            self._world.tick()
            if time.monotonic() > deadline:
                self._give_up(f"faults that do not come about: {[kind for kind, _ in playing]}")
        return played

    def _measure(self, kind: Kind, since: float) -> float:
        self._recover(since, kind)
        recovered = self._world.follower.recovered(since)
        assert recovered is not None
        self.tally.recoveries[kind].append(recovered - since)
        return recovered - since

    def _settle(self, after: str) -> None:
        """Heal what is left over, and wait until every partition gives new alerts."""
        world = self._world
        world.proxy.become(FAIR)
        for member in world.detectors:
            if member.pid is not None and member.frozen:
                member.send(signal.SIGCONT)
        self._recover(time.time(), after)

    def _recover(self, since: float, after: str) -> None:
        deadline = time.monotonic() + self._plan.recovery_limit
        while self._world.follower.recovered(since) is None:
            self._world.tick()
            if time.monotonic() > deadline:
                self._give_up(after)

    def _wait(self, seconds: float) -> None:
        for _ in self._world.pause(seconds):
            self._world.tick()

    def _give_up(self, after: str) -> None:
        raise NotRecoveredError(
            f"Not well again {self._plan.recovery_limit:.0f} s after {after}.\n"
            f"{last_words(self._world)}"
        )


def _after(start: float, fault: Fault) -> Fault:
    """Let a fault begin at a moment of the monotonic clock."""
    while time.monotonic() < start:
        yield
    return (yield from fault)
