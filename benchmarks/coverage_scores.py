"""Our side of benchmarks/coverage.py: a scheme's own columns as one score, fixed beforehand; no label is used."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from features.build import build
from features.columns import columns_of
from features.declare import REGISTRY
from features.grains import Grain
from features.partition import Partition
from features.peers import choose_groups

#: codes.md: who looks the same without guilt.
INNOCENTS = {
    "T01": "N03 N05 N07 N09 N18 N19 N34", "T02": "N01 N02 N04 N10 N12 N13 N14 N15", "T03": "N05 N12 N16 N20 N32 N35", "T04": "N01 N02 N03 N11 N12 N16",
    "T05": "N03 N14 N16 N21 N29", "T06": "N03 N27 N34", "T07": "N10 N14 N21 N24 N25 N34", "T08": "N05 N06 N23 N24 N30 N31",
    "T09": "N01 N04 N05 N06 N07 N14 N15 N25 N30", "T10": "N06 N07 N30", "T11": "N22 N30", "T12": "N24 N25", "T13": "N05 N08 N25 N28 N29",
    "T14": "N01 N02 N08 N20 N28 N29 N30", "T15": "N01 N04 N05 N13 N14", "T16": "N22 N24", "T17": "N07 N10 N31 N32 N35", "T18": "N14", "T19": "N31",
    "T20": "N24 N25", "T21": "N13 N21 N22", "T22": "N05 N12 N25", "T23": "N22 N24", "T24": "N08 N18 N28 N33", "T25": "N27 N03 N20 N29", "T26": "N26 N33",
    "T27": "N12 N20 N32 N33", "T28": "N21", "T29": "N04 N14 N15 N26", "T30": "N01 N05 N20 N29", "T31": "N01 N02 N08 N28", "T32": "N31",
}  # fmt: skip
#: Whose numbers an entity hears besides its own, and by which of its keys.
PARENTS: dict[Grain, tuple[tuple[Grain, str], ...]] = {
    "admission": (("institution", "fixmedins_code"), ("person", "psn_no"), ("doctor", "dr_codg")),
}
LOUDEST = 3
"""How many of the largest surprises make a score."""
EXCUSED = 0.25
"""What is left of the score of whoever bears a mark of innocence: a mark is no proof, and the guilty can bear it too."""


@dataclass(frozen=True)
class Sheet:
    """A partition as read here: entities, and the values of any column, those of the graph scorers included."""

    part: Partition
    entities: pd.DataFrame
    bonds: pd.DataFrame

    def values(self, columns: Sequence[str]) -> pd.DataFrame:
        """The named columns, index as `entities`."""
        own = [c for c in columns if c not in self.bonds]
        read = self.part.read("values", ["entity_id", *own]).set_index("entity_id")
        return read.reindex(self.entities.index).join(self.bonds[[c for c in columns if c in self.bonds]])


def open_sheets(house: Path, as_of: date, stay_days: int) -> dict[Grain, Sheet]:
    """The partitions of one as-of; what fits is found, what does not is built."""
    grains: tuple[Grain, ...] = ("admission", "person", "institution", "doctor")
    parts = {g: build(house, as_of, g, stay_days if g == "admission" else None) for g in grains}
    rings = build(house, as_of, "ring")
    sheets = {}
    for grain, part in parts.items():
        entities = part.entities()
        bonds = pd.DataFrame(index=entities.index)
        if declared := REGISTRY.by_graph(grain):
            found = rings.read(f"bonds_{grain}").set_index("entity_id").reindex(entities.index)
            told = {f.name: found[f.measure.column] for f in declared}  # type: ignore[union-attr]
            bonds = pd.DataFrame(told).fillna({f.name: f.empty for f in declared if f.empty is not None})
        sheets[grain] = Sheet(part, entities, bonds)
    return sheets


def tail_scores(
    values: pd.DataFrame, groups: pd.DataFrame, worse: Sequence[str], names: Sequence[str] = ()
) -> pd.Series:
    """Score of every entity by its own columns alone: `loudest` of `surprises`."""
    return loudest(surprises(values, groups, worse, names))


def loudest(surprise: pd.DataFrame) -> pd.Series:
    """Mean of the LOUDEST largest of a row (n × m → n): one plain trace is not drowned by many columns that say nothing."""
    data = np.sort(surprise.to_numpy("float64"), axis=1)
    return pd.Series(data[:, -LOUDEST:].mean(axis=1) if data.shape[1] else 0.0, index=surprise.index)


def surprises(
    values: pd.DataFrame, groups: pd.DataFrame, worse: Sequence[str], names: Sequence[str] = ()
) -> pd.DataFrame:
    """−log(share of peers at least as bad) of every number; missing values say nothing. Of columns with the same name the largest counts.

    Shapes: `values` n × m, `groups` n × 2, `worse` and `names` m.
    """
    groups = groups.reindex(values.index)
    group, _ = choose_groups(groups["peer_group"].fillna("?"), groups["peer_group_coarse"].fillna("?"))
    data = values.to_numpy("float64")
    surprise = np.zeros_like(data)
    for _, rows in pd.Series(np.arange(len(values))).groupby(group.to_numpy()):
        for j, side in enumerate(worse):
            surprise[rows.to_numpy(), j] = _surprise(data[rows.to_numpy(), j], side)
    frame = pd.DataFrame(surprise, index=values.index, columns=list(names) or list(values.columns))
    return frame.T.groupby(level=0).max().T


def _surprise(x: np.ndarray, side: str) -> np.ndarray:
    known = np.sort(x[~np.isnan(x)])
    out = np.zeros(len(x))
    if not len(known):
        return out
    high = (len(known) - np.searchsorted(known, x, "left")) / len(known)
    low = np.searchsorted(known, x, "right") / len(known)
    share = {"high": high, "low": low}.get(side, np.minimum(1.0, 2 * np.minimum(high, low)))
    there = ~np.isnan(x)
    out[there] = -np.log(np.maximum(share[there], 1 / (len(known) + 1)))
    return out


@dataclass(frozen=True)
class Own:
    """A scheme's score at a grain, and how many features and rules made it."""

    score: pd.Series
    features: int
    rules: int


