"""`python -m tests.chaos`: kill it, count, and print the table."""

import logging
import shlex
import shutil
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path

from fraudstream.progress import progress_bar
from fraudstream.stopping import stop_on_signals
from kafkaio.settings import LIBRDKAFKA_LOGGER
from tests.chaos.building import Plan, make_stream
from tests.chaos.campaign import run
from tests.chaos.faults import Kind
from tests.chaos.report import as_text, check_page, write_page


def parse() -> tuple[Plan, Namespace]:
    """Return the plan that was asked for, and the rest; a mistake is a sentence and exit code 2."""
    parser = ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=40, help="how many to inflict (40)")
    parser.add_argument("--seed", type=int, default=1, help="of all that is drawn (1)")
    parser.add_argument("--rate", type=float, default=300.0, help="records a second (300)")
    parser.add_argument(
        "--delivery", choices=["exactly-once", "at-least-once"], default="exactly-once"
    )
    parser.add_argument(
        "--artifact", type=Path, help="folder of a real network's; without, the score is V1"
    )
    parser.add_argument(
        "--longest-outage", type=float, default=60.0, help="seconds, of the broker (60)"
    )
    parser.add_argument("--only", default="", help="kinds of faults whose names contain this")
    parser.add_argument("--report", type=Path, help="Markdown page whose section to fill")
    parser.add_argument("--keep", type=Path, help="new folder for logs and data, which stays")
    asked = parser.parse_args()
    plan = Plan(
        faults=asked.faults,
        seed=asked.seed,
        rate=asked.rate,
        delivery=asked.delivery,
        artifact=asked.artifact,
        longest_outage=asked.longest_outage,
        only=asked.only,
    )
    if plan.faults < 0 or plan.rate <= 0 or plan.longest_outage <= 0:
        parser.error("--faults must not be negative, --rate and --longest-outage be positive.")
    if not any(plan.only in kind for kind in Kind):
        parser.error(f"No kind of fault contains {plan.only!r}: {'; '.join(Kind)}.")
    if asked.keep and asked.keep.exists():
        parser.error(f"{asked.keep} is there already; name a new folder with --keep.")
    try:
        make_stream(plan)
        if asked.report:
            check_page(asked.report, plan)
    except Exception as error:  # noqa: BLE001 - an artifact may be unfit in many ways
        parser.error(str(error))
    return plan, asked


def main() -> int:
    """Run what was asked; 0 when all is as promised, 1 when it is not, 2 for a mistake."""
    plan, asked = parse()
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S"
    )
    logging.getLogger(LIBRDKAFKA_LOGGER).setLevel(logging.CRITICAL)
    folder = asked.keep or Path(tempfile.mkdtemp(prefix="fraudstream-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    stop = stop_on_signals()
    try:
        with progress_bar("Chaos", total=plan.faults, unit="faults") as advance:
            tally = run(plan, folder, stopped=stop.is_set, progress=advance)
    except KeyboardInterrupt:
        print(f"Interrupted, without a verdict; logs are kept in {folder}.", file=sys.stderr)
        return 130
    except Exception as error:
        if getattr(error, "exit_code", None) is None:
            raise
        print(f"Error: {error}\nLogs are kept in {folder}.", file=sys.stderr)
        return 1
    print(as_text(plan, tally))
    if asked.report:
        write_page(asked.report, plan, tally, f"python -m tests.chaos {shlex.join(sys.argv[1:])}")
    if tally.failures:
        print(f"Logs are kept in {folder}.", file=sys.stderr)
        return 1
    if not asked.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
