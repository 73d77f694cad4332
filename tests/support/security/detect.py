"""`fraudstream detect` with a known model: python -m tests.support.security.detect ARGUMENTS."""

import sys
from types import SimpleNamespace

import model.artifact.load
from fraudstream.main import main
from tests.support.detector import KnownModel

model.artifact.load.load_metadata = lambda _folder: KnownModel.metadata  # type: ignore[assignment, return-value]
scorer = SimpleNamespace(Scorer=SimpleNamespace(load=lambda *_, **__: KnownModel()))
sys.modules["model.serving.scorer"] = scorer  # type: ignore[assignment]
main(["detect", *sys.argv[1:]])
