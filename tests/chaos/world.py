"""What faults are inflicted on: broker, proxy, publisher, detectors, artifact, clock."""

import threading
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from random import Random

from broker.server import EmbeddedBroker
from tests.chaos.members import Member
from tests.chaos.proxy import Proxy
from tests.chaos.recovery import AlertFollower

TICK_SECONDS = 0.01

Wait = Generator[None, None, None]
"""Something that is waited for: to be stepped until it ends."""


class World:
    """All that runs. Everything happens in one thread, between two calls of `tick`.

    Args:
        broker: whose data stay from one start to the next.
        proxy: what the detectors reach it through.
        publisher: the publishing process.
        detectors: as many as there may be; those that are `wanted` run.
        follower: reads the alerts, past the proxy.
        folder: for the artifact and the clock's file.

    Attributes:
        artifact: what detectors load at their start.
        clock: a file that says by how many seconds the detectors' clock is off.
        stopped: whether the user wants the run to end.
    """

    def __init__(
        self,
        broker: EmbeddedBroker,
        proxy: Proxy,
        publisher: Member,
        detectors: Sequence[Member],
        follower: AlertFollower,
        folder: Path,
    ) -> None:
        self.broker = broker
        self.proxy = proxy
        self.publisher = publisher
        self.detectors = detectors
        self.follower = follower
        self.artifact = folder / "artifact"
        self.clock = folder / "clock"
        self.stopped: Callable[[], bool] = lambda: False

    def tick(self) -> None:
        """Let time pass: start again what ended, read what became readable."""
        for member in (self.publisher, *self.detectors):
            member.tick()
        self.follower.poll()
        time.sleep(TICK_SECONDS)

    def running(self) -> list[Member]:
        """Return the detectors that are past their start and not standing still."""
        return [member for member in self.detectors if member.steady and not member.frozen]

    def someone(self, random: Random) -> Generator[None, None, Member]:
        """Wait until a detector runs, and choose one: if possible, one that has partitions."""
        while not (running := self.running()):
            yield
        return random.choice([member for member in running if member.ready()] or running)

    def someone_of_two(self, random: Random) -> Generator[None, None, Member]:
        """Wait until two detectors run, and choose one: the other is there to take over."""
        while len(self.running()) < 2:
            if sum(member.wanted for member in self.detectors) < 2:
                self.join()
            yield
        return (yield from self.someone(random))

    def join(self) -> bool:
        """Want one detector more, if there is room."""
        for member in self.detectors:
            if not member.wanted:
                member.wanted = True
                return True
        return False

    def leave(self) -> Member | None:
        """Want one detector less, if another stays; return the one that is to go."""
        wanted = [member for member in self.detectors if member.wanted]
        if len(wanted) < 2:
            return None
        wanted[-1].wanted = False
        return wanted[-1]

    def pause(self, seconds: float) -> Wait:
        """Wait for so long, or until the run is stopped."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.stopped():
            yield


Fault = Generator[None, None, float | None]
"""A fault: to be stepped until it is healed. Returns the moment from which recovery counts, in
seconds since the epoch, or None when it could not be inflicted."""

Inflict = Callable[[World, Random], Fault]


def in_background(step: Callable[[], None]) -> Wait:
    """Run something that blocks, in a thread, and wait for it.

    Raises:
        BaseException: what it raised.
    """
    raised: list[BaseException] = []

    def run() -> None:
        try:
            step()
        except BaseException as error:  # noqa: BLE001 - raised again below, in the waiting thread
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    while thread.is_alive():
        yield
    if raised:
        raise raised[0]
