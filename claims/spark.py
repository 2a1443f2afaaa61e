"""The same job on a cluster: bucket numbers spread over Spark executors, DuckDB inside each task. The only file that imports pyspark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from claims.errors import UserError
from claims.executor import BucketJob


@dataclass(frozen=True)
class SparkExecutor:
    """Maps a picklable job over buckets on a Spark master, e.g. ``spark://host:7077``. Executors need this package and the warehouse's path."""

    master: str
    config: dict[str, str] = field(default_factory=dict)
    name: str = "xiezhi"

    def map(self, job: BucketJob, buckets: Sequence[int]) -> Iterator[Any]:
        """Results of `job(bucket)` in the order of the buckets; a task that fails is tried again by Spark. UserError without pyspark or Java."""
        try:
            from pyspark.sql import SparkSession
        except ModuleNotFoundError:
            raise UserError("Spark needs the extra: pip install 'xiezhi[spark]', and Java 17 or later") from None
        builder = SparkSession.builder.master(self.master).appName(self.name).config("spark.ui.enabled", "false")
        for key, value in self.config.items():
            builder = builder.config(key, value)
        try:
            session = builder.getOrCreate()
        except Exception as error:  # the gateway raises plain RuntimeError without Java
            raise UserError(
                f"no Spark session on {self.master} ({type(error).__name__}); is Java installed and the master up?"
            ) from None
        try:
            spread = session.sparkContext.parallelize(list(buckets), max(1, len(buckets)))
            yield from spread.map(job).collect()
        finally:
            session.stop()
