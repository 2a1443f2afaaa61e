"""What a delivery of corrections does to whole lists, for benchmarks/corrections.py: three warehouses, every list in full.

`plain` never had the corrections, `corrected` had them as a later delivery, `once` had both deliveries as one. At the moment they are known the lists of `corrected` and `once` are
equal from first to last, or something stands twice or was lost; before it those of `plain` and `corrected` are. Both are compared by every column of the list and every number it is made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from features.grains import Grain
from models.score import in_order
from serving.lists.source import scored_matrix

LISTS: tuple[Grain, ...] = ("admission", "person", "institution")
SAID = ["risk", "raw", "probability", "amount_fen", "scheme", "finding"]


@dataclass(frozen=True)
class WholeList:
    """One list in full, worst first. rows: index entity_id, columns SAID and rank. numbers: the matrix of everybody on it."""

    rows: pd.DataFrame
    numbers: pd.DataFrame


def whole_list(house: Path, at: date, grain: Grain) -> WholeList:
    """Everybody whom the list of a grain ranks at that moment."""
    matrix, scored = scored_matrix(house, at, grain)
    order = in_order(scored.frame)
    rows = scored.frame.loc[order, SAID].assign(rank=np.arange(1, len(order) + 1))
    return WholeList(rows, matrix.X.reindex(order))


def unequal(one: WholeList, other: WholeList) -> int:
    """Entities on one of two lists alone, or with another place, number or word."""
    alone = len(one.rows.index.symmetric_difference(other.rows.index))
    both = one.rows.index.intersection(other.rows.index)
    differs = _differs(one.rows.loc[both], other.rows.loc[both]) | _differs(
        one.numbers.loc[both], other.numbers.loc[both]
    )
    return alone + int(differs.sum())


def doubled(one: WholeList) -> int:
    """Entities that stand more than once."""
    return int(one.rows.index.duplicated().sum())


def effect(plain: WholeList, corrected: WholeList) -> tuple[int, int, int, int, int]:
    """On both lists; of them with another number of their own; of the rest with another chance, and the most places they moved; who came or went."""
    both = plain.rows.index.intersection(corrected.rows.index)
    a, b = plain.rows.loc[both], corrected.rows.loc[both]
    own = _differs(plain.numbers.loc[both], corrected.numbers.loc[both])
    others = a["raw"].ne(b["raw"]) & ~own
    moved = (a["rank"] - b["rank"]).abs()[~own]
    gone = len(plain.rows.index.symmetric_difference(corrected.rows.index))
    return len(both), int(own.sum()), int(others.sum()), int(moved.max()) if len(moved) else 0, gone


def place(of: WholeList, who: str) -> str:
    """Where somebody stands on a list."""
    return f"{of.rows.at[who, 'rank']:,} of {len(of.rows):,}" if who in of.rows.index else "not on it"


def _differs(one: pd.DataFrame, other: pd.DataFrame) -> pd.Series:
    columns = one.columns.union(other.columns, sort=False)
    a, b = one.reindex(columns=columns), other.reindex(columns=columns)
    return ((a != b) & ~(a.isna() & b.isna())).any(axis=1)
