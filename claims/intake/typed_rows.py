"""One loaded source becomes typed rows: which local column fills which official one, and what of it cannot be read."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence

from claims.intake import column_stats
from claims.intake.batch import Batch, Counts, count, has
from claims.intake.control_totals import told_by_file
from claims.intake.dictionary_encode import CONTROLS, MEANS, SAYS, WRONG, Glossary, compile_glossaries
from claims.intake.match_columns import local_of
from claims.intake.normalize import LEVELS, REASON, Parsed, step
from claims.intake.quarantine import Rejected
from claims.intake.reading import Reading
from claims.schema.table import Column
from claims.store.sql import name, quote

#: Longitude and latitude of some place in China.
IN_CHINA = "(lnt BETWEEN 73 AND 136 AND lat BETWEEN 3 AND 54)"
#: `_err` of a row that has to be read by all levels, and the rows that say whether most have not.
UNREAD, HEAD = "?", 20_000
#: What each level makes of the moment at which a row's source says it was known.
TOLD = {
    "clean": "clean(raw__told)",
    "narrow": "narrow(clean__told)",
    "bare": "unzoned(narrow__told)",
    "dated": "month_named(bare__told)",
    "tidy": "whole_seconds(tidy_time(dated__told))",
}


def take(batch: Batch, readings: Sequence[Reading]) -> None:
    """Parse the sources of one table into `parsed_TABLE` (typed columns, `_row`, `_err`) and set their broken lines
    aside."""
    if not readings:
        return
    if any(reading.rule.keyed for reading in readings):
        _key_macro(batch)
    glossaries = compile_glossaries(batch, readings)
    for reading, glossary in zip(readings, glossaries, strict=True):
        table, source, loaded = reading.table, reading.source, reading.loaded
        parts = batch.parts.setdefault(table.name, [])
        start = sum(part.rows for _, part, _ in parts)
        parts.append((source, loaded, start))
        target = f"parsed_{table.name}"
        types = _fill(batch, target, reading, glossary, start)
        _places(batch, target, start, types)
        if source.kind != "pending":
            _account(batch, reading)
            told_by_file(batch, reading, start)


def _places(batch: Batch, target: str, start: int, types: dict[str, str]) -> None:
    """Coordinates that are no place in China (0 and 0, the two swapped, 1 and 1) are unknown ones: both go."""
    if not {"lnt", "lat"} <= types.keys():
        return
    nowhere = f"_row >= {start} AND (lnt IS NOT NULL OR lat IS NOT NULL) AND NOT coalesce({IN_CHINA}, false)"
    if lost := batch.con.execute(f"SELECT count(*) FROM {target} WHERE {nowhere}").fetchall()[0][0]:
        batch.con.execute(f"UPDATE {target} SET lnt = NULL, lat = NULL WHERE {nowhere}")
        batch.notes.append(f"{lost:,} rows with coordinates that are no place in China; their distances are unknown")


def _fill(batch: Batch, target: str, reading: Reading, glossary: Glossary, start: int) -> dict[str, str]:
    """Parse a source into `target`; the type of each column it fills.

    Where most rows are plainly written, all are read by the quick level of each cell alone, and those of which some
    cell is written otherwise are then read again by all levels. Either way a row has the same values."""
    con = batch.con
    quick = _plain(batch, reading, glossary)
    body, types = _typed(reading, glossary, start, _looked_at(reading), quickly=quick)
    if has(batch, target):
        for column, kind in types.items():
            con.execute(f"ALTER TABLE {target} ADD COLUMN IF NOT EXISTS {name(column)} {kind}")
        con.execute(f"INSERT INTO {target} BY NAME {body}")
    else:
        con.execute(f"CREATE TABLE {target} AS {body}")
    if quick:
        con.execute(f"CREATE OR REPLACE TEMP TABLE unread AS SELECT _row FROM {target} WHERE _err = {quote(UNREAD)}")
        if con.execute("SELECT count(*) FROM unread").fetchall()[0][0]:
            con.execute(f"DELETE FROM {target} WHERE _err = {quote(UNREAD)}")
            again = f"(FROM {_looked_at(reading)} WHERE _row IN (SELECT _row - {start} FROM unread))"
            con.execute(f"INSERT INTO {target} BY NAME {_typed(reading, glossary, start, again)[0]}")
    return types


def _plain(batch: Batch, reading: Reading, glossary: Glossary) -> bool:
    """Whether most of the first rows of a source have cells that the quick levels read."""
    if reading.loaded.rows < column_stats.WORTH or not any(p.quick for p in _parsed(reading, glossary)):
        return False
    head = f"(FROM {_looked_at(reading)} LIMIT {HEAD})"
    body = _typed(reading, glossary, 0, head, quickly=True)[0]
    rows, unread = batch.con.execute(
        f"SELECT count(*), count(*) FILTER (_err = {quote(UNREAD)}) FROM ({body})"
    ).fetchall()[0]
    return bool(unread * 4 <= rows)


def _present(reading: Reading) -> list[Column]:
    """The columns of a table that a source fills."""
    return [c for c in reading.table.columns if c.name in reading.made or c.name in reading.found]


def _parsed(reading: Reading, glossary: Glossary) -> list[Parsed]:
    """The columns of a source that are parsed cell by cell."""
    read = {*glossary.entries, *glossary.plain}
    return [reading.parse(c) for c in _present(reading) if c.name not in read]


def _typed(
    reading: Reading, glossary: Glossary, start: int, rows: str, quickly: bool = False
) -> tuple[str, dict[str, str]]:
    """SQL of one source's rows (of `rows`) with typed columns, `_known` and `_err`; and the type of each column it
    fills. `quickly`: by the quick levels alone; `_err` is UNREAD where they do not read a cell."""
    table, loaded, rule = reading.table, reading.loaded, reading.rule
    present = _present(reading)
    as_is = {c.name for c in present if c.name in glossary.plain}
    whole = _parsed(reading, glossary)
    parsed = [p.quickly() for p in whole] if quickly else whole
    types = {c.name: glossary.types.get(c.name, c.sql_type) for c in present}
    cells = {p.column.name: f"CAST({p.typed} AS {p.column.sql_type})" for p in parsed}
    kept = [f"{entry}.{MEANS} AS {name(c)}" for c, entry in glossary.entries.items()]
    kept += [f"s.{name(reading.found[c])} AS {name(c)}" for c in sorted(as_is)]
    teller = local_of(rule.known_at, loaded.types, {}) if rule.known_at else None
    told = [f"CAST(s.{name(teller)} AS VARCHAR) AS raw__told"] if teller else []
    first = [
        "s._row",
        *told,
        *kept,
        *(f"{p.steps['raw']} AS {step('raw', p.column.name)}" for p in parsed),
    ]
    first += [f"{entry}.{WRONG} AS {name('wrong_' + c)}" for c, entry in glossary.wrong.items()]
    joins = "".join(
        f" LEFT JOIN {entry} ON {entry}.{SAYS} = s.{name(reading.found[c])}" for c, entry in glossary.entries.items()
    )
    body = f"SELECT {', '.join(first)} FROM {rows} AS s{joins}"
    for level in LEVELS[1:]:
        made = [f"{p.steps[level]} AS {step(level, p.column.name)}" for p in parsed if level in p.steps]
        if teller and level in TOLD:
            made.append(f"{TOLD[level]} AS {level}__told")
        body = f"SELECT *, {', '.join(made)} FROM ({body})" if made else body
    blanks = [
        f"NULL::{c.sql_type} AS {name(c.name)}" for c in table.columns if c.name not in types and c.name in table.worked
    ]
    known = "NULL::TIMESTAMP"
    if teller:
        known = "CAST(coalesce(sane(fast_time(clean__told)), sane(slow_time(tidy__told))) AS TIMESTAMP)"
    values = [*(f"{sql} AS {name(c)}" for c, sql in cells.items()), *blanks, f"{known} AS _known"]
    shown = [name(c.name) for c in table.columns if c.name in types or c.name in table.worked]
    unread = [p.unread for p in whole if p.quick] if quickly else []
    faults = [f"CASE WHEN {' OR '.join(unread)} THEN {quote(UNREAD)} END"] if unread else []
    faults += _faults(reading, [p for p in parsed if not (quickly and p.quick)], glossary)
    if teller:
        faults.append(f"CASE WHEN clean__told IS NOT NULL AND _known IS NULL THEN {quote(f'Q02:{teller}')} END")
    faults.append("NULL")
    return (
        f"""
            SELECT
                CAST(_row + {start} AS BIGINT) AS _row,
                {", ".join(shown)}, _known,
                CAST(coalesce({", ".join(faults)}) AS VARCHAR) AS _err
            FROM (SELECT {", ".join(["*", *values])} FROM ({body}))
        """,
        types,
    )


def _looked_at(reading: Reading) -> str:
    """The source's rows, with the cells that `cases` look at cleaned once."""
    looked = {
        name(seen): f"clean(CAST({name(seen)} AS VARCHAR)) AS {name('k_' + seen)}"
        for how in reading.rule.columns.values()
        for case, _ in how.cases
        for c in case
        if (seen := local_of(c, reading.loaded.types, reading.found))
    }
    return (
        f"(SELECT *, {', '.join(looked.values())} FROM {reading.loaded.relation})"
        if looked
        else reading.loaded.relation
    )


