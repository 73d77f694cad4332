from itertools import islice

import pandas as pd

from producer.rows import CHUNK_ROWS, rows, transaction_id


def test_an_id_follows_from_row_and_pass() -> None:
    assert transaction_id(41) == "row-0000041"
    assert transaction_id(284_806, 2) == "row-0284806-pass-2"


def test_a_row_carries_its_features_and_not_its_label(frame: pd.DataFrame) -> None:
    row = list(rows(frame, loop=False))[3]

    assert row.transaction.transaction_id == "row-0000003"
    assert (row.transaction.Time, row.transaction.V1, row.transaction.Amount) == (30.0, 3.0, 0.5)
    assert row.label == 1
    assert not hasattr(row.transaction, "Class")


def test_ids_come_from_the_file_where_the_frame_begins_later(frame: pd.DataFrame) -> None:
    later = list(rows(frame.iloc[7:], loop=False))

    assert [row.transaction.transaction_id for row in later] == [
        "row-0000007",
        "row-0000008",
        "row-0000009",
    ]
    assert [row.stream_seconds for row in later] == [0, 10, 20]


def test_every_row_comes_once_over_many_chunks(frame: pd.DataFrame) -> None:
    long = pd.concat([frame] * 250, ignore_index=True)
    assert len(long) > 2 * CHUNK_ROWS

    ids = [row.transaction.transaction_id for row in rows(long, loop=False)]

    assert ids == [transaction_id(row) for row in range(2_500)]


def test_passes_go_on_in_stream_time_with_ids_of_their_own(frame: pd.DataFrame) -> None:
    passes = list(islice(rows(frame, loop=True), 25))

    assert len({row.transaction.transaction_id for row in passes}) == 25
    assert passes[10].transaction.transaction_id == "row-0000000-pass-2"
    assert passes[24].transaction.transaction_id == "row-0000004-pass-3"
    # A pass takes 90 s, and a second lies between two.
    assert [row.stream_seconds for row in passes[9:12]] == [90, 91, 101]
    assert passes[20].stream_seconds == 182
    # The model's input stays the row's own.
    assert passes[11].transaction.Time == 10
