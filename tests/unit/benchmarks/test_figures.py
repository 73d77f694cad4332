"""The arithmetic of the benchmarks and the sections of report pages."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.harness import report
from benchmarks.harness.backlog import SPACING, drain_window
from benchmarks.harness.errors import BenchmarkError
from benchmarks.harness.transactions import TransactionPool
from benchmarks.operations.memory import fit, sparkline
from benchmarks.speed.latency import flag, flagged_share
from events.codec import Encoding, decode_transaction
from events.messages import FEATURES, Transaction

NANOSECONDS = 1_000_000_000


@pytest.mark.parametrize("encoding", Encoding)
def test_a_payload_is_a_transaction_with_the_given_id(encoding: Encoding) -> None:
    numbers = {name: float(index) for index, name in enumerate(FEATURES)}
    row = encoding.write(Transaction(transaction_id="", **numbers))
    pool = TransactionPool(
        (row.removeprefix(b'{"transaction_id":"'),), flagged=(), encoding=encoding
    )
    value = pool.payload(7, b"round-000000007", flagged=False)
    assert decode_transaction(value, encoding.headers) == Transaction("round-000000007", **numbers)


def test_low_rates_have_a_larger_flagged_share() -> None:
    assert flagged_share(30_000) == 0.002
    assert flagged_share(1_000) == 0.02
    assert flagged_share(100) == 0.1
    assert np.array_equal(flag(5000, 0.01, seed=1), flag(5000, 0.01, seed=1))
    assert flag(5000, 0.0, seed=1).tolist() == [False] * 4999 + [True]


def test_throughput_is_counted_from_the_first_commit_to_the_last() -> None:
    # Five commits 40 ms apart with two alerts each: eight alerts after the first commit.
    arrivals = {
        b"%d-%d" % (commit, alert): [commit * 40_000_000 + alert * 100_000]
        for commit in range(5)
        for alert in range(2)
    }
    seconds = 0.160  # the last alert of the first commit to the last alert of the last
    assert drain_window(arrivals).rate == pytest.approx(8 * SPACING / seconds)


def test_a_duplicate_alert_invalidates_the_throughput() -> None:
    with pytest.raises(BenchmarkError, match="1 alerts came twice"):
        drain_window({b"a": [0, NANOSECONDS], b"b": [2 * NANOSECONDS]})


def test_a_leak_has_a_significant_slope_and_noise_has_none() -> None:
    moments = np.arange(60.0, 600.0)
    noise = np.random.default_rng(5).normal(0, 2, len(moments))
    flat = fit(moments, 700 + noise)
    leaking = fit(moments, 700 + noise + 30 * moments / 3600)
    assert abs(flat.slope) < 3 * flat.error
    assert leaking.slope - flat.slope == pytest.approx(30, rel=0.01)
    assert leaking.slope > 3 * leaking.error


def test_the_standard_error_is_that_of_least_squares() -> None:
    # Points a block apart: 1, 2, 4 megabytes. Slope 1.5 and residuals 1/6, -1/3, 1/6 a block.
    line = fit(np.array([0.0, 15.0, 30.0]), np.array([1.0, 2.0, 4.0]))
    blocks_an_hour = 3600 / 15
    assert line.slope == pytest.approx(1.5 * blocks_an_hour)
    assert line.error == pytest.approx((1 / 6 / 2) ** 0.5 * blocks_an_hour)


def test_a_slope_needs_three_points() -> None:
    with pytest.raises(BenchmarkError, match="three times 15 s"):
        fit(np.array([60.0, 75.0]), np.array([1.0, 2.0]))


def test_a_sparkline_is_scaled_from_the_smallest_to_the_largest_value() -> None:
    assert sparkline(np.arange(8.0)) == "▁▂▃▄▅▆▇█"
    assert sparkline(np.ones(3)) == "▁▁▁"


def test_writing_a_section_leaves_the_rest_of_the_page_unchanged(tmp_path: Path) -> None:
    page = tmp_path / "docs" / "page.md"
    report.write_section(page, "one", "first")
    report.write_section(page, "two", "second")
    page.write_text("# Title\n\n" + page.read_text() + "\nThe end.\n")
    report.write_section(page, "one", "changed")
    assert page.read_text() == (
        "# Title\n\n<!-- one: begin -->\nchanged\n<!-- one: end -->\n\n"
        "<!-- two: begin -->\nsecond\n<!-- two: end -->\n\nThe end.\n"
    )
    assert [file.name for file in page.parent.iterdir()] == ["page.md"]


def test_a_section_without_an_end_is_rejected(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- one: begin -->\nfirst\n\nThe rest of the page.\n")
    with pytest.raises(BenchmarkError, match="no <!-- one: end -->"):
        report.write_section(page, "one", "changed")
    assert "The rest of the page." in page.read_text()
