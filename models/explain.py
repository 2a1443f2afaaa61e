"""Contributions grouped into signals an officer can name.

The windows of one feature, its peer z and its parent's copy move together; twenty slivers of one signal are no explanation. A group's
contribution is the plain sum of its columns, so the sums still add up to the raw risk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from features.columns import Column
from models.scorer import BASE


def grouped(contributions: pd.DataFrame, columns: Mapping[str, Column]) -> pd.DataFrame:
    """Contributions summed per signal; columns = signals in first-seen order, `base` last; row sums unchanged."""
    names = [BASE if c == BASE else columns[c].signal for c in contributions.columns]
    summed = contributions.T.groupby(names, sort=False).sum().T
    order = [c for c in summed.columns if c != BASE]
    return summed[[*order, BASE]] if BASE in summed else summed[order]


def strongest(contributions: pd.DataFrame, columns: Mapping[str, Column], entity_id: str, top: int = 8) -> pd.DataFrame:
    """The signals that raise one entity's risk most: columns signal, column (its strongest column), contribution; only positive ones."""
    row = contributions.loc[entity_id].drop(labels=[BASE], errors="ignore")
    frame = pd.DataFrame(
        {"column": row.index, "value": row.to_numpy(dtype=float), "signal": [columns[str(c)].signal for c in row.index]}
    )
    sums = frame.groupby("signal", sort=False)["value"].sum().rename("contribution")
    lead = (
        frame.sort_values(["value", "column"], ascending=[False, True])
        .drop_duplicates("signal")
        .set_index("signal")["column"]
    )
    out = pd.concat([lead, sums], axis=1).reset_index()
    out = out[out["contribution"] > 0].sort_values(["contribution", "signal"], ascending=[False, True])
    return out[["signal", "column", "contribution"]].head(top).reset_index(drop=True)


def shared(contributions: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    """Share of each row's positive contributions that comes from `columns`; 0 where nothing is positive."""
    up = contributions.drop(columns=[BASE], errors="ignore").clip(lower=0)
    total = up.sum(axis=1)
    return (up.reindex(columns=list(columns), fill_value=0.0).sum(axis=1) / total.where(total > 0)).fillna(0.0)
