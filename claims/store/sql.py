"""SQL text made of names and values: quoted here and nowhere else (a test holds claims/ and features/ to it)."""

import re
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path


def quote(text: object) -> str:
    """A SQL string literal."""
    return "'" + str(text).replace("'", "''") + "'"


def name(text: str) -> str:
    """A SQL identifier."""
    return '"' + text.replace('"', '""') + '"'


def paths_sql(paths: Iterable[Path]) -> str:
    """A DuckDB list literal of file paths, each of them one file: `[`, `*` and `?` in a name are no pattern."""
    return "[" + ", ".join(quote(re.sub(r"([\[*?])", r"[\1]", str(path))) for path in paths) + "]"


def parquet(paths: Iterable[Path]) -> str:
    """The rows of several Parquet files, columns matched by name."""
    return f"read_parquet({paths_sql(paths)}, union_by_name=true)"


def copy_to(rows: str, path: Path, options: str = "FORMAT parquet") -> str:
    """Write the rows of a query to a file."""
    return f"COPY ({rows}) TO {quote(path)} ({options})"


def timestamp(t: datetime) -> str:
    """A point in time."""
    return f"TIMESTAMP {quote(t)}"


def day(d: date | str) -> str:
    """A calendar day."""
    return f"DATE {quote(d)}"


def one_of(values: Iterable[object]) -> str:
    """A list to stand behind IN."""
    return "(" + ", ".join(map(quote, values)) + ")"


def bucket_sql(key: str, buckets: int) -> str:
    """The bucket of a key: the first 8 hex digits of its MD5, modulo the number of buckets (in Python:
    warehouse.bucket_of)."""
    return f"CAST(CAST('0x' || substr(md5({key}), 1, 8) AS UBIGINT) % {buckets} AS INTEGER)"
