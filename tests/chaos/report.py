"""The report: injected faults, lost and duplicated records, recovery times."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

from broker import jars
from fraudstream.main import INTERRUPTED
from tests.chaos.faults import Kind
from tests.chaos.result import CampaignResult
from tests.chaos.tables import Table
from tests.chaos.testbed import Plan
from tests.chaos.verify import Verdict


def title(plan: Plan, result: CampaignResult) -> str:
    """Return a one-line summary of the campaign."""
    return (
        f"{result.injected.total()} faults in {result.seconds / 60:.1f} min, {plan.section}, "
        f"seed {plan.seed}, {plan.rate:g} transactions a second"
    )


def verdict_line(result: CampaignResult) -> str:
    """Return one line without violations, otherwise one line for each."""
    lines = ["No violations."]
    if result.violations:
        lines = ["VIOLATIONS:", *(f"- {violation}" for violation in result.violations)]
    if result.verdict is not None and result.verdict.repeated:
        lines.append(
            f"\nKafka stored {result.verdict.repeated} of the publisher's records twice in the "
            "input; both count there."
        )
    return "\n".join(lines)


def tables(result: CampaignResult) -> list[Table]:
    """Return the report's tables in order."""
    records = [] if result.verdict is None else [_records(result.verdict)]
    return [*records, _detectors(result), *_reasons(result), _faults(result)]


def as_text(plan: Plan, result: CampaignResult) -> str:
    """Return the report for a terminal."""
    parts = [title(plan, result), *(table.text() for table in tables(result)), verdict_line(result)]
    return "\n\n".join(parts)


def check_page(path: Path, plan: Plan) -> None:
    """Check that a page has the section that `write_page` will replace, before a long run.

    Raises:
        ValueError: if the page or the section is missing.
    """
    _with_section(path, plan, "")


def write_page(path: Path, plan: Plan, result: CampaignResult, command: str) -> None:
    """Replace the report's section of a Markdown page atomically.

    Raises:
        ValueError: if the page or the section is missing.
    """
    section = "\n\n".join(
        [
            f"{title(plan, result)}; {datetime.now(UTC):%Y-%m-%d}; {_versions()}:",
            f"```sh\n{command}\n```",
            *(table.markdown() for table in tables(result)),
            verdict_line(result),
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
    """Return the page's text with the section replaced."""
    if not path.is_file():
        raise ValueError(f"There is no page {path}; docs/chaos.md has a section for the report.")
    begin, end = f"<!-- {plan.section} -->", f"<!-- end of {plan.section} -->"
    before, found, rest = path.read_text(encoding="utf-8").partition(begin)
    _old, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{path} has no section between {begin} and {end}.")
    return f"{before}{begin}\n\n{section}\n\n{end}{after}"


def _records(verdict: Verdict) -> Table:
    coverage, alerts, letters = verdict.coverage, verdict.alerts, verdict.dead_letters
    processed = coverage.scored + coverage.rejected
    rows: dict[str, tuple[int, ...]] = {
        "records scored or rejected": (
            *(verdict.published, processed, coverage.gaps, coverage.overlaps, len(coverage.wrong)),
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
    header = ("committed records", "expected", "delivered", "lost", "duplicated", "wrong")
    return Table(
        header, tuple((name, *(f"{count:,}" for count in counts)) for name, counts in rows.items())
    )


def _detectors(result: CampaignResult) -> Table:
    logged, exits = result.logged, result.exits
    counts = {
        "killed with -9": result.kills,
        "- of these at a step of a commit": result.kills_at_steps,
        "- of those between its beginning and its end": result.kills_within,
        "shut down orderly (exit code 0)": exits[0],
        "failed, to be restarted (exit code 1)": exits[1],
        "failed to start (exit code 2)": exits[2],
        "interrupted by a second SIGTERM (exit code 130)": exits[INTERRUPTED],
        "commits aborted and retried": logged["aborted"],
        "commits of zombies fenced by Kafka": logged["fenced"],
        "partitions lost to other members": logged["lost"],
        "outdated offsets received from the group": logged["forgotten"],
    }
    return Table(("detectors", "count"), tuple((name, f"{n:,}") for name, n in counts.items()))


def _reasons(result: CampaignResult) -> list[Table]:
    """Return why detectors ended that were neither killed nor asked to; no table if none did."""
    rows = tuple((reason, f"{count:,}") for reason, count in result.reasons.most_common())
    return [Table(("reason of an exit", "count"), rows)] if rows else []


def _faults(result: CampaignResult) -> Table:
    """Return the faults by kind, with the recovery times of those injected alone."""
    rows = [
        (
            str(kind),
            f"{result.injected[kind]:,}",
            *_times(result.recoveries.get(kind, [])),
            _median(result.arrivals.get(kind, [])),
            f"{result.failures[kind]:,}" if result.recoveries.get(kind) else "",
        )
        for kind in Kind
        if result.injected[kind]
    ]
    arrived = [time for times in result.arrivals.values() for time in times]
    measured = [time for times in result.recoveries.values() for time in times]
    rows.append(
        (
            "all faults",
            f"{result.injected.total():,}",
            *_times(measured),
            _median(arrived),
            f"{result.failures.total():,}",
        )
    )
    baseline = ("no fault (baseline of the measurement)", "", *_times(result.baseline), "", "")
    rows.append(baseline)
    header = ("fault", "injected", "alone", "recovery p50", "max", "Kafka alone p50", "exits")
    return Table(header, tuple(rows))


def _times(seconds: list[float]) -> tuple[str, str, str]:
    if not seconds:
        return "", "", ""
    return str(len(seconds)), _median(seconds), f"{max(seconds):.2f} s"


def _median(seconds: list[float]) -> str:
    return f"{median(seconds):.2f} s" if seconds else ""


def _versions() -> str:
    client = version("confluent-kafka")
    return (
        f"Apache Kafka {jars.KAFKA_VERSION}, confluent-kafka {client}, "
        f"Python {platform.python_version()}, {os.cpu_count()} cores"
    )
