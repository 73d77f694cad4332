"""Hypothesis strategies for messages."""

from hypothesis import strategies as st

from events.errors import Reason
from events.messages import FEATURES, Alert, DeadLetter, JournalEntry, Label, Transaction

ids = st.text(min_size=1, max_size=64)
amounts = st.floats(0, 1e9)
components = st.floats(-1e6, 1e6)
transactions = st.builds(
    Transaction,
    transaction_id=ids,
    Time=st.floats(0, 1e12),
    Amount=amounts,
    **{name: components for name in FEATURES if name.startswith("V")},
)

int64 = st.integers(-(2**63), 2**63 - 1)
counts = st.integers(0, 2**63 - 1)
labels = st.builds(
    Label, transaction_id=ids, event_time_ms=int64, Amount=amounts, Class=st.sampled_from((0, 1))
)
alerts = st.builds(
    Alert,
    transaction_id=ids,
    event_time_ms=int64,
    detection_time_ms=int64,
    score=st.floats(0, 1),
    threshold=st.floats(0, 1),
    model_version=st.text(),
    Amount=amounts,
)
journal_entries = st.builds(
    JournalEntry,
    topic=st.text(),
    **dict.fromkeys(("partition", "first", "next", "scored", "refused", "digest"), counts),
)
dead_letters = st.builds(
    DeadLetter,
    topic=st.text(),
    partition=st.integers(0, 2**31 - 1),
    offset=counts,
    stage=st.text(),
    error=st.text(),
    message=st.text(),
    reason=st.sampled_from(Reason).map(str),
    key=st.none() | st.binary(),
    value=st.none() | st.binary(),
)
