"""Columns of few different values, parsed by their values: what each says, what it means, and what is wrong with it.

A glossary is one small table a column, joined to the rows on what they say. Over all sources of a table the meanings
of a column make one ENUM.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from claims.intake import column_stats as shape
from claims.intake.batch import Batch
from claims.intake.normalize import CERTIFICATES, LEVELS, REASON, step
from claims.intake.reading import Reading
from claims.schema.table import Column
from claims.store.sql import name, quote

SAYS, MEANS, WRONG = "_says", "_means", "_wrong"
CONTROLS = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F]"
#: Numbers of things, as many as there are things: never worth a glossary.
NUMBERS = {"mdtrt_id", "setl_id", "feedetl_sn", "init_setl_id", "init_feedetl_sn"}
#: Kept as text, because a later check may write into them.
WRITTEN = {("settlements", "refd_setl_flag"), ("presence_checks", "fixmedins_code")}


@dataclass
class Glossary:
    """How the text columns of one source are read without parsing every cell."""

    entries: dict[str, str] = field(default_factory=dict)  # official column → its table
    wrong: dict[str, str] = field(default_factory=dict)  # those of them with a value that has no meaning
    types: dict[str, str] = field(default_factory=dict)  # official column → its ENUM
    plain: set[str] = field(default_factory=set)  # official columns whose cells mean what they say


def compile_glossaries(batch: Batch, readings: Sequence[Reading]) -> list[Glossary]:
    """A glossary for each source of one table; empty ones where the table is too small to be worth it."""
    found = [Glossary() for _ in readings]
    rows = sum(reading.loaded.rows for reading in readings)
    if rows < shape.WORTH:
        return found
    columns = [c for c in readings[0].table.columns if all(_suits(reading, c) for reading in readings)]
    columns = [c for c in columns if any(c.name in reading.found for reading in readings)]
    many = {*readings[0].table.key, *NUMBERS}
    for reading in readings:
        held = {reading.found[c.name] for c in columns if c.name in reading.found}
        many |= _many(reading, columns, set(shape.few_valued(batch.con, reading.loaded.relation, sorted(held))))
    for column in columns:
        if column.name not in many and not _enter(batch, readings, found, column, min(shape.FEW, rows // 4 + 1)):
            many.add(column.name)
    for reading, glossary in zip(readings, found, strict=True):
        locals_of = {
            reading.found[c.name]: c.name
            for c in columns
            if c.name in many and c.name in reading.found and not (reading.how(c).values or reading.how(c).pad)
        }
        plain = shape.plain_columns(batch.con, reading.loaded.relation, sorted(locals_of))
        glossary.plain = {locals_of[local] for local in plain}
    return found


def _many(reading: Reading, columns: Sequence[Column], few: set[str]) -> set[str]:
    """Official columns of a source that hold many values, given its local columns of few."""
    return {c.name for c in columns if c.name in reading.found and reading.found[c.name] not in few}


def _suits(reading: Reading, column: Column) -> bool:
    """Whether a source lacks the column or holds it as plain text that is neither made nor keyed."""
    if column.kind not in ("code", "text") or column.name in reading.made:
        return False
    if column.name in CERTIFICATES:  # never what they say, and as many as there are persons
        return False
    local = reading.found.get(column.name)
    return local is None or (reading.loaded.types[local] == "VARCHAR" and column.name not in reading.rule.keyed)


def _enter(batch: Batch, readings: Sequence[Reading], found: Sequence[Glossary], column: Column, most: int) -> bool:
    """Make the column's tables and its ENUM; False (and nothing made) if it holds more than `most` different values."""
    con = batch.con
    made: list[tuple[Glossary, str]] = []
    for i, (reading, glossary) in enumerate(zip(readings, found, strict=True)):
        if column.name not in reading.found:
            continue
        entry = name(f"says_{reading.table.name}_{i}_{column.name}")
        con.execute(f"CREATE TABLE {entry} AS {_meanings(reading, column, most + 1)}")
        made.append((glossary, entry))
    every = " UNION ALL ".join(f"SELECT {SAYS}, {MEANS} FROM {entry}" for _, entry in made)
    says, means = con.execute(f"SELECT count(DISTINCT {SAYS}), count(DISTINCT {MEANS}) FROM ({every})").fetchall()[0]
    if says > most:
        for _, entry in made:
            con.execute(f"DROP TABLE {entry}")
        return False
    table = readings[0].table
    kind = column.sql_type
    if means and (table.name, column.name) not in WRITTEN:
        kind = name(f"few_{table.name}_{column.name}")
        con.execute(
            f"""
                CREATE TYPE {kind} AS ENUM (
                    SELECT DISTINCT {MEANS}
                    FROM ({every})
                    WHERE {MEANS} IS NOT NULL
                    ORDER BY 1
                )
            """
        )
    for glossary, entry in made:
        if kind != column.sql_type:
            con.execute(f"ALTER TABLE {entry} ALTER {MEANS} TYPE {kind}")
        glossary.entries[column.name] = entry
        glossary.types[column.name] = kind
        if con.execute(f"SELECT count({WRONG}) FROM {entry}").fetchall()[0][0]:
            glossary.wrong[column.name] = entry
    return True


def _meanings(reading: Reading, column: Column, most: int) -> str:
    """SQL of a column's different values, parsed as any cell of it would be."""
    local = name(reading.found[column.name])
    parsed = reading.parse(column, cell=SAYS)
    body = f"""
        SELECT DISTINCT {local} AS {SAYS}
        FROM {reading.loaded.relation} AS s
        WHERE {local} IS NOT NULL
        LIMIT {most}
    """
    for level in LEVELS:
        if level in parsed.steps:
            body = f"SELECT *, {parsed.steps[level]} AS {step(level, column.name)} FROM ({body})"
    body = f"SELECT *, {parsed.typed} AS {MEANS} FROM ({body})"
    faults = []
    if reading.source.kind != "csv":
        faults += [
            f"WHEN regexp_matches({parsed.written}, {quote(CONTROLS)}) THEN 'Q11:'",
            f"WHEN contains({parsed.written}, chr(65533)) THEN 'Q05:'",
        ]
    if column.kind != "text" and not parsed.lossy:
        faults.append(
            f"WHEN {parsed.written} IS NOT NULL AND {MEANS} IS NULL "
            f"THEN {quote(f'{REASON[column.kind]}:{column.name}')}"
        )
    wrong = f"CASE {' '.join(faults)} END" if faults else "NULL"
    return f"SELECT {SAYS}, CAST({MEANS} AS VARCHAR) AS {MEANS}, CAST({wrong} AS VARCHAR) AS {WRONG} FROM ({body})"


def enum_of(batch: Batch, table: str, column: str) -> str:
    """The type to keep a column of text in: an ENUM of its values where they are few among many rows, else text."""
    rows, values = batch.con.execute(f"SELECT count(*), approx_count_distinct({column}) FROM {table}").fetchall()[0]
    if rows < shape.WORTH or not 0 < values <= shape.FEW:
        return "VARCHAR"
    kind = name(f"few_{table}_{column}")
    batch.con.execute(
        f"""
            CREATE TYPE {kind} AS ENUM (
                SELECT DISTINCT CAST({column} AS VARCHAR)
                FROM {table}
                WHERE {column} IS NOT NULL
                ORDER BY 1
            )
        """
    )
    return kind
