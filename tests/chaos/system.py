"""The system under test: brokers, network, publisher, detectors, artifact and clock."""

import signal
import threading
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from random import Random

from events.topics import Topics
from kafkaio.settings import KafkaSettings
from tests.chaos.kafka import Kafka
from tests.chaos.processes import SupervisedProcess
from tests.chaos.recovery import RecoveryMonitor

TICK_SECONDS = 0.01

Wait = Generator[None, None, None]
"""A wait, to be stepped until it ends."""


class System:
    """The running system, driven by one thread that calls `tick`.

    Args:
        kafka: the brokers and the network.
        topics: the stream's topics.
        publisher: the publisher process.
        detectors: the maximum number of detectors; those that are `wanted` run.
        alerts: reads the alerts, bypassing the network.
        input: reads the input in the same way.
        folder: for the artifact and the clock's file.

    Attributes:
        brokers: the brokers, in the order of their ids.
        network: between the detectors and the brokers, and among the brokers.
        settings: how to reach Kafka, bypassing the network.
        artifact: loaded by detectors when they start.
        clock: file with the number of seconds added to the detectors' clock.
        stopped: whether the user has interrupted the campaign.
    """

    def __init__(
        self,
        kafka: Kafka,
        topics: Topics,
        publisher: SupervisedProcess,
        detectors: Sequence[SupervisedProcess],
        alerts: RecoveryMonitor,
        input: RecoveryMonitor,  # noqa: A002 - the stream's word
        folder: Path,
    ) -> None:
        self.brokers = kafka.brokers
        self.network = kafka.network
        self.topics = topics
        self.settings = KafkaSettings(kafka.direct)
        self.publisher = publisher
        self.detectors = detectors
        self.alerts = alerts
        self.input = input
        self.artifact = folder / "artifact"
        self.clock = folder / "clock"
        self.stopped: Callable[[], bool] = lambda: False

    def tick(self) -> None:
        """Restart exited processes, read new alerts, and sleep for a moment."""
        for process in (self.publisher, *self.detectors):
            process.tick()
        self.alerts.poll()
        self.input.poll()
        time.sleep(TICK_SECONDS)

    def running(self) -> list[SupervisedProcess]:
        """Return the detectors that have started and are not stopped."""
        return [detector for detector in self.detectors if detector.steady and not detector.frozen]

    def running_detector(self, random: Random) -> Generator[None, None, SupervisedProcess]:
        """Wait until a detector runs, and choose one, preferably one with partitions."""
        while not (running := self.running()):
            yield
        return random.choice([detector for detector in running if detector.ready()] or running)

    def replaceable_detector(self, random: Random) -> Generator[None, None, SupervisedProcess]:
        """Wait until two detectors run, and choose one that the other can take over from."""
        while len(self.running()) < 2:
            if sum(detector.wanted for detector in self.detectors) < 2:
                self.add_detector()
            yield
        return (yield from self.running_detector(random))

    def add_detector(self) -> bool:
        """Start one more detector; return False if all run already."""
        for detector in self.detectors:
            if not detector.wanted:
                detector.wanted = True
                return True
        return False

    def remove_detector(self) -> SupervisedProcess | None:
        """Return a detector that is no longer restarted; None if it is the last one."""
        wanted = [detector for detector in self.detectors if detector.wanted]
        if len(wanted) < 2:
            return None
        wanted[-1].wanted = False
        return wanted[-1]

    def failures(self) -> int:
        """Return how many times a detector ended that was neither killed nor asked to end."""
        wanted = {0, -signal.SIGKILL, -signal.SIGTERM}
        return sum(
            count
            for detector in self.detectors
            for code, count in detector.exits.items()
            if code not in wanted
        )

    def pause(self, seconds: float) -> Wait:
        """Wait for a time, or until the campaign is stopped."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.stopped():
            yield


Fault = Generator[None, None, float | None]
"""A fault, to be stepped until it is over. Returns the time from which recovery is measured, in
seconds since the epoch, or None if it could not be injected."""

FaultInjector = Callable[[System, Random], Fault]


def in_background(*steps: Callable[[], None]) -> Wait:
    """Run blocking functions, each in a thread of its own, and wait for them.

    Raises:
        BaseException: any exception of the function.
    """
    raised: list[BaseException] = []

    def run(step: Callable[[], None]) -> None:
        try:
            step()
        except BaseException as error:  # noqa: BLE001 - raised again below, in the waiting thread
            raised.append(error)

    threads = [threading.Thread(target=run, args=(step,)) for step in steps]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        yield
    if raised:
        raise raised[0]
