"""The loop of most tutorials: poll a record, parse it, call `model.predict`, produce an alert."""

import json

import keras
import numpy as np
from confluent_kafka import Consumer, Producer

from benchmarks.peers.job import Job
from events.messages import FEATURES
from model.artifact.load import load_metadata


def main(job: Job) -> None:
    """Run for ever; the client commits offsets in the background, its default."""
    model = keras.saving.load_model(job.network, compile=False)
    threshold = load_metadata(job.artifact).threshold
    consumer = Consumer(
        {
            "bootstrap.servers": job.broker,
            "group.id": job.group,
            "auto.offset.reset": "earliest",
        }
    )
    producer = Producer({"bootstrap.servers": job.broker})
    consumer.subscribe([job.transactions])
    while True:
        message = consumer.poll(1.0)
        if message is None or message.error():
            continue
        transaction = json.loads(message.value() or b"")
        features = np.array([[transaction[name] for name in FEATURES]])
        score = float(model.predict(features, verbose=0)[0, 0])
        if score >= threshold:
            alert = {"transaction_id": transaction["transaction_id"], "score": score}
            producer.produce(job.alerts, json.dumps(alert), message.key())
        producer.poll(0)


if __name__ == "__main__":
    main(Job.of_this_program())
