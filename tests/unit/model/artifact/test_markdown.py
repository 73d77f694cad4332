from model.artifact.markdown import table


def test_the_last_alignment_applies_to_the_columns_after_it() -> None:
    assert table(["a", "b", "c"], [["x", "1", "2"]], align="lr").splitlines() == [
        "| a | b | c |",
        "| --- | --: | --: |",
        "| x | 1 | 2 |",
    ]


def test_padded_cells_are_as_wide_as_their_column() -> None:
    rows = [["rate", "7"], ["p99", "12345"]]
    assert table(["", "ms"], rows, align="lr", padded=True).splitlines() == [
        "|      |    ms |",
        "| ---- | ----: |",
        "| rate |     7 |",
        "| p99  | 12345 |",
    ]


def test_bars_and_line_breaks_do_not_end_a_cell() -> None:
    assert table(["a"], [["x|y\n  z"]]).splitlines()[-1] == "| x\\|y z |"
