"""Asking a Prometheus, over its HTTP API."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.errors import BenchmarkError

_PATIENCE = 30.0  # seconds that an answer may take


@dataclass(frozen=True)
class Series:
    """What one set of labels gave.

    Attributes:
        labels: its labels, its name among them as `__name__`.
        times: seconds since the epoch, float64 [n]; n is 1 for what was asked of one moment.
        values: float64 [n]; may hold NaN and infinities.
    """

    labels: dict[str, str]
    times: NDArray[np.float64]
    values: NDArray[np.float64]


class Prometheus:
    """A Prometheus that answers at a URL such as http://127.0.0.1:9090."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def now(self, query: str) -> list[Series]:
        """Return what the query gives at this moment.

        Raises:
            BenchmarkError: it cannot be asked, or objects to the query.
        """
        result = self.get("query", query=query)["result"]
        return [_series(one["metric"], [one["value"]]) for one in result]

    def over(self, query: str, begin: float, end: float, step: float) -> list[Series]:
        """Return what the query gives at each step of a time, as a panel asks for it.

        Args:
            query: in PromQL.
            begin: seconds since the epoch.
            end: likewise.
            step: seconds.

        Raises:
            BenchmarkError: it cannot be asked, or objects to the query.
        """
        result = self.get("query_range", query=query, start=begin, end=end, step=step)["result"]
        return [_series(one["metric"], one["values"]) for one in result]

    def get(self, what: str, **parameters: object) -> Any:
        """Return the `data` of an answer: /api/v1/WHAT?PARAMETERS.

        Raises:
            BenchmarkError: it cannot be asked, or objects.
        """
        try:
            url = f"{self._url}/api/v1/{what}?{urlencode(parameters)}"
            with urlopen(url, timeout=_PATIENCE) as answer:  # noqa: S310 - the user's own URL
                return json.load(answer)["data"]
        except HTTPError as error:
            with error:
                said = error.read().decode(errors="replace").strip()
            raise BenchmarkError(f"Prometheus objects to {parameters}: {said}") from error
        except (URLError, TimeoutError) as error:
            raise BenchmarkError(
                f"No Prometheus answers at {self._url} ({getattr(error, 'reason', error)}); "
                "name another one with --prometheus URL."
            ) from error


def _series(labels: dict[str, str], samples: list[tuple[float, str]]) -> Series:
    pairs = np.asarray([(time, float(value)) for time, value in samples], dtype=np.float64)
    return Series(labels, pairs[:, 0], pairs[:, 1])
