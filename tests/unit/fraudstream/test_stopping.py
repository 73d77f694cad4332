"""Signals set a flag and take no lock, so they cannot deadlock whatever they interrupt."""

import signal
import subprocess
import sys

import pytest

STOPPED = """
import signal
from fraudstream.stopping import stop_on_signals

stop = stop_on_signals()
signal.raise_signal(signal.{name})
print(stop.is_set(), flush=True)
signal.raise_signal(signal.{name})
"""

# A second signal at each call and return within the handler of the first one.
TWICE = """
import signal, sys
from fraudstream.stopping import stop_on_signals

for moment in range(60):
    stop = stop_on_signals()
    left = moment

    def interrupt(*_):
        global left
        left -= 1
        if left == 0:
            signal.raise_signal(signal.SIGTERM)

    try:
        sys.setprofile(interrupt)
        signal.raise_signal(signal.SIGTERM)
        sys.setprofile(None)
    except KeyboardInterrupt:
        sys.setprofile(None)
    assert stop.is_set()
print("never blocked")
"""

HANGUP_IGNORED = """
import signal
from fraudstream.stopping import interrupt_on_sigterm, stop_on_signals

signal.signal(signal.SIGHUP, signal.SIG_IGN)
stop = stop_on_signals()
interrupt_on_sigterm()
signal.raise_signal(signal.SIGHUP)
print(stop.is_set())
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_the_first_signal_sets_the_flag_and_the_second_interrupts(name: str) -> None:
    process = run(STOPPED.format(name=name))
    assert process.stdout == "True\n"
    assert process.returncode in {130, -signal.SIGINT}
    assert "KeyboardInterrupt" in process.stderr


def test_a_signal_during_the_handler_of_another_one_blocks_nothing() -> None:
    assert run(TWICE).stdout == "never blocked\n"


def test_a_hangup_that_nohup_ignores_stays_ignored() -> None:
    assert run(HANGUP_IGNORED).stdout == "False\n"
