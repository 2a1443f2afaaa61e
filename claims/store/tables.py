"""One table as it was known at a moment, as a frame."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path

import duckdb
import pandas as pd

from claims.errors import UserError
from claims.schema.knowledge import Ledger
from claims.schema.tables import CANONICAL
from claims.store.known import known_sql
from claims.store.warehouse import Warehouse


def known_rows(root: Path | str, name: str, as_of: date | datetime) -> pd.DataFrame:
    """The rows known at `as_of` (a day: by its end), of each key its last word then, every column stored.

    UserError for a table the warehouse has not.
    """
    warehouse = Warehouse.open(root)
    shown = [t for t in warehouse.tables() if not isinstance(CANONICAL[t].knowledge, Ledger)]
    if name not in shown:
        raise UserError(f"this warehouse has no table {name!r}; it has {', '.join(shown)}")
    t = as_of if isinstance(as_of, datetime) else datetime.combine(as_of, time.max)
    sql = known_sql(warehouse, CANONICAL[name], t, CANONICAL[name].layouts[0])
    with duckdb.connect() as con:
        con.execute("SET TimeZone='Asia/Shanghai'")
        return pd.DataFrame(con.sql(str(sql)).df())
