"""Canonical tables out of checked rows: first versions, then the few rows that are duplicates or later versions set
right."""

from __future__ import annotations

from claims.intake.batch import Batch, Counts, columns_of, content_hash, count, stored_sql, types_of
from claims.intake.versions import Clock, resolve
from claims.schema.table import Table
from claims.schema.tables import CANONICAL, FACTS, LAYOUT_KEY
from claims.store.sql import name, quote


def make_part(
    batch: Batch, part: str, rows: str, where: str, natural: str, full: str, clock: Clock, lasting: bool = False
) -> None:
    """Versions of one canonical table from `rows`: makes `new_PART` (only columns that are there, `_row`), the view
    `out_PART` (all canonical columns) and `old_PART` (what is superseded). `natural` and `full` are the moments of
    `resolve`, `lasting` as there."""
    con, table = batch.con, CANONICAL[part]
    types = types_of(batch, rows)
    have = [c.name for c in table.columns if c.name in types]
    columns = ", ".join(f"n.{name(c)} AS {name(table[c].canonical)}" for c in have)
    spread = ", n._person, n._institution" if part in FACTS else ""
    con.execute(
        f"""
            CREATE TABLE new_{part} AS
            SELECT n._row, {columns}{spread}, {clock.sql("_nat")} AS known_at, 1::INTEGER AS version_no
            FROM (SELECT *, {natural} AS _nat FROM {rows} WHERE {where}) n
        """
    )
    content = [c for c in table.columns if c.name != "setl_known_at"]
    named = f"{table.key_sql()} AS _key, {key_hash(table.key)} AS _k"
    cells = [_text(c.name, types[c.name]) if c.name in types else f"NULL::{c.sql_type}" for c in content]
    new = f"""
        SELECT _row, {named}, {natural} AS _nat, {full} AS _full, {content_hash(cells)} AS _h
        FROM {rows}
        WHERE {where}
    """
    held = stored_sql(batch, part)
    stored = None
    if held:
        there = columns_of(batch, f"SELECT * FROM {held}")
        cells = [name(c.canonical) if c.canonical in there else f"NULL::{c.sql_type}" for c in content]
        stored = f"SELECT {named}, {content_hash(cells)} AS _h, version_no, known_at FROM {held}"
    special = resolve(con, part, key_hash(table.key), new, stored, clock, lasting)
    made = {table[c].canonical for c in have} | {"known_at", "version_no"}
    if table.happened:
        made.add("happened_at")
    kinds = {table[c].canonical: types[c] for c in have}
    shown = [
        _shown(table, c, kinds.get(c, "")) if c in made else f"NULL::{kind} AS {name(c)}"
        for c, kind in table.canonical_columns.items()
    ]
    con.execute(f"CREATE VIEW out_{part} AS SELECT _row, {', '.join(shown)} FROM new_{part}")
    if special:
        # A supersession lies where the version does that it speaks of.
        keys = [
            f"CAST(o.{key} AS VARCHAR) AS {key}" if layout in table.layouts else f"NULL::VARCHAR AS {key}"
            for layout, key in LAYOUT_KEY.items()
        ]
        con.execute(
            f"""
                CREATE TABLE old_{part} AS
                SELECT {quote(part)} AS table_name, x._key AS key, {", ".join(keys)}, x.version_no, x.superseded_at
                FROM {special} x
                JOIN {rows} o USING (_row)
            """
        )


def key_hash(key: tuple[str, ...]) -> str:
    """SQL of a number equal for equal keys; cheaper than the text."""
    return "hash(" + ", ".join(f"CAST({name(k)} AS VARCHAR)" for k in key) + ")"


def _text(column: str, kind: str) -> str:
    return f"CAST({name(column)} AS VARCHAR)" if kind.startswith("ENUM") else name(column)


def _shown(table: Table, column: str, kind: str) -> str:
    if column == "happened_at" and table.happened:
        return f"CAST({name(table.happened.canonical)} AS TIMESTAMP) AS happened_at"
    return f"{_text(column, kind)} AS {name(column)}"


def close(batch: Batch, table: str, parts: tuple[str, ...] = ()) -> None:
    """Finish the count of a table and let go of its text: accepted rows are those that changed something, the others
    left in `parsed_` are duplicates."""
    con = batch.con
    touched = " UNION ".join(f"SELECT _row FROM new_{part}" for part in parts or (table,))
    for source, loaded, start in batch.parts[table]:
        span = f"_row >= {start} AND _row < {start + loaded.rows}"
        kept, taken = (
            con.execute(f"SELECT count(*) FROM ({rows}) WHERE {span}").fetchall()[0][0]
            for rows in (f"FROM parsed_{table}", touched)
        )
        if source.kind == "pending":
            ids = batch.facts["_pending"][table, source.label]
            gone = {r[0] - start for r in con.execute(f"SELECT _row FROM parsed_{table} WHERE {span}").fetchall()}
            batch.retry_ids[table] += [ids[i] for i in sorted(gone)]
        else:
            count(batch, table, Counts(accepted=taken, duplicates=kept - taken))
        if loaded.drop:  # its text is only needed for what is set aside
            con.execute(f"DROP TABLE {name(loaded.drop)}")
