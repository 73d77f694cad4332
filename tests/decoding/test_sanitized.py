"""The C code stays within its bounds and has no undefined behaviour."""

import struct
import subprocess
from pathlib import Path
from random import Random

import pytest

from events.codec import MAXIMUM_PAYLOAD_BYTES, Encoding
from events.native.build import SOURCE, compile_c, compilers
from events.native.library import NativeDecoder
from tests.decoding.compare import Value
from tests.decoding.values import (
    TRANSACTION,
    halfway,
    json_value,
    mutated,
    random_numbers,
    shuffled,
    truncated,
)

FLAGS = (
    *("-std=c11", "-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
    *("-Wall", "-Wextra", "-Werror", f"-I{SOURCE.parent}"),
)

NUMBERS = (
    "1e22 1e23 0e22 0e23 1e-22 1e-23 0e-22 0e-23 1e-27 1e-28 0e-27 1e999 1e-999 "
    "9007199254740993e-1 0.123456789012345678 0.1234567890123456789 0.12345678901234567890 "
    "111111111111111111111e-9"
)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return exact_copies.c, compiled with the sanitizers."""
    folder = tmp_path_factory.mktemp("sanitized")
    compiler = next(compilers(), None)
    if compiler is None:
        pytest.skip("there is no C compiler")
    empty = folder / "empty.c"
    empty.write_text("int main(void) { return 0; }\n")
    try:
        compile_c(compiler, FLAGS, empty, folder / "empty")
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"{compiler[0]} has no sanitizers: {getattr(error, 'stderr', error)}")
    program = folder / "exact_copies"
    compile_c(compiler, FLAGS, Path(__file__).with_name("exact_copies.c"), program)
    return program


def values() -> list[Value]:
    random = Random(1)
    compact = Encoding.COMPACT.write(TRANSACTION), Encoding.COMPACT
    return [
        *truncated(compact),
        *truncated(shuffled(random)),
        *truncated(random_numbers(random)),
        *((json_value({}, name), Encoding.JSON) for name in ("x" * 64, "x" * 65, "x" * 999, "é")),
        *((json_value({"V7": number}), Encoding.JSON) for number in NUMBERS.split()),
        *(halfway(random) for _ in range(100)),
        *((b"[" * length, Encoding.JSON) for length in (1, 99, MAXIMUM_PAYLOAD_BYTES + 1)),
        *((b"\xff" * length, Encoding.COMPACT) for length in (239, 240, 241, 305, 20_000)),
        *(mutated(random) for _ in range(3_000)),
    ]


def test_the_sanitizers_find_nothing(program: Path, decoder: NativeDecoder, tmp_path: Path) -> None:
    cases = [(value, encoding is Encoding.COMPACT) for value, encoding in values()]
    file = tmp_path / "values"
    file.write_bytes(
        bytes(decoder._limits)
        + b"".join(struct.pack("<qB", len(value), compact) + value for value, compact in cases)
    )
    answer = subprocess.run([program, file], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    usual = decoder(*zip(*cases, strict=True)).usual
    assert answer.stdout == "".join(str(int(one)) for one in usual)