def own_scores(sheets: Mapping[Grain, Sheet], grain: Grain, scheme: str) -> Own:
    """Score by the scheme's own columns, to which half of what its hospital, patient and doctor reach is added for a stay; an excused one keeps EXCUSED of it."""
    blocks = [own_surprises(sheets[grain], scheme)]
    for about, key in PARENTS.get(grain, ()):
        parent = own_surprises(sheets[about], scheme).reindex(sheets[grain].entities[key].to_numpy()).fillna(0.0)
        blocks.append(parent.set_axis(blocks[0].index))
    names = [name for block in blocks for name in block]
    rules = sum(name in REGISTRY and REGISTRY[name].rule is not None for name in names)
    score = loudest(blocks[0])
    if told := [loudest(block) for block in blocks[1:] if block.shape[1]]:
        score = score + sum(told) / (2 * len(told))
    if grain != "institution":  # a unit's marks have spoken already, number by number
        score = score.where(~marks(sheets[grain], scheme).any(axis=1), EXCUSED * score)
    return Own(score, len(names) - rules, rules)


def own_surprises(sheet: Sheet, scheme: str) -> pd.DataFrame:
    """A column a declaration of the scheme; a bed check (R21) is an outcome, an innocent's mark no trace."""
    known = columns_of(sheet.part.grain)
    told = [
        known[c] for c in (*sheet.part.columns, *sheet.bonds) if known[c].role not in ("amount", "outcome", "context")
    ]
    chosen = [(c.name, c.worse, c.feature.name) for c in told if scheme in c.feature.schemes and not c.feature.excuses]
    columns, worse, names = zip(*chosen, strict=True) if chosen else ((), (), ())
    found = surprises(sheet.values(columns), sheet.entities, worse, names)
    return explained(found, sheet, scheme) if sheet.part.grain == "institution" else found


def marks(sheet: Sheet, scheme: str) -> pd.DataFrame:
    """Which of the scheme's innocents the data shows an entity to be: a boolean column an innocent that some declaration excuses."""
    told = {f.excuses: f.columns()[0] for f in REGISTRY.of(sheet.part.grain) if f.excuses in INNOCENTS[scheme].split()}
    return (sheet.values(list(told.values())).fillna(0.0) > 0).set_axis(list(told), axis=1)


def explained(found: pd.DataFrame, sheet: Sheet, scheme: str) -> pd.DataFrame:
    """Surprises of a unit, of which EXCUSED is left where its mark is one that the declaration names as an honest explanation.

    A mark of a stay or a card tells what the whole case is. A unit is many cases: its licence to open at night explains its night swipes, not its round sums.
    """
    borne = marks(sheet, scheme)
    kept = found.copy()
    for name in found:
        feature = REGISTRY.get(name)
        named = re.findall(r"N\d\d", " ".join((feature.innocent, *feature.exempt))) if feature else []
        if codes := [c for c in borne if c in named]:
            kept[name] = found[name].where(~borne[codes].any(axis=1), EXCUSED * found[name])
    return kept
