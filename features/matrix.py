"""The matrix stage: one table per grain for the models, joined from partitions and never from claims.

An admission sees its hospital, its patient and its doctor (`inst__…`, `person__…`, `doctor__…`). Persons, institutions
and doctors see what the graph scorers found over the whole county (features/catalog/companions.py): it lies beside the
ring partition of the same as-of.
"""

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from features.asof import moment_of
from features.build import Progress, build
from features.columns import Column, matrix_columns
from features.declare import REGISTRY, CountyGraph
from features.grains import GRAINS, Grain
from features.office import read_office
from features.partition import Partition
from features.peers import Crowd, Peers, Standing, compare

#: Prefixes of a matrix as one table: a distance from the peers, a place among all.
PEERS, PLACE = "z__", "place__"


@dataclass(frozen=True)
class Matrix:
    """All frames share the index entity_id; X, z and percentile share columns, `columns` says what each is. NaN = not
    evaluable.

    `crowds` holds everybody a number is compared with: by "" those of the grain itself, by a parent's key those of its
    grain.
    """

    grain: Grain
    as_of: date | datetime
    window_days: int
    entities: pd.DataFrame
    X: pd.DataFrame
    z: pd.DataFrame
    percentile: pd.DataFrame
    columns: dict[str, Column]
    absent: dict[str, str]
    crowds: dict[str, Crowd] = field(default_factory=dict)
    visits: pd.DataFrame | None = None
    """Of persons: entity_id, code, visits: how often each went to which unit; None where the partition does not say."""

    def table(self) -> pd.DataFrame:
        """Numbers, their distances from the peers as z__NAME and, of context, their places among all as place__NAME:
        all that a model reads of one row, as one frame."""
        context = [c for c in self.X.columns if self.columns[c].role == "context"]
        return pd.concat([self.X, self.z.add_prefix(PEERS), self.places(context).add_prefix(PLACE)], axis=1)

    def only(self, ids: Sequence[str]) -> "Matrix":
        """The same matrix restricted to those of `ids` it holds, peers unchanged."""
        keep = self.X.index.intersection(pd.Index(list(ids), dtype=self.X.index.dtype))
        frames = {k: getattr(self, k).loc[keep] for k in ("entities", "X", "z", "percentile")}
        return replace(self, **frames)

    def places(self, columns: Sequence[str]) -> pd.DataFrame:
        """Share of everybody of the grain at this as-of that stands strictly below, 0 to 1, whoever has a value; NaN
        stays. Sums of a year grow while a warehouse is young, places do not.
        """
        told = {}
        for column in columns:
            everybody = np.sort(self.crowds[""].values[column].dropna().to_numpy(dtype="float64"))
            own = self.X[column].to_numpy(dtype="float64")
            below = np.searchsorted(everybody, own, side="left") / max(1, len(everybody))
            told[column] = np.where(np.isnan(own), np.nan, below)
        return pd.DataFrame(told, index=self.X.index)

    def subject(self, column: str, entity_id: str) -> str:
        """Whom a column speaks about: the entity, or its unit, patient or doctor; '' where it has none."""
        key = self.columns[column].key
        found = self.entities.at[entity_id, key] if key else entity_id
        return found if isinstance(found, str) else ""

    def standing(self, column: str, entity_id: str) -> Standing:
        """Where one number of an entity stands among its peers; those of a parent's number are the parent's."""
        value = float(self.X.at[entity_id, column])  # type: ignore[arg-type]
        if np.isnan(value):
            return Standing(value, 0)
        told = self.columns[column]
        return self.crowds[told.key].standing(self.subject(column, entity_id), told.own)


