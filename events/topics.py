"""Topic names, in one place.

A prefix lets several streams share one cluster, and a demo clean up after itself.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topics:
    """The five topics of one stream.

    Attributes:
        prefix: put before each name, as it is ("" for none, or for example "test.").
    """

    prefix: str = ""

    @property
    def transactions(self) -> str:
        """Transactions to score, keyed by transaction id."""
        return f"{self.prefix}transactions"

    @property
    def labels(self) -> str:
        """Labels, published later: fraud or not, keyed by transaction id."""
        return f"{self.prefix}transactions.labels"

    @property
    def dead_letters(self) -> str:
        """Rejected records of `transactions`."""
        return f"{self.prefix}transactions.dlq"

    @property
    def alerts(self) -> str:
        """Transactions flagged as fraud, keyed by transaction id."""
        return f"{self.prefix}fraud.alerts"

    @property
    def journal(self) -> str:
        """The ranges that each commit of a detector covers, if it keeps a journal."""
        return f"{self.prefix}transactions.journal"

    def all(self) -> tuple[str, ...]:
        """Every topic, in the order of the data flow."""
        return (self.transactions, self.labels, self.dead_letters, self.alerts, self.journal)
