"""The scenarios of growth, their table, and the disk that they need."""

from dataclasses import replace

import pytest

from benchmarks.harness.drain import Run
from benchmarks.harness.errors import BenchmarkError
from benchmarks.speed import growth
from benchmarks.speed.growth import BATCHES, TOPICS, Scenario, check_room, series, table, topics
from events.codec import Encoding


def test_each_scenario_differs_from_the_defaults_in_one_thing() -> None:
    default = Scenario(1000)
    tried = series(1000)
    assert [scenario.partitions for scenario in tried["partitions"].values()] == [1, 2, 4, 8]
    assert [scenario.batch_maximum for scenario in tried[BATCHES].values()] == [
        64,
        256,
        1024,
        4096,
        16_384,
    ]
    assert tried["partitions"]["4"] == tried[BATCHES]["16,384"] == default
    assert tried["replicas"]["2"] == replace(default, records=2000, replicas=2)
    long = [scenario.records for scenario in topics()[TOPICS].values()]
    assert long == [1_000_000, 3_000_000, 10_000_000]


def test_scenarios_have_unique_names() -> None:
    tried = {each for one in (series(1000) | topics()).values() for each in one.values()}
    assert len({scenario.name for scenario in tried}) == len(tried)


def test_the_table_has_medians_and_peak_memory() -> None:
    scenario = Scenario(1000)
    runs = [Run(rate, 6.0 + rate, 500 + rate, 4.0) for rate in (100.0, 300.0, 200.0)]
    row = table({"partitions": {"4": scenario}}, {scenario.name: runs}).splitlines()[2]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["partitions: 4", "200", "100 to 300", "206.0", "800"]


def test_topics_that_do_not_fit_on_the_disk_are_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "free_bytes", lambda: 1_000_000_000)
    check_room({(1_000_000, Encoding.JSON, 4)})
    with pytest.raises(BenchmarkError, match=r"take 3 GB of .*, which has 1 GB left"):
        check_room({(10_000_000, Encoding.COMPACT, 4)})
