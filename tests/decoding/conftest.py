"""The decoder under test."""

import pytest

from events.errors import NativeCodeError
from events.native.library import NativeDecoder


@pytest.fixture(scope="module")
def decoder() -> NativeDecoder:
    try:
        return NativeDecoder()
    except NativeCodeError:
        pytest.skip("the C code is not compiled (python -m events.native.build)")
