"""What each row adds to the amount at risk: the unit's amount, to the fen, told of the rows behind it."""

import threading
from collections.abc import Mapping

import duckdb
import numpy as np
import pandas as pd

from features.declare import Feature

_OWN = threading.local()
#: Where a declaration's amount says nothing of single rows, the first of these that does weighs them.
MONEY = ("excess_fen", "fen", "scope_fen", "own_fund_fen", "stay_fund_fen")


def with_amounts(
    feature: Feature, frames: Mapping[str, pd.DataFrame], fen: Mapping[str, float]
) -> dict[str, pd.DataFrame]:
    """Evidence rows by entity with a column `amount_fen` (int64) that sums to the entity's rounded amount, 0 on rows
    that are no hit.

    A row's part is the declared amount over that row alone, scaled to the whole where that is no sum of rows; it is
    rounded once, so that the parts add up.
    """
    names = [e for e, rows in frames.items() if len(rows)]
    if not names:
        return {e: rows.assign(amount_fen=pd.Series(dtype="int64")) for e, rows in frames.items()}
    weight = _weights(feature, pd.concat([frames[e] for e in names], ignore_index=True))
    out, at = dict(frames), 0
    for e in names:
        rows = frames[e]
        out[e] = rows.assign(amount_fen=apportion(fen.get(e, 0.0), weight[at : at + len(rows)]))
        at += len(rows)
    return {e: rows if "amount_fen" in rows else rows.assign(amount_fen=0) for e, rows in out.items()}


def apportion(total: float, weights: np.ndarray) -> np.ndarray:
    """`total` fen, rounded, over rows in proportion to their weights: integers whose sum is the total (largest
    remainder first)."""
    whole = round(total) if np.isfinite(total) else 0
    weights = np.where(np.isfinite(weights) & (weights > 0), weights, 0.0)
    if not len(weights) or whole <= 0:
        return np.zeros(len(weights), dtype=np.int64)
    if weights.sum() <= 0:
        weights = np.ones(len(weights))
    exact = whole * (weights / weights.sum())
    parts: np.ndarray = np.floor(exact).astype(np.int64)
    left = whole - int(parts.sum())
    parts[np.argsort(parts - exact, kind="stable")[:left]] += 1
    return parts


def _weights(feature: Feature, rows: pd.DataFrame) -> np.ndarray:
    hit = np.ones(len(rows), dtype=bool)
    if "hit" in rows:
        hit = rows["hit"].fillna(False).astype(bool).to_numpy()
    found = _each(feature.amount, rows) if isinstance(feature.amount, str) else np.zeros(len(rows))
    if not (found[hit] > 0).any():
        money = next((c for c in MONEY if c in rows), None)
        found = pd.to_numeric(rows[money], errors="coerce").to_numpy("float64") if money else np.ones(len(rows))
    return np.where(hit, np.nan_to_num(found), 0.0)


def _each(amount: str, rows: pd.DataFrame) -> np.ndarray:
    """The declared amount over each row alone; zeros where it cannot be said of one."""
    con = _connection()
    con.register("rows_told", rows.assign(row_told=np.arange(len(rows))))
    try:
        sql = f"SELECT row_told, ({amount})::DOUBLE AS fen FROM rows_told GROUP BY row_told ORDER BY row_told"
        return np.asarray(con.execute(sql).df()["fen"], dtype=np.float64)
    except duckdb.Error:
        return np.zeros(len(rows))
    finally:
        con.unregister("rows_told")


def _connection() -> duckdb.DuckDBPyConnection:
    """One of each thread: to open it costs more than to ask it."""
    if not hasattr(_OWN, "con"):
        _OWN.con = duckdb.connect(config={"threads": 1})
    con: duckdb.DuckDBPyConnection = _OWN.con
    return con
