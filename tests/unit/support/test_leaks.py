"""The leak plugin finds each kind of leak, and only leaks."""

import pytest

TESTS = """
import gc, socket, subprocess, sys, threading, time
import pytest

kept = []

def sleeper():
    return subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)

def stop(process):
    process.communicate()

def test_leaks_a_thread():
    thread = threading.Thread(target=threading.Event().wait, name="left", daemon=True)
    thread.start()

def test_leaks_a_process():
    kept.append(sleeper())

def test_leaks_a_zombie():
    kept.append(subprocess.Popen([sys.executable, "-c", "pass"]))

def test_leaks_a_file(tmp_path):
    kept.append((tmp_path / "left").open("w"))

def test_leaks_a_socket():
    kept.append(socket.socket())

@pytest.fixture
def leaking_fixture(tmp_path):
    kept.append((tmp_path / "left by a fixture").open("w"))

def test_leaks_in_a_fixture(leaking_fixture):
    pass

def test_fails_and_leaks():
    kept.append(socket.socket())
    assert False

def test_ends_a_thread_a_little_later():
    threading.Thread(target=time.sleep, args=[0.2]).start()

def test_closes_a_file_when_a_cycle_is_collected(tmp_path):
    gc.disable()
    cycle = [socket.socket()]
    cycle.append(cycle)

@pytest.fixture(scope="module")
def process():
    process = sleeper()
    yield process
    stop(process)

def test_uses_a_process_of_a_module_fixture(process):
    assert process.poll() is None

@pytest.fixture(scope="module")
def replaceable():
    processes = [sleeper()]
    yield processes
    stop(processes[0])

def test_restarts_a_process_of_a_module_fixture(replaceable):
    stop(replaceable[0])
    replaceable[0] = sleeper()

@pytest.fixture
def opened(tmp_path):
    with (tmp_path / "closed").open("w") as file:
        yield file

def test_closes_its_file_in_a_fixture(opened):
    opened.write("text")
"""


def test_each_leak_is_an_error_of_the_test_that_leaks(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_subprocess(
        *("-p", "tests.support.leaks", "-p", "no:randomly", "-p", "no:xdist"),
        *("-W", "ignore::ResourceWarning", "-o", "leak_grace=2"),
    )
    result.assert_outcomes(passed=11, failed=1, errors=6)
    lines = result.stdout.str().splitlines()
    errors = [line for line in lines if line.startswith("ERROR ")]
    leaked = {line.split("::")[1].split(" - ")[0]: line.partition("leaks ")[2] for line in errors}
    assert leaked.keys() == {
        f"test_leaks_{what}"
        for what in ("a_thread", "a_process", "a_zombie", "a_file", "a_socket", "in_a_fixture")
    }
