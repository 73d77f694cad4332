"""A hand-written loop over batches: at-least-once."""

from confluent_kafka import Consumer, Producer

from benchmarks.peers.batches import BatchScoring, encode
from benchmarks.peers.job import BATCH, CONSUMER_SETTINGS, Job


def main(job: Job) -> None:
    """Run for ever: flush a batch's alerts, then commit its offsets."""
    find = BatchScoring(job)
    consumer = Consumer(
        {
            "bootstrap.servers": job.broker,
            "group.id": job.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            **CONSUMER_SETTINGS,
        }
    )
    producer = Producer({"bootstrap.servers": job.broker, "linger.ms": 0})
    consumer.subscribe([job.transactions])
    while True:
        messages = consumer.consume(BATCH, timeout=0.1)
        payloads = [message.value() or b"" for message in messages if not message.error()]
        if not payloads:
            continue
        for alert in find(payloads):
            producer.produce(job.alerts, encode(alert), alert.key)
        producer.flush()
        consumer.commit(asynchronous=False)


if __name__ == "__main__":
    main(Job.of_this_program())