def _faults(reading: Reading, parsed: list[Parsed], glossary: Glossary) -> list[str]:
    """SQL of what can be wrong with a row, the first that holds counts: characters, cells without a canonical value,
    missing keys."""
    table = reading.table
    faults = []
    texts = [p.written for p in parsed if p.column.kind in ("code", "text")]
    if texts and reading.source.kind != "csv":
        joined = f"concat_ws('', {', '.join(texts)})"
        faults.append(
            f"""
                CASE
                    WHEN regexp_matches({joined}, {quote(CONTROLS)}) THEN 'Q11:'
                    WHEN contains({joined}, chr(65533)) THEN 'Q05:'
                END
            """
        )
    wrong = [name("wrong_" + c) for c in glossary.wrong]
    faults += [f"CASE WHEN {code} IN ({', '.join(wrong)}) THEN {code} END" for code in ("'Q11:'", "'Q05:'") if wrong]
    by_column = {
        p.column.name: f"""
        CASE
            WHEN {p.written} IS NOT NULL AND {name(p.column.name)} IS NULL
                THEN {quote(f"{REASON[p.column.kind]}:{p.column.name}")}
        END
    """
        for p in parsed
        if not p.lossy and p.column.kind != "text"
    }
    by_column |= {c: name("wrong_" + c) for c in glossary.wrong}
    faults += [by_column[c.name] for c in table.columns if c.name in by_column]
    filled = {*reading.made, *reading.found}
    needed = [c.name for c in table.columns if c.needed and c.name in filled]
    return [*faults, *(f"CASE WHEN {name(c)} IS NULL THEN {quote(f'Q01:{c}')} END" for c in needed)]


