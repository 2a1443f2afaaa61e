"""Persons, institutions, doctors and all tables that are not split; and tables a mapping derives from another."""

from __future__ import annotations

from claims.intake.batch import Batch, columns_of, has, stored_sql, table_clock
from claims.intake.canonical_tables import close, make_part
from claims.intake.reject import reject
from claims.intake.versions import Clock, natural_moment
from claims.schema.knowledge import Event
from claims.schema.table import Table
from claims.schema.tables import CANONICAL, SOURCE
from claims.store.sql import name, timestamp

ALWAYS = "TIMESTAMP '1900-01-01'"


def plain(batch: Batch, table: str, rows: str | None = None) -> None:
    """Versions of a table that is not split: persons, institutions, doctors and all supporting tables."""
    src = f"parsed_{table}"
    if not has(batch, src):
        return
    clock = table_clock(batch, table)
    declared = CANONICAL[table]
    if rows is None:
        reject(batch, table, f"SELECT _row, _err FROM {src} WHERE _err IS NOT NULL")
    if rows is None:
        _one_code_for_two(batch, declared, src)
    if table == "presence_checks":
        _complete_checks(batch, src)
    end = timestamp(batch.end)
    if isinstance(declared.knowledge, Event):
        lag = f"to_seconds({batch.mapping.rule(table).lag_days * 86400})"
        known = natural_moment(declared, lag)
        if declared.knowledge.of_visit:
            src = _with_visit_end(batch, src)
            known = f"coalesce({known}, _ended + {lag})"
        moment = f"coalesce({known}, {end})"
        make_part(batch, table, src, "true", moment, moment, clock)
    else:  # it describes something: known all along as first told, and corrected once the correction came
        natural, full = f"coalesce(_known, {ALWAYS})", f"coalesce(_known, {end})"
        make_part(batch, table, src, "true", natural, full, Clock(batch.end, None), lasting=True)
    if rows is None:
        close(batch, table)


def _one_code_for_two(batch: Batch, declared: Table, src: str) -> None:
    """Note the codes that one delivery gives to two people or institutions: the later row would be taken for a
    correction of the earlier."""
    telling = [c for c in declared.identity if c in columns_of(batch, src)]
    if not telling:
        return
    differ = " OR ".join(f"count(DISTINCT {name(c)}) > 1" for c in telling)
    codes = f"SELECT 1 FROM {src} GROUP BY {name(declared.key[0])} HAVING {differ}"
    if shared := batch.con.execute(f"SELECT count(*) FROM ({codes})").fetchall()[0][0]:
        batch.measured.setdefault("shared_codes", {})[declared.name] = shared
        batch.notes.append(
            f"{declared.name}: {shared} {declared.key[0]} in rows that differ in {' or '.join(telling)}; one code for "
            "two, or a correction? The last row counts"
        )


def _with_visit_end(batch: Batch, src: str) -> str:
    """A view of the rows with the end of the visit each names as `_ended`."""
    ends = ["SELECT NULL::VARCHAR AS mdtrt_id, NULL::TIMESTAMP AS endtime WHERE false"]
    if has(batch, "parsed_settlements"):
        ends.append("SELECT mdtrt_id, endtime FROM parsed_settlements")
    if stored := stored_sql(batch, "discharges"):
        ends.append(f"SELECT mdtrt_id, endtime FROM {stored}")
    view = src.replace("parsed_", "rows_")
    batch.con.execute(
        f"""
            CREATE VIEW {view} AS
            SELECT r.*, v.ended AS _ended
            FROM {src} r
            LEFT JOIN (
                SELECT CAST(mdtrt_id AS VARCHAR) AS mdtrt_id, max(endtime) AS ended
                FROM ({" UNION ALL ".join(ends)})
                GROUP BY 1
            ) v
                ON v.mdtrt_id = CAST(r.mdtrt_id AS VARCHAR)
        """
    )
    return view


def _complete_checks(batch: Batch, src: str) -> None:
    """A bed check without a number is named by its visit and time; one without its institution has that of its
    visit."""
    for filled in ("check_id", "fixmedins_code"):
        batch.con.execute(f"ALTER TABLE {src} ALTER {filled} TYPE VARCHAR")
    batch.con.execute(
        f"""
            UPDATE {src} SET check_id = concat_ws('|', mdtrt_id, check_time) WHERE check_id IS NULL
            AND mdtrt_id IS NOT NULL
        """
    )
    visits = ["SELECT mdtrt_id, fixmedins_code FROM parsed_settlements"] if has(batch, "parsed_settlements") else []
    if batch.house.entries("visits"):
        visits.append(f"SELECT mdtrt_id, fixmedins_code FROM {stored_sql(batch, 'visits')}")
    if visits:
        batch.con.execute(
            f"""UPDATE {src} SET fixmedins_code = v.fixmedins_code
            FROM (
                SELECT mdtrt_id, any_value(fixmedins_code) AS fixmedins_code
                FROM ({" UNION ALL ".join(visits)})
                GROUP BY 1
            ) v
            WHERE v.mdtrt_id = {src}.mdtrt_id AND {src}.fixmedins_code IS NULL"""
        )


def derive(batch: Batch) -> None:
    """Tables a mapping derives from another source table (``derive``); they are not counted, their rows are."""
    for table, rule in sorted(batch.mapping.tables.items()):
        if rule.derive and has(batch, f"parsed_{rule.derive}") and not has(batch, f"parsed_{table}"):
            there = columns_of(batch, f"parsed_{rule.derive}")
            cells = ", ".join(
                name(c.name) if c.name in there else f"NULL::{c.sql_type} AS {name(c.name)}"
                for c in SOURCE[table].columns
                if c.name in there or c.name in SOURCE[table].worked
            )
            where = f"{name(rule.where)} IS NOT NULL" if rule.where in there else "true" if not rule.where else "false"
            batch.con.execute(
                f"""
                    CREATE TABLE parsed_{table} AS
                    SELECT _row, {cells}, _known, _err FROM parsed_{rule.derive} WHERE {where}
                """
            )
            plain(batch, table, rows=f"parsed_{table}")
