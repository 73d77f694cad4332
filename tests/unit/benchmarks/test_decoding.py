"""The benchmark of decoding measures each way with each encoding."""

from benchmarks.speed.decoding import as_records, measure, read_only, structs, table
from consumer.detector.decode import Decoder
from events.codec import Encoding
from events.messages import FEATURES


def test_each_way_is_measured_with_each_encoding() -> None:
    rows = [[float(number)] * len(FEATURES) for number in range(3)]
    records = {encoding: as_records(rows, encoding) for encoding in Encoding}
    measured = measure({"structs": structs, "reading": read_only}, records, rounds=1)
    assert list(measured) == [
        (name, encoding) for name in ("structs", "reading") for encoding in Encoding
    ]
    assert all(microseconds > 0 for microseconds in measured.values())
    assert "| structs " in table(measured)


def test_records_are_decoded_as_those_of_the_client() -> None:
    for encoding in Encoding:
        batch = Decoder(FEATURES).decode(as_records([[1.5] * len(FEATURES)], encoding))
        assert batch.ids == ["row-0000000"]
        assert not batch.rejections
