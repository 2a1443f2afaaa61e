"""What the looks of the evenings before do to an evening's order: as it happened, and played with a team that looks at the first ten of every evening."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import pandas as pd

from claims.schema.outcomes import findings
from models.score import Scored, in_order
from models.scorer import BASE
from serving.lists.bedcheck import after_looks

LOOKED_AT: Final = 10
AWAY: Final = 0.84
"""Chance that nobody lies in bed at a look, on what the truth of `second` and `pilot` calls a paper stay (the referee's P_ABSENT)."""
EMPTY, IN_BED = "B4_ABSENT", "B1_IN_BED"


@dataclass(frozen=True)
class Followed:
    """Evenings played: their empty beds, the share of them in the first tenth, empty beds met in the first tens, and how many stays these are."""

    evenings: int
    beds: int
    tenth: float
    empty: int
    stays: int


def as_happened(evenings: Sequence[dict[str, Any]]) -> tuple[int, int, float, float]:
    """(evenings on which a bed had been looked at, their empty beds, share of these in the first tenth after the looks, before them)."""
    here = [e for e in evenings if e["looked"]]
    beds = sum(e["guilty"] for e in here)
    after = sum(_first(e, [s[0] for s in e["stays"]]) for e in here)
    before = sum(_first(e, [s[0] for s in sorted(e["stays"], key=lambda s: (-s[2], s[0]))]) for e in here)
    return len(here), beds, after / max(1, beds), before / max(1, beds)


def _first(evening: dict[str, Any], order: Sequence[str]) -> int:
    """Empty beds in the first tenth of an order."""
    empty = {s[0] for s in evening["stays"] if s[3]}
    return sum(i in empty for i in order[: max(1, round(evening["open"] / 10))])


def followed(counties: Sequence[Sequence[dict[str, Any]]], checks: int = LOOKED_AT) -> tuple[Followed, Followed]:
    """Every county-date's evenings played in order, (with the order after looks, without it)."""
    return _played(counties, checks, True), _played(counties, checks, False)


def _played(counties: Sequence[Sequence[dict[str, Any]]], checks: int, seen: bool) -> Followed:
    evenings = beds = tenth = empty = 0
    stays: set[tuple[int, str]] = set()
    for n, county in enumerate(counties):
        looks: list[dict[str, Any]] = []
        for e in sorted(county, key=lambda e: e["at"]):
            order = ranked(e, looks if seen else [])
            evenings, beds, tenth = evenings + 1, beds + e["guilty"], tenth + _first(e, order)
            truly = {s[0] for s in e["stays"] if s[3]}
            for stay in order[:checks]:
                away = stay in truly and (e["world"].startswith("own") or chance_of(stay, e["at"]) < AWAY)
                if away:
                    empty += 1
                    stays.add((n, stay))
                looks.append({"check_id": f"{stay} {e['at']}", "mdtrt_id": stay, "result_code": EMPTY if away else IN_BED, "check_time": pd.Timestamp(e["at"])})  # fmt: skip
    return Followed(evenings, beds, tenth / max(1, beds), empty, len(stays))


def chance_of(stay: str, moment: str) -> float:
    """The same number between 0 and 1 for a stay and an evening, whoever asks."""
    return random.Random(f"{stay} {moment}").random()


def ranked(evening: dict[str, Any], looks: Sequence[dict[str, Any]]) -> list[str]:
    """The evening's stays, emptiest first, by the chances before looks and then the product's own rule for these looks."""
    told = pd.DataFrame(evening["stays"], columns=["id", "chance", "unseen", "empty"]).set_index("id")
    p = told["unseen"].clip(1e-6, 1 - 1e-6)
    raw = np.log(p / (1 - p))
    frame = pd.DataFrame({"raw": raw, "placed": raw, "risk": told["unseen"], "suspicion": told["unseen"], "model": ""})
    scored = Scored(frame, pd.DataFrame({BASE: raw}), pd.DataFrame(index=told.index))
    if looks:
        moment = datetime.fromisoformat(evening["at"])
        scored, _ = after_looks(scored, findings(None, pd.DataFrame(looks), moment), moment)
    return [str(i) for i in in_order(scored.frame)]
