"""Translate a Keras network into an ONNX graph that gives the same scores.

Keras's own exporter needs a converter of TensorFlow graphs that no package of ours installs; it
would also depend on the backend. The networks of the recipes have a dozen kinds of operations, and
each has its translation here. A network with any other kind has no graph.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from model.artifact.load import SCORE_TOLERANCE
from model.artifact.metadata import Sample
from model.errors import GraphError, ModelError
from model.serving.backend import import_keras, installed
from model.serving.graph import INPUT, OUTPUT, graph_scores

# Version 13 has everything that is used here; version 8 of the file format came with version 17.
# Every onnxruntime since 1.13 (2022) reads both.
OPERATOR_SET, FILE_FORMAT = 17, 8

MIXED_ROWS = 128
"""For each row of the sample."""

# Where a recipe does not standardise, amounts of thousands leave sums with few digits: scores then
# differ by 3e-6. A translation that is wrong changes them by much more.
MIXED_TOLERANCE = 1e-4


def translate(network: Any) -> bytes:
    """Return an ONNX graph of a network: "transaction", float32 [n, 30], to "score", [n, 1].

    The same network gives the same bytes, whether it has just been trained or was loaded.

    Raises:
        GraphError: the network has an operation without a translation.
        MissingExtraError: the package onnx is not installed.
    """
    onnx = installed("onnx")
    graph = _Graph(onnx.helper, onnx.numpy_helper)
    (source,), (target,) = network.inputs, network.outputs
    result = _translated(graph, target, {id(source): INPUT})
    graph.nodes.append(onnx.helper.make_node("Identity", [result], [OUTPUT]))
    model = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes,
            network.name,
            [_tensor(onnx, INPUT, source.shape[1])],
            [_tensor(onnx, OUTPUT, target.shape[1])],
            graph.constants,
        ),
        opset_imports=[onnx.helper.make_opsetid("", OPERATOR_SET)],
        ir_version=FILE_FORMAT,
        producer_name="fraudstream",
    )
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def checked_graph(network: Any, sample: Sample) -> bytes:
    """Return a network's ONNX graph, after comparing its scores with those of the network.

    They are compared on the sample, and on rows that take each feature from any row of it:
    these have scores of all sizes, where those of the sample are near 0 and 1.

    Raises:
        GraphError: the network has no translation, or the graph is not valid or scores otherwise.
        MissingExtraError: onnx or onnxruntime is not installed.
    """
    features = np.asarray(sample.features, np.float32)
    mixed = np.random.default_rng(1).permuted(features.repeat(MIXED_ROWS, axis=0), axis=0)
    rows = np.concatenate([features, mixed])
    expected = import_keras().ops.convert_to_numpy(network(rows, training=False))[:, 0]
    try:
        graph = translate(network)
        scores = graph_scores(graph)(rows)
    except ModelError:
        raise
    except Exception as error:
        # Errors of onnx and onnxruntime derive from nothing narrower.
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise GraphError(f"its ONNX graph is not valid ({reason}): report this.") from error
    difference = np.abs(scores - expected)
    known = len(features)
    if not (
        difference[:known].max() <= SCORE_TOLERANCE and difference[known:].max() <= MIXED_TOLERANCE
    ):
        raise GraphError(
            "its ONNX graph scores otherwise than the network, by "
            f"{difference.max():.1e}: report this."
        )
    return graph


class _Graph:
    """The nodes and constants so far; tensors are numbered, so that names are reproducible."""

    def __init__(self, helper: Any, numpy_helper: Any) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._helper = helper
        self._numpy_helper = numpy_helper

    def add(self, kind: str, *inputs: str, **attributes: int) -> str:
        """Add a node; return the name of its output."""
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(self._helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def constant(self, value: ArrayLike, dtype: type = np.float32) -> str:
        """Add a constant; return its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(self._numpy_helper.from_array(np.asarray(value, dtype), name))
        return name


def _tensor(onnx: Any, name: str, columns: int) -> Any:
    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["rows", columns])


def _translated(graph: _Graph, tensor: Any, names: dict[int, str]) -> str:
    """Return the name of a Keras tensor in the graph, after adding everything it depends on."""
    if id(tensor) not in names:
        operation, place, _ = tensor._keras_history  # noqa: SLF001 - Keras has no public accessor
        arguments = operation._inbound_nodes[place].arguments  # noqa: SLF001 - likewise
        kind = type(operation).__name__
        ours = kind in _TRANSLATIONS and type(operation).__module__.startswith("keras.")
        if not ours or getattr(operation, "compute_dtype", "float32") != "float32":
            raise GraphError(
                f"its {operation.name} ({kind}) has no translation into an ONNX graph."
            )

        def resolved(argument: Any) -> Any:
            if isinstance(argument, list) and any(_is_tensor(each) for each in argument):
                return [resolved(each) for each in argument]
            return _translated(graph, argument, names) if _is_tensor(argument) else argument

        inputs = [resolved(argument) for argument in arguments.args]
        names[id(tensor)] = _TRANSLATIONS[kind](graph, operation, inputs)
    return names[id(tensor)]


