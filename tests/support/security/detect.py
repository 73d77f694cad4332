"""`fraudstream detect` with a model whose verdicts are known: python -m tests... ARGUMENTS."""

import sys
from types import SimpleNamespace

import model.artifact.load
from fraudstream.main import main
from tests.support.detector import KnownModel

model.artifact.load.load_metadata = lambda _folder: KnownModel.metadata  # type: ignore[assignment]
scorer = SimpleNamespace(Scorer=SimpleNamespace(load=lambda *_, **__: KnownModel()))
sys.modules["model.serving.scorer"] = scorer  # type: ignore[assignment]
main(["detect", *sys.argv[1:]])
