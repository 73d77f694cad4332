"""Process-wide settings, in a process of their own."""

import subprocess
import sys


def run(code: str) -> str:
    return subprocess.check_output([sys.executable, "-c", code], text=True)


def test_existing_objects_are_no_longer_collected() -> None:
    code = (
        "import gc; from fraudstream.process import YOUNG_OBJECTS, tune_garbage_collector\n"
        "tune_garbage_collector()\n"
        "print(gc.get_freeze_count() > 1000, gc.get_threshold()[0] == YOUNG_OBJECTS)"
    )
    assert run(code) == "True True\n"


def test_created_samples_are_not_exported() -> None:
    code = (
        "from prometheus_client import Counter, CollectorRegistry, generate_latest\n"
        "from fraudstream.process import disable_created_metrics\n"
        "disable_created_metrics()\n"
        "registry = CollectorRegistry()\n"
        "Counter('records', 'Records.', registry=registry).inc()\n"
        "print(generate_latest(registry).decode())"
    )
    exported = run(code)
    assert "records_total 1.0" in exported
    assert "_created" not in exported
