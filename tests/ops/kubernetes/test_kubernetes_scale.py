"""docs/scale.md reckons with what other pages say was measured, and with the manifests."""

import re

import pytest

from events.topics import Topics
from tests.support.manifests import ROOT, as_files

DOCS = ROOT / "docs"
PAGE = (DOCS / "scale.md").read_text()

_MEASURED = re.compile(
    r"^\| (?P<what>[^|]+) \| (?P<figure>[\d.,]+) \| (?P<where>[^|]+) \|$", re.MULTILINE
)
_LINK = re.compile(r"\]\(([\w.-]+)\)")


def test_every_measured_figure_is_on_the_linked_page() -> None:
    table = PAGE.partition("## Measurements")[2].partition("The size of a record")[0]
    rows = list(_MEASURED.finditer(table))
    assert len(rows) == 15
    page = ""
    for row in rows:
        if link := _LINK.search(row["where"]):
            page = (DOCS / link[1]).read_text()
        assert re.search(rf"(?<![\d.,]){re.escape(row['figure'])}(?![\d,]|\.\d)", page), row["what"]


def test_it_reckons_with_the_partitions_and_thresholds_of_the_manifests() -> None:
    manifests = as_files()
    partitions = manifests.one("KafkaTopic", Topics().transactions)["spec"]["partitions"]
    assert f"`deploy/kubernetes` has {partitions}." in PAGE
    cpu, kafka = manifests.one("ScaledObject", "fraudstream-detector")["spec"]["triggers"]
    assert f"Plan with {cpu['metadata']['value']} % of a core each" in PAGE
    one_detector = next(_MEASURED.finditer(PAGE))["figure"]
    in_ten_seconds = 10 * int(one_detector.replace(",", ""))
    assert int(kafka["metadata"]["lagThreshold"]) == pytest.approx(in_ten_seconds, rel=0.01)
