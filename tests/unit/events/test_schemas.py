"""The published schemas are current and valid, and accept exactly what the codec accepts."""

import json
import math
import re
import struct
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from events import compact
from events.asyncapi import document, files
from events.codec import (
    Encoding,
    dead_letter_headers,
    decode_alert,
    decode_journal_entry,
    decode_label,
    decode_transaction,
    encode,
)
from events.errors import PayloadError
from events.messages import FEATURES, Alert, DeadLetter, JournalEntry, Label, Transaction
from events.schemas import schemas
from events.topics import Topics
from fraudstream.main import fraudstream
from kafkaio.settings import DEFAULT_BROKER
from tests.support import strategies

FOLDER = Path(__file__).resolve().parent.parent.parent.parent / "docs" / "messages"
PUBLISHED = files(Topics(), version("fraudstream"), DEFAULT_BROKER)
DOCUMENT = PUBLISHED["asyncapi.json"]
VALIDATORS = {name: Draft202012Validator(schema) for name, schema in schemas().items()}
Message = Transaction | Label | Alert | JournalEntry
DECODERS: dict[str, Callable[[bytes | None], Message]] = {
    "Transaction": decode_transaction,
    "Label": decode_label,
    "Alert": decode_alert,
    "JournalEntry": decode_journal_entry,
}
MESSAGES = (
    strategies.transactions | strategies.labels | strategies.alerts | strategies.journal_entries
)

# Whole numbers with a fraction (1.0) are left out: JSON Schema takes them for integers, which the
# codec does not.
ANYTHING = (
    st.none()
    | st.booleans()
    | st.integers(-(10**13), 10**13)
    | st.floats(allow_nan=False, allow_infinity=False).filter(
        lambda number: not number.is_integer()
    )
    | st.text(max_size=70)
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)
)


def is_read(name: str, fields: dict[str, Any]) -> bool:
    """Whether the codec decodes an object with these fields as a message of that name."""
    try:
        DECODERS[name](json.dumps(fields).encode())
    except PayloadError:
        return False
    return True


def test_the_committed_files_are_what_the_command_writes(tmp_path: Path) -> None:
    answer = CliRunner().invoke(fraudstream, ["messages", "--out", str(tmp_path / "new")])
    assert answer.exit_code == 0
    written = {file.name: file.read_text() for file in (tmp_path / "new").iterdir()}
    committed = {file.name: file.read_text() for file in FOLDER.iterdir()}
    assert written == committed, "docs/messages is out of date; run `make docs`"


def test_the_command_prints_the_document_for_a_topic_prefix() -> None:
    answer = CliRunner().invoke(fraudstream, ["messages", "--topic-prefix", "x."])
    printed = json.loads(answer.output)
    assert printed == document(Topics("x."), version("fraudstream"), DEFAULT_BROKER)
    channels = printed["channels"].values()
    assert tuple(channel["address"] for channel in channels) == Topics("x.").all()


def test_an_unwritable_folder_is_reported_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    answer = CliRunner().invoke(fraudstream, ["messages", "--out", str(tmp_path / "file" / "in")])
    assert answer.exit_code == 2
    assert re.search(r"cannot write to .*: Not a directory\.\n$", answer.output)


@pytest.mark.parametrize("name", VALIDATORS)
def test_each_schema_is_valid_and_describes_each_field(name: str) -> None:
    schema = schemas()[name]
    Draft202012Validator.check_schema(schema)
    assert schema["description"]
    for field, described in schema["properties"].items():
        assert described["description"], field
        if described.get("type") in {"number", "integer"}:
            assert {"minimum", "maximum"} <= described.keys() or described["format"] == "int64", (
                field
            )


