"""A found source becomes rows inside DuckDB, by its kind."""

from __future__ import annotations

from pathlib import Path

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


def load(con: duckdb.DuckDBPyConnection, source: Source, number: int, staging: Path, most: int | None = None) -> Loaded:
    """Make a source visible to DuckDB as relation number `number`; of a database table at most `most` rows. UserError
    if the file cannot be read at all."""
    if source.kind == "parquet":
        return _load_parquet(con, source)
    if source.kind == "xlsx":
        return load_sheet(con, source, number)
    if source.kind == "database":
        return load_table(con, source, number, most)
    return _load_csv(con, source, number, staging)


def _load_parquet(con: duckdb.DuckDBPyConnection, source: Source) -> Loaded:
    assert source.path is not None
    scan = f"read_parquet({paths_sql([source.path])}, file_row_number=true)"
    try:
        described = con.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()
        rows = con.execute(f"SELECT count(*) FROM {scan}").fetchall()[0][0]
    except duckdb.Error as error:
        raise UserError(f"{source.label} is not a readable Parquet file: {str(error).splitlines()[0][:160]}") from None
    types = {row[0]: row[1] for row in described if row[0] != "file_row_number"}
    instants = ", ".join(
        f"timezone('UTC', {name(c)})::TIMESTAMPTZ::TIMESTAMP AS {name(c)}" for c in _int96(source.path)
    )
    cells = f"* REPLACE ({instants})" if instants else "*"
    return Loaded(f"(SELECT {cells} RENAME (file_row_number AS _row) FROM {scan})", types, rows, first_line=1)


def _int96(path: Path) -> list[str]:
    """Columns of Spark's old time type: instants in UTC that do not say so."""
    schema = pq.ParquetFile(path).schema
    return [schema.column(i).name for i in range(len(schema)) if schema.column(i).physical_type == "INT96"]


def _load_csv(con: duckdb.DuckDBPyConnection, source: Source, number: int, staging: Path) -> Loaded:
    assert source.path is not None
    cleaned = clean_csv(source.path, staging / f"source{number}.csv", source.label)
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
    )
