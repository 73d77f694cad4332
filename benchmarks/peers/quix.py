"""Quix Streams: a streaming data frame, one record at a time.

It has no batches to give a model: its windows collect per key, and each transaction has its own.
"""

from typing import Any

import numpy as np
from quixstreams import Application

from benchmarks.peers.job import CONSUMER_SETTINGS, Job
from events.messages import FEATURES


def main(job: Job) -> None:
    """Run for ever; offsets are committed every five seconds, its default."""
    scorer = job.scorer(batch_maximum=1)
    threshold = scorer.metadata.threshold

    def score(transaction: dict[str, Any]) -> dict[str, Any]:
        features = np.array([[transaction[name] for name in FEATURES]], np.float32)
        return {
            "transaction_id": transaction["transaction_id"],
            "score": float(scorer(features)[0]),
        }

    application = Application(
        broker_address=job.broker,
        consumer_group=job.group,
        auto_offset_reset="earliest",
        consumer_extra_config={**CONSUMER_SETTINGS},
        state_dir=job.folder,
        auto_create_topics=False,
    )
    transactions = application.topic(job.transactions, value_deserializer="json")
    alerts = application.topic(job.alerts, value_serializer="json")
    frame = application.dataframe(transactions).apply(score)
    frame = frame[frame["score"] >= threshold]
    frame.to_topic(alerts)
    application.run()


if __name__ == "__main__":
    main(Job.of_this_program())
