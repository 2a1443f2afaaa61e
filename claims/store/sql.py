"""SQL text made of names and values: quoted here and nowhere else."""

from collections.abc import Iterable
from pathlib import Path


def quote(text: object) -> str:
    """A SQL string literal."""
    return "'" + str(text).replace("'", "''") + "'"


def name(text: str) -> str:
    """A SQL identifier."""
    return '"' + text.replace('"', '""') + '"'


def paths_sql(paths: Iterable[Path]) -> str:
    """A DuckDB list literal of file paths."""
    return "[" + ", ".join(map(quote, paths)) + "]"
