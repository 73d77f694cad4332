"""Messages as hypothesis draws them."""

from hypothesis import strategies as st

from events.messages import FEATURES, Transaction

components = st.floats(-1e6, 1e6)
transactions = st.builds(
    Transaction,
    transaction_id=st.text(min_size=1, max_size=64),
    Time=st.floats(0, 1e12),
    Amount=st.floats(0, 1e9),
    **{name: components for name in FEATURES if name.startswith("V")},
)
