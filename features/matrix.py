"""The matrix stage: one table per grain for the models, joined from partitions and never from claims.

An admission sees its hospital, its patient and its doctor (`inst__…`, `person__…`, `doctor__…`). Persons, institutions and doctors see what the graph
scorers found over the whole county (features/catalog/companions.py): it lies beside the ring partition of the same as-of.
"""

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import pandas as pd

from features.build import Progress, build
from features.columns import Column, matrix_columns
from features.declare import REGISTRY, CountyGraph
from features.grains import GRAINS, Grain
from features.partition import Partition
from features.peers import Peers, compare


@dataclass(frozen=True)
class Matrix:
    """All frames share the index entity_id; X, z, percentile and peer share columns, `columns` says what each is. NaN = not evaluable."""

    grain: Grain
    as_of: date | datetime
    window_days: int
    entities: pd.DataFrame
    X: pd.DataFrame
    z: pd.DataFrame
    percentile: pd.DataFrame
    peer: pd.DataFrame
    n: pd.DataFrame
    columns: dict[str, Column]
    absent: dict[str, str]

    def only(self, ids: Sequence[str]) -> "Matrix":
        """The same matrix restricted to those of `ids` it holds, peers unchanged."""
        keep = self.X.index.intersection(pd.Index(list(ids), dtype=self.X.index.dtype))
        frames = {k: getattr(self, k).loc[keep] for k in ("entities", "X", "z", "percentile", "peer", "n")}
        return replace(self, **frames)


def load_matrix(
    root: Path | str,
    as_of: date | datetime,
    grain: Grain,
    window_days: int | None = None,
    only: Sequence[str] | None = None,
    *,
    progress: Progress | None = None,
) -> Matrix:
    """The matrix of one grain at one as-of; partitions that are missing or stale are built first.

    Raises UserError for a missing warehouse or a date outside its data.
    """
    own = build(root, as_of, grain, window_days, progress=progress)
    entities = own.entities()
    values, peers = _with_peers(values_of(root, own), entities)
    X, z, percentile, peer = [values], [peers.z], [peers.percentile], [peers.median]
    n = [pd.DataFrame(dict.fromkeys(values.columns, peers.n), index=values.index)]
    for kin in GRAINS[grain].parents:
        if kin.unnamed and entities[kin.key].isna().all():
            continue
        parent = build(root, as_of, kin.grain, progress=progress)
        if not parent.rows or not parent.columns:
            continue
        lookup = entities[kin.key].astype("object").where(entities[kin.key].notna(), None)
        pv, pp = _with_peers(values_of(root, parent), parent.entities(), lookup.dropna().unique())
        if kin.lends:
            lent = parent.entities()[list(kin.lends)].reindex(lookup.to_numpy())
            entities = entities.assign(**{c: lent[c].to_numpy() for c in kin.lends})
        n_parent = pd.DataFrame(dict.fromkeys(pv.columns, pp.n), index=pv.index)
        for frames, source in ((X, pv), (z, pp.z), (percentile, pp.percentile), (peer, pp.median), (n, n_parent)):
            looked_up = source.reindex(lookup.to_numpy())
            looked_up.index = values.index
            frames.append(looked_up.add_prefix(f"{kin.prefix}__"))
    x, zs, share, medians, sizes = (
        pd.concat(frames, axis=1).astype("float64") for frames in (X, z, percentile, peer, n)
    )
    known = matrix_columns(grain)
    columns = {str(c): known[str(c)] for c in x.columns}
    result = Matrix(grain, as_of, own.window_days, entities, x, zs, share, medians, sizes, columns, own.absent)
    return result.only(only) if only is not None else result


def values_of(root: Path | str, partition: Partition) -> pd.DataFrame:
    """The partition's values, index entity_id, and what the county's graph of the same as-of says of the grain; where it names an entity not at all, the declared `empty`."""
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


def _with_peers(
    values: pd.DataFrame, entities: pd.DataFrame, wanted: Collection[Hashable] | None = None
) -> tuple[pd.DataFrame, Peers]:
    """Values and peers of all rows, or of those `wanted`."""
    entities = entities.reindex(values.index)
    peers = compare(values, entities["peer_group"], entities["peer_group_coarse"], wanted)
    return values.loc[peers.z.index], peers
