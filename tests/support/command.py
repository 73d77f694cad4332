"""A transactional producer, and `fraudstream` commands as child processes."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from confluent_kafka import KafkaException, Producer

from kafkaio.settings import KafkaSettings
from tests.support.detector import PATIENCE

NOTHING: Mapping[str, str] = MappingProxyType({})


class Transactions:
    """A producer that writes in transactions, as the detector does."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings
        name = f"test-{uuid.uuid4().hex[:12]}"
        self._producer = Producer(
            settings.client(
                {
                    "transactional.id": name,
                    "linger.ms": 0,
                    "retry.backoff.ms": 1,
                    "retry.backoff.max.ms": 10,
                }
            )
        )
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self._producer.init_transactions(5)
                break
            except (
                KafkaException
            ) as error:  # a broker that has just started still loads its coordinator
                if not error.args[0].retriable() or time.monotonic() > deadline:
                    raise

    def begin(self, topic: str, *values: bytes | None, partition: int = 0) -> None:
        self._producer.begin_transaction()
        for value in values:
            self._producer.produce(topic, value, partition=partition)
        self._producer.flush(PATIENCE)

    def commit(self) -> None:
        self._producer.commit_transaction(PATIENCE)

    def abort(self) -> None:
        self._producer.abort_transaction(PATIENCE)

    def write(self, topic: str, *values: bytes | None, partition: int = 0) -> None:
        self.begin(topic, *values, partition=partition)
        self.commit()


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come within {PATIENCE:.0f} s"
        time.sleep(0.02)


class Command:
    """A `fraudstream` command in a child process; its output can be read while it runs.

    Args:
        folder: for the files with its output.
        arguments: of the command.
        module: to run instead of `fraudstream`.
        further: environment variables to add.
    """

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        module: str = "fraudstream",
        further: Mapping[str, str] = NOTHING,
    ) -> None:
        number = uuid.uuid4().hex[:8]
        self._out, self._err = folder / f"{number}.out", folder / f"{number}.err"
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("FRAUDSTREAM_")
        }
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdout=out,
                stderr=err,
                env={**environment, **further},
            )

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    def says(self, text: str) -> None:
        until(lambda: text in self.err or self.process.poll() is not None, f"{text!r} on stderr")
        assert text in self.err

    def shows(self, lines: int) -> list[str]:
        until(lambda: self.out.count("\n") >= lines, f"{lines} lines of output")
        return self.out.splitlines()

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """Kill the process if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
