"""A few shapes of SVG: boxes with words in them, arrows with words beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from xml.sax.saxutils import escape

FONT = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif"


@dataclass(frozen=True, slots=True)
class Colours:
    """Of a picture on a background of its own kind; each a CSS colour.

    Attributes:
        text: words.
        faint: words that explain, arrows.
        fills: inside of a box, by its kind.
        edges: around a box, by its kind.
    """

    text: str
    faint: str
    fills: dict[str, str]
    edges: dict[str, str]


# As GitHub's own light and dark themes.
LIGHT = Colours(
    text="#1f2328",
    faint="#59636e",
    fills={"process": "#ddf4ff", "topic": "#fff8c5", "store": "#f6f8fa"},
    edges={"process": "#0969da", "topic": "#9a6700", "store": "#59636e", "group": "#1a7f37"},
)
DARK = Colours(
    text="#f0f6fc",
    faint="#9198a1",
    fills={"process": "#0c2d52", "topic": "#33290f", "store": "#1c232c"},
    edges={"process": "#4493f8", "topic": "#d29922", "store": "#9198a1", "group": "#3fb950"},
)


class Box(NamedTuple):
    """A box; a topic has round ends, a group is dashed, a frame is a process with others in it.

    Attributes:
        left: in pixels, as top, width and height.
        kind: "process", "topic", "store", "group" or "frame".
        lines: what stands in it, the first one bold; a group has one above it.
    """

    left: float
    top: float
    width: float
    height: float
    kind: str
    lines: Sequence[str] = ()


class Arrow(NamedTuple):
    """An arrow.

    Attributes:
        points: that it goes through, (x, y) in pixels; the head is at the last one.
        words: beside it.
        place: where these are centred.
        later: whether what goes there goes later, or is only measured: dashed.
    """

    points: Sequence[tuple[float, float]]
    words: str = ""
    place: tuple[float, float] = (0, 0)
    later: bool = False


def picture(
    size: tuple[int, int], title: str, shapes: Sequence[Box | Arrow], colours: Colours
) -> str:
    """Return a picture of that width and height with a transparent background."""
    width, height = size
    drawn = "\n".join(
        _box(it, colours) if isinstance(it, Box) else _arrow(it, colours) for it in shapes
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" font-family="{FONT}">\n'
        f"<title>{escape(title)}</title>\n"
        '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" '
        f'markerHeight="8" orient="auto"><path d="M0 1 10 5 0 9z" fill="{colours.faint}"/>'
        f"</marker></defs>\n{drawn}\n</svg>\n"
    )


def _box(box: Box, colours: Colours) -> str:
    kind = "process" if box.kind == "frame" else box.kind
    radius = box.height / 2 if box.kind == "topic" else 8
    dashes = ' stroke-dasharray="6 4"' if box.kind == "group" else ""
    rectangle = (
        f'<rect x="{box.left}" y="{box.top}" width="{box.width}" height="{box.height}" '
        f'rx="{radius}" fill="{colours.fills.get(kind, "none")}" stroke="{colours.edges[kind]}" '
        f'stroke-width="1.5"{dashes}/>'
    )
    x, middle = box.left + box.width / 2, box.top + box.height / 2
    if box.kind in {"group", "frame"}:
        colour, y = (colours.edges["group"], -8) if box.kind == "group" else (colours.text, 24)
        return f"{rectangle}\n{_words(box.lines[0], x, box.top + y, colour, bold=True)}"
    first = middle - 9 * (len(box.lines) - 1) + 5
    words = [
        _words(line, x, first + 18 * at, colours.faint if at else colours.text, bold=not at)
        for at, line in enumerate(box.lines)
    ]
    return "\n".join([rectangle, *words])


def _arrow(arrow: Arrow, colours: Colours) -> str:
    points = " ".join(f"{x},{y}" for x, y in arrow.points)
    dashes = ' stroke-dasharray="5 4"' if arrow.later else ""
    line = (
        f'<polyline points="{points}" fill="none" stroke="{colours.faint}" stroke-width="1.5" '
        f'marker-end="url(#head)"{dashes}/>'
    )
    words = _words(arrow.words, *arrow.place, colours.faint, bold=False) if arrow.words else ""
    return f"{line}\n{words}".rstrip()


def _words(text: str, x: float, y: float, colour: str, *, bold: bool) -> str:
    size, weight = (14, ' font-weight="600"') if bold else (12, "")
    return (
        f'<text x="{x}" y="{y}" font-size="{size}"{weight} fill="{colour}" '
        f'text-anchor="middle">{escape(text)}</text>'
    )
