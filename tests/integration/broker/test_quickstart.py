"""The JVM accepts the class archive for quick starts."""

import subprocess
from pathlib import Path

from broker.jars import resolve
from broker.java import start_java
from broker.quickstart import quick_options
from fraudstream.cache import cache_folder


def test_the_jvm_accepts_the_archive(tmp_path: Path) -> None:
    cache = cache_folder("kafka")
    class_path = resolve(cache)
    options = quick_options(cache, class_path)
    assert options
    log = tmp_path / "log"
    with log.open("wb") as output:
        # With AOTMode=on an archive that does not fit is an error; by default the JVM ignores it.
        jvm = start_java(
            class_path,
            ("kafka.tools.StorageTool", "random-uuid"),
            options=(*options, "-XX:AOTMode=on"),
            log=output,
        )
    try:
        assert jvm.wait(60) == 0, log.read_text()
    except subprocess.TimeoutExpired:
        jvm.kill()
        raise
    assert "[warning]" not in log.read_text()
