"""A call that does not return is left behind; one that does, behaves as if it was made directly."""

import threading

import pytest

from consumer.commit.bounded_call import call_in_thread


def test_a_call_that_does_not_return_in_time_is_left_behind() -> None:
    let_go, returned = threading.Event(), threading.Event()

    def hang() -> None:
        let_go.wait()
        returned.set()

    with pytest.raises(TimeoutError):
        call_in_thread(hang, 0.01)
    assert not returned.is_set()
    let_go.set()
    assert returned.wait(60)


def test_a_call_that_returns_has_its_effect_and_its_error() -> None:
    done: list[str] = []
    call_in_thread(lambda: done.append("done"), 60)
    assert done == ["done"]

    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        call_in_thread(fail, 60)