def everything(node: Any) -> Iterator[dict[str, Any]]:
    """Yield each object in a JSON document."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    for inner in node if isinstance(node, list) else ():
        yield from everything(inner)


def test_each_reference_of_the_document_resolves() -> None:
    references = [node["$ref"] for node in everything(DOCUMENT) if "$ref" in node]
    assert len(references) > 10
    for reference in references:
        found: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found


def test_the_document_refers_to_every_message_and_schema() -> None:
    references = {node["$ref"] for node in everything(DOCUMENT) if "$ref" in node}
    for kind in ("messages", "schemas"):
        for name in DOCUMENT["components"][kind]:
            assert f"#/components/{kind}/{name}" in references
    for message in DOCUMENT["components"]["messages"].values():
        for key in ("contentType", "summary", "payload", "bindings"):
            assert message[key]


@given(MESSAGES)
def test_encoded_messages_match_their_schema(message: Message) -> None:
    VALIDATORS[type(message).__name__].validate(json.loads(encode(message)))


@given(MESSAGES, st.data())
def test_a_schema_accepts_exactly_what_the_codec_accepts(
    message: Message, data: st.DataObject
) -> None:
    name, fields = type(message).__name__, json.loads(encode(message))
    changed = data.draw(st.sampled_from([*fields, "unknown"]))
    if data.draw(st.booleans()):
        fields.pop(changed, None)
    else:
        fields[changed] = data.draw(ANYTHING)
    assert VALIDATORS[name].is_valid(fields) == is_read(name, fields)


def beyond(kind: str, bound: float, to: float) -> float:
    """Return the next number beyond a bound, towards infinity."""
    step = 1 if to > 0 else -1
    return bound + step if kind == "integer" else math.nextafter(bound, to)


def bounded() -> Iterator[tuple[str, str, Any, Any]]:
    """Yield message, field, a value at a bound, and one just beyond it."""
    for name, schema in schemas().items():
        for field, described in schema["properties"].items():
            for bound, to in (("minimum", -math.inf), ("maximum", math.inf)):
                if bound in described:
                    yield (
                        name,
                        field,
                        described[bound],
                        beyond(described["type"], described[bound], to),
                    )
            for bound, step in (("minLength", -1), ("maxLength", 1)):
                if bound in described:
                    yield name, field, "é" * described[bound], "é" * (described[bound] + step)


GOOD: dict[str, Message] = {
    "Transaction": Transaction("row-0000001", *(1.5 for _ in FEATURES)),
    "Label": Label("row-0000001", 1, 2.5, 1),
    "Alert": Alert("row-0000001", 1, 2, 0.9, 0.5, "v", 2.5),
    "JournalEntry": JournalEntry("transactions", 0, 1, 2, 3, 4, 5),
}


@pytest.mark.parametrize(("name", "field", "at", "past"), list(bounded()))
def test_codec_and_schema_have_the_same_bounds(name: str, field: str, at: Any, past: Any) -> None:
    fields = json.loads(encode(GOOD[name]))
    assert VALIDATORS[name].is_valid(fields | {field: at})
    assert is_read(name, fields | {field: at})
    assert not VALIDATORS[name].is_valid(fields | {field: past})
    assert not is_read(name, fields | {field: past})


@given(strategies.dead_letters)
def test_dead_letter_headers_match_their_schema(letter: DeadLetter) -> None:
    headers = {name: (text or b"").decode() for name, text in dead_letter_headers(letter)}
    VALIDATORS["DeadLetterHeaders"].validate(headers)
    for missing in headers:
        rest = {name: text for name, text in headers.items() if name != missing}
        assert not VALIDATORS["DeadLetterHeaders"].is_valid(rest)


@given(strategies.transactions)
def test_the_compact_encoding_is_as_documented(transaction: Transaction) -> None:
    compact_message = DOCUMENT["components"]["messages"]["CompactTransaction"]
    layout = re.fullmatch(
        r"A transaction as bytes\. 0 to (\d+): (\d+) numbers, each a little-endian IEEE 754 "
        r"binary64 of 8 bytes, in the order Time, V1 to V28, Amount\. (\d+) to the end: "
        r"transaction_id in UTF-8, (\d+) to (\d+) characters\. .*",
        compact_message["payload"]["description"],
    )
    assert layout
    last, count, begin, *_ = map(int, layout.groups())
    value = Encoding.COMPACT.write(transaction)
    assert struct.unpack(f"<{count}d", value[: last + 1])[0] == transaction.Time
    assert struct.unpack(f"<{count}d", value[: last + 1])[-1] == transaction.Amount
    assert value[begin:].decode() == transaction.transaction_id
    headers = {name: text.decode() for name, text in [compact.HEADER]}
    Draft202012Validator(compact_message["headers"]).validate(headers)
    assert compact_message["contentType"] == headers["content-type"]
    Draft202012Validator(compact_message["bindings"]["kafka"]["key"]).validate(
        transaction.transaction_id
    )
