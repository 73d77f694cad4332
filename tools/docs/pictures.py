"""docs/architecture-*.svg: the stream and the rooms, each for light and for dark pages."""

from events.topics import Topics
from tools.docs.svg import DARK, LIGHT, Arrow, Box, picture

TOPICS = Topics()

IMPORTS = {
    "consumer": {"model", "events"},
    "producer": {"events", "dataset"},
    "broker": set(),
    "model": {"dataset"},
    "events": set(),
    "dataset": set(),
}
"""Which room imports which; `fraudstream` imports all."""

STREAM = (
    Box(20, 60, 140, 60, "process", ("replay", "pace, publish")),
    Box(55, 260, 105, 60, "process", ("train", "now and then")),
    Box(205, 65, 170, 50, "topic", (TOPICS.transactions,)),
    Box(205, 255, 170, 70, "store", ("artifact", "model.keras", "metadata.json")),
    Box(205, 445, 170, 50, "topic", (TOPICS.labels,)),
    # The loop.
    Box(420, 40, 190, 350, "frame", ("detect",)),
    Box(435, 76, 160, 44, "store", ("read", "what has arrived")),
    Box(435, 136, 160, 44, "store", ("decode", "bad ones set aside")),
    Box(435, 196, 160, 44, "store", ("score", "float32 [n, 30]")),
    Box(435, 256, 160, 44, "store", ("decide", "score ≥ threshold")),
    Box(435, 316, 160, 58, "store", ("commit", "all or nothing")),
    Arrow(((515, 120), (515, 136))),
    Arrow(((515, 180), (515, 196))),
    Arrow(((515, 240), (515, 256))),
    Arrow(((515, 300), (515, 316))),
    # What a commit writes.
    Box(655, 62, 200, 328, "group", ("one Kafka transaction",)),
    Box(670, 80, 170, 50, "store", ("offsets", "of what was read")),
    Box(670, 160, 170, 50, "topic", (TOPICS.journal, "if asked for")),
    Box(670, 240, 170, 50, "topic", (TOPICS.dead_letters,)),
    Box(670, 320, 170, 50, "topic", (TOPICS.alerts,)),
    Box(895, 240, 125, 50, "process", ("dead-letters", "list, show, replay")),
    Box(895, 320, 125, 50, "process", ("alerts", "follow")),
    Box(670, 440, 170, 60, "process", ("quality", "precision, recall, money")),
    Box(895, 440, 125, 60, "store", ("Prometheus", "Grafana")),
    # The flow.
    Arrow(((160, 90), (205, 90))),
    Arrow(((35, 120), (35, 470), (205, 470)), "labels, later", (118, 462), later=True),
    Arrow(((375, 90), (420, 90))),
    Arrow(((160, 290), (205, 290))),
    Arrow(((375, 290), (397, 290), (397, 218), (435, 218))),
    Arrow(((595, 345), (655, 345))),
    Arrow(((375, 470), (670, 470))),
    Arrow(((755, 370), (755, 440))),
    Arrow(((840, 265), (895, 265))),
    Arrow(((840, 345), (895, 345))),
    Arrow(((840, 470), (895, 470)), later=True),
    Arrow(
        ((470, 390), (470, 530), (957, 530), (957, 500)),
        "latency, lag, verdicts: /metrics",
        (620, 522),
        later=True,
    ),
)

_CENTRES = {
    "fraudstream": (330, 40),
    "consumer": (120, 150),
    "producer": (330, 150),
    "broker": (540, 150),
    "model": (120, 260),
    "events": (330, 260),
    "dataset": (540, 260),
}
_HALF = (80, 24)


def files() -> dict[str, str]:
    """Return the pictures by the names of their files."""
    drawn = {
        "stream": ((1040, 545), "The stream, and the loop of the detector", STREAM),
        "rooms": ((660, 330), "The rooms, and which imports which", _rooms()),
    }
    return {
        f"architecture-{name}-{theme}.svg": picture(size, title, shapes, colours)
        for name, (size, title, shapes) in drawn.items()
        for theme, colours in (("light", LIGHT), ("dark", DARK))
    }


def _rooms() -> list[Box | Arrow]:
    kinds = {"fraudstream": "process"}
    boxes = [
        Box(
            x - _HALF[0],
            y - _HALF[1],
            2 * _HALF[0],
            2 * _HALF[1],
            kinds.get(name, "store"),
            (name,),
        )
        for name, (x, y) in _CENTRES.items()
    ]
    below = [("fraudstream", name) for name in ("consumer", "producer", "broker")]
    imports = [(room, other) for room, others in IMPORTS.items() for other in sorted(others)]
    return [*boxes, *(_import(*it) for it in below + imports)]


def _import(room: str, other: str) -> Arrow:
    """Return the arrow from a room to one below it, or around the one between."""
    (x, y), (to_x, to_y) = _CENTRES[room], _CENTRES[other]
    if y == to_y:
        return Arrow(((x, y + 24), (x, y + 52), (to_x, y + 52), (to_x, y + 24)))
    lean = (to_x - x) / 7
    return Arrow(((x + lean, y + 24), (to_x - lean, to_y - 24)))
