"""A number beside its peers: for the models a robust z and the share below, for the reader where exactly it stands.

z = (x − median) / (1.4826 · MAD), MAD floored so that a constant group gives no infinities (codes.md). A group with
fewer than 10 members gives way to the coarser one, then to all.

What is printed comes from `Crowd.standing`: the same peers for sentence, picture and table, whose number is that of the
peers that have a value. An entity is one of its peers, so "above 93.8 %" of 16 means above the other 15; ties are
neither above nor below it.
"""

import functools
from collections.abc import Collection, Hashable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

MIN_PEERS = 10
Z_CAP = 10.0


@dataclass(frozen=True)
class Peers:
    """What models read: frames with the index and columns of the values compared. `percentile` is the share of the
    group strictly below, 0–100."""

    z: pd.DataFrame
    percentile: pd.DataFrame


#: The quantiles that a picture of the peers shows.
MARKS = {"p05": 0.05, "p25": 0.25, "p75": 0.75, "p95": 0.95}


@dataclass(frozen=True)
class Standing:
    """Where a value stands among the `n` peers that have one (itself among them): percent of them strictly below and
    strictly above it, their median and quantiles (MARKS). NaN throughout where the value or all peers are missing."""

    value: float
    n: int
    median: float = float("nan")
    below: float = float("nan")
    above: float = float("nan")
    marks: dict[str, float] = field(default_factory=lambda: dict.fromkeys(MARKS, float("nan")))

    @property
    def few(self) -> bool:
        """Whether nothing may be claimed about the peers: 样本不足."""
        return self.n < MIN_PEERS

    def side(self, worse: str) -> str:
        """The side on which the value is told: 'high' or 'low'; of `either` the one on which it lies."""
        return ("low" if self.value < self.median else "high") if worse == "either" else worse

    def left_behind(self, worse: str) -> float:
        """Percent of the peers that stand strictly on the other side of the value."""
        return self.above if self.side(worse) == "low" else self.below


@dataclass(frozen=True)
class Crowd:
    """All entities of one grain with their values (n × m float64, index entity_id) and the names of their fine and
    coarse groups.
    """

    values: pd.DataFrame
    fine: pd.Series
    coarse: pd.Series

    @functools.cached_property
    def _groups(self) -> tuple[pd.Series, pd.Series, pd.Series]:
        fine, coarse = (s.reindex(self.values.index).fillna("?") for s in (self.fine, self.coarse))
        return choose_groups(fine, coarse)[0], fine, coarse

    @functools.cached_property
    def _members_of(self) -> dict[str, np.ndarray]:
        return {}

    @functools.cached_property
    def _sorted(self) -> dict[tuple[str, str], np.ndarray]:
        return {}

    def peers(self, entity_id: str, column: str) -> np.ndarray:
        """The values of an entity's peers that have one, sorted."""
        group, fine, coarse = self._groups
        name = str(group.at[entity_id])
        if name not in self._members_of:
            self._members_of[name] = _members(name, fine, coarse)
        if (name, column) not in self._sorted:
            told = self.values[column].to_numpy("float64")[self._members_of[name]]
            self._sorted[name, column] = np.sort(told[~np.isnan(told)])
        return self._sorted[name, column]

    def standing(self, entity_id: str, column: str) -> Standing:
        """Where the entity's value stands. KeyError for an entity or column that is not there."""
        value = float(self.values.at[entity_id, column])  # type: ignore[arg-type]
        peers = self.peers(entity_id, column)
        if np.isnan(value) or not len(peers):
            return Standing(value, len(peers))
        return Standing(
            value,
            len(peers),
            float(np.median(peers)),
            float(np.searchsorted(peers, value, side="left")) / len(peers) * 100.0,
            float(len(peers) - np.searchsorted(peers, value, side="right")) / len(peers) * 100.0,
            {name: float(np.quantile(peers, q)) for name, q in MARKS.items()},
        )


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
    group, _ = choose_groups(fine, coarse)
    data = values.to_numpy("float64")
    asked = np.arange(len(values)) if wanted is None else np.flatnonzero(values.index.isin(list(wanted)))
    group = group.iloc[asked]
    z, percentile = (np.full((len(asked), data.shape[1]), np.nan) for _ in range(2))
    for name in sorted(group.unique()):
        rows = np.flatnonzero((group == name).to_numpy())
        members = _members(name, fine, coarse)
        z[rows], percentile[rows] = _against(data[asked[rows]], data[members])

    def frame(a: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame(a, index=group.index, columns=values.columns)

    return Peers(frame(z), frame(percentile))


def middle(ordered: np.ndarray) -> float:
    """The median of sorted numbers, one at least: `np.median` to the last bit, without its tenth of a millisecond:
    there are tens of thousands of groups."""
    half = len(ordered) // 2
    return float(ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2)


def _against(x: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    z, percentile = (np.full(x.shape, np.nan) for _ in range(2))
    for j in range(x.shape[1]):
        peers = np.sort(members[:, j][~np.isnan(members[:, j])])
        if not len(peers):
            continue
        median = middle(peers)
        mad = middle(np.sort(np.abs(peers - median)))
        # Most features are zero for most entities: MAD 0 then says nothing, the standard deviation still does.
        scale = 1.4826 * mad if mad > 1e-12 else float(peers.std()) if len(peers) > 1 else 0.0
        if scale > 1e-12:
            z[:, j] = np.clip((x[:, j] - median) / scale, -Z_CAP, Z_CAP)
        else:
            z[:, j] = np.where(np.isnan(x[:, j]), np.nan, 0.0)
        below = np.searchsorted(peers, x[:, j], side="left")
        share = below / len(peers) * 100.0
        percentile[:, j] = np.where(np.isnan(x[:, j]), np.nan, share)
    return z, percentile
