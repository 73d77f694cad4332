"""Compare the decoders on many values: `python -m tests.decoding [--numbers N] [--mutated N]`."""

import argparse
import time

from events.native.library import NativeDecoder
from tests.decoding.compare import compare_many
from tests.decoding.values import halfway, mutated, random_numbers, shuffled


def main() -> None:
    """Compare, and print how many values were usual; stop at the first difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--numbers", type=int, default=1_000_000, help="values with new numbers")
    parser.add_argument("--halfway", type=int, default=100_000, help="values with hard numbers")
    parser.add_argument("--mutated", type=int, default=300_000, help="values with changed bytes")
    parser.add_argument("--shuffled", type=int, default=30_000, help="values in another order")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    decoder = NativeDecoder()
    for make in (random_numbers, halfway, mutated, shuffled):
        count = getattr(options, make.__name__.removeprefix("random_"))
        started = time.monotonic()
        usual = compare_many(decoder, make, count, options.seed)
        seconds = time.monotonic() - started
        name = make.__name__.replace("_", " ")
        print(f"{name}: {count:,} values, {usual:,} of them usual, no difference, {seconds:,.0f} s")


if __name__ == "__main__":
    main()
