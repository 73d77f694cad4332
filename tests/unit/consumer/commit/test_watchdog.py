"""The watchdog ends a process whose call does not return, and says where it was stuck."""

import subprocess
import sys
import threading

from consumer.commit.watchdog import Watchdog
from tests.support.clock import ManualClock

STUCK = """
import time
from consumer.commit.watchdog import Watchdog

def stuck_in_librdkafka():
    time.sleep(60)

with Watchdog(0.1) as watchdog, watchdog.watching("A commit"):
    stuck_in_librdkafka()
"""


def test_only_an_overdue_call_ends_the_process() -> None:
    clock, messages = ManualClock(), list[str]()
    watchdog = Watchdog(5.0, end=messages.append, monotonic=clock)
    with watchdog.watching("A commit"):
        clock.now += 4.9
        watchdog.check()
        assert messages == []
        clock.now += 0.2
        watchdog.check()
        assert messages[0].startswith("A commit has not returned for 5 s")
    messages.clear()
    clock.now += 100
    watchdog.check()
    assert messages == []


def test_each_of_several_calls_is_watched() -> None:
    clock, messages = ManualClock(), list[str]()
    watchdog = Watchdog(5.0, end=messages.append, monotonic=clock)
    with watchdog.watching("Scoring"):
        clock.now += 4.0
        with watchdog.watching("A commit"):
            clock.now += 2.0
        watchdog.check()
    assert [message.split(" has")[0] for message in messages] == ["Scoring"]


def test_the_stacks_of_all_threads_are_dumped_before_the_exit() -> None:
    process = subprocess.run(
        [sys.executable, "-c", STUCK], capture_output=True, text=True, timeout=120, check=False
    )
    assert process.returncode == 1
    assert "in stuck_in_librdkafka" in process.stderr
    assert process.stderr.rstrip().endswith("so that a new process can take over.")


def test_its_thread_ends_with_the_block() -> None:
    before = threading.active_count()
    with Watchdog(5.0):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
