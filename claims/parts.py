"""Canonical tables out of checked rows: duplicates, versions, clocks, and columns of few values as ENUMs."""

from __future__ import annotations

from claims.batch import Batch, Counts, columns_of, content_hash, count, stored_sql
from claims.parse import name
from claims.tables import CANONICAL, Table
from claims.versions import Clock, resolve
from claims.warehouse import FACTS

ENUM_ROWS, ENUM_VALUES = 10_000, 65_536  # a table of fewer rows, or a column of more values, is not worth an ENUM


def _few(batch: Batch, part: str, have: list[str], source: str) -> dict[str, str]:
    """Columns of few different values → their ENUM: sorting and writing then move small integers. `source` is SQL that holds every value."""
    con, table = batch.con, CANONICAL[part]
    keys = {*table.key, "mdtrt_id", "setl_id", "feedetl_sn", "init_setl_id", "init_feedetl_sn"}
    texts = [c.name for c in table.columns if c.name in have and c.sql_type == "VARCHAR" and c.name not in keys]
    held = columns_of(batch, f"({source})") if texts else set()
    if not (texts := [c for c in texts if c in held]):
        return {}
    counted = ", ".join(f"approx_count_distinct({name(c)})" for c in texts)
    rows, *different = con.execute(f"SELECT count(*), {counted} FROM ({source})").fetchall()[0]
    if rows < ENUM_ROWS:
        return {}
    found = {}
    for column, n in zip(texts, different, strict=True):
        if n <= min(ENUM_VALUES, rows // 4 + 1):
            values = f"SELECT DISTINCT {name(column)} FROM ({source}) WHERE {name(column)} IS NOT NULL"
            if part == "fee_details" and column in ("psn_no", "fixmedins_code"):
                values += f" UNION SELECT {name(column)} FROM known_visits WHERE {name(column)} IS NOT NULL"
            found[column] = name(f"few_{part}_{column}")
            con.execute(f"CREATE TYPE {found[column]} AS ENUM (SELECT * FROM ({values}) ORDER BY 1)")
    return found


def make_part(
    batch: Batch, part: str, rows: str, key: str, where: str, natural: str, full: str, clock: Clock, few: str
) -> None:
    """Versions of one canonical table from `rows`: makes `new_PART` (only columns that are there, `_row`), the view `out_PART` (all canonical
    columns) and `old_PART` (what is superseded). `few` is SQL holding every value of the text columns."""
    con, table = batch.con, CANONICAL[part]
    present = columns_of(batch, rows)
    have = [c.name for c in table.columns if c.name in present]
    content = [c for c in table.columns if c.name != "setl_known_at"]
    cells = [name(c.name) if c.name in present else f"NULL::{c.sql_type}" for c in content]
    new = f"SELECT _row, {key} AS _key, {natural} AS _nat, {full} AS _full, {content_hash(cells)} AS _h FROM {rows} WHERE {where}"
    held = stored_sql(batch, part)
    stored = None
    if held:
        stored_have = columns_of(batch, f"SELECT * FROM {held}")
        cells = [name(c.canonical) if c.canonical in stored_have else f"NULL::{c.sql_type}" for c in content]
        stored_key = key if "(" not in key else _canonical_key(table)
        stored = f"SELECT {stored_key} AS _key, {content_hash(cells)} AS _h, version_no, known_at FROM {held}"
    fix, old = resolve(con, part, new, stored, clock)
    enums = _few(batch, part, have, few)
    columns = ", ".join(
        f"CAST(n.{name(c)} AS {enums[c]}) AS {name(table[c].canonical)}"
        if c in enums
        else f"n.{name(c)} AS {name(table[c].canonical)}"
        for c in have
    )
    spread = ", n._person, n._institution" if part in FACTS else ""
    special = con.execute(f"SELECT count(*) FROM {fix}").fetchall()[0][0]
    plain = f"SELECT n._row, {columns}{spread}, {clock.sql('_nat')} AS known_at, 1::INTEGER AS version_no FROM (SELECT *, {natural} AS _nat FROM {rows} WHERE {where}) n"
    if special:
        plain = f"""SELECT n._row, {columns}{spread}, coalesce(f.known_at, {clock.sql("_nat")}) AS known_at, coalesce(f.version_no, 1) AS version_no
            FROM (SELECT *, {natural} AS _nat FROM {rows} WHERE {where}) n LEFT JOIN {fix} f USING (_row) WHERE f.dup IS NOT TRUE"""
    con.execute(f"CREATE TABLE new_{part} AS {plain}")
    made = {table[c].canonical for c in have} | {"known_at", "version_no"}
    if table.happened:
        made.add("happened_at")
    shown = [
        _shown(table, c, enums) if c in made else f"NULL::{kind} AS {name(c)}"
        for c, kind in table.canonical_columns.items()
    ]
    con.execute(f"CREATE VIEW out_{part} AS SELECT _row, {', '.join(shown)} FROM new_{part}")
    layouts = (
        "o.psn_no, o.fixmedins_code"
        if part in FACTS
        else ("o.psn_no, NULL AS fixmedins_code" if part == "persons" else "NULL AS psn_no, NULL AS fixmedins_code")
    )
    superseding = con.execute(f"SELECT count(*) FROM {old}").fetchall()[0][0]
    con.execute(
        f"CREATE TABLE old_{part} AS SELECT '{part}' AS table_name, x._key AS key, {layouts}, x.version_no, x.superseded_at FROM {old} x JOIN {rows} o USING (_row)"
        + ("" if superseding else " WHERE false")
    )


def _shown(table: Table, column: str, enums: dict[str, str]) -> str:
    if column == "happened_at" and table.happened:
        return f"CAST({name(table.happened.canonical)} AS TIMESTAMP) AS happened_at"
    return f"CAST({name(column)} AS VARCHAR) AS {name(column)}" if column in enums else name(column)


def _canonical_key(table: Table) -> str:
    return (
        "concat_ws('|', "
        + ", ".join(f"coalesce(CAST({name(table[k].canonical)} AS VARCHAR), '')" for k in table.key)
        + ")"
    )


def close(batch: Batch, table: str, parts: tuple[str, ...] = ()) -> None:
    """Finish the count of a table: accepted rows are those that changed something, the others left in `parsed_` are duplicates."""
    con = batch.con
    parts = parts or (table,)
    touched = " UNION ALL ".join(f"SELECT _row FROM new_{part}" for part in parts)
    for index, (source, loaded, start) in enumerate(batch.parts[table]):
        span = f"_row >= {start} AND _row < {start + loaded.rows}"
        kept = con.execute(f"SELECT count(*) FROM parsed_{table} WHERE {span}").fetchall()[0][0]
        taken = con.execute(
            f"SELECT count(*) FROM (SELECT _row FROM parsed_{table} WHERE {span}) SEMI JOIN ({touched}) USING (_row)"
        ).fetchall()[0][0]
        if source.kind == "pending":
            ids = batch.facts["_pending"][(table, index)]
            gone = {r[0] - start for r in con.execute(f"SELECT _row FROM parsed_{table} WHERE {span}").fetchall()}
            batch.retry_ids[table] += [ids[i] for i in sorted(gone)]
        else:
            count(batch, table, Counts(accepted=taken, duplicates=kept - taken))
