"""A requested signal is sent once at its visit of its step, or never after it is withdrawn."""

import signal
from pathlib import Path

import pytest

from consumer.commit.sink import CommitStep
from tests.chaos.self_signal import SelfSignal, SelfSignalHook, SelfSignals


@pytest.fixture
def signals(tmp_path: Path) -> SelfSignals:
    return SelfSignals(tmp_path / "signals")


@pytest.fixture
def hook(signals: SelfSignals) -> SelfSignalHook:
    return SelfSignalHook(signals.folder)


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The signals that the process has sent to itself."""
    signals: list[int] = []
    monkeypatch.setattr("os.kill", lambda _pid, number: signals.append(number))
    return signals


def stop_at(number: int, step: CommitStep, visit: int = 1) -> SelfSignal:
    return SelfSignal(number, signal.SIGSTOP, step, visit)


def test_the_signal_is_sent_once_at_its_visit_of_its_step(
    signals: SelfSignals, hook: SelfSignalHook, received: list[int]
) -> None:
    signals.request(stop_at(1, CommitStep.COMMIT, visit=2))
    for step in (CommitStep.BEGIN, CommitStep.COMMIT, CommitStep.BEGIN):
        hook.hook(step)
    assert received == []
    hook.hook(CommitStep.COMMIT)
    hook.hook(CommitStep.COMMIT)
    assert received == [signal.SIGSTOP]
    assert signals.sent(1)
    assert not signals.withdraw(1)


def test_a_withdrawn_request_does_not_send_nor_disturb_the_next_one(
    signals: SelfSignals, hook: SelfSignalHook, received: list[int]
) -> None:
    signals.request(stop_at(1, CommitStep.COMMIT, visit=3))
    hook.hook(CommitStep.COMMIT)
    hook.hook(CommitStep.COMMIT)
    assert signals.withdraw(1)
    signals.request(SelfSignal(2, signal.SIGKILL, CommitStep.BEGIN, 1))
    hook.hook(CommitStep.COMMIT)
    assert received == []
    hook.hook(CommitStep.BEGIN)
    assert received == [signal.SIGKILL]
    assert signals.sent(2)
    assert not signals.sent(1)


def test_requests_are_served_in_their_order(
    signals: SelfSignals, hook: SelfSignalHook, received: list[int]
) -> None:
    signals.request(SelfSignal(12, signal.SIGKILL, CommitStep.DONE, 1))
    signals.request(stop_at(3, CommitStep.DONE))
    hook.hook(CommitStep.DONE)
    hook.hook(CommitStep.DONE)
    assert received == [signal.SIGSTOP, signal.SIGKILL]
