"""An alarm for lists: what inspectors confirm against the chance that the list gave each case when it was listed.

Two streams are watched. Of those *listed* only whether fewer are confirmed than promised: that is where a change of schemes shows at once, since a list's best cases are most of what an office
finds. Of those *drawn* whether more or fewer are: that is what lists overlook, but among the unlisted little is confirmed whatever happens, so it takes hundreds of draws to hear of it (`needed`).

An e-process (Ramdas et al. 2023): the likelihood ratio of "every case's odds were so many times what was promised since some case" to "as promised", averaged over several
such odds and over the case from which they hold. If the promises are kept it is a martingale that begins at 1, so it ever reaches 20 in at most one office in twenty,
however often one looks (Ville 1939); the streams share that one in twenty, since a weighted mean of such processes is one. Chances of being drawn do not enter: each case is held
against its own promise. More confirmed among the listed than promised is no alarm: young lists promise too little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from inspection.estimate import FEW, SMALL

FALSE_ALARMS: Final = 0.05
"""Share of offices whose lists keep their promises that ever hear an alarm, at most."""
MORE: Final = (2.0, 4.0, 8.0)
LESS: Final = (0.5, 0.25)
"""Odds against those promised that are looked for: below twice the office would not act otherwise, above eight times any of them rings at once."""
BEGINS: Final = 1 / 50
"""Chance, at each case, that the change begins there: of an office with five drawn cases a week, ten weeks on average. Any number keeps the false alarms; half or twice of it moves the alarm by a few cases."""
LEAST: Final = 0.001
"""Least chance that is believed of a promise: one confirmed case must not ring alone."""


STREAMS: Final = {"listed": (("less", LESS, 0.5),), "drawn": (("more", MORE, 0.25), ("less", LESS, 0.25))}
"""What is asked of each stream, and its part of the false alarms."""


@dataclass(frozen=True)
class Drift:
    """Cases with a promise: n drawn, promised and confirmed among them; the same of the listed; evidence: the e-value of now; alarm: more, less (of the drawn), listed (fewer of the listed), '' (none) or None (too few to say)."""

    n: int
    promised: float
    confirmed: int
    listed: int
    listed_promised: float
    listed_confirmed: int
    evidence: float
    alarm: str | None
    text: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def evidence(promised: np.ndarray, found: np.ndarray, odds: Sequence[float]) -> np.ndarray:
    """The e-value after each case, in the order of inspection. promised: chances; found: 0/1."""
    p, y = (
        np.clip(np.asarray(promised, dtype=float), LEAST, 1 - LEAST)[:, None],
        np.asarray(found, dtype=float)[:, None],
    )
    times = np.asarray(odds, dtype=float)
    each = y * np.log(times) - np.log1p((times - 1) * p)  # log likelihood ratio of one case
    sums, case = np.cumsum(each, axis=0), np.arange(len(p))[:, None]
    begins = np.log(BEGINS) + case * np.log1p(-BEGINS)
    begun = np.exp(sums + np.logaddexp.accumulate(begins - (sums - each), axis=0))
    return np.asarray(begun.mean(axis=1) + (1 - BEGINS) ** (case[:, 0] + 1))


def ringing(cases: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> tuple[float, str]:
    """(The e-value of now, which question speaks loudest: listed, more, less), by stream (promised, found) in the order of inspection."""
    told, asked = {}, 0.0
    for stream, (promised, found) in cases.items():
        for way, odds, part in STREAMS[stream]:
            now = float(evidence(promised, found, odds)[-1]) if len(promised) else 1.0
            told["listed" if stream == "listed" else way] = part * now
            asked += part
    return sum(told.values()) + (1 - asked), max(told, key=lambda k: told[k])


def needed(promised: float, times: float) -> float:
    """Drawn cases, on average, until odds of so many times a promised chance are heard: what must be shown over what one case shows (Kullback & Leibler 1951)."""
    p = min(max(promised, LEAST), 1 - LEAST)
    q = times * p / (1 - p + times * p)
    part = STREAMS["drawn"][0][2] / len(MORE)
    return float(np.log(1 / (FALSE_ALARMS * part * BEGINS)) / (q * np.log(q / p) + (1 - q) * np.log((1 - q) / (1 - p))))


def watch(promised: np.ndarray, found: np.ndarray, listed_promised: Sequence[float] | np.ndarray = (), listed_found: Sequence[float] | np.ndarray = ()) -> Drift:  # fmt: skip
    """What the drawn, and the listed, say of the list's promises; cases in the order of inspection."""
    p, y, lp, ly = (np.asarray(x, dtype=float) for x in (promised, found, listed_promised, listed_found))
    n, due, hits, m, listed_due, listed_hits = len(p), float(p.sum()), int(y.sum()), len(lp), float(lp.sum()), int(ly.sum())  # fmt: skip
    if n < FEW and m < FEW:
        return Drift(n, due, hits, m, listed_due, listed_hits, 1.0, None, f"{SMALL}：名单给过概率的抽查有结论的只有 {n} 个，按名单查的 {m} 个")  # fmt: skip
    now, loudest = ringing({"drawn": (p, y), "listed": (lp, ly)})
    alarm = loudest if now >= 1 / FALSE_ALARMS else ""
    said = f"名单给过概率的抽查 {n} 个，名单预计查实 {due:.1f} 个，实际 {hits} 个；按名单查的 {m} 个，预计 {listed_due:.1f} 个，实际 {listed_hits} 个"
    told = {
        "more": f"；抽查明显偏多（误报不超过 {FALSE_ALARMS:.0%}）：名单漏看的在变多，请重新拟合并加大抽查",
        "less": f"；抽查明显偏少（误报不超过 {FALSE_ALARMS:.0%}）：名单的概率偏高，请重新拟合",
        "listed": f"；按名单查的明显偏少（误报不超过 {FALSE_ALARMS:.0%}）：手法可能已变，请重新拟合并加大抽查",
        "": "，与名单所说无明显出入",
    }
    deaf = f"；未上名单者的查实率变为两倍，平均要约 {round(needed(due / n, 2.0), -1):,.0f} 个抽查才听得出" if n and not alarm else ""
    return Drift(n, due, hits, m, listed_due, listed_hits, now, alarm, said + told[alarm] + deaf)
