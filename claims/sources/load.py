"""A found source becomes rows inside DuckDB, by its kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import duckdb
import pyarrow.parquet as pq

from claims.errors import UserError
from claims.sources.database import load_table
from claims.sources.delimited import clean_csv
from claims.sources.excel import load_sheet
from claims.sources.source import Loaded, Source
from claims.store.files import sha256
from claims.store.sql import name, paths_sql, quote


def digest(source: Source) -> str:
    """SHA-256 of the source's bytes; empty for a database or a cluster, whose bytes say nothing of their content."""
    if source.path is None or source.url is not None:
        return ""
    try:
        return sha256(source.path)
    except OSError as error:
        raise UserError(f"cannot read {source.label}: {error.strerror}") from None


def load(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    number: int,
    staging: Path,
    int96: str | None = None,
    most: int | None = None,
    named: Callable[[Sequence[str]], bool] | None = None,
) -> Loaded:
    """Make a source visible to DuckDB as relation number `number`; of a database table at most `most` rows. `int96`:
    what the mapping says of times in Parquet's old form; `named`: whether the cells of a line of text are a whole
    header. UserError if the file cannot be read at all."""
    if source.kind == "parquet":
        return _load_parquet(con, source, int96)
    if source.kind == "xlsx":
        return load_sheet(con, source, number)
    if source.kind == "database":
        return load_table(con, source, number, most)
    return _load_csv(con, source, number, staging, named)


def _load_parquet(con: duckdb.DuckDBPyConnection, source: Source, int96: str | None) -> Loaded:
    assert source.path is not None
    scan = f"read_parquet({paths_sql([source.path])}, file_row_number=true)"
    try:
        described = con.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()
        rows = con.execute(f"SELECT count(*) FROM {scan}").fetchall()[0][0]
    except duckdb.Error as error:
        raise UserError(f"{source.label} is not a readable Parquet file: {str(error).splitlines()[0][:160]}") from None
    types = {row[0]: row[1] for row in described if row[0] != "file_row_number"}
    cells = "*"
    old = _int96(source.path)
    if old and rows:
        zone = int96 or written_in(source.path) or _ask(con, source, scan, old)
        if zone == "utc":
            instants = ", ".join(f"timezone('UTC', {name(c)})::TIMESTAMPTZ::TIMESTAMP AS {name(c)}" for c in old)
            cells = f"* REPLACE ({instants})"
    return Loaded(f"(SELECT {cells} RENAME (file_row_number AS _row) FROM {scan})", types, rows, first_line=1)


def _int96(path: Path) -> list[str]:
    """Columns of Parquet's old time type, which does not say whether it is an instant or a clock on the wall."""
    schema = pq.ParquetFile(path).schema
    return [schema.column(i).name for i in range(len(schema)) if schema.column(i).physical_type == "INT96"]


#: What only one writer leaves in the footer, and in which time it writes INT96: Spark and Hive turn their session's
#: time into UTC, Impala writes the clock on the wall.
WRITERS: Final = ((b"org.apache.spark.version", "utc"), (b"org.apache.spark.sql", "utc"), (b"writer.time.zone", "utc"))


def written_in(path: Path) -> str | None:
    """ "utc" or "local", where the file's footer says who wrote it; None where it may be either."""
    footer = pq.read_metadata(path)
    if (footer.created_by or "").lower().startswith("impala"):
        return "local"
    keys = list(footer.metadata or {})
    return next((zone for mark, zone in WRITERS if any(key.startswith(mark) for key in keys)), None)


def unsaid(source: Source) -> bool:
    """Whether a Parquet file holds times of which only a person can say the zone."""
    return (
        source.kind == "parquet"
        and source.path is not None
        and bool(_int96(source.path))
        and written_in(source.path) is None
    )


def _ask(con: duckdb.DuckDBPyConnection, source: Source, scan: str, columns: list[str]) -> str:
    """UserError that shows one time both ways."""
    one = name(columns[0])
    found = con.execute(
        f"SELECT {one}::TIMESTAMP, timezone('UTC', {one}::TIMESTAMP)::TIMESTAMPTZ::TIMESTAMP FROM {scan} "
        f"WHERE {one} IS NOT NULL LIMIT 1"
    ).fetchall()
    if not found:
        return "local"  # nothing to read either way
    wall, shanghai = found[0]
    raise UserError(
        f"{source.label}: {', '.join(columns)} are INT96, which does not say its zone, and the file does not say "
        f'whether Spark, Hive or Impala wrote it. Is the first {columns[0]} {shanghai}? Then put int96 = "utc" on top '
        f'of the mapping; is it {wall}? Then int96 = "local"'
    )


def _load_csv(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    number: int,
    staging: Path,
    named: Callable[[Sequence[str]], bool] | None,
) -> Loaded:
    assert source.path is not None
    cleaned = clean_csv(source.path, staging / f"source{number}.csv", source.label, named)
    raw = f"raw_{number}"
    columns = ", ".join(f"{quote(c)}: 'VARCHAR'" for c in cleaned.header)
    con.execute(
        f"CREATE TABLE {raw} AS SELECT * FROM read_csv({paths_sql([cleaned.path])}, header=false, delim=',', "
        "quote='\"', escape='\"', "
        f"columns={{{columns}}}, auto_detect=false, strict_mode=true, null_padding=false, nullstr='', "
        "max_line_size=16777216, "
        f"new_line='\\n', allow_quoted_nulls=true)"
    )
    rows = con.execute(f"SELECT count(*) FROM {raw}").fetchall()[0][0]
    if rows != cleaned.rows:  # the count equation starts here: what was written must be what is read
        raise UserError(
            f"{source.label}: {cleaned.rows} rows were decoded but {rows} could be read; the file cannot be taken in"
        )
    cleaned.path.unlink()
    types = dict.fromkeys(cleaned.header, "VARCHAR")
    listed = ", ".join(map(name, cleaned.header))
    return Loaded(
        f"(SELECT {listed}, rowid AS _row FROM {raw})",
        types,
        rows,
        cleaned.first_line,
        cleaned.jumps,
        cleaned.faults,
        drop=raw,
        above=cleaned.above,
    )
