"""What was known at a moment T, as tables a feature's SQL may name (docs/design.md §4).

Nothing outside this file decides what is known: a fact counts when its `known_at <= T` and no version known by T supersedes it.
A line shows its settlement only once that settlement is known. A refund that arrives after T does not exist at T.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path

import duckdb

from claims.schema.tables import CANONICAL, LAYOUT_KEY
from claims.store.claim_store import ClaimStore
from claims.store.sql import paths_sql
from claims.store.warehouse import FACTS
from features.grains import Layout, Reversed
from features.reversal_modes import HORIZON_DAYS, absent_columns, make_lines, make_settlements, make_stays

KEYS = {
    "visits": "mdtrt_id",
    "discharges": "mdtrt_id",
    "settlements": "setl_id",
    "fee_details": "mdtrt_id || '|' || feedetl_sn",
}
#: The moment that places a fact on the happened clock.
MOMENTS = {"visits": "begntime", "discharges": "endtime", "settlements": "setl_time", "fee_details": "fee_ocur_time"}
#: Only a current state, not dated: never an input (tables.md §1.2).
CURRENT_STATE = {
    "persons": ("balc_fen", "psn_insu_stas"),
    "institutions": ("agreement_stas", "cred_lv", "vali_flag", "endtime"),
    "doctors": ("hi_serv_stas", "penalty_points"),
}
DATED = {
    "agreement_periods": ("begndate", "enddate"),
    "chronic_registry": ("opsp_begndate", "opsp_enddate"),
    "filings": ("begndate", "enddate"),
}


def moment_of(as_of: date | datetime) -> datetime:
    """A day means its end; a moment means itself."""
    if isinstance(as_of, datetime):
        return as_of
    return datetime.combine(as_of, time(23, 59, 59, 999999))


def tag_of(as_of: date | datetime) -> str:
    """Folder name of an as-of: 2025-09-28, or 2025-09-28T2000 for a moment."""
    return as_of.strftime("%Y-%m-%dT%H%M") if isinstance(as_of, datetime) else as_of.isoformat()


def open_views(
    warehouse: ClaimStore,
    as_of: date | datetime,
    layout: Layout,
    bucket: int,
    *,
    temp: Path | None = None,
    memory: str = "2GB",
    threads: int = 2,
    lines: bool = True,
    words: frozenset[str] | None = None,
    keys: Sequence[str] | None = None,
) -> duckdb.DuckDBPyConnection:
    """A connection whose schemas `net`, `kept` and `pairs` hold the as-of views of one bucket. Use `read_as` to choose.

    `keys` (if given) keeps only those persons or institutions of the bucket: all rows of an entity share its layout key, so nothing about them changes.
    `words` (if given) prunes fee-line columns and tables nobody names; `lines=False` leaves fee lines out (they are most of the work), as do words without them.
    """
    lines = lines and (words is None or bool(words & {"lines", "lines_fen", "fee_details"}))
    con = duckdb.connect()
    con.execute(f"SET threads={threads}; SET memory_limit='{memory}'; SET preserve_insertion_order=false")
    con.execute("SET enable_progress_bar=false; SET TimeZone='Asia/Shanghai'")
    if temp is not None:
        con.execute(f"SET temp_directory='{temp}'")
    t = moment_of(as_of)
    for schema in ("base", "net", "kept", "pairs"):
        con.execute(f"CREATE SCHEMA {schema}")
    con.execute("CREATE TABLE main.asof AS SELECT ?::TIMESTAMP AS t, ?::TIMESTAMP::DATE AS d", [t, t])
    if keys is not None:
        con.execute("CREATE TABLE main.keys AS SELECT unnest(?::VARCHAR[]) AS key", [sorted(set(keys))])
    for table in FACTS:
        _fact(
            con, warehouse, table, layout, bucket, t, empty=table == "fee_details" and not lines, keyed=keys is not None
        )
    _dimensions(con, warehouse, layout, bucket, t, words)
    make_settlements(con, words)
    for mode in ("kept", "net"):
        make_stays(con, mode)
    make_lines(con, words)
    for name in ("settlements", "swipes", "stays", "lines"):
        con.execute(f"CREATE VIEW pairs.{name} AS FROM kept.{name}")
    read_as(con, "net")
    return con


def read_as(con: duckdb.DuckDBPyConnection, mode: Reversed) -> None:
    """Let unqualified table names mean the given reading of reversals."""
    con.execute(f"SET search_path='{mode},main'")


def settle_views(con: duckdb.DuckDBPyConnection) -> None:
    """Turn the views that many small queries read into tables: binding a view costs more than reading one person's rows."""
    for view in ("net.swipes", "kept.settlements", "kept.swipes", "kept.lines"):
        con.execute(f"CREATE TEMP TABLE copied AS FROM {view}")
        con.execute(f"DROP VIEW {view}; CREATE TABLE {view} AS FROM copied; DROP TABLE copied")


def scan(warehouse: ClaimStore, table: str, layout: str, bucket: int | None) -> str | None:
    """A verified `read_parquet(...)` over one bucket of a table (all buckets if None); None where the table is absent."""
    if table not in warehouse.tables():
        return None
    paths = warehouse.files(table, layout, bucket if layout != "all" else None)
    return f"read_parquet({paths_sql(paths)}, union_by_name=true)" if paths else None