def _account(batch: Batch, reading: Reading) -> None:
    """Count a source's rows, its broken lines and the certificates a spreadsheet destroyed."""
    table, source, loaded = reading.table, reading.source, reading.loaded
    count(batch, table.name, Counts(rows_in=loaded.rows + len(loaded.faults)))
    batch.rejected += [Rejected(table.name, source.label, f.line, "", f.code, f.raw, f.detail) for f in loaded.faults]
    if "certno" in reading.found:
        held = f"SELECT CAST({name(reading.found['certno'])} AS VARCHAR) AS c FROM {loaded.relation}"
        damaged = f"SELECT count(*) FROM ({held}) WHERE regexp_matches(c, '^[0-9]([.][0-9]+)?[eE][+][0-9]+$')"
        if lost := batch.con.execute(damaged).fetchall()[0][0]:
            batch.measured["lost_certificates"] = batch.measured.get("lost_certificates", 0) + lost


def _key_macro(batch: Batch) -> None:
    """HMAC-SHA256 with the warehouse's own key as a SQL macro; the key file is made on first use and readable by its
    owner only."""
    path = batch.root / "key"
    if not path.exists():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32))
    secret = bytes.fromhex(path.read_text().strip()).ljust(64, b"\0")
    inner = "".join(f"\\x{b ^ 0x36:02X}" for b in secret)
    outer = "".join(f"\\x{b ^ 0x5C:02X}" for b in secret)
    batch.con.execute(
        f"CREATE OR REPLACE TEMP MACRO keyed(x) AS sha256({quote(outer)}::BLOB || unhex(sha256({quote(inner)}::BLOB || "
        "encode(upper(x)))))"
    )
