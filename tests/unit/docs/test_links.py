"""Links in the pages resolve: the file exists, and so does the heading."""

import re
from pathlib import Path

import pytest

from tests.support.pages import NAMES, PAGES, ROOT, anchors, links, spans

ROOMS = (
    "fraudstream broker producer consumer kafkaio model dataset events errors deploy docs tests "
    "benchmarks tools"
)
A_PATH = re.compile(rf"(?:{'|'.join(ROOMS.split())})/[\w./*-]*")

# External links are checked for their form only: no network.
OUTSIDE = re.compile(r"https://[\w.-]+\.[a-z]+(/[^\s<>]*)?")


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_each_link_resolves(page: Path) -> None:
    for link in links(page):
        if "://" in link:
            assert OUTSIDE.fullmatch(link), link
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_each_path_in_code_style_exists(page: Path) -> None:
    for span in spans(page):
        if A_PATH.fullmatch(span):
            assert any(ROOT.glob(span.rstrip("/"))), span


def test_the_readme_lists_each_page_once() -> None:
    readme = (ROOT / "README.md").read_text()
    listed = readme.partition("## Where things are\n")[2]
    for page in (ROOT / "docs").glob("*.md"):
        assert listed.count(f"(docs/{page.name})") == 1, page.name


def test_anchors_are_computed_as_github_does(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# What's *here*, and `there_too`?\n\n## Twice\n\n## Twice\n\n    # code\n")
    assert anchors(page) == {"whats-here-and-there_too", "twice", "twice-1"}