def _fact(
    con: duckdb.DuckDBPyConnection,
    warehouse: ClaimStore,
    table: str,
    layout: Layout,
    bucket: int,
    t: datetime,
    empty: bool = False,
    keyed: bool = False,
) -> None:
    """`base.TABLE`: the versions of a fact in force at T, every declared column there. Fee lines stay a view over the files: they are read once."""
    source = None if empty else scan(warehouse, table, layout, bucket)
    declared = {n: k for n, k in CANONICAL[table].canonical_columns.items() if n != "happened_at"}
    if source is None:
        columns = ", ".join(f"NULL::{kind} AS {name}" for name, kind in declared.items())
        con.execute(f"CREATE TABLE base.{table}_stored AS SELECT {columns} WHERE false")
        con.execute(f"CREATE VIEW base.{table} AS FROM base.{table}_stored")
        return
    # A stay that began before the horizon may still be open: visits are read whole.
    horizon = t - timedelta(days=HORIZON_DAYS)
    where = f"known_at <= TIMESTAMP '{t}'"
    if table in ("settlements", "fee_details"):
        where += f" AND {MOMENTS[table]} > TIMESTAMP '{horizon}'"
    if table == "discharges":
        where += " AND is_inpatient"
    if keyed:
        where += f" AND {LAYOUT_KEY[layout]} IN (SELECT key FROM main.keys)"
    superseded = scan(warehouse, "superseded", layout, bucket)
    anti = ""
    if superseded is not None:
        anti = (
            f" ANTI JOIN (SELECT key, version_no FROM {superseded} WHERE table_name='{table}' AND superseded_at <= TIMESTAMP '{t}') x"
            f" ON x.key = ({KEYS[table]}) AND x.version_no = f.version_no"
        )
    filled = set(warehouse.columns(table)) | {"known_at", "version_no", *KEYS[table].replace("|| '|' ||", " ").split()}
    stored = [n for n in declared if n in filled]
    kind = "VIEW" if table in ("settlements", "fee_details") else "TABLE"
    con.execute(
        f"CREATE {kind} base.{table}_stored AS SELECT {', '.join(stored)} FROM (SELECT * FROM {source} WHERE {where}) f{anti}"
    )
    con.execute(f"CREATE VIEW base.{table} AS SELECT *{absent_columns(declared, stored)} FROM base.{table}_stored")


def _dimensions(
    con: duckdb.DuckDBPyConnection,
    warehouse: ClaimStore,
    layout: Layout,
    bucket: int,
    t: datetime,
    words: frozenset[str] | None,
) -> None:
    for table in sorted(set(CANONICAL) - set(FACTS) - {"superseded"}):
        own = table == "persons"
        source = None
        if words is None or table in words or table in ("persons", "institutions", "clock_collapsed"):
            source = scan(warehouse, table, "person" if own else "all", bucket if own and layout == "person" else None)
        declared = CANONICAL[table].canonical_columns
        dropped = (
            {"known_at", "version_no", "happened_at"} if table not in ("inspections", "presence_checks") else set()
        )
        dropped |= set(CURRENT_STATE.get(table, ()))
        if source is None:
            columns = ", ".join(f"NULL::{k} AS {n}" for n, k in declared.items() if n not in dropped)
            con.execute(f"CREATE TABLE main.{table} AS SELECT {columns} WHERE false")
        else:
            present = [r[0] for r in con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
            kept = [f'"{c}"' for c in present if c not in dropped]
            kept += [f"NULL::{k} AS {n}" for n, k in declared.items() if n not in present and n not in dropped]
            where = f"WHERE known_at <= TIMESTAMP '{t}'" if table in ("inspections", "presence_checks") else ""
            if table == "clock_collapsed":
                where = f"WHERE day <= DATE '{t.date()}'"
            if own and layout == "institution":
                where = "SEMI JOIN base.visits USING (psn_no)"
            con.execute(f"CREATE TABLE main.{table} AS SELECT {', '.join(kept)} FROM {source} {where}")
        if table in DATED:
            begin, end = DATED[table]
            con.execute(f"DELETE FROM main.{table} WHERE {begin} > DATE '{t.date()}'")
            con.execute(f"UPDATE main.{table} SET {end} = NULL WHERE {end} > DATE '{t.date()}'")
    _persons(con)
    con.execute(
        """CREATE OR REPLACE TABLE main.institutions AS SELECT *,
        CASE WHEN hosp_lv IN ('01','02','03','04','1','2','3','4') THEN 3 WHEN hosp_lv IN ('05','06','07','5','6','7') THEN 2
             WHEN hosp_lv IN ('08','09','10','8') THEN 1 ELSE 0 END AS level,
        coalesce(area_code, admdvs, '') AS area FROM main.institutions"""
    )


def _persons(con: duckdb.DuckDBPyConnection) -> None:
    """One row a person (a second insurance must not double rows, tables.md §3.1); age and death as of T."""
    con.execute(
        """CREATE OR REPLACE TABLE main.persons AS
        SELECT * REPLACE (CASE WHEN death_date <= (SELECT d FROM main.asof) THEN death_date END AS death_date),
               date_diff('year', brdy, (SELECT d FROM main.asof))
                 - CASE WHEN strftime(brdy, '%m%d') > strftime((SELECT d FROM main.asof), '%m%d') THEN 1 ELSE 0 END AS age
        FROM main.persons QUALIFY row_number() OVER (PARTITION BY psn_no ORDER BY insutype) = 1"""
    )
