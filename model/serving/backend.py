"""The one place that knows Keras's backend: its import, its devices, its compiled calls.

Everything else in this room speaks Keras 3 and numpy. TensorFlow is the default backend; the
variable KERAS_BACKEND names another (jax, torch).
"""

import os
import platform
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from importlib.metadata import version
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from model.errors import DeviceError, MissingExtraError

Device = Literal["auto", "cpu", "gpu"]

Score = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Raw features, float32 [n, features], to scores, float32 [n]."""

# Rows that small batches are padded to, in rising order.
_SMALL_BATCHES = (1, 8, 64)


def import_keras() -> Any:
    """Return the module `keras`, imported quietly on first use.

    Raises:
        MissingExtraError: Keras or its backend is not installed.
    """
    if "keras" in sys.modules:
        return sys.modules["keras"]
    # A ~/.keras/keras.json does not decide which backend serves.
    backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    others = () if backend == "jax" else ("jax",)
    with _hidden("pandas", "sklearn", *others), _without_banners():
        return installed("keras")


def installed(name: str) -> Any:
    """Return a module of the packages that train and serve the network.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtraError(
            f"A package that trains and serves the network is missing ({error}); "
            "install it with: pip install 'fraudstream[model]'"
        ) from error


def use_device(device: Device) -> str:
    """Choose where the network runs, before its first computation in this process.

    Args:
        device: "auto" takes a GPU where the backend sees one, "cpu" hides them, "gpu" insists.

    Returns:
        "cpu", or "gpu" with the card's name where the backend tells it: "gpu (NVIDIA H200)".

    Raises:
        DeviceError: a GPU was asked for and there is none, or is in use and cannot be hidden.
    """
    if device == "cpu":
        # Read by CUDA when it starts, and so understood by every backend.
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    keras = import_keras()
    with _without_banners() if device != "gpu" else nullcontext():
        if keras.backend.backend() == "tensorflow":
            _prepare_tensorflow()
        seen = _gpus(keras)
    if not seen and device == "gpu":
        raise DeviceError(
            f"A GPU was asked for, but {keras.backend.backend()} sees none: install the drivers "
            "and 'fraudstream[gpu]', or choose --device cpu or auto."
        )
    if seen and device == "cpu":
        raise DeviceError(
            "This process already computes on a GPU, so it cannot be told to use the CPU alone: "
            "start a new one with --device cpu."
        )
    return _gpu_name(keras) if seen else "cpu"


def compiled(network: Any) -> Score:
    """Return the network as a compiled function of any number of rows.

    One graph with a free number of rows serves every batch. Each row's score depends on that row
    alone (to float32 rounding), so batches of any size give the same score.
    """
    backend = import_keras().backend.backend()
    if backend == "tensorflow":
        return _compiled_by_tensorflow(network)
    if backend == "jax":
        return _compiled_by_jax(network)
    return lambda features: np.asarray(
        import_keras().ops.convert_to_numpy(network(features, training=False)), np.float32
    ).reshape(-1)


def versions() -> dict[str, str]:
    """Return the versions of what trains and serves, by name."""
    keras = import_keras()
    backend = keras.backend.backend()
    return {
        "python": platform.python_version(),
        "keras": keras.__version__,
        "backend": backend,
        backend: version(backend),
        "numpy": np.__version__,
    }


def _prepare_tensorflow() -> None:
    import tensorflow as tf

    # TensorFloat-32 keeps 10 bits of a factor's fraction: scores would differ from the CPU's in
    # the third digit, for a network so small that nothing is won.
    tf.config.experimental.enable_tensor_float_32_execution(enabled=False)
    for gpu in tf.config.list_physical_devices("GPU"):
        try:
            tf.config.experimental.set_memory_growth(gpu, enable=True)
        except RuntimeError:
            return  # this process computes on it already, so its memory is allotted


def _has_gpu() -> bool:
    import tensorflow as tf

    return bool(tf.config.get_visible_devices("GPU"))


