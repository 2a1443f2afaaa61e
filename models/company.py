"""What others in the same company are suspected of.

Guilt is done in company: a doctor who lets one patient lie at home lets others, a shop that swipes one idle card swipes many. So the suspicion of OTHERS at a
stay's doctor, and at the shops and clinics a person goes to, is a part of their own; their own share of it is left out, and a doctor or shop with few
others counts little. And a person is suspect by his cards or by his worst stay, whichever is rarer in the county.

The sums are made anew from the whole population that is scored (`meet`); what they say of one entity does not depend on who else is asked about.
Measured on six list dates of two counties: docs/design.md §14.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from models.reference_distribution import Tail, tail_of

DOCTOR: Final = "dr_codg"
STAY: Final = "stay_risk"
"""Column of a person's entities: raw risk of the worst stay in the window, NaN = none, or nothing is known about stays."""
STRANGERS: Final = 5.0
"""So many people of average suspicion are added to every company."""
STAY_ID: Final = "stay_id"
STAY_SCHEMES: Final = "stay_schemes"
"""Beside it: which stay that is, and {scheme: share} of its evidence (models/scheme.py), where somebody asked."""
LEAST_SPREAD: Final = 0.1
"""Where companies differ less than this (one doctor's name for all), what is left of the difference is that each leaves himself out."""


@dataclass(frozen=True)
class Company:
    """sums, sizes: tail ranks and number of those in each company (index = code); mean: of all; spread: standard deviation of the others' means, the larger the more of it is chance;
    scale: weight of one tail. own, joined, stays: reference distributions of raw risk alone, with company, of stays; bearing: ln of how many
    times rarer a person with a stay is than a person."""

    sums: pd.Series
    sizes: pd.Series
    mean: float
    spread: float
    scale: float
    own: Tail
    joined: Tail
    stays: Tail | None = None
    bearing: float = 0.0

    def raw(self, own: np.ndarray, links: pd.DataFrame, entities: pd.DataFrame) -> np.ndarray:
        """Raw risk in company; own: without it, one per entity. links: entity_id, code, visits."""
        t = pd.Series(self.own.at(own), index=entities.index)
        both = self.scale * (t.to_numpy() + (self.others_of(t, links) - self.mean) / self.spread)
        if self.stays is None or STAY not in entities:
            return both
        # the chance of one or the other, where chance goes as one over the share of the county that is at least as suspect
        return np.asarray(np.logaddexp(self.joined.at(both), self._rare(entities)))

    def _rare(self, entities: pd.DataFrame) -> np.ndarray:
        """Tail rank, among all persons, of each one's worst stay; 0 for those without."""
        assert self.stays is not None  # asked only where stays are known
        stay = entities[STAY].to_numpy(dtype=np.float64)
        return np.where(np.isnan(stay), 0.0, self.stays.at(np.nan_to_num(stay)) + self.bearing)

    def by_stay(self, raw: np.ndarray, entities: pd.DataFrame) -> np.ndarray:
        """Which part of the chance behind each person's raw risk is that of the worst stay, in [0, 1]; 0 where nothing is known about stays."""
        if self.stays is None or STAY not in entities:
            return np.zeros(len(entities))
        known = entities[STAY].notna().to_numpy()
        return np.where(known, np.exp(np.minimum(self._rare(entities) - raw, 0.0)), 0.0)

    def others_of(self, t: pd.Series, links: pd.DataFrame) -> np.ndarray:
        """Mean tail rank of others per entity of t, over its companies by visits; the overall mean where it has none."""
        here = _of(links, t.index)
        code = here["code"]
        sums, sizes = code.map(self.sums).fillna(0.0).to_numpy(), code.map(self.sizes).fillna(0.0).to_numpy()
        known = sizes > 0
        own = np.where(known, t.reindex(here["entity_id"]).to_numpy(), 0.0)
        mean = (sums - own + STRANGERS * self.mean) / (sizes - known + STRANGERS)
        visits = here["visits"].to_numpy(dtype=np.float64)
        per = pd.DataFrame({"a": mean * visits, "n": visits}).groupby(here["entity_id"].to_numpy()).sum()
        return np.asarray((per["a"] / per["n"]).reindex(t.index).fillna(self.mean), dtype=np.float64)


def _of(links: pd.DataFrame, ids: pd.Index) -> pd.DataFrame:
    """The links of these entities, sorted: sums must not depend on how rows came."""
    return links[links["entity_id"].isin(ids)].sort_values(["code", "entity_id"], kind="stable")


def with_stays(entities: pd.DataFrame, stays: pd.DataFrame, risk: pd.Series) -> pd.DataFrame:
    """Entities of persons with the raw risk of each one's worst stay, and which it is. stays: entities of stays (psn_no); risk: their raw risk, same index."""
    of = pd.DataFrame({"psn_no": stays["psn_no"].to_numpy(), "risk": risk.to_numpy(), "id": stays.index.astype(str)})
    worst = of.sort_values(["risk", "id"], ascending=[False, True], kind="stable").drop_duplicates("psn_no")
    worst = worst.set_index("psn_no").reindex(entities.index)
    return entities.assign(
        **{STAY: worst["risk"].to_numpy(dtype=np.float64), STAY_ID: worst["id"].to_numpy(dtype=object)}
    )


def links_of(entities: pd.DataFrame, visits: pd.DataFrame | None) -> pd.DataFrame | None:
    """Who goes where: a stay with its doctor, a person with those he visited; None where nothing is known."""
    if visits is not None:
        return visits
    if DOCTOR not in entities or "psn_no" not in entities:
        return None
    named = entities[DOCTOR].dropna()
    return pd.DataFrame({"entity_id": named.index, "code": named.to_numpy(), "visits": 1.0})


def meet(own: np.ndarray, links: pd.DataFrame, entities: pd.DataFrame, scale: float) -> Company:
    """The companies of a whole population from raw risk without them."""
    alone = tail_of(own)
    t = pd.Series(alone.at(own), index=entities.index)
    here = _of(links, t.index)
    grouped = t.reindex(here["entity_id"]).groupby(here["code"].to_numpy())
    sizes, average = grouped.size().astype("float64"), float(t.sort_index().mean())
    made = Company(grouped.sum(), sizes, average, LEAST_SPREAD, scale, alone, alone)
    mean = made.others_of(t, links)
    spread = max(float(np.sort(mean).std()), LEAST_SPREAD)
    others = sizes.reindex(here["code"]).to_numpy() - 1.0
    noise = float(t.to_numpy().var() * (others / (others + STRANGERS) ** 2).mean()) if len(here) else 0.0
    # companies that differ no more than chance would make them are no company (the rest is James and Stein's)
    spread /= max(1.0 - noise / spread**2, 1e-6)
    stay = entities[STAY].dropna().to_numpy(dtype=np.float64) if STAY in entities else np.empty(0)
    return Company(
        made.sums,
        made.sizes,
        made.mean,
        spread,
        scale,
        alone,
        tail_of(scale * (t.to_numpy() + (mean - made.mean) / spread)),
        tail_of(stay) if len(stay) else None,
        float(np.log(len(t) / len(stay))) if len(stay) else 0.0,
    )
