"""The embedded broker is a real Kafka that starts, keeps its data, and leaves no process."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Consumer, Producer

from broker.errors import BrokerExitedError, StartError
from broker.server import EmbeddedBroker
from fraudstream.cache import cache_folder
from kafkaio.settings import KafkaSettings
from kafkaio.topics import create_topics, list_topics

CACHE = cache_folder("kafka")
COMMAND = [sys.executable, "-m", "fraudstream", "broker"]


def wait_gone(processes: list[psutil.Process]) -> None:
    """Wait until the processes have ended or are zombies, which only their parent can reap."""
    _gone, alive = psutil.wait_procs(processes, timeout=30)
    assert [process for process in alive if _runs(process)] == []


def _runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


@contextmanager
def running(*options: str) -> Iterator[tuple["subprocess.Popen[str]", str, psutil.Process]]:
    """Run `fraudstream broker`; yield it, its address and its JVM once it answers."""
    with subprocess.Popen(
        [*COMMAND, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert "Apache Kafka 4.2.1 answers at 127.0.0.1:" in said
            assert process.stderr is not None
            hints = [line.strip() for line in iter(process.stderr.readline, "Ctrl-C stops it.\n")]
            assert f"fraudstream detect --broker {said.split()[-1]}" in hints
            [jvm] = psutil.Process(process.pid).children()
            assert jvm.name() == "java"
            yield process, said.split()[-1], jvm
        finally:
            process.kill()


def test_data_persist_and_the_port_is_the_requested_one(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with EmbeddedBroker(cache=CACHE, data=data) as broker:
        create_topics(KafkaSettings(broker.address), ["kept"], partitions=3, retention=None)
        producer = Producer(_client(broker))
        producer.produce("kept", b"value", b"key")
        assert producer.flush(30) == 0
        jvm = psutil.Process(broker.pid)
        port = int(broker.address.rpartition(":")[2])

        # While it runs, neither its folder nor its port is available.
        with pytest.raises(StartError, match="Another broker is using the data in"):
            EmbeddedBroker(cache=CACHE, data=data).start()
        with pytest.raises(StartError, match=f"Port {port} cannot be used"):
            EmbeddedBroker(cache=CACHE, port=port).start()

    assert not jvm.is_running()
    assert b"shut down completed" in broker.log.read_bytes()

    with EmbeddedBroker(cache=CACHE, data=data, port=port) as broker:
        assert broker.address == f"127.0.0.1:{port}"
        assert list_topics(KafkaSettings(broker.address)) == {"kept": 3}
        assert _read_one(broker, "kept") == b"value"
        broker.stop()
        broker.stop()


def test_temporary_data_are_removed_and_a_broker_restarts_after_a_crash() -> None:
    with EmbeddedBroker(cache=CACHE) as broker:
        folder = broker.log.parent
        create_topics(KafkaSettings(broker.address), ["kept"], partitions=1, retention=None)
        address = broker.address
        broker.kill()
        broker.restart()
        assert broker.address == address
        assert list_topics(KafkaSettings(broker.address)) == {"kept": 1}

        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)
        with pytest.raises(BrokerExitedError, match=r"(?s)ended on its own.*\n.*INFO"):
            broker.wait()
    assert not folder.exists()


def test_a_failed_start_reports_the_end_of_the_log(tmp_path: Path) -> None:
    records = tmp_path / "records"
    records.mkdir()
    (records / "meta.properties").write_text("version=1\ncluster.id=x\nnode.id=99\n")
    with pytest.raises(BrokerExitedError, match=r"(?s)ended while it started.*Stored node id 99"):
        EmbeddedBroker(cache=CACHE, data=tmp_path).start()


def test_an_error_names_the_folder_that_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match=r"Cannot keep Kafka's data in .*file: "):
        EmbeddedBroker(cache=CACHE, data=tmp_path / "file").start()


def test_no_jvm_survives_the_killed_command(tmp_path: Path) -> None:
    with running("--data", str(tmp_path)) as (process, _address, jvm):
        process.kill()
        process.wait()
        wait_gone([jvm])


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_command_and_the_jvm_cleanly(
    ending: signal.Signals, tmp_path: Path
) -> None:
    with running("--data", str(tmp_path)) as (process, address, jvm):
        host, port = address.split(":")
        socket.create_connection((host, int(port)), timeout=10).close()
        # A terminal signals the whole process group of the command.
        os.killpg(process.pid, ending)
        _out, err = process.communicate(timeout=60)
        assert process.returncode == 0
        assert err == "Stopping Kafka ...\n"
        wait_gone([jvm])
    log = (tmp_path / "broker.log").read_text()
    assert log.count("shut down completed") == 1


def test_ctrl_c_during_the_start_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with subprocess.Popen(
        [*COMMAND, "--temporary"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
        start_new_session=True,
    ) as process:
        parent = psutil.Process(process.pid)
        while not (children := parent.children()):
            assert process.poll() is None
        assert list(temporary.iterdir())
        os.killpg(process.pid, signal.SIGINT)
        _out, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert err.splitlines()[-1] == "Interrupted."
        wait_gone(children)
    assert list(temporary.iterdir()) == []


def _client(broker: EmbeddedBroker) -> dict[str, str]:
    return {"bootstrap.servers": broker.address}


def _read_one(broker: EmbeddedBroker, topic: str) -> bytes | None:
    settings = {**_client(broker), "group.id": "reader", "auto.offset.reset": "earliest"}
    consumer = Consumer(settings)
    try:
        consumer.subscribe([topic])
        record = consumer.poll(60)
        assert record is not None
        assert record.error() is None
        return record.value()
    finally:
        consumer.close()
