"""Who is on the list: the ranked, a draw by chance, a few controls, each with the exact probability of being listed.

Without a draw nobody learns what the model misses: the draw is a simple random sample of all who are not
ranked, the controls one of the half of them with the lowest risk. Both stand unmarked among the others on pages and in the workbook.
"""

import hashlib
import math

import numpy as np
import pandas as pd

CONTROL_SHARE = 0.05


def random_for(*parts: object) -> np.random.Generator:
    """A generator that depends on `parts` only, so that a list made twice is the same list."""
    digest = hashlib.sha256("|".join(map(str, parts)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def choose(risk: pd.Series, top: int, draw_share: float, rng: np.random.Generator) -> pd.DataFrame:
    """Slots for the entities of `risk` (index entity_id, already in order of rank).

    The `top` first are `ranked` with probability 1. The draw is so large that it makes `draw_share` of ranked + draw; the controls
    are `CONTROL_SHARE` of the ranked. With R not ranked, L of them in the low half, m drawn and c controls, an entity is listed with
    probability m/R, plus c/L if it is in the low half (the two draws exclude each other; by symmetry the sum is exact).
    Returns columns slot, selection_prob; index entity_id; order: ranked, draw, control.
    """
    n = len(risk)
    ranked, rest = np.arange(min(top, n)), np.arange(min(top, n), n)
    wanted = math.ceil(len(ranked) * draw_share / (1 - draw_share)) if 0 < draw_share < 1 else 0
    drawn = np.sort(rng.choice(rest, size=min(wanted, len(rest)), replace=False))
    low = rest[len(rest) // 2 :]
    free = np.setdiff1d(low, drawn)
    count = min(math.ceil(len(ranked) * CONTROL_SHARE), len(free)) if draw_share > 0 else 0
    control = np.sort(rng.choice(free, size=count, replace=False))
    chance = np.ones(n)
    chance[rest] = len(drawn) / max(len(rest), 1)
    chance[low] += count / max(len(low), 1)
    listed = np.concatenate([ranked, drawn, control])
    slot = np.repeat(["ranked", "draw", "control"], [len(ranked), len(drawn), len(control)])
    return pd.DataFrame({"slot": slot, "selection_prob": chance[listed]}, index=risk.index[listed])


def interleave(slots: pd.Series, rng: np.random.Generator) -> pd.Series:
    """Places 1..n on the unmarked sheet: the ranked keep their order, the others are strewn among them by chance."""
    n = len(slots)
    others = np.flatnonzero(slots.to_numpy() != "ranked")
    ranked = np.flatnonzero(slots.to_numpy() == "ranked")
    places = np.empty(n, dtype="int64")
    seats = np.sort(rng.choice(n, size=len(others), replace=False)) if len(others) else np.empty(0, dtype="int64")
    free = np.setdiff1d(np.arange(n), seats)
    places[ranked] = free + 1
    places[rng.permutation(others)] = seats + 1
    return pd.Series(places, index=slots.index, dtype="int64")
