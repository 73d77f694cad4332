"""Invalid payloads by construction, independent of any decoder."""

import json

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from events.codec import encode
from events.messages import FEATURES
from tests.support.detector import transaction

GOOD = encode(transaction(0, fraud=True))
FIELDS = ("transaction_id", *FEATURES)
KNOWN = json.loads(GOOD)

fields = st.sampled_from(FIELDS)
numbers = st.sampled_from(FEATURES)


def with_literal(name: str, literal: str) -> bytes:
    """Return a valid payload with a field's value replaced by this text, JSON or not."""
    return json.dumps(KNOWN | {name: "@"}).replace('"@"', literal).encode()


def with_repeated(name: str, literal: str) -> bytes:
    return GOOD[:-1] + f', "{name}": {literal}}}'.encode()


def without(name: str) -> bytes:
    return json.dumps({field: KNOWN[field] for field in FIELDS if field != name}).encode()


wrong_numbers = st.one_of(
    st.sampled_from(['"1.5"', "null", "true", "[]", "{}", "[1.5]"]),
    st.sampled_from(["NaN", "Infinity", "-Infinity", "nan", "inf"]),
    st.sampled_from(["1e999", "-1e999", "1e300", "9" * 400, "-1e13"]),
    st.sampled_from(["1.", ".5", "+1", "0x10", "1e", "01", "--1"]),
)
nested = st.tuples(st.integers(150, 2000), st.sampled_from([("[", "]"), ('{"a":', "}")])).map(
    lambda drawn: drawn[1][0] * drawn[0] + "1" + drawn[1][1] * drawn[0]
)

bad_payloads: st.SearchStrategy[bytes | None] = st.one_of(
    st.integers(0, len(GOOD) - 1).map(lambda cut: GOOD[:cut]),  # truncated
    st.builds(with_literal, numbers, wrong_numbers),  # wrong types, not finite, huge
    st.builds(with_literal, st.just("transaction_id"), st.sampled_from(["1", "null", '""', "[]"])),
    st.builds(with_literal, st.sampled_from(["Time", "Amount"]), st.sampled_from(["-1", "-0.01"])),
    st.builds(
        lambda name, size: with_literal(name, "x" * size), fields, st.integers(16_400, 60_000)
    ),  # huge
    st.binary(max_size=400),  # binary
    st.sampled_from(["utf-16", "utf-32", "utf-8-sig", "utf-16-be"]).map(
        lambda encoding: GOOD.decode().encode(encoding)
    ),
    st.binary(min_size=1, max_size=3).map(
        lambda noise: GOOD.replace(b"row-", b"\xff" + noise.hex().encode())
    ),  # not UTF-8
    nested.map(lambda text: with_literal("later", text)),  # deep
    nested.map(str.encode),
    st.builds(with_repeated, fields, st.sampled_from(['"row-1"', "1.5", "0"])),  # duplicate keys
    fields.map(without),  # missing
    st.sampled_from([None, b"", b"null", b"{}", b"[]", GOOD + GOOD, GOOD + b"}"]),
)


def generate(count: int) -> list[bytes | None]:
    """Return that many invalid payloads, the same at each call."""
    collected: list[bytes | None] = []

    @seed(1)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(bad_payloads)
    def collect(payload: bytes | None) -> None:
        collected.append(payload)

    while len(collected) < count:  # Hypothesis may end earlier, if it has exhausted the strategy
        collect()
    return collected[:count]