def _gpus(keras: Any) -> list[str]:
    try:
        seen: list[str] = keras.distribution.list_devices("gpu")
    except RuntimeError:
        if keras.backend.backend() != "jax":
            raise
        return []  # jax calls it an error to ask for devices of a kind that is not there
    return seen


def _gpu_name(keras: Any) -> str:
    if keras.backend.backend() != "tensorflow":
        return "gpu"
    import tensorflow as tf

    first = tf.config.get_visible_devices("GPU")[0]
    name = tf.config.experimental.get_device_details(first).get("device_name")
    return f"gpu ({name})" if name else "gpu"


def _compiled_by_tensorflow(network: Any) -> Score:
    import tensorflow as tf

    def call(features: Any) -> Any:
        return tf.reshape(network(features, training=False), [-1])

    def graph(rows: int | None, *, jit: bool) -> Any:
        signature = tf.TensorSpec((rows, network.input_shape[-1]), tf.float32)
        return tf.function(
            call, input_signature=[signature], autograph=False, jit_compile=jit
        ).get_concrete_function()

    # Measured on two cores, medians: the graph called directly takes 0.21 ms for 1 row and 4.3 ms
    # for 4,096; through tf.function 0.67 and 5.3. XLA takes 0.10 ms for 1 row and 0.13 for 32, in
    # this thread alone, so none has to be woken; but it compiles each number of rows for 0.15 s,
    # and gains nothing where many rows fill both cores.
    any_size = graph(None, jit=False)
    small = {} if _has_gpu() else {rows: graph(rows, jit=True) for rows in _SMALL_BATCHES}

    def score(features: NDArray[np.float32]) -> NDArray[np.float32]:
        scores: NDArray[np.float32]
        for rows, of_this_size in small.items():
            if len(features) <= rows:
                scores = of_this_size(tf.constant(_padded(features, rows))).numpy()
                return scores[: len(features) * (len(scores) // rows)]
        scores = any_size(tf.constant(features)).numpy()
        return scores

    return score


def _compiled_by_jax(network: Any) -> Score:
    jax = installed("jax")

    weights = (
        [variable.value for variable in network.trainable_variables],
        [variable.value for variable in network.non_trainable_variables],
    )
    call = jax.jit(lambda features: network.stateless_call(*weights, features)[0])

    def score(features: NDArray[np.float32]) -> NDArray[np.float32]:
        # jit compiles each shape anew, so rows are padded to the next power of two.
        rows = len(features)
        padded = _padded(features, 1 << max(rows - 1, 0).bit_length())
        return np.asarray(call(padded), np.float32).reshape(-1)[:rows]

    return score


def _padded(features: NDArray[np.float32], rows: int) -> NDArray[np.float32]:
    """Return the features with rows of zeros after them."""
    padded = np.zeros((rows, features.shape[1]), np.float32)
    padded[: len(features)] = features
    return padded


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Let `import` find none of these modules, unless they are imported already.

    Keras tries pandas and scikit-learn for wrappers that nobody here uses, and TensorFlow tries
    jax for a converter; the first two would be a quarter of the time that the import takes, jax a
    sixth, and the service does without them.
    """
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None: "cannot be found"
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


# What TensorFlow's libraries write to the process's stderr while they load, before any setting of
# theirs is heeded: two remarks (severity I) and a line that says where such remarks go. And what
# they call an error on a machine without a GPU.
_BANNER = re.compile(rb"WARNING: All log messages before absl|I\d{4} \d\d:\d\d|E\d{4} .*\bcuInit: ")


@contextmanager
def _without_banners() -> Iterator[None]:
    """Hold back what is written to stderr in the block, then write it without the banners."""
    # 2 leaves errors and drops remarks and warnings; whoever set it lower wants to see them all.
    wanted = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2") in ("0", "1")
    try:
        terminal = None if wanted else os.dup(2)
    except OSError:  # there is no stderr
        terminal = None
    if terminal is None:
        yield
        return
    with tempfile.TemporaryFile() as held:
        sys.stderr.flush()
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)
            held.seek(0)
            lines = [line for line in held if not _BANNER.match(line)]
            os.write(2, b"".join(lines))
