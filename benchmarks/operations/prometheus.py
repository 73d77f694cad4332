"""A client of Prometheus' HTTP API."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.errors import BenchmarkError

_TIMEOUT = 30.0  # seconds


@dataclass(frozen=True)
class Series:
    """The samples of one set of labels.

    Attributes:
        labels: with the metric's name as `__name__`.
        times: seconds since the epoch, float64 [n]; n is 1 for an instant query.
        values: float64 [n]; may hold NaN and infinities.
    """

    labels: dict[str, str]
    times: NDArray[np.float64]
    values: NDArray[np.float64]


class Prometheus:
    """A Prometheus at a URL such as http://127.0.0.1:9090."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def now(self, query: str) -> list[Series]:
        """Run an instant query.

        Raises:
            BenchmarkError: if Prometheus does not answer, or rejects the query.
        """
        result = self.get("query", query=query)["result"]
        return [_series(one["metric"], [one["value"]]) for one in result]

    def over(self, query: str, begin: float, end: float, step: float) -> list[Series]:
        """Run a range query, as a panel does.

        Args:
            query: in PromQL.
            begin: seconds since the epoch.
            end: likewise.
            step: seconds.

        Raises:
            BenchmarkError: if Prometheus does not answer, or rejects the query.
        """
        result = self.get("query_range", query=query, start=begin, end=end, step=step)["result"]
        return [_series(one["metric"], one["values"]) for one in result]

    def get(self, endpoint: str, **parameters: object) -> Any:
        """Return the `data` of the answer to /api/v1/ENDPOINT?PARAMETERS.

        Raises:
            BenchmarkError: if Prometheus does not answer, or rejects the request.
        """
        try:
            url = f"{self._url}/api/v1/{endpoint}?{urlencode(parameters)}"
            with urlopen(url, timeout=_TIMEOUT) as answer:  # noqa: S310 - the user's own URL
                return json.load(answer)["data"]
        except HTTPError as error:
            with error:
                reason = error.read().decode(errors="replace").strip()
            raise BenchmarkError(f"Prometheus rejects {parameters}: {reason}") from error
        except (URLError, TimeoutError) as error:
            raise BenchmarkError(
                f"No Prometheus answers at {self._url} ({getattr(error, 'reason', error)}); "
                "name another one with --prometheus URL."
            ) from error


def _series(labels: dict[str, str], samples: list[tuple[float, str]]) -> Series:
    pairs = np.asarray([(time, float(value)) for time, value in samples], dtype=np.float64)
    return Series(labels, pairs[:, 0], pairs[:, 1])
