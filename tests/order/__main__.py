"""Run many schedules: `python -m tests.order --schedules 1000000 [--seed 0] [--processes 2]`."""

import argparse
import multiprocessing
import os
import time

from fraudstream.progress import progress_bar
from tests.order.walk import BLOCK, walk_block


def main() -> None:
    """Run the schedules and print their number; stop at the first violated invariant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--schedules", type=int, default=100_000, help="how many (rounded up to 1,000)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the first one")
    parser.add_argument(
        "--delivery", choices=["exactly-once", "at-least-once"], default="exactly-once"
    )
    parser.add_argument(
        "--expire",
        action="store_true",
        help="keep no positions in the journal, and let the group's offsets expire",
    )
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args()
    firsts = range(options.seed, options.seed + options.schedules, BLOCK)
    started = time.monotonic()
    tasks = [(options.delivery, not options.expire, first) for first in firsts]
    with (
        multiprocessing.get_context("spawn").Pool(options.processes) as pool,
        progress_bar("Running", len(firsts) * BLOCK, unit="schedules") as advance,
    ):
        for _ in pool.imap_unordered(walk_block, tasks):
            advance(BLOCK)
    seconds = time.monotonic() - started
    print(f"{len(firsts) * BLOCK:,} schedules, {options.delivery}: no violation, {seconds:,.0f} s")


if __name__ == "__main__":
    main()
