"""A number beside its peers: median, robust z, percentile, n.

z = (x − median) / (1.4826 · MAD), MAD floored so that a constant group gives no infinities (rules.md §1). A group with
fewer than 10 members gives way to the coarser one, then to all; `n` says how many the entity was compared with.
"""

from collections.abc import Collection, Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd

MIN_PEERS = 10
Z_CAP = 10.0


@dataclass(frozen=True)
class Peers:
    """Frames with the index and columns of the values compared; `n` is a Series."""

    median: pd.DataFrame
    z: pd.DataFrame
    percentile: pd.DataFrame
    n: pd.Series
    group: pd.Series


def choose_groups(fine: pd.Series, coarse: pd.Series) -> tuple[pd.Series, pd.Series]:
    """For each entity the finest group with at least 10 members, and its size."""
    n_fine = fine.map(fine.value_counts()).astype("int64")
    n_coarse = coarse.map(coarse.value_counts()).astype("int64")
    group = pd.Series(
        np.where(
            n_fine >= MIN_PEERS,
            "a:" + fine.astype(str),
            np.where(n_coarse >= MIN_PEERS, "b:" + coarse.astype(str), "c:全部"),
        ),
        index=fine.index,
    )
    n = pd.Series(
        np.where(n_fine >= MIN_PEERS, n_fine, np.where(n_coarse >= MIN_PEERS, n_coarse, len(fine))), index=fine.index
    )
    return group, n


def _members(group: str, fine: pd.Series, coarse: pd.Series) -> np.ndarray:
    """Everybody of that group, those who themselves compare with a finer one included."""
    if group.startswith("a:"):
        return np.flatnonzero((fine.astype(str) == group[2:]).to_numpy())
    if group.startswith("b:"):
        return np.flatnonzero((coarse.astype(str) == group[2:]).to_numpy())
    return np.arange(len(fine))


def compare(
    values: pd.DataFrame, fine: pd.Series, coarse: pd.Series, wanted: Collection[Hashable] | None = None
) -> Peers:
    """Peers of every value, or of the rows `wanted`. Shapes: `values` n × m float64 (NaN = not evaluable), `fine` and
    `coarse` n group names."""
    fine, coarse = fine.fillna("?"), coarse.fillna("?")
    group, n = choose_groups(fine, coarse)
    data = values.to_numpy("float64")
    asked = np.arange(len(values)) if wanted is None else np.flatnonzero(values.index.isin(list(wanted)))
    group, n = group.iloc[asked], n.iloc[asked]
    median, z, percentile = (np.full((len(asked), data.shape[1]), np.nan) for _ in range(3))
    for name in sorted(group.unique()):
        rows = np.flatnonzero((group == name).to_numpy())
        members = _members(name, fine, coarse)
        median[rows], z[rows], percentile[rows] = _against(data[asked[rows]], data[members])

    def frame(a: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(a, index=group.index, columns=values.columns)

    return Peers(frame(median), frame(z), frame(percentile), n, group)


def _against(x: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    out = [np.full(x.shape, np.nan) for _ in range(3)]
    for j in range(x.shape[1]):
        peers = np.sort(members[:, j][~np.isnan(members[:, j])])
        if not len(peers):
            continue
        median = float(np.median(peers))
        mad = float(np.median(np.abs(peers - median)))
        spread = float(peers.std()) if len(peers) > 1 else 0.0
        # Most features are zero for most entities: MAD 0 then says nothing, the standard deviation still does.
        scale = 1.4826 * mad if mad > 1e-12 else spread
        out[0][:, j] = median
        if scale > 1e-12:
            out[1][:, j] = np.clip((x[:, j] - median) / scale, -Z_CAP, Z_CAP)
        else:
            out[1][:, j] = np.where(np.isnan(x[:, j]), np.nan, 0.0)
        below = np.searchsorted(peers, x[:, j], side="left")
        share = below / len(peers) * 100.0
        out[2][:, j] = np.where(np.isnan(x[:, j]), np.nan, share)
    return out[0], out[1], out[2]
