"""What inspections and bed checks found, read from a warehouse outside the as-of views, by the same clock."""

from __future__ import annotations

from datetime import datetime

import duckdb
import pandas as pd

from claims.schema.outcomes import findings
from claims.store.sql import parquet
from claims.store.warehouse import Warehouse


def read_versions(warehouse: Warehouse, table: str) -> pd.DataFrame | None:
    """Every version of a small canonical table, None when the warehouse has none; which one holds at a moment says
    `last_word`. Money is `*_fen` BIGINT."""
    if table not in warehouse.tables():
        return None
    with duckdb.connect() as con:
        return pd.DataFrame(con.sql(f"SELECT * FROM {parquet(warehouse.files(table))}").df())


def read_findings(warehouse: Warehouse, moment: datetime | None = None) -> pd.DataFrame:
    """Findings known by `moment`, of each its last word then (`claims.schema.outcomes.findings`)."""
    return findings(read_versions(warehouse, "inspections"), read_versions(warehouse, "presence_checks"), moment)
