"""The report: what was inflicted, what was found, how long recovery took; printed and kept."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

from broker import jars
from fraudstream.main import INTERRUPTED
from tests.chaos.building import Plan
from tests.chaos.faults import Kind
from tests.chaos.tables import Table
from tests.chaos.tally import Tally
from tests.chaos.verify import Verdict


def title(plan: Plan, tally: Tally) -> str:
    """Return what was done, in a line."""
    return (
        f"{tally.inflicted.total()} faults in {tally.seconds / 60:.1f} min, {plan.delivery}, "
        f"seed {plan.seed}, {plan.rate:g} transactions a second"
    )


def verdict_line(tally: Tally) -> str:
    """Return the outcome, in a line or a line for each failure."""
    if tally.failures:
        return "NOT as promised:\n" + "\n".join(f"- {failure}" for failure in tally.failures)
    return "All as promised."


def tables(tally: Tally) -> list[Table]:
    """Return the report's tables, in their order."""
    found = [] if tally.verdict is None else [_found(tally.verdict)]
    return [*found, _detectors(tally), _faults(tally)]


def as_text(plan: Plan, tally: Tally) -> str:
    """Return the report for a terminal."""
    parts = [title(plan, tally), *(table.text() for table in tables(tally)), verdict_line(tally)]
    return "\n\n".join(parts)


def check_page(path: Path, plan: Plan) -> None:
    """See that a page has the section that `write_page` will fill, before a long run.

    Raises:
        ValueError: if it has not, or is not there.
    """
    _with_section(path, plan, "")


def write_page(path: Path, plan: Plan, tally: Tally, command: str) -> None:
    """Put the report into its section of a Markdown page; whole or not at all.

    Raises:
        ValueError: if the page has no such section, or is not there.
    """
    section = "\n\n".join(
        [
            f"{title(plan, tally)}; {datetime.now(UTC):%Y-%m-%d}; {_versions()}:",
            f"```sh\n{command}\n```",
            *(table.markdown() for table in tables(tally)),
            verdict_line(tally),
        ]
    )
    page = _with_section(path, plan, section)
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(page)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _with_section(path: Path, plan: Plan, section: str) -> str:
    """Return the page with the section in place of the one it had."""
    if not path.is_file():
        raise ValueError(f"There is no page {path} to put a report into; docs/chaos.md is one.")
    begin, end = f"<!-- {plan.delivery} -->", f"<!-- end of {plan.delivery} -->"
    before, found, rest = path.read_text(encoding="utf-8").partition(begin)
    _old, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{path} has no section between {begin} and {end}.")
    return f"{before}{begin}\n\n{section}\n\n{end}{after}"


def _found(verdict: Verdict) -> Table:
    coverage, alerts, letters = verdict.coverage, verdict.alerts, verdict.dead_letters
    done = coverage.scored + coverage.refused
    rows: dict[str, tuple[int, ...]] = {
        "records scored or refused": (
            *(verdict.published, done, coverage.gaps, coverage.overlaps, len(coverage.wrong)),
        ),
        "dead letters": (
            *(letters.expected, letters.delivered, len(letters.lost), letters.duplicates),
            len(letters.unexpected),
        ),
        "alerts": (
            *(alerts.expected, alerts.delivered, len(alerts.lost), alerts.duplicates),
            len(alerts.unexpected) + len(verdict.altered),
        ),
    }
    header = ("read by a committed reader", "expected", "delivered", "lost", "duplicated", "wrong")
    return Table(
        header, tuple((what, *(f"{count:,}" for count in counts)) for what, counts in rows.items())
    )


def _detectors(tally: Tally) -> Table:
    logged, endings = tally.logged, tally.endings
    counts = {
        "killed with -9": tally.kills,
        "- of these at a step of a commit": tally.kills_at_steps,
        "- of those between its beginning and its end": tally.kills_within,
        "ended orderly (exit code 0)": endings[0],
        "gave up, to be started anew (exit code 1)": endings[1],
        "refused to start (exit code 2)": endings[2],
        "told to end a second time, and did (exit code 130)": endings[INTERRUPTED],
        "commits aborted and done again": logged["aborted"],
        "commits of zombies that Kafka refused": logged["fenced"],
        "told that their partitions went to others": logged["lost"],
        "told offsets that the group had passed": logged["forgotten"],
    }
    return Table(("detectors", "times"), tuple((name, f"{n:,}") for name, n in counts.items()))


def _faults(tally: Tally) -> Table:
    """Return the faults by kind, with the recovery times of those that came alone."""
    rows = [
        (str(kind), f"{tally.inflicted[kind]:,}", *_times(tally.recoveries.get(kind, [])))
        for kind in Kind
        if tally.inflicted[kind]
    ]
    alone = [time for times in tally.recoveries.values() for time in times]
    rows.append(("all faults", f"{tally.inflicted.total():,}", *_times(alone)))
    rows.append(("no fault: what the measure itself takes", "", *_times(tally.undisturbed)))
    return Table(("fault", "times", "alone", "recovery p50", "worst"), tuple(rows))


def _times(seconds: list[float]) -> tuple[str, str, str]:
    if not seconds:
        return "", "", ""
    return str(len(seconds)), f"{median(seconds):.2f} s", f"{max(seconds):.2f} s"


def _versions() -> str:
    client = version("confluent-kafka")
    return (
        f"Apache Kafka {jars.KAFKA_VERSION}, confluent-kafka {client}, "
        f"Python {platform.python_version()}, {os.cpu_count()} cores"
    )
