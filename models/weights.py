"""How much each part of a list counts, by where it would have placed the cases that were confirmed later.

A part's tail rank t = −ln(share of the county at least as suspect) has mean 1 among everybody. If confirmed cases follow an exponential law of mean m, the log
likelihood ratio rises with t at the rate 1 − 1 / m: that is the weight, m estimated as if `PRIOR_CASES` cases of mean `PRIOR_MEAN` had been seen before. A part that
places them no better than chance weighs nothing. Confirmed cases are held against the whole county, never against refuted ones alone: inspectors
clear whom a rule or a caller made suspicious, and that would teach that suspicion is innocence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

PRIOR_CASES: Final = 5.0
PRIOR_MEAN: Final = 2.0
"""With few findings all parts weigh one half."""
HALFWAY: Final = 20.0
"""Confirmed cases at which findings have gone half their way: the scorers that know none keep half their weight, the trees (models/taught.py) take half their
step (docs/design.md §14)."""


@dataclass(frozen=True)
class Standing:
    """What is known of one part: confirmed cases n, their mean tail, the mean share of the county less suspect than they (0.5 = chance), and its weight."""

    n: int
    mean_tail: float | None
    below: float | None
    weight: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def standing_of(t: np.ndarray) -> Standing:
    """Of the tail ranks of confirmed cases (NaN = not placed)."""
    t = np.asarray(t, dtype=np.float64)
    t = t[~np.isnan(t)]
    rate = (len(t) + PRIOR_CASES) / (t.sum() + PRIOR_CASES * PRIOR_MEAN)
    mean, below = (round(float(t.mean()), 4), round(float(1.0 - np.exp(-t).mean()), 4)) if len(t) else (None, None)
    return Standing(len(t), mean, below, round(max(1.0 - rate, 0.0), 6))


def weights_of(standings: Mapping[str, Standing], taught: str, *, apart: bool = False) -> dict[str, float]:
    """{part: weight}: the taught part by its own; the others by theirs, divided by their number unless they count `apart`, since they say the same thing several
    times. With n confirmed the others keep `HALFWAY` / (`HALFWAY` + n) of it: what findings taught knows their columns and by then what they are worth.
    Where no part is better than chance, even weights."""
    others = 1 if apart else max(1, len(standings) - (taught in standings))
    kept = HALFWAY / (HALFWAY + (standings[taught].n if taught in standings else 0)) / others
    found = {name: s.weight if name == taught else round(s.weight * kept, 6) for name, s in standings.items()}
    return found if any(found.values()) else dict.fromkeys(standings, round(1.0 / len(standings), 6))
