"""Spark as a source: tables of a catalog (Hive) or a folder of Parquet that Spark can reach, written into the staging
folder and taken in as any Parquet is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from claims.errors import UserError
from claims.schema.mapping import Mapping
from claims.sources.naming import table_of
from claims.sources.source import Ignored, Source
from claims.store.spark import spark_session

SCHEMES = ("spark", "spark+local")


@dataclass(frozen=True)
class Address:
    """Where Spark finds the tables: a catalog's database or a folder of Parquet; on a master, or in this process."""

    master: str
    database: str
    path: str
    config: dict[str, str]

    @classmethod
    def parse(cls, url: str) -> Address:
        """From ``spark://HOST:PORT/DATABASE``, ``spark://HOST:PORT?path=FOLDER`` or the same after ``spark+local://``;
        ``metastore=thrift://…`` and ``conf.NAME=VALUE`` may follow. UserError if it names neither a database nor a
        folder."""
        parts = urlsplit(url)
        given = dict(parse_qsl(parts.query))
        database, path = parts.path.strip("/"), given.pop("path", "")
        config = {
            "spark.sql.session.timeZone": "Asia/Shanghai",
            "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        }
        if database:
            config["spark.sql.catalogImplementation"] = "hive"
        if metastore := given.pop("metastore", ""):
            config["spark.hadoop.hive.metastore.uris"] = metastore
        config |= {key.removeprefix("conf."): value for key, value in given.items() if key.startswith("conf.")}
        if unknown := sorted(key for key in given if not key.startswith("conf.")):
            raise UserError(
                f"the Spark address has an unknown setting {unknown[0]!r}; known are path, metastore and conf.…"
            )
        local = parts.scheme == "spark+local"
        if bool(database) == bool(path) or not (local or parts.port):
            raise UserError(
                "the Spark address is not complete; expected spark://HOST:PORT/DATABASE or "
                "spark://HOST:PORT?path=FOLDER (spark+local:// without a cluster)"
            )
        return cls("local[2]" if local else f"spark://{parts.netloc}", database, path, config)


def export_tables(url: str, mapping: Mapping, staging: Path, unread: list[Ignored]) -> list[Source]:
    """Every table at `url` that fills one of ours, written by Spark as Parquet into `staging` (which the executors
    must share), and counted; the others go to `unread`.

    Errors never repeat the address: it may hold a password. UserError if Spark or the tables cannot be reached, if
    none fills one of ours, or if what was written is not what was there.
    """
    address = Address.parse(url)
    with spark_session(address.master, address.config, "xiezhi intake") as session:
        return list(_exported(session, address, mapping, staging, url, unread))


def _exported(
    session: Any, address: Address, mapping: Mapping, staging: Path, url: str, unread: list[Ignored]
) -> Iterator[Source]:
    with _told(f"the Spark {'database ' + address.database if address.database else 'folder'}"):
        names = _names(session, address)
    wanted = {name: table for name in names if (table := table_of(name, mapping))}
    if not wanted:
        raise UserError(
            f"Spark finds no table that fills one of ours; it has {', '.join(sorted(names)[:10]) or 'none'}. Name "
            "them in a mapping (files = [...])"
        )
    unread += [Ignored(name, "its name is no table's") for name in sorted(names) if name not in wanted]
    for name, table in sorted(wanted.items()):
        folder = staging / "spark" / name
        with _told(f"the Spark table {name}"):
            frame = (
                session.table(f"`{address.database}`.`{name}`")
                if address.database
                else session.read.parquet(names[name])
            )
            # a moment without a zone is what tables.md means: wall time in Shanghai
            moments = {c: frame[c].cast("timestamp_ntz") for c, kind in frame.dtypes if kind == "timestamp"}
            frame = frame.withColumns(moments) if moments else frame
            rows = frame.count()
            frame.write.parquet(folder.as_uri())
        parts = sorted(folder.glob("*.parquet"))
        if (written := _rows(parts)) != rows:
            raise UserError(
                f"the Spark table {name} has {rows:,} rows, but {written:,} were written; it changed meanwhile, "
                "take it in again"
            )
        for i, part in enumerate(parts, start=1):
            yield Source(table, f"{name}[{i}]", part, "parquet", url=url)


def _rows(parts: Sequence[Path]) -> int:
    import pyarrow.parquet as pq

    return sum(pq.read_metadata(part).num_rows for part in parts)


def _names(session: Any, address: Address) -> dict[str, str]:
    """Tables of the database, or entries of the folder as Hadoop lists it → where each lies."""
    if address.database:
        return {t.name: t.name for t in session.catalog.listTables(address.database)}
    path = session._jvm.org.apache.hadoop.fs.Path(address.path)
    system = path.getFileSystem(session._jsc.hadoopConfiguration())
    entries = [(e.getPath().getName(), e.getPath().toString()) for e in system.listStatus(path)]
    return {name.removesuffix(".parquet"): where for name, where in entries if not name.startswith((".", "_"))}


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """Spark's errors as one sentence."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        kind = getattr(error, "getCondition", lambda: None)() or type(error).__name__
        raise UserError(f"{what} cannot be read ({kind}); check its name, the rights and the cluster") from None
