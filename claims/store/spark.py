"""Sessions on a Spark cluster, and the executor that spreads bucket numbers over it, DuckDB inside each task."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlsplit

from claims.errors import UserError
from claims.store.executor import BucketJob

ANSWER_SECONDS = 5.0


@contextmanager
def spark_session(master: str, config: dict[str, str], name: str) -> Iterator[Any]:
    """A SparkSession on `master`, stopped at the end unless it was there before. UserError without pyspark, Java or a
    master that answers."""
    try:
        from pyspark.sql import SparkSession
    except ModuleNotFoundError:
        raise UserError("Spark needs the extra: pip install 'xiezhi[spark]', and Java 17 or later") from None
    _answers(master)
    builder = SparkSession.builder.master(master).appName(name).config("spark.ui.enabled", "false")
    for key, value in config.items():
        builder = builder.config(key, value)
    mine = SparkSession.getActiveSession() is None
    try:
        session = builder.getOrCreate()
    except Exception as error:  # the gateway raises plain RuntimeError without Java
        raise UserError(
            f"no Spark session on {master} ({type(error).__name__}); is Java installed and the master up?"
        ) from None
    try:
        yield session
    finally:
        if mine:
            session.stop()


def _answers(master: str) -> None:
    """A master that is not there is told at once; Spark itself tries for a minute."""
    if not master.startswith("spark://"):
        return
    parts = urlsplit(master)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), ANSWER_SECONDS).close()
    except (OSError, ValueError):
        raise UserError(f"no Spark master answers at {parts.netloc}; check the address and the network") from None


@dataclass(frozen=True)
class SparkExecutor:
    """Maps a picklable job over buckets on a Spark master, e.g. ``spark://host:7077``. Executors need this package and
    the warehouse's path."""

    master: str
    config: dict[str, str] = field(default_factory=dict)
    name: str = "xiezhi"
    remote: ClassVar[bool] = True

    def map(self, job: BucketJob, buckets: Sequence[int]) -> Iterator[Any]:
        """Results of `job(bucket)` in the order of the buckets; a task that fails is tried again by Spark.

        UserError without pyspark or Java, and with the job's own words where it was turned down.
        """
        with spark_session(self.master, self.config, self.name) as session:
            spread = session.sparkContext.parallelize(list(buckets), max(1, len(buckets)))
            for refusal, result in spread.map(partial(_answer, job)).collect():
                if refusal:
                    raise UserError(refusal)
                yield result


def _answer(job: BucketJob, bucket: int) -> tuple[str, Any]:
    """A job turned down is an answer, not a failure that Spark should try again."""
    try:
        return "", job(bucket)
    except UserError as error:
        return str(error), None
