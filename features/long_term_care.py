"""Long-term care 长护险 is no medical care: medical views hold none of it, its own view holds its settlements."""

from collections.abc import Collection
from datetime import datetime

import duckdb

from claims.schema.tables import CANONICAL
from claims.store.claim_store import ClaimStore
from claims.store.known import known_sql, shown_columns, stored_columns
from features.codes import LONG_TERM_CARE
from features.grains import Layout
from features.reversal_modes import fact_filter

#: Its view, in the schema main.
CARE = "long_term_care"
#: Facts that say by which insurance they are; lines and discharges follow their visit.
INSURED = ("visits", "settlements")
COLUMNS = (
    "setl_id",
    "mdtrt_id",
    "psn_no",
    "fixmedins_code",
    "begntime",
    "endtime",
    "setl_time",
    "fund_pay_sumamt_fen",
    "refd_setl_flag",
    "init_setl_id",
)


def medical_only(table: str, stored: Collection[str]) -> list[str]:
    """SQL conditions on the rows of a fact (relation `f`) that keep long-term care out of the medical views."""
    told = table in INSURED and "insutype" in stored
    return [f"f.insutype IS DISTINCT FROM {LONG_TERM_CARE}"] if told else []


def make_care(
    con: duckdb.DuckDBPyConnection, store: ClaimStore | None, layout: Layout, bucket: int, t: datetime
) -> None:
    """`main.long_term_care`: what the long-term care insurance settled by T and was not paid back; empty without a
    store."""
    table = CANONICAL["settlements"]
    stored = [] if store is None else stored_columns(store, table)
    columns = {n: k for n, k in shown_columns(table).items() if n in COLUMNS}
    cells = ", ".join(f'"{n}"' if n in stored else f'NULL::{k} AS "{n}"' for n, k in columns.items())
    where = [*fact_filter(table.name, t), f"f.insutype = {LONG_TERM_CARE}"]
    rows = known_sql(store, table, t, layout, bucket, where=where) if store and "insutype" in stored else None
    if rows is None:
        cells = ", ".join(f'NULL::{k} AS "{n}"' for n, k in columns.items())
    known = f"SELECT {cells} FROM ({rows})" if rows is not None else f"SELECT {cells} WHERE false"
    con.execute(
        f"""CREATE TABLE main.{CARE} AS
        WITH k AS ({known})
        SELECT k.* EXCLUDE (refd_setl_flag, init_setl_id), coalesce(begntime, setl_time) AS happened_at
        FROM k
        WHERE refd_setl_flag IS DISTINCT FROM '1'
            AND setl_id NOT IN (SELECT init_setl_id FROM k WHERE refd_setl_flag = '1' AND init_setl_id IS NOT NULL)"""
    )