def load_matrix(
    root: Path | str,
    as_of: date | datetime,
    grain: Grain,
    window_days: int | None = None,
    only: Sequence[str] | None = None,
    *,
    progress: Progress | None = None,
) -> Matrix:
    """The matrix of one grain at one as-of; partitions that are missing or stale are built first. only: its rows for
    those, at a fraction of the cost, compared with everybody all the same.

    Raises UserError for a missing warehouse or a date outside its data.
    """
    own = build(root, as_of, grain, window_days, progress=progress)
    entities = own.entities()
    values = values_of(root, own)
    known = matrix_columns(grain)
    crowds = {"": crowd_of(values, entities)}
    peers = _compared(crowds[""], only)
    named = {kin.key for kin in GRAINS[grain].parents if entities[kin.key].notna().any()}
    if only is not None:
        values, entities = (f.loc[f.index.isin(list(only))] for f in (values, entities))
    X, z, percentile = [values], [peers.z], [peers.percentile]
    for kin in GRAINS[grain].parents:
        if kin.unnamed and kin.key not in named:
            continue
        parent = build(root, as_of, kin.grain, progress=progress)
        if not parent.rows or not parent.columns:
            continue
        lookup = entities[kin.key].astype("object").where(entities[kin.key].notna(), None)
        pv = values_of(root, parent)
        pv = pv[[c for c in pv.columns if f"{kin.prefix}__{c}" in known]]
        crowds[kin.key] = crowd_of(pv, parent.entities())
        pp = _compared(crowds[kin.key], lookup.dropna().unique())
        if kin.lends:
            lent = parent.entities()[list(kin.lends)].reindex(lookup.to_numpy())
            entities = entities.assign(**{c: lent[c].to_numpy() for c in kin.lends})
        for frames, source in ((X, pv), (z, pp.z), (percentile, pp.percentile)):
            looked_up = source.reindex(lookup.to_numpy())
            looked_up.index = values.index
            frames.append(looked_up.add_prefix(f"{kin.prefix}__"))
    x, zs, share = (pd.concat(frames, axis=1).astype("float64") for frames in (X, z, percentile))
    columns = {str(c): known[str(c)] for c in x.columns}
    quiet = silent_columns(root, as_of, columns)
    for frame in (x, zs, share):
        frame[quiet] = np.nan
    visits = customers(build(root, as_of, "ring", progress=progress)) if grain == "person" else None
    return Matrix(grain, as_of, own.window_days, entities, x, zs, share, columns, own.absent, crowds, visits)


def silent_columns(root: Path | str, as_of: date | datetime, columns: dict[str, Column]) -> list[str]:
    """Columns of rules that the office has not in force on that day (features/office.py): missing, like what could not
    be computed, so they reach no list, no reason and no amount; partitions keep them, so they are measured."""
    rules = dict.fromkeys(c.feature.rule for c in columns.values() if c.feature.rule)
    silent = read_office(root).silent(rules, moment_of(as_of).date())
    return [name for name, c in columns.items() if c.feature.rule in silent]


def customers(rings: Partition) -> pd.DataFrame | None:
    """Who went where how often, as the county's graph saw it; None for a partition that kept it not yet."""
    if "customers.parquet" not in rings.published.manifest["files"]:
        return None
    found = rings.read("customers").rename(columns={"psn_no": "entity_id", "fixmedins_code": "code"})
    return found if len(found) else None


def values_of(root: Path | str, partition: Partition) -> pd.DataFrame:
    """The partition's values, index entity_id, and what the county's graph of the same as-of says of the grain; where
    it names an entity not at all, the declared `empty`.
    """
    values = partition.values()
    declared = REGISTRY.by_graph(partition.grain)
    if not GRAINS[partition.grain].layouts or not declared:
        return values
    rings = build(root, partition.as_of, "ring")
    found = rings.read(f"bonds_{partition.grain}").set_index("entity_id")
    found = found.reindex(values.index)
    told = {}
    for f in declared:
        assert isinstance(f.measure, CountyGraph)
        one = found[f.measure.column]
        told[f.name] = one if f.empty is None else one.fillna(f.empty)
    return values.assign(**told)


def crowd_of(values: pd.DataFrame, entities: pd.DataFrame) -> Crowd:
    """Everybody of a partition with the groups they are compared in."""
    entities = entities.reindex(values.index)
    return Crowd(values, entities["peer_group"], entities["peer_group_coarse"])


def _compared(crowd: Crowd, wanted: Collection[Hashable] | None = None) -> Peers:
    """What models read of all rows of a crowd, or of those `wanted`."""
    return compare(crowd.values, crowd.fine, crowd.coarse, wanted)
