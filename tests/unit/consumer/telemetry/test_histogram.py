"""The batch histogram counts as prometheus_client's own does."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from consumer.telemetry.histogram import BatchHistogram

BUCKETS = (0.001, 0.5, 1, 30)

values = st.lists(st.sampled_from(BUCKETS) | st.floats(0, 100), max_size=30)


@given(st.lists(values, max_size=4))
def test_it_is_scraped_as_a_plain_histogram_of_the_same_values(batches: list[list[float]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    batched = BatchHistogram("x_seconds", "Help.", BUCKETS, ours)
    plain = Histogram("x_seconds", "Help.", buckets=BUCKETS, registry=theirs)
    for batch in batches:
        batched.observe(batch)
        for value in batch:
            plain.observe(value)
    expected, actual = samples(theirs), samples(ours)
    assert actual.keys() == expected.keys()
    assert all(abs(actual[name] - expected[name]) < 1e-6 for name in expected)


def samples(registry: CollectorRegistry) -> dict[str, float]:
    """Return the samples of a scrape by name and labels, with edges as numbers."""
    result: dict[str, float] = {}
    for line in generate_latest(registry).decode().splitlines():
        if not line.startswith("#") and "_created" not in line:
            name, value = line.rsplit(" ", 1)
            if 'le="' in name and "+Inf" not in name:
                start, edge = name.split('le="')
                name = f"{start}{float(edge.rstrip('}').rstrip(chr(34)))}"
            result[name] = float(value)
    return result
