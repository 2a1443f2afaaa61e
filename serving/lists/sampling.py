"""Who is on the list: the ranked, a draw by chance, a few controls, each with the exact probability of being listed.

Without a draw nobody learns what the model misses: the draw is one of all who are not ranked, spread over areas, the controls one of the half of them with
the lowest risk. Both stand unmarked among the others on pages and in the workbook. The mechanism is that of every draw (inspection/draw.py).
Whoever has the warehouse can foresee it; a draw that must be beyond that takes its seed from two people (inspection/seed.py).
"""

import math

import numpy as np
import pandas as pd

from inspection.draw import pivotal

CONTROL_SHARE = 0.05


def choose(
    risk: pd.Series, top: int, draw_share: float, rng: np.random.Generator, areas: pd.Series | None = None
) -> pd.DataFrame:
    """Slots for the entities of `risk` (index entity_id, already in order of rank).

    The `top` first are `ranked` with probability 1. The draw is so large that it makes `draw_share` of ranked + draw; the controls
    are `CONTROL_SHARE` of the ranked. With R not ranked, L of them in the low half, m to draw and c controls, an entity is listed with
    probability m/R, plus c/L if it is in the low half: one draw of m + c, in which the c controls are any of those it took from the low half.
    Returns columns slot, selection_prob; index entity_id; order: ranked, draw, control.
    """
    n = len(risk)
    ranked, rest = np.arange(min(top, n)), np.arange(min(top, n), n)
    wanted = math.ceil(len(ranked) * draw_share / (1 - draw_share)) if 0 < draw_share < 1 else 0
    drawn = min(wanted, len(rest))
    low = np.arange(n) >= len(ranked) + len(rest) // 2
    low[: len(ranked)] = False
    half = int(low.sum())
    room = math.floor(half * (1 - drawn / max(len(rest), 1)) + 1e-9)
    count = min(math.ceil(len(ranked) * CONTROL_SHARE), room) if draw_share > 0 else 0
    chance = np.where(np.arange(n) < len(ranked), 1.0, drawn / max(len(rest), 1)) + np.where(
        low, count / max(half, 1), 0.0
    )
    where = ["" for _ in range(n)] if areas is None else list(areas.astype(str))
    taken = rest[
        pivotal(chance[rest], [f"{x}|{w}" for x, w in zip(low[rest], (where[i] for i in rest), strict=True)], rng)
    ]
    control = np.sort(rng.permutation(taken[low[taken]])[:count])
    listed = np.concatenate([ranked, np.setdiff1d(taken, control), control])
    slot = np.repeat(["ranked", "draw", "control"], [len(ranked), len(taken) - len(control), len(control)])
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
