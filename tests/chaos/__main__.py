"""`python -m tests.chaos`: run a campaign of faults against the detector and print a report."""

import logging
import shlex
import shutil
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path

from errors import FraudstreamError
from fraudstream.progress import progress_bar
from fraudstream.stopping import stop_on_signals
from kafkaio.settings import LIBRDKAFKA_LOGGER
from tests.chaos.campaign import run
from tests.chaos.faults import Kind
from tests.chaos.report import as_text, check_page, write_page
from tests.chaos.testbed import Plan, make_stream


def parse() -> tuple[Plan, Namespace]:
    """Parse the command line into a plan and the remaining options; exit with 2 on an error."""
    parser = ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=40, help="number of faults to inject (40)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the schedule and stream (1)")
    parser.add_argument("--rate", type=float, default=300.0, help="records per second (300)")
    parser.add_argument(
        "--delivery", choices=["exactly-once", "at-least-once"], default="exactly-once"
    )
    parser.add_argument(
        "--brokers", type=int, choices=[1, 3], default=1, help="1, or 3 with three replicas (1)"
    )
    parser.add_argument(
        "--protocol",
        choices=["classic", "consumer"],
        default="classic",
        help="the detectors' group.protocol (classic)",
    )
    parser.add_argument(
        "--artifact", type=Path, help="folder of a real artifact; by default, V1 is the score"
    )
    parser.add_argument(
        "--longest-outage", type=float, default=60.0, help="seconds the broker is down at most (60)"
    )
    parser.add_argument("--only", default="", help="inject only kinds whose name contains this")
    parser.add_argument("--report", type=Path, help="Markdown page whose section to update")
    parser.add_argument("--keep", type=Path, help="new folder in which logs and data are kept")
    options = parser.parse_args()
    plan = Plan(
        faults=options.faults,
        seed=options.seed,
        rate=options.rate,
        delivery=options.delivery,
        brokers=options.brokers,
        protocol=options.protocol,
        artifact=options.artifact,
        longest_outage=options.longest_outage,
        only=options.only,
    )
    if plan.faults < 0 or plan.rate <= 0 or plan.longest_outage <= 0:
        parser.error("--faults must not be negative; --rate and --longest-outage must be positive.")
    if not any(plan.only in kind for kind in Kind):
        parser.error(f"No kind of fault contains {plan.only!r}: {'; '.join(Kind)}.")
    if options.keep and options.keep.exists():
        parser.error(f"{options.keep} exists already; name a new folder with --keep.")
    try:
        make_stream(plan)
        if options.report:
            check_page(options.report, plan)
    except Exception as error:  # noqa: BLE001 - an artifact can be invalid in many ways
        parser.error(str(error))
    return plan, options


def main() -> int:
    """Run a campaign; return 0 without violations, 1 with violations or a failed run."""
    plan, options = parse()
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S"
    )
    logging.getLogger(LIBRDKAFKA_LOGGER).setLevel(logging.CRITICAL)
    folder = options.keep or Path(tempfile.mkdtemp(prefix="fraudstream-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    stop = stop_on_signals()
    try:
        with progress_bar("Chaos", total=plan.faults, unit="faults") as advance:
            result = run(plan, folder, stopped=stop.is_set, progress=advance)
    except KeyboardInterrupt:
        print(f"Interrupted before the check; logs are kept in {folder}.", file=sys.stderr)
        return 130
    except FraudstreamError as error:
        print(f"Error: {error}\nLogs are kept in {folder}.", file=sys.stderr)
        return 1
    print(as_text(plan, result))
    if options.report:
        command = f"python -m tests.chaos {shlex.join(sys.argv[1:])}"
        write_page(options.report, plan, result, command)
    if result.violations:
        print(f"Logs are kept in {folder}.", file=sys.stderr)
        return 1
    if not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
