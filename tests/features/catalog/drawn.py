"""As-of views drawn as text, for one idea each: a header line, then a row a line; `-` is missing, times are `06-01T10:00` of 2025."""

import re
from datetime import date
from functools import cache
from pathlib import Path

import duckdb
import pandas as pd

from claims.store.warehouse import Warehouse, empty_manifest
from features.asof import open_views
from features.bucket import evaluate
from features.declarations import load_catalog
from features.declare import REGISTRY

load_catalog()
T = "2025-06-30 23:59:59"
VIEWS = ("settlements", "stays", "lines", "refunds")
DIMENSIONS = (
    "persons",
    "institutions",
    "catalog",
    "chronic_registry",
    "household_links",
    "agreement_periods",
    "stock_moves",
    "calendar",
    "policy_params",
    "operations",
    "doctors",
    "filings",
    "presence_checks",
    "injury_cases",
    "long_term_care",
    "equipment",
    "quota",
)
DEFAULTS: dict[str, dict[str, str]] = {
    "settlements": {"is_inpatient": "false", "clock_collapsed": "false", "visit_class": "'pharmacy'", "fixmedins_type": "'2'", "acct_pay_fen": "0", "fund_pay_sumamt_fen": "0"},
    "lines": {"is_inpatient": "false", "clock_collapsed": "false", "visit_class": "'pharmacy'", "cnt": "1", "pric": "10", "fen": "1000", "med_chrgitm_type": "'09'", "list_type": "'101'"},
    "stays": {"open": "false", "visit_class": "'inpatient'"},
    "institutions": {"level": "0", "fixmedins_type": "'2'"},
}  # fmt: skip
#: Columns that follow from others where the drawing leaves them out.
DERIVED: dict[str, dict[str, str]] = {
    "settlements": {
        "mdtrt_id": "setl_id",
        "begntime": "happened_at",
        "setl_time": "happened_at",
        "medfee_sumamt_fen": "acct_pay_fen + fund_pay_sumamt_fen",
    },
    "lines": {"day": "happened_at::DATE", "mdtrt_id": "'v' || feedetl_sn", "scope_fen": "fen"},
    "stays": {
        "happened_at": "end_at",
        "begntime": "adm_date::TIMESTAMP",
        "end_date": "end_at::DATE",
        "dx3": "substr(dx, 1, 3)",
    },
    "refunds": {"refund_setl_id": "'r' || setl_id"},
}


@cache
def shapes() -> dict[str, dict[str, str]]:
    """Column names and types of every view, from an empty warehouse."""
    con = open_views(Warehouse(Path("."), empty_manifest(1)), date(2025, 6, 30), "person", 0)
    found = {
        v: con.execute(f"DESCRIBE net.{v}" if v != "refunds" else "DESCRIBE main.refunds").fetchall() for v in VIEWS
    }
    found |= {d: con.execute(f"DESCRIBE main.{d}").fetchall() for d in DIMENSIONS}
    return {name: {row[0]: row[1] for row in rows} for name, rows in found.items()}


def draw(**tables: str) -> duckdb.DuckDBPyConnection:
    """A connection whose three readings of reversals hold the same drawn rows."""
    con = duckdb.connect()
    con.execute(f"CREATE TABLE main.asof AS SELECT TIMESTAMP '{T}' AS t, DATE '{T[:10]}' AS d")
    for schema in ("net", "kept", "pairs"):
        con.execute(f"CREATE SCHEMA {schema}")
    for name in (*VIEWS, *DIMENSIONS):
        _table(con, name, tables.get(name, ""))
        for schema in ("net", "kept", "pairs") if name in VIEWS and name != "refunds" else ("main",):
            con.execute(f"CREATE VIEW {schema}.{name} AS FROM main.{name}_drawn")
    for schema in ("net", "kept", "pairs"):
        con.execute(
            f"CREATE VIEW {schema}.swipes AS FROM main.settlements_drawn WHERE NOT is_inpatient AND coalesce(manual_flag, '0') <> '1'"
        )
    return con


def _table(con: duckdb.DuckDBPyConnection, name: str, text: str) -> None:
    shape = shapes()[name]
    columns = ", ".join(f'"{c}" {k}' for c, k in shape.items())
    con.execute(f"CREATE TABLE main.{name}_drawn ({columns})")
    lines = [line.split() for line in text.strip().splitlines() if line.strip()]
    if not lines:
        return
    head, rows = lines[0], lines[1:]
    unknown = set(head) - set(shape)
    assert not unknown, f"{name} has no column {unknown}"
    names = ", ".join(f'"{c}"' for c in head)
    values = ", ".join("(" + ", ".join(_literal(v) for v in row) + ")" for row in rows)
    con.execute(f"INSERT INTO main.{name}_drawn ({names}) VALUES {values}")
    for column, value in (DEFAULTS.get(name, {}) | DERIVED.get(name, {})).items():
        if column not in head:
            con.execute(f'UPDATE main.{name}_drawn SET "{column}" = {value}')


def _literal(value: str) -> str:
    if value == "-":
        return "NULL"
    if re.fullmatch(r"\d\d-\d\dT\d\d:\d\d(:\d\d)?", value):
        value = f"2025-{value.replace('T', ' ')}"
    elif re.fullmatch(r"\d\d-\d\d", value):
        value = f"2025-{value}"
    return "'" + value.replace("'", "''") + "'"


def measure_of(con: duckdb.DuckDBPyConnection, *names: str, of: str) -> pd.DataFrame:
    """Columns of the named features for the entities in `of` (space separated), index entity_id."""
    con.execute("CREATE OR REPLACE TABLE main.focus (entity_id VARCHAR)")
    con.executemany("INSERT INTO main.focus VALUES (?)", [[e] for e in of.split()])
    return evaluate(con, [REGISTRY[n] for n in names]).set_index("entity_id")
