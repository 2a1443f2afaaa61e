"""Persons, institutions, doctors and all tables that are not split; and tables a mapping derives from another."""

from __future__ import annotations

from claims.intake.batch import Batch, columns_of, has, stored_sql, table_clock
from claims.intake.canonical_tables import close, make_part
from claims.intake.reject import reject
from claims.intake.versions import Clock
from claims.schema.tables import CANONICAL, SOURCE
from claims.store.sql import name

#: When a row of a supporting table was known. Dimensions count as always known; what happened has its moment.
NATURAL = {"presence_checks": "check_time", "inspections": "coalesce(conclude_time, insp_time)", "stock_moves": "move_time", "ward_census": "CAST(stt_date AS TIMESTAMP)",
           "operations": "oprn_oprt_date"}  # fmt: skip


def plain(batch: Batch, table: str, rows: str | None = None) -> None:
    """Versions of a table that is not split: persons, institutions, doctors and all supporting tables."""
    src = f"parsed_{table}"
    if not has(batch, src):
        return
    clock = table_clock(batch, table)
    declared = CANONICAL[table]
    if rows is None:
        reject(batch, table, f"SELECT _row, _err FROM {src} WHERE _err IS NOT NULL")
    if table == "presence_checks":
        _fill_units(batch, src)
    known = NATURAL.get(table)
    always = "TIMESTAMP '1900-01-01'"
    lag = f"to_seconds({batch.mapping.rule(table).lag_days * 86400})"
    natural = f"coalesce(_known, {known} + {lag}, {always})" if known else always
    full = natural if known else f"TIMESTAMP '{batch.end}'"
    if not known:
        clock = Clock(batch.end, None)
    make_part(batch, table, src, declared.key, "true", natural, full, clock)
    if rows is None:
        close(batch, table)


def _fill_units(batch: Batch, src: str) -> None:
    visits = ["SELECT mdtrt_id, fixmedins_code FROM parsed_settlements"] if has(batch, "parsed_settlements") else []
    if batch.house.entries("visits"):
        visits.append(f"SELECT mdtrt_id, fixmedins_code FROM {stored_sql(batch, 'visits')}")
    if visits:
        batch.con.execute(
            f"UPDATE {src} SET fixmedins_code = v.fixmedins_code FROM (SELECT mdtrt_id, any_value(fixmedins_code) AS fixmedins_code "
            f"FROM ({' UNION ALL '.join(visits)}) GROUP BY 1) v WHERE v.mdtrt_id = {src}.mdtrt_id AND {src}.fixmedins_code IS NULL"
        )


def derive(batch: Batch) -> None:
    """Tables a mapping derives from another source table (``derive``); they are not counted, their rows are."""
    for table, rule in sorted(batch.mapping.tables.items()):
        if rule.derive and has(batch, f"parsed_{rule.derive}") and not has(batch, f"parsed_{table}"):
            there = columns_of(batch, f"parsed_{rule.derive}")
            cells = ", ".join(
                name(c.name) if c.name in there else f"NULL::{c.sql_type} AS {name(c.name)}"
                for c in SOURCE[table].columns
                if c.name in there or c.name in SOURCE[table].key
            )
            where = f"{name(rule.where)} IS NOT NULL" if rule.where in there else "true" if not rule.where else "false"
            batch.con.execute(
                f"CREATE TABLE parsed_{table} AS SELECT _row, {cells}, _known, _err FROM parsed_{rule.derive} WHERE {where}"
            )
            plain(batch, table, rows=f"parsed_{table}")
