"""The pages that people read, taken apart: links, headings, code."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

_SHELL = {"sh", "bash", "console"}


@cache
def tokens(page: Path) -> list[Token]:
    """Return a page's blocks, and what is within them, one after another."""
    blocks = MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))
    return [it for block in blocks for it in (block, *(block.children or ()))]


def links(page: Path) -> Iterator[str]:
    """Yield where links and pictures of a page lead to, those in HTML too."""
    for token in tokens(page):
        for attribute in ("href", "src"):
            if attribute in token.attrs:
                yield str(token.attrs[attribute])
        if token.type in {"html_block", "html_inline"}:
            yield from re.findall(r'(?:href|src|srcset)="([^"]*)"', token.content)


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to a page's headings.

    Small letters, without punctuation, with hyphens for blanks; one that comes again is numbered.
    """
    found: Counter[str] = Counter()
    all_of_them = set()
    blocks = tokens(page)
    for opening, inside in pairwise(blocks):
        if opening.type == "heading_open":
            text = "".join(it.content for it in inside.children or ())
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            all_of_them.add(f"{slug}-{found[slug]}" if found[slug] else slug)
            found[slug] += 1
    return all_of_them


def spans(page: Path) -> list[str]:
    """Return what stands in code style within a page's sentences and tables."""
    return [" ".join(it.content.split()) for it in tokens(page) if it.type == "code_inline"]


def shell_lines(page: Path) -> list[str]:
    """Return the lines of a page's shell blocks; one that goes on on the next is one."""
    blocks = [it.content for it in tokens(page) if it.type == "fence" and it.info in _SHELL]
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
