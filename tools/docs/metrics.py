"""Sections of docs/metrics.md: tables of the metrics, from the metric classes themselves."""

import inspect
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.registry import Collector

from consumer.detector.metrics import DetectorMetrics
from consumer.quality.metrics import QualityMetrics
from model.artifact.markdown import table
from tools.docs.markdown import code

PAGE = "metrics"

# Suffixes that the exposition format adds to a family's name.
_SUFFIXES = {"counter": "_total", "info": "_info"}


def sections() -> dict[str, str]:
    """Return the page's sections by name: one of each class of metrics."""
    return {group.__name__: _described(group) for group in (DetectorMetrics, QualityMetrics)}


def _described(group: type) -> str:
    registry = CollectorRegistry()
    group(registry)
    families = [
        (family, collector)
        for collector in registry._collector_to_names  # noqa: SLF001 - in the order of the file
        # One that has no value yet is described only.
        for family in [*collector.collect()] or getattr(collector, "describe", list)()
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
    return family.name + _SUFFIXES.get(family.type, "")


def _labels(family: Metric, collector: Collector) -> str:
    """Return the labels, with their values where these are finite."""
    described = []
    # A custom collector has no label names; the families that it yields have.
    for label in getattr(collector, "_labelnames", getattr(family, "_labelnames", ())):
        values = ", ".join(map(code, _values(family, label)))
        described.append(code(label) + (f": {values}" if values else ""))
    return "; ".join(described)


def _values(family: Metric, label: str) -> Iterable[str]:
    """Return the values that a label has now, each once, in order."""
    samples = (sample for sample in family.samples if label in sample.labels)
    return list(dict.fromkeys(sample.labels[label] for sample in samples))
