"""Links, headings, code and diagrams of the documentation pages."""

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
    """Return a page's blocks, each followed by its children."""
    blocks = MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))
    return [token for block in blocks for token in (block, *(block.children or ()))]


def links(page: Path) -> Iterator[str]:
    """Yield the targets of a page's links and images, including those in HTML."""
    for token in tokens(page):
        for attribute in ("href", "src"):
            if attribute in token.attrs:
                yield str(token.attrs[attribute])
        if token.type in {"html_block", "html_inline"}:
            yield from re.findall(r'(?:href|src|srcset)="([^"]*)"', token.content)


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to a page's headings.

    Lower case, without punctuation, hyphens for blanks; repeated headings are numbered.
    """
    seen: Counter[str] = Counter()
    found = set()
    blocks = tokens(page)
    for opening, inside in pairwise(blocks):
        if opening.type == "heading_open":
            text = "".join(child.content for child in inside.children or ())
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
    return found


def spans(page: Path) -> list[str]:
    """Return the code spans in a page's sentences and tables."""
    return [" ".join(span.content.split()) for span in tokens(page) if span.type == "code_inline"]


def shell_lines(page: Path) -> list[str]:
    """Return the lines of a page's shell blocks; continued lines are joined."""
    blocks = [block for language in sorted(_SHELL) for block in fences(page, language)]
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]


def fences(page: Path, language: str) -> list[str]:
    """Return a page's fenced code blocks in a language."""
    return [
        block.content for block in tokens(page) if block.type == "fence" and block.info == language
    ]


def mermaid_arrows(diagram: str) -> set[tuple[str, str]]:
    """Return the arrows of a Mermaid flowchart as (from, to); `a & b --> c` is two arrows."""
    arrows = set()
    for line in diagram.splitlines():
        ends = [part.strip().split(" & ") for part in re.split(r"-->", line)]
        for sources, targets in pairwise(ends):
            arrows |= {(source.strip(), target.strip()) for source in sources for target in targets}
    return arrows