def _is_tensor(argument: Any) -> bool:
    return isinstance(argument, import_keras().KerasTensor)


def _require(condition: bool, operation: Any) -> None:
    if not condition:
        raise GraphError(
            f"its {operation.name} ({type(operation).__name__}) has a setting that has no "
            "translation into an ONNX graph."
        )


def _binary(kind: str) -> Callable[[_Graph, Any, Sequence[Any]], str]:
    def add(graph: _Graph, _operation: Any, inputs: Sequence[Any]) -> str:
        first, second = (
            value if isinstance(value, str) else graph.constant(value) for value in inputs
        )
        return graph.add(kind, first, second)

    return add


def _unary(kind: str) -> Callable[[_Graph, Any, Sequence[Any]], str]:
    return lambda graph, _operation, inputs: graph.add(kind, inputs[0])


def _get_item(graph: _Graph, operation: Any, inputs: Sequence[Any]) -> str:
    """Translate `x[:, a:b]` and `x[:, :, None]`."""
    name, key = inputs
    rows, columns, *rest = key
    _require(rows == slice(None) and isinstance(columns, slice) and rest in ([], [None]), operation)
    _require(columns.step in (None, 1), operation)
    if columns not in (slice(None), slice(0, None)):
        start, stop = columns.start or 0, columns.stop
        ends = np.iinfo(np.int64).max if stop is None else stop
        bounds = (graph.constant([number], np.int64) for number in (start, ends, 1))
        name = graph.add("Slice", name, *bounds)
    return graph.add("Unsqueeze", name, graph.constant([2], np.int64)) if rest else name


def _take(graph: _Graph, operation: Any, inputs: Sequence[Any]) -> str:
    name, columns = inputs
    _require(operation.axis == 1, operation)
    return graph.add("Gather", name, graph.constant(columns, np.int64), axis=1)


def _clip(graph: _Graph, operation: Any, inputs: Sequence[Any]) -> str:
    bounds = (graph.constant(bound) for bound in (operation.x_min, operation.x_max))
    return graph.add("Clip", inputs[0], *bounds)


def _concatenate(graph: _Graph, operation: Any, inputs: Sequence[Any]) -> str:
    _require(operation.axis == -1, operation)
    return graph.add("Concat", *inputs[0], axis=-1)


def _normalization(graph: _Graph, operation: Any, inputs: Sequence[Any]) -> str:
    keras = import_keras()
    _require(tuple(operation.axis) == (-1,) and not operation.invert, operation)
    mean, variance = map(keras.ops.convert_to_numpy, (operation.mean, operation.variance))
    deviation = np.maximum(np.sqrt(variance), np.float32(keras.config.epsilon()))
    centred = graph.add("Sub", inputs[0], graph.constant(mean))
    return graph.add("Div", centred, graph.constant(deviation))


def _dense(graph: _Graph, operation: Any, inputs: Sequence[Any]) -> str:
    activation = import_keras().activations.serialize(operation.activation)
    _require(operation.use_bias and activation in _ACTIVATIONS, operation)
    kernel, bias = operation.get_weights()
    linear = graph.add("Gemm", inputs[0], graph.constant(kernel), graph.constant(bias))
    return _ACTIVATIONS[activation](graph, linear)


def _sigmoid(graph: _Graph, name: str) -> str:
    """Translate the sigmoid as 1 / (1 + exp(-x)).

    onnxruntime's own Sigmoid approximates, and returns 2e-8 for all scores below that.
    """
    one = graph.constant(1.0)
    exponential = graph.add("Exp", graph.add("Neg", name))
    return graph.add("Div", one, graph.add("Add", one, exponential))


_ACTIVATIONS: dict[str, Callable[[_Graph, str], str]] = {
    "linear": lambda _graph, name: name,
    "relu": lambda graph, name: graph.add("Relu", name),
    "sigmoid": _sigmoid,
}

_TRANSLATIONS: dict[str, Callable[[_Graph, Any, Sequence[Any]], str]] = {
    "Add": _binary("Add"),
    "Clip": _clip,
    "Concatenate": _concatenate,
    "Dense": _dense,
    "Dropout": lambda _graph, _operation, inputs: str(inputs[0]),
    "Flatten": _unary("Flatten"),
    "GetItem": _get_item,
    "Log": _unary("Log"),
    "Normalization": _normalization,
    "Relu": _unary("Relu"),
    "Subtract": _binary("Sub"),
    "Take": _take,
    "TrueDivide": _binary("Div"),
}
"""By the names of Keras's classes. Dropout does nothing outside training."""
