"""How far the scores of the two runtimes differ: `python -m benchmarks.models.agreement`.

Scores rows with Keras and with onnxruntime on the CPU, and prints the largest difference, and how
many rows one of them flags and the other does not. The rows are the twin's by default, the artifact
is the demo's. It takes half a minute.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.command import command_parser, run_command
from benchmarks.harness.detector import artifact
from dataset.reader import read
from dataset.twin import synthesize
from model.labelled import Labelled
from model.serving.scorer import Scorer

TWIN_ROWS = 200_000


def agreement(
    keras: NDArray[np.float32], onnx: NDArray[np.float32], threshold: float
) -> dict[str, str]:
    """Return the figures by name, of the scores of the same rows, float32 [n] both."""
    difference = np.abs(onnx - keras)
    flagged = keras >= threshold, onnx >= threshold
    return {
        "rows": f"{len(keras):,}",
        "largest difference": f"{difference.max():.1e}",
        "largest difference, relative": f"{(difference / np.maximum(keras, 1e-30)).max():.1e}",
        "smallest score": f"{keras.min():.1e}",
        "flagged by Keras": f"{flagged[0].sum():,}",
        "flagged by one alone": f"{(flagged[0] != flagged[1]).sum():,}",
        "smallest distance to the threshold": f"{np.abs(keras - threshold).min():.1e}",
    }


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = command_parser("benchmarks.models.agreement", __doc__)
    parser.add_argument("--data", type=Path, metavar="FILE", help="a creditcard.csv")
    parser.add_argument("--model", type=Path, metavar="FOLDER", help="an artifact")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Score and print."""
    frame = synthesize(TWIN_ROWS, 5) if arguments.data is None else read(arguments.data)
    inputs = Labelled.of(frame).inputs
    folder = arguments.model or artifact()
    keras, onnx = (
        Scorer.load(folder, runtime=runtime, device="cpu") for runtime in ("keras", "onnx")
    )
    scores = keras.in_batches(inputs), onnx.in_batches(inputs)
    for name, value in agreement(*scores, keras.metadata.threshold).items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    run_command(parser(), run)
