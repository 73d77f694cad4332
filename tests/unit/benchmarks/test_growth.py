"""What is tried as the work grows, and what is told of it."""

from dataclasses import replace

import pytest

from benchmarks.harness.errors import BenchmarkError
from benchmarks.harness.runs import Run
from benchmarks.speed import growth
from benchmarks.speed.growth import BATCHES, TOPICS, Setting, check_room, series, table, topics
from events.codec import Encoding


def test_each_setting_differs_from_the_usual_one_by_one_thing() -> None:
    usual = Setting(1000)
    tried = series(1000)
    assert [it.partitions for it in tried["partitions"].values()] == [1, 2, 4, 8]
    assert [it.batch_maximum for it in tried[BATCHES].values()] == [64, 256, 1024, 4096, 16_384]
    assert tried["partitions"]["4"] == tried[BATCHES]["16,384"] == usual
    assert tried["replicas"]["2"] == replace(usual, records=2000, replicas=2)
    long = [it.records for it in topics()[TOPICS].values()]
    assert long == [1_000_000, 3_000_000, 10_000_000]


def test_settings_have_names_of_their_own() -> None:
    tried = {it for one in (series(1000) | topics()).values() for it in one.values()}
    assert len({it.name for it in tried}) == len(tried)


def test_the_table_has_medians_and_the_most_memory() -> None:
    setting = Setting(1000)
    runs = [Run(rate, 6.0 + rate, 500 + rate, 4.0) for rate in (100.0, 300.0, 200.0)]
    row = table({"partitions": {"4": setting}}, {setting.name: runs}).splitlines()[2]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["partitions: 4", "200", "100 to 300", "206.0", "800"]


def test_what_the_disk_has_no_room_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "free_bytes", lambda: 1_000_000_000)
    check_room({(1_000_000, Encoding.JSON, 4)})
    with pytest.raises(BenchmarkError, match=r"take 3 GB of .*, which has 1 GB left"):
        check_room({(10_000_000, Encoding.COMPACT, 4)})
