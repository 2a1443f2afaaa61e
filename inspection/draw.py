"""The draw (双随机): a share chosen by chance, each with its exact chance of being chosen, spread over strata, repeatable from its seed.

The mechanism is the ordered pivotal method (Deville & Tillé 1998; strata one after the other: Chauvet 2012): two neighbours fight for their chances until one
of them is in or out. Every chance is kept exactly, whatever they are, the number drawn is fixed, and a stratum gets its share to within one. Part of the
chance (`explore`) goes to regions that no chosen case covers; nobody's chance becomes zero, so estimates stay unbiased.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import pandas as pd

from claims.errors import UserError
from inspection.seed import random_for

EXPLORE = 0.3
"""Share of the draw that goes to uncovered regions."""
AT_MOST = 3.0
"""Times as likely as on average, at most: a few units of an odd region shall not be drawn week after week."""


def pivotal(chance: np.ndarray, strata: Sequence[str] | np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Who is drawn (bool), with exactly these chances; strata in the order of chance, and within them the entities too."""
    wanted = np.asarray(chance, dtype="float64")
    drawn = wanted >= 1 - 1e-12
    names, codes = np.unique(np.asarray(strata), return_inverse=True)
    place = rng.permutation(len(names))[codes] if len(names) else codes
    order = np.lexsort((rng.permutation(len(wanted)), place))
    _fight(order, wanted, rng.random(len(wanted) + 1), drawn)
    return drawn


@numba.njit(cache=True)
def _fight(order, wanted, luck, drawn):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    held, mass = -1, 0.0
    for i in order:
        p = wanted[i]
        if drawn[i] or p <= 0:
            continue
        if held < 0:
            held, mass = i, p
            continue
        both = mass + p
        if both < 1:
            held, mass = (i if luck[i] * both < p else held), both
        else:
            first_in = luck[i] * (2 - both) < 1 - p if both < 2 else True
            drawn[held if first_in else i] = True
            held, mass = (i if first_in else held), both - 1
        if mass < 1e-12:
            held = -1
    if held >= 0 and luck[len(wanted)] < mass + 1e-9:
        drawn[held] = True


def spread(size: int, weights: np.ndarray) -> np.ndarray:
    """Chances in proportion to `weights` that add up to `size`, none above 1."""
    chance = np.zeros(len(weights))
    free, left = np.asarray(weights) > 0, float(min(size, int((np.asarray(weights) > 0).sum())))
    while left > 0 and free.any():
        share = weights * (left / weights[free].sum())
        full = free & (share >= 1)
        if not full.any():
            chance[free] = share[free]
            break
        chance[full] = 1.0
        left -= int(full.sum())
        free &= ~full
    return chance


@dataclass(frozen=True)
class Draw:
    """What was drawn: `frame` has entity_id, stratum, chance, drawn for everybody who could have been; `digest` names the frame itself."""

    name: str
    seed: str
    size: int
    explore: float
    frame: pd.DataFrame
    uncovered: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def drawn(self) -> pd.DataFrame:
        """Those drawn, by entity_id."""
        return self.frame[self.frame["drawn"]].sort_values("entity_id").reset_index(drop=True)

    @property
    def digest(self) -> str:
        """SHA-256 of who could have been drawn, in which stratum and with which chance."""
        rows = self.frame.sort_values("entity_id")
        text = "\n".join(
            f"{e}\t{s}\t{c:.12f}" for e, s, c in zip(rows["entity_id"], rows["stratum"], rows["chance"], strict=True)
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """As it is kept and shown; the frame's digest instead of the frame."""
        return {
            "name": self.name, "seed": self.seed, "size": self.size, "explore": self.explore, "population": len(self.frame),
            "frame_sha256": self.digest, "uncovered": list(self.uncovered), "notes": list(self.notes),
            "drawn": self.drawn[["entity_id", "stratum", "chance"]].to_dict("records"),
        }  # fmt: skip


def take(
    entities: pd.DataFrame,
    *,
    name: str,
    seed: str,
    share: float = 0.1,
    size: int | None = None,
    covered: Sequence[str] = (),
    explore: float = EXPLORE,
) -> Draw:
    """Draw from `entities` (entity_id, stratum, region): `size`, or `share` of them rounded up.

    covered: regions that chosen cases cover. UserError for a share or size that cannot be; more than there are is cut to all, and said.
    """
    if not 0 < share <= 1:
        raise UserError(f"抽查比例 {share} 不成立；请给出 0 到 1 之间的数，例如 0.1")
    if size is not None and size < 1:
        raise UserError(f"抽查数量 {size} 不成立；请给出正整数")
    if entities["entity_id"].duplicated().any():
        twice = str(entities.loc[entities["entity_id"].duplicated(), "entity_id"].iloc[0])
        raise UserError(f"抽查对象 {twice} 出现两次；每个对象只能有一行")
    wanted = size if size is not None else int(np.ceil(share * len(entities) - 1e-9))
    notes = []
    if wanted > len(entities):
        notes.append(f"要求抽取 {wanted} 个，对象只有 {len(entities)} 个，已全部列入")
        wanted = len(entities)
    frame = entities.sort_values("entity_id").reset_index(drop=True)
    open_region = ~frame["region"].isin(list(covered)).to_numpy(dtype=bool)
    chance = _chances(wanted, open_region, explore)
    drawn = pivotal(chance, frame["stratum"].astype(str).tolist(), random_for("draw", name, seed))
    told = pd.DataFrame(
        {"entity_id": frame["entity_id"].astype(str), "stratum": frame["stratum"].astype(str), "region": frame["region"].astype(str), "chance": chance, "drawn": drawn}
    )  # fmt: skip
    uncovered = tuple(sorted(told.loc[open_region, "region"].unique())) if 0 < open_region.sum() < len(told) else ()
    return Draw(name, seed, int(drawn.sum()), explore, told, uncovered, tuple(notes))


def _chances(size: int, open_region: np.ndarray, explore: float) -> np.ndarray:
    """Equal chances; where some regions are uncovered and some not, `explore` of them moved to the uncovered, up to AT_MOST times the average."""
    n = len(open_region)
    if n == 0:
        return np.zeros(0)
    if not 0 < open_region.sum() < n:
        return spread(size, np.ones(n))
    share = open_region.mean()
    moved = min(explore, (AT_MOST - 1) * share / (1 - share))
    return spread(size, np.full(n, (1 - moved) / n) + np.where(open_region, moved / open_region.sum(), 0.0))


def same(kept: dict[str, Any], entities: pd.DataFrame, covered: Sequence[str]) -> list[str]:
    """What differs between a kept draw and the one its seed gives today; empty where it repeats."""
    again = take(
        entities, name=kept["name"], seed=kept["seed"], size=kept["size"], covered=covered, explore=kept["explore"]
    ).to_json()
    return [f"{key}：原为 {kept[key]!r}，重算为 {again[key]!r}" for key in ("population", "frame_sha256", "drawn") if kept[key] != again[key]]  # fmt: skip
