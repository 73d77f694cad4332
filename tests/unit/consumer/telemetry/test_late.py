"""What is not known yet is not exported."""

from prometheus_client import CollectorRegistry, generate_latest

from consumer.detector.metrics import DetectorMetrics


def test_threshold_and_model_are_exported_once_a_model_is_loaded() -> None:
    registry = CollectorRegistry()
    metrics = DetectorMetrics(registry)
    exported = generate_latest(registry).decode()
    assert "fraud_ready" in exported
    assert "fraud_threshold" not in exported
    assert "fraud_build" not in exported
    metrics.threshold.set(0.0)
    metrics.build.info({"model_version": "v"})
    assert registry.get_sample_value("fraud_threshold") == 0.0
    assert registry.get_sample_value("fraud_build_info", {"model_version": "v"}) == 1.0
