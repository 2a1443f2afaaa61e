"""The matrix stage: one table per grain for the models, joined from partitions and never from claims.

An admission sees its hospital, its patient and its doctor (`inst__…`, `person__…`, `doctor__…`). Persons, institutions and doctors see what the graph
scorers found over the whole county (`bond_…`, features/networks/scores/network_scores.py): it lies beside the ring partition of the same as-of.
"""

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Literal

import pandas as pd

from features.build import Partition, Progress, build
from features.declare import REGISTRY, Feature
from features.grains import Grain
from features.networks.scores.network_columns import BOND_COLUMNS
from features.peers import Peers, compare

ColumnKind = Literal["feature", "rule", "graph", "parent", "amount"]
#: Which partitions an entity looks up, by which of its keys, under which prefix.
PARENTS: dict[Grain, tuple[tuple[Grain, str, str], ...]] = {
    "admission": (
        ("institution", "fixmedins_code", "inst"),
        ("person", "psn_no", "person"),
        ("doctor", "dr_codg", "doctor"),
    ),
    "person": (),
    "institution": (),
    "doctor": (("institution", "fixmedins_code", "inst"),),
    "ring": (),
}


@dataclass(frozen=True, kw_only=True)
class ColumnMeta:
    """What a column means; `feature` is its declaration, `grain` whom it speaks about (the parent for `inst__…`)."""

    column: str
    own: str
    label: str
    unit: str
    scheme: str
    worse: str
    kind: ColumnKind
    family: str
    innocent: str
    window: int
    grain: Grain
    feature: Feature | None


@dataclass(frozen=True)
class Matrix:
    """All frames share the index entity_id; X, z, percentile and peer share columns. NaN = not evaluable."""

    grain: Grain
    as_of: date | datetime
    window_days: int
    entities: pd.DataFrame
    X: pd.DataFrame
    z: pd.DataFrame
    percentile: pd.DataFrame
    peer: pd.DataFrame
    n: pd.DataFrame
    meta: dict[str, ColumnMeta]
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
    values, peers = _with_peers(_with_bonds(root, own), entities)
    X, z, percentile, peer = [values], [peers.z], [peers.percentile], [peers.median]
    n = [pd.DataFrame(dict.fromkeys(values.columns, peers.n), index=values.index)]
    meta = {c: _meta(c, c, grain, grain) for c in values.columns}
    for parent_grain, key, prefix in PARENTS[grain]:
        if parent_grain == "doctor" and entities[key].isna().all():
            continue
        parent = build(root, as_of, parent_grain, progress=progress)
        if not parent.rows or not parent.columns:
            continue
        lookup = entities[key].astype("object").where(entities[key].notna(), None)
        pv, pp = _with_peers(_with_bonds(root, parent), parent.entities(), lookup.dropna().unique())
        if parent_grain == "person":
            group = parent.entities()["peer_group"].reindex(lookup.to_numpy())
            entities = entities.assign(patient_group=group.to_numpy())
        n_parent = pd.DataFrame(dict.fromkeys(pv.columns, pp.n), index=pv.index)
        for frames, source in ((X, pv), (z, pp.z), (percentile, pp.percentile), (peer, pp.median), (n, n_parent)):
            looked_up = source.reindex(lookup.to_numpy())
            looked_up.index = values.index
            frames.append(looked_up.add_prefix(f"{prefix}__"))
        meta |= {f"{prefix}__{c}": _meta(f"{prefix}__{c}", c, grain, parent_grain) for c in pv.columns}
    x, zs, share, medians, sizes = (
        pd.concat(frames, axis=1).astype("float64") for frames in (X, z, percentile, peer, n)
    )
    result = Matrix(grain, as_of, own.window_days, entities, x, zs, share, medians, sizes, meta, own.absent)
    return result.only(only) if only is not None else result


def _with_bonds(root: Path | str, partition: Partition) -> pd.DataFrame:
    """The partition's values and, for the grains that have them, the graph scorers' columns of the same as-of."""
    values = partition.values()
    declared = BOND_COLUMNS.get(partition.grain, {})
    if not declared:
        return values
    rings = build(root, partition.as_of, "ring")
    found = (
        pd.read_parquet(rings.path / f"bonds_{partition.grain}.parquet").set_index("entity_id").reindex(values.index)
    )
    return values.assign(**{name: found[name].fillna(column.empty) for name, column in declared.items()})


def _with_peers(
    values: pd.DataFrame, entities: pd.DataFrame, wanted: Collection[Hashable] | None = None
) -> tuple[pd.DataFrame, Peers]:
    """Values and peers of all rows, or of those `wanted`."""
    entities = entities.reindex(values.index)
    peers = compare(values, entities["peer_group"], entities["peer_group_coarse"], wanted)
    return values.loc[peers.z.index], peers


def _meta(column: str, own: str, grain: Grain, about: Grain) -> ColumnMeta:
    amount = own.endswith("_fen") and own.startswith("rule_")
    try:
        feature, window = REGISTRY.column(own.removesuffix("_fen") if amount else own)
    except KeyError:
        if bond := BOND_COLUMNS.get(about, {}).get(own):
            return ColumnMeta(
                column=column, own=own, label=bond.label, unit=bond.unit, scheme=bond.scheme, worse=bond.worse, kind="graph", family="bond", innocent=bond.innocent, window=0, grain=about, feature=None
            )  # fmt: skip
        from features.networks.rings.partition import RING_FEATURES

        label, unit, worse = RING_FEATURES.get(own, (own, "", "high"))
        innocent = "家庭、透析班次、村医巡诊、养老机构、学校传染病等正常结伴就医"
        return ColumnMeta(
            column=column, own=own, label=label, unit=unit, scheme="T15", worse=worse, kind="graph", family="ring", innocent=innocent, window=0, grain=about, feature=None
        )  # fmt: skip
    kind: ColumnKind = "amount" if amount else "rule" if feature.rule else "feature"
    if about != grain and kind == "feature":
        kind = "parent"
    return ColumnMeta(
        column=column, own=own, label=feature.label, unit="元" if amount else feature.unit, scheme=feature.scheme, worse=feature.worse, kind=kind,
        family=feature.family or feature.scheme, innocent=feature.innocent, window=window, grain=about, feature=feature,
    )  # fmt: skip
