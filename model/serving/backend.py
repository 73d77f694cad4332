"""The one module that knows Keras's backend: its import, its devices, its compiled calls.

Everything else in this package uses Keras 3 and numpy. TensorFlow is the default backend; the
environment variable KERAS_BACKEND selects another (jax, torch).
"""

import os
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from model.errors import BackendError, GpuInUseError, MissingExtraError, NoGpuError

BACKENDS = ("tensorflow", "jax", "torch")
"""Keras's backends that can train, the default first."""

Device = Literal["auto", "cpu", "gpu"]

ScoreFunction = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Maps raw features, float32 [n, features], to scores, float32 [n]."""

BATCH_ROWS = 16_384
"""A layer of 256 outputs takes 17 MB for so many rows."""

_EXTRAS = {"matplotlib": "pictures", "onnxruntime": "serve"}
"""The extra of an optional package, where it is not `model`."""

# Small batches are padded to one of these numbers of rows.
_SMALL_BATCHES = (1, 8, 64)


def import_keras() -> Any:
    """Return the module `keras`, imported on first use.

    Raises:
        BackendError: KERAS_BACKEND names an unknown backend, or one that is not installed.
        MissingExtraError: Keras or TensorFlow is not installed.
    """
    if "keras" in sys.modules:
        return sys.modules["keras"]
    backend = _chosen_backend()
    # A ~/.keras/keras.json decides neither which backend serves nor with how many bits: Keras
    # finds none in the null device, which is no folder.
    os.environ["KERAS_HOME"] = os.devnull
    # TensorFlow logs only fatal errors, unless the user sets another level: it raises the others
    # as exceptions, and on a machine without a GPU it logs the missing driver as an error.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    others = () if backend == "jax" else ("jax",)
    with _hidden("pandas", "sklearn", *others):
        return installed("keras")


def _chosen_backend() -> str:
    """Return the backend that KERAS_BACKEND chooses, and set the variable if it is not set."""
    backend = os.environ.get("KERAS_BACKEND") or BACKENDS[0]
    if backend not in BACKENDS:
        raise BackendError(
            f"KERAS_BACKEND is {backend!r}; it must be {', '.join(BACKENDS[:-1])} or "
            f"{BACKENDS[-1]}, or not set."
        )
    if backend != BACKENDS[0] and find_spec(backend) is None:
        raise BackendError(
            f"KERAS_BACKEND is {backend}, which is not installed; without it, TensorFlow is used."
        )
    os.environ["KERAS_BACKEND"] = backend
    return backend


def installed(name: str) -> Any:
    """Import and return a module of an optional package.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        extra = _EXTRAS.get(name.partition(".")[0], "model")
        raise MissingExtraError(
            f"A package that is needed here is not installed ({error}).",
            hint=f"Install it with: pip install 'fraudstream[{extra}]'",
        ) from error


def use_device(device: Device) -> str:
    """Choose where the network runs, before its first computation in this process.

    Args:
        device: "auto" takes a GPU where the backend finds one, "cpu" hides GPUs, "gpu" requires
            one.

    Returns:
        "cpu", or "gpu" with the card's name where the backend knows it: "gpu (NVIDIA H200)".

    Raises:
        NoGpuError: a GPU was required and there is none.
        GpuInUseError: GPUs were to be hidden and this process already uses one.
    """
    if device == "gpu":
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # log why there is no GPU
    if device == "cpu":
        # Read by CUDA when it starts, so every backend respects it.
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    keras = import_keras()
    if keras.backend.backend() == "tensorflow":
        _prepare_tensorflow()
    gpus = _gpus(keras)
    if not gpus and device == "gpu":
        raise NoGpuError(f"A GPU is required, but {keras.backend.backend()} finds none.")
    if gpus and device == "cpu":
        raise GpuInUseError(
            "This process already computes on a GPU, so it cannot be limited to the CPU."
        )
    return _gpu_name(keras) if gpus else "cpu"


