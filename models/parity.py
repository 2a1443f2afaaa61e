"""Whom a list must not single out: the old and the chronically ill.

They see more doctors and take more drugs, so any score of use puts them first, and a list cut off by that score accuses them of being ill. Persons and stays are
therefore ranked within their stratum (sixty or older × on the chronic registry; of a stay its patient's): raw risk → share of the own stratum that is at least as
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

OLD: Final = ("60-74", "75+")
"""Age bands from sixty on, where the law begins to call a person old."""
SHARED: Final = ("age_band", "chronic")
"""What the entity table of a grain with strata says of the person (features/grains.py: of a stay, of its patient)."""
FEWEST: Final = 30
"""A stratum of fewer people has no tail to speak of and is placed among all."""
EVERYBODY: Final = "全体"


def strata_of(entities: pd.DataFrame) -> pd.Series:
    """The stratum of every entity, '' where their table does not tell age and registry."""
    if not set(SHARED) <= set(entities.columns):
        return pd.Series("", index=entities.index, dtype=object)
    age = np.where(entities["age_band"].isin(OLD), "60岁及以上", "60岁以下")
    ill = np.where(entities["chronic"].eq(True), "有慢特病", "无慢特病")
    return pd.Series([f"{a}{i}" for a, i in zip(age, ill, strict=True)], index=entities.index, dtype=object)


def strata_tails(entities: pd.DataFrame, raw: np.ndarray) -> dict[str, Tail]:
    """Reference distributions of raw risk: one per stratum of at least `FEWEST`, and everybody's. Empty for a grain without strata."""
    if not set(SHARED) <= set(entities.columns) or not len(entities):
        return {}
    stratum = strata_of(entities)
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
