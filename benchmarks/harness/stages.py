"""The durations of the loop's stages, which a detector exports."""

from prometheus_client.parser import text_string_to_metric_families

DURATIONS = "fraud_stage_duration_seconds_sum"
SCORED = "fraud_transactions_scored_total"


def stage_microseconds(metrics: str) -> dict[str, float]:
    """Return the microseconds of each stage for a transaction, from a detector's metrics.

    It is wall-clock time since the detector started; empty before anything is scored.
    """
    families = text_string_to_metric_families(metrics)
    samples = [sample for family in families for sample in family.samples]
    scored = sum(sample.value for sample in samples if sample.name == SCORED)
    if not scored:
        return {}
    return {
        sample.labels["stage"]: 1e6 * sample.value / scored
        for sample in samples
        if sample.name == DURATIONS
    }