def compiled(network: Any) -> ScoreFunction:
    """Return the network as a compiled function of any number of rows.

    Each row's score depends on that row alone (to float32 rounding), so batches of any size give
    the same scores.
    """
    backend = import_keras().backend.backend()
    if backend == "tensorflow":
        return _compiled_by_tensorflow(network)
    if backend == "jax":
        return _compiled_by_jax(network)
    return lambda features: np.asarray(
        import_keras().ops.convert_to_numpy(network(features, training=False)), np.float32
    ).reshape(-1)


def score_in_batches(
    score: ScoreFunction, features: NDArray[np.float32], rows: int = BATCH_ROWS
) -> NDArray[np.float32]:
    """Return the scores, float32 [n], of at least one row, `rows` at a time."""
    starts = range(0, len(features), rows)
    return np.concatenate([score(features[start : start + rows]) for start in starts])


def versions() -> dict[str, str]:
    """Return the versions of Python, Keras, its backend and numpy, by name."""
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
    # the third digit, and a network this small gains no speed.
    tf.config.experimental.enable_tensor_float_32_execution(enabled=False)
    for gpu in tf.config.list_physical_devices("GPU"):
        try:
            tf.config.experimental.set_memory_growth(gpu, enable=True)
        except RuntimeError:
            return  # this process already computes on it, so its memory is allocated


def _has_gpu() -> bool:
    import tensorflow as tf

    return bool(tf.config.get_visible_devices("GPU"))


def _gpus(keras: Any) -> list[str]:
    try:
        gpus: list[str] = keras.distribution.list_devices("gpu")
    except RuntimeError:
        if keras.backend.backend() != "jax":
            raise
        return []  # jax raises where there is no device of this kind
    return gpus


def _gpu_name(keras: Any) -> str:
    if keras.backend.backend() != "tensorflow":
        return "gpu"
    import tensorflow as tf

    first = tf.config.get_visible_devices("GPU")[0]
    name = tf.config.experimental.get_device_details(first).get("device_name")
    return f"gpu ({name})" if name else "gpu"


def _compiled_by_tensorflow(network: Any) -> ScoreFunction:
    import tensorflow as tf

    def call(features: Any) -> Any:
        return tf.reshape(network(features, training=False), [-1])

    def graph(rows: int | None, *, jit: bool) -> Any:
        signature = tf.TensorSpec((rows, network.input_shape[-1]), tf.float32)
        return tf.function(
            call, input_signature=[signature], autograph=False, jit_compile=jit
        ).get_concrete_function()

    # Measured on two cores, medians: the graph called directly takes 0.21 ms for 1 row and 4.3 ms
    # for 4,096; through tf.function 0.67 and 5.3. XLA takes 0.10 ms for 1 row and 0.13 for 32,
    # since it computes in the calling thread and wakes no other; but it compiles for 0.15 s for
    # each number of rows, and is no faster where many rows occupy both cores.
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


def _compiled_by_jax(network: Any) -> ScoreFunction:
    jax = installed("jax")

    weights = (
        [variable.value for variable in network.trainable_variables],
        [variable.value for variable in network.non_trainable_variables],
    )
    call = jax.jit(lambda features: network.stateless_call(*weights, features)[0])

    def score(features: NDArray[np.float32]) -> NDArray[np.float32]:
        # jit compiles for each shape, so rows are padded to the next power of two.
        rows = len(features)
        padded = _padded(features, 1 << max(rows - 1, 0).bit_length())
        return np.asarray(call(padded), np.float32).reshape(-1)[:rows]

    return score


def _padded(features: NDArray[np.float32], rows: int) -> NDArray[np.float32]:
    """Return the features followed by rows of zeros."""
    padded = np.zeros((rows, features.shape[1]), np.float32)
    padded[: len(features)] = features
    return padded


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Make `import` fail for these modules, unless they are imported already.

    Keras tries to import pandas and scikit-learn for wrappers that are not used here, and
    TensorFlow tries jax for a converter. The first two would take a quarter of the import's time,
    jax a sixth.
    """
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None: not found
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
