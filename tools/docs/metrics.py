"""docs/metrics.md: what is exported, asked of the metrics themselves."""

import inspect
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.registry import Collector

from consumer.detector.metrics import DetectorMetrics
from consumer.quality.metrics import QualityMetrics
from tools.docs.markdown import code, table

PAGE = "metrics"

# What Prometheus sees of a family has this at its end.
_ENDINGS = {"counter": "_total", "info": "_info"}


def sections() -> dict[str, str]:
    """Return the page's sections by name: one of each class of metrics."""
    return {group.__name__: _described(group) for group in (DetectorMetrics, QualityMetrics)}


def _described(group: type) -> str:
    registry = CollectorRegistry()
    group(registry)
    families = [
        (family, collector)
        for collector in registry._collector_to_names  # noqa: SLF001 - in the order of the file
        for family in collector.collect()
    ]
    rows = [
        [code(_name(family)), family.type, _labels(family, collector), family.documentation]
        for family, collector in families
    ]
    buckets = [
        [code(family.name), ", ".join(edges)]
        for family, _ in families
        if (edges := _values(family, "le"))
    ]
    parts = [inspect.getdoc(group) or "", table(("metric", "type", "labels", "meaning"), rows)]
    if buckets:
        parts.append(table(("histogram", "upper edges of its buckets"), buckets))
    return "\n\n".join(parts)


def _name(family: Metric) -> str:
    return family.name + _ENDINGS.get(family.type, "")


def _labels(family: Metric, collector: Collector) -> str:
    """Return the labels, and their values where these are finite."""
    told = []
    # Of what makes a family itself, the family knows them.
    for label in getattr(collector, "_labelnames", getattr(family, "_labelnames", ())):
        values = ", ".join(map(code, _values(family, label)))
        told.append(code(label) + (f": {values}" if values else ""))
    return "; ".join(told)


def _values(family: Metric, label: str) -> Iterable[str]:
    """Return the values that a label has now, each once, in their order."""
    return list(dict.fromkeys(it.labels[label] for it in family.samples if label in it.labels))
