"""Whom a list must not single out: the old and the chronically ill.

They see more doctors and take more drugs, so any score of use puts them first, and a list cut off by that score accuses them of being ill. Persons and stays are
therefore ranked within their stratum (sixty or older × on the chronic registry, read from the person's peer group): raw risk → share of the own stratum that is at least as
suspect → the raw risk that has this share behind it in the whole county. Strata then stand on a list in proportion to their size, whatever its
length: thresholds per group (Hardt, Price & Srebro, NeurIPS 2016) at which honest people of each are flagged alike, up to the finds.
Probability, reasons and money stay what they were; only the order changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from models.reference_distribution import Tail, tail_of

GROUP: Final = {"person": "peer_group", "admission": "patient_group"}
"""Grains ranked within strata, and the column of the entity table that holds the person's peer group (of a stay: its patient's)."""
OLD: Final = r"\|(?:60-74|75\+)\|"
CHRONIC: Final = "慢特病"
"""How a person's peer group (features/entities.py: insurance | age band | chronic registry) says it. Sixty is where the law begins to call a person old."""
FEWEST: Final = 30
"""A stratum of fewer people has no tail to speak of and is placed among all."""
EVERYBODY: Final = "全体"


def strata_of(grain: str, entities: pd.DataFrame) -> pd.Series:
    """The stratum of every entity, '' where the grain has none."""
    column = GROUP.get(grain)
    if column is None or column not in entities:
        return pd.Series("", index=entities.index, dtype=object)
    group = entities[column].fillna("").astype(str)
    age = np.where(group.str.contains(OLD), "60岁及以上", "60岁以下")
    ill = np.where(group.str.contains(CHRONIC, regex=False), "有慢特病", "无慢特病")
    return pd.Series([f"{a}{i}" for a, i in zip(age, ill, strict=True)], index=entities.index, dtype=object)


def strata_tails(grain: str, entities: pd.DataFrame, raw: np.ndarray) -> dict[str, Tail]:
    """Reference distributions of raw risk: one per stratum of at least `FEWEST`, and everybody's. Empty for a grain without strata."""
    if GROUP.get(grain) not in entities or not len(entities):
        return {}
    stratum = strata_of(grain, entities)
    sizes = stratum.value_counts()
    found = {str(n): tail_of(raw[(stratum == n).to_numpy()]) for n in sorted(sizes.index[sizes >= FEWEST])}
    return found | {EVERYBODY: tail_of(raw)}


def levelled(tails: Mapping[str, Tail], stratum: pd.Series, raw: np.ndarray) -> np.ndarray:
    """Raw risk as it would stand among everybody, given its place in its own stratum; unchanged where there is no reference."""
    out = np.array(raw, dtype=np.float64)
    for name in tails.keys() - {EVERYBODY}:
        inside = (stratum == name).to_numpy()
        out[inside] = tails[EVERYBODY].value(tails[name].at(out[inside]))
    return out
