"""Bytewax: whole batches through `flat_map_batch`, with recovery, so at-least-once."""

from datetime import timedelta

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from benchmarks.peers.batches import BatchScoring, encode
from benchmarks.peers.job import BATCH, CONSUMER_SETTINGS, Job

SETTINGS = {name: str(value) for name, value in CONSUMER_SETTINGS.items()}
WORKERS = 2  # threads; 5 % faster than one, on two cores


def dataflow(job: Job) -> Dataflow:
    """Return the dataflow from transactions to alerts."""
    find = BatchScoring(job)

    def score(messages: list[KafkaSourceMessage]) -> list[KafkaSinkMessage]:
        alerts = find([message.value for message in messages])
        return [KafkaSinkMessage(alert.key, encode(alert)) for alert in alerts]

    flow = Dataflow("fraud")
    source = KafkaSource([job.broker], [job.transactions], batch_size=BATCH, add_config=SETTINGS)
    transactions = op.input("transactions", flow, source)
    alerts = op.flat_map_batch("score", transactions, score)
    op.output("alerts", alerts, KafkaSink([job.broker], job.alerts))
    return flow


def main(job: Job) -> None:
    """Run for ever; snapshot the state every ten seconds, as its documentation suggests."""
    init_db_dir(job.folder, 1)
    cli_main(
        dataflow(job),
        workers_per_process=WORKERS,
        epoch_interval=timedelta(seconds=10),
        recovery_config=RecoveryConfig(job.folder),
    )


if __name__ == "__main__":
    main(Job.of_this_program())
