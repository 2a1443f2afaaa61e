"""The morning after a bed check: what was found against what chance found, and against what the list had promised, per hospital."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from claims.schema.outcomes import PRESENCE
from inspection.bedsheet import RESULTS
from inspection.estimate import FEW, SMALL, Estimate, lift, mid_p_interval

LEVEL = 0.95
ALL = "全部"
CAVEAT = "“名单所示”是把名单的分数当作可能性相加，分数未经校准；两者相差多少，就是名单说多了或说少了多少"


@dataclass(frozen=True)
class Promise:
    """One hospital's beds with a result. found, seen: absent, and all that say whether somebody lay there; promised: absent to be expected by the list's scores read as
    chances, [low, high] what such chances give in 95 of 100 evenings; rate: absent of seen."""

    unit: str
    kind: str
    listed: int
    seen: int
    found: int
    promised: float
    low: int
    high: int
    rate: Estimate

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"said": self.said()}

    def said(self) -> str:
        if not self.seen:
            return "没有结果"
        if self.found < self.low:
            return "少于名单所示"
        return "多于名单所示" if self.found > self.high else "在名单所示之内"


@dataclass(frozen=True)
class Morning:
    """The evening's outcome. ranked, drawn: (absent, with a result); lift: ranked over drawn; missing: on the sheet without a result; promises: per hospital, listed and
    drawn apart, and of all."""

    ranked: tuple[int, int]
    drawn: tuple[int, int]
    missing: int
    lift: Estimate
    refused: tuple[str, ...]
    promises: tuple[Promise, ...]
    text: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"promises": [p.to_json() for p in self.promises]}


def morning(listed: pd.DataFrame, results: pd.DataFrame) -> Morning:
    """listed: the list (entity_id, slot; risk and unit where it has them); results: the sheet come back (就诊号, 结果). A result for a stay that was not on the sheet, or of an
    unknown word, is told and left out; the others count. 无法核查 is missing."""
    listed = listed.drop_duplicates("entity_id").set_index("entity_id")
    code, refused = read_results(results, set(listed.index.astype(str)))
    klass = pd.Series({n: PRESENCE[c].klass for n, c in code.items()}, dtype="object").reindex(listed.index)
    frame = pd.DataFrame(
        {
            "unit": listed["unit"].astype(str) if "unit" in listed else ALL,
            "kind": np.where(listed["slot"] == "ranked", "按名次", "随机"),
            "chance": listed["risk"].astype(float).clip(0, 1) if "risk" in listed else np.nan,
            "gone": klass.map({"confirmed": 1.0, "refuted": 0.0}).astype(float),
        },
        index=listed.index,
    )

    def of(kind: str) -> tuple[int, int]:
        mine = frame.loc[frame["kind"] == kind, "gone"].dropna()
        return int(mine.sum()), len(mine)

    ranked, drawn = of("按名次"), of("随机")
    times = lift(*ranked, *drawn)
    missing = len(frame) - len(code)
    text = f"按名次查 {ranked[1]} 床，不在 {ranked[0]}；随机查 {drawn[1]} 床，不在 {drawn[0]}；未回填 {missing} 床。提升倍数 {times.told('.1f')}"
    return Morning(ranked, drawn, missing, times, tuple(refused), tuple(promises(frame)), text)


def read_results(results: pd.DataFrame, known: set[str]) -> tuple[dict[str, str], list[str]]:
    """(stay → code, sentences about rows that cannot be taken) of a filled sheet; empty results are skipped."""
    code: dict[str, str] = {}
    refused: list[str] = []
    for number, said in zip(
        results["就诊号"].fillna("").astype(str).str.strip(), results["结果"].fillna("").astype(str).str.strip(), strict=True
    ):  # fmt: skip
        if not said:
            continue
        if number not in known:
            refused.append(f"就诊号 {number} 不在当晚查床单上，结果未计入；如属另行核查请按查床记录接收")
        elif (found := code_of(said)) is None:
            refused.append(unknown_word(number, said))
        elif code.setdefault(number, found) != found:
            refused.append(f"就诊号 {number} 有两个不同结果，按先填的计")
    return code, refused


def code_of(said: str) -> str | None:
    """The code of a result as officers write it, or of a code itself; None for any other word."""
    return RESULTS.get(said, said if said in RESULTS.values() else None)


def unknown_word(number: str, said: str) -> str:
    return f"就诊号 {number} 的结果“{said[:20]}”不认识；请填 {'、'.join(RESULTS)}"


def promises(frame: pd.DataFrame) -> list[Promise]:
    """Per hospital and kind (frame: unit, kind, chance, gone), hospitals by name, then all of them together."""
    out = [_promise(str(u), str(k), part) for (u, k), part in frame.groupby(["unit", "kind"], sort=True)]
    return out + [_promise(ALL, str(k), part) for k, part in frame.groupby("kind", sort=True)]


def _promise(unit: str, kind: str, part: pd.DataFrame) -> Promise:
    seen = part.dropna(subset=["gone"])
    found, chance = int(seen["gone"].sum()), seen["chance"].fillna(0.0).to_numpy(dtype=float)
    low, high = between(chance)
    if len(seen) >= FEW:
        at = mid_p_interval(found, len(seen), LEVEL)
        rate = Estimate(found / len(seen), *at, LEVEL, len(seen))
    else:
        rate = Estimate(None, level=LEVEL, n=len(seen), note=f"{SMALL}：有结果的只有 {len(seen)} 床")
    return Promise(unit, kind, len(part), len(seen), found, float(chance.sum()), low, high, rate)


def between(chance: Sequence[float] | np.ndarray, level: float = LEVEL) -> tuple[int, int]:
    """How many of independent events of these chances happen, in the middle `level` of evenings (Poisson binomial, exact)."""
    odds = np.ones(1)
    for p in chance:
        odds = np.convolve(odds, [1 - p, p])
    whole = np.cumsum(odds)
    alpha = (1 - level) / 2
    return int(np.searchsorted(whole, alpha)), int(np.searchsorted(whole, 1 - alpha))


def morning_text(said: Morning) -> str:
    """In Chinese, for a terminal."""
    lines = [said.text]
    for p in said.promises:
        told = f"名单所示 {p.promised:.1f} 床（{LEVEL:.0%} 区间 {p.low} 至 {p.high}），{p.said()}"
        lines.append(f"  {p.unit}  {p.kind}：{p.seen} 床有结果，不在 {p.found} 床；{told}；不在率 {p.rate.told()}")
    return "\n".join([*lines, CAVEAT, *said.refused])
