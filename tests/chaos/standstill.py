"""`python -m tests.chaos.standstill`: how long partitions stand still when the group changes.

A detector joins, is stopped (SIGTERM) or dies (SIGKILL), by either group protocol, while records
arrive at a constant rate. A partition that stands still delays its alerts: the longest time between
a record's publication and its alert is the standstill, and the delay without an event the baseline.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from statistics import median
from typing import get_args

from fraudstream.stopping import stop_on_signals
from tests.chaos.stream import PARTITIONS
from tests.chaos.system import System
from tests.chaos.tables import Table
from tests.chaos.testbed import Plan, Protocol, build

CALM_SECONDS = 5.0  # without an event, until the group has settled
WATCH_SECONDS = 12.0  # after an event; the group notices a death after 6 s
STANDSTILL_SECONDS = 0.5  # a longer wait is a standstill, if the machine is not busy
BEGIN, END = "<!-- standstill: begin -->", "<!-- standstill: end -->"


def joins(system: System, _random: Random) -> None:
    """Start a third detector."""
    system.detectors[2].wanted = True


def stops(system: System, random: Random) -> None:
    """Stop one of the detectors in an orderly way."""
    _end(system, random, signal.SIGTERM)


def dies(system: System, random: Random) -> None:
    """Kill one of the detectors."""
    _end(system, random, signal.SIGKILL)


def nothing(_system: System, _random: Random) -> None:
    """Change nothing: the baseline."""


EVENTS: dict[str, Callable[[System, Random], None]] = {
    "a detector joins": joins,
    "a detector is stopped": stops,
    "a detector is killed": dies,
    "nothing happens": nothing,
}


def measure(protocol: Protocol, repeats: int, rate: float) -> dict[str, list[list[float]]]:
    """Return the partitions' longest waits in seconds, of each repetition, by event."""
    waits: dict[str, list[list[float]]] = {event: [] for event in EVENTS}
    random = Random(1)
    with _system(Plan(faults=0, rate=rate, protocol=protocol)) as system:
        for _ in range(repeats):
            for event, cause in EVENTS.items():
                _settle(system, 3 if cause in {stops, dies} else 2)
                system.alerts.reset()
                cause(system, random)
                _tick(system, WATCH_SECONDS)
                while len(system.alerts.longest_waits()) < PARTITIONS:
                    _tick(system, 0.5)
                waits[event].append(sorted(system.alerts.longest_waits().values()))
    return waits


def table(waits: dict[Protocol, dict[str, list[list[float]]]]) -> Table:
    """Return the standstill by event and protocol."""
    rows = []
    for event in EVENTS:
        for protocol, events in waits.items():
            longest = [repetition[-1] for repetition in events[event]]
            still = [
                sum(wait > STANDSTILL_SECONDS for wait in repetition)
                for repetition in events[event]
            ]
            rows.append(
                (
                    event,
                    protocol,
                    f"{median(longest):.2f} s",
                    f"{max(longest):.2f} s",
                    f"{median(still):g} of {len(events[event][0])}",
                )
            )
    header = ("event", "protocol", "longest wait p50", "max", "partitions that stood still")
    return Table(header, tuple(rows))


def write_page(path: Path, measured: Table, command: str) -> None:
    """Replace the table between the markers of a Markdown page.

    Raises:
        ValueError: if the page has no markers.
    """
    before, found, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _old, closed, after = rest.partition(END)
    if not found or not closed:
        raise ValueError(f"{path} has no section between {BEGIN} and {END}.")
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    section = f"`{command}`, load {load:.1f} a core at the end.\n\n{measured.markdown()}"
    path.write_text(f"{before}{BEGIN}\n{section}\n{END}{after}", encoding="utf-8")


@contextmanager
def _system(plan: Plan) -> Iterator[System]:
    with (
        tempfile.TemporaryDirectory(prefix="fraudstream-standstill-") as folder,
        build(plan, Path(folder)) as (system, _context),
    ):
        system.stopped = stop_on_signals().is_set
        system.publisher.wanted = True
        yield system


def _settle(system: System, detectors: int) -> None:
    """Wait until so many detectors share the partitions, and every partition yields alerts."""
    for number, detector in enumerate(system.detectors):
        detector.wanted = number < detectors
        if not detector.wanted:
            detector.send(signal.SIGTERM)
    while True:
        system.alerts.reset()
        _tick(system, CALM_SECONDS)
        running = [detector for detector in system.detectors if detector.pid is not None]
        flows = len(system.alerts.longest_waits()) == PARTITIONS
        if len(running) == detectors and all(detector.ready() for detector in running) and flows:
            return


def _end(system: System, random: Random, number: signal.Signals) -> None:
    victim = random.choice(system.running())
    victim.wanted = False
    victim.send(number)


def _tick(system: System, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if system.stopped():
            sys.exit("Interrupted.")
        system.tick()


def main() -> None:
    """Measure with both protocols and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.standstill", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="of each event (5)")
    parser.add_argument("--rate", type=float, default=300.0, help="records per second (300)")
    parser.add_argument("--report", type=Path, help="Markdown page whose section to update")
    options = parser.parse_args()
    measured = table(
        {name: measure(name, options.repeats, options.rate) for name in get_args(Protocol)}
    )
    print(measured.text())
    if options.report:
        command = f"python -m tests.chaos.standstill {' '.join(sys.argv[1:])}".strip()
        write_page(options.report, measured, command)


if __name__ == "__main__":
    main()
