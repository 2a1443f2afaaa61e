"""An alarm for lists: what inspectors confirm against the chance that the list gave each case when it was listed.

Two streams are watched. Of those *listed* only whether fewer are confirmed than promised: that is where a change of schemes shows at once, since a list's best cases are most of what an office
finds. Of those *drawn* whether more or fewer are: that is what lists overlook, but among the unlisted little is confirmed whatever happens, so it takes hundreds of draws to hear of it (`needed`).

An e-process (Ramdas et al. 2023): the likelihood ratio of "every case's odds were so many times what was promised since some week" to "as promised", averaged over several
such odds and over the week from which they hold. If the promises are kept it is a martingale that begins at 1, so it ever reaches 20 in at most one office in twenty,
however often one looks (Ville 1939); the streams share that one in twenty, since a weighted mean of such processes is one. Chances of being drawn do not enter: each case is held
against its own promise. More confirmed among the listed than promised is no alarm: young lists promise too little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from inspection.estimate import FEW, SMALL

FALSE_ALARMS: Final = 0.05
"""Share of offices whose lists keep their promises that ever hear an alarm, at most."""
MORE: Final = (2.0, 4.0, 8.0)
LESS: Final = (0.5, 0.25)
"""Odds against those promised that are looked for: below twice the office would not act otherwise, above eight times any of them rings at once."""
WEEKS: Final = 53
"""The change may begin in any week of the year, each alike: so a change late in the year costs no more to be heard than an early one, however many cases a week has."""
LEAST: Final = 0.001
"""Least chance that is believed of a promise: one confirmed case must not ring alone."""


STREAMS: Final = {"listed": (("listed", LESS, 0.5),), "drawn": (("more", MORE, 0.25), ("less", LESS, 0.25))}
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


@dataclass(frozen=True)
class Cases:
    """In the order of inspection: promised chance, found 0/1, week of the year (1 to 53)."""

    promised: np.ndarray
    found: np.ndarray
    week: np.ndarray

    def __len__(self) -> int:
        return len(self.promised)


NONE: Final = Cases(np.zeros(0), np.zeros(0), np.zeros(0))


def evidence(cases: Cases, odds: Sequence[float]) -> np.ndarray:
    """The e-value after each case."""
    p = np.clip(np.asarray(cases.promised, dtype=float), LEAST, 1 - LEAST)[:, None]
    y, week = np.asarray(cases.found, dtype=float)[:, None], np.asarray(cases.week, dtype=float)
    times = np.asarray(odds, dtype=float)
    each = y * np.log(times) - np.log1p((times - 1) * p)  # log likelihood ratio of one case
    sums = np.cumsum(each, axis=0)
    with np.errstate(divide="ignore"):
        begins = np.log(np.diff(week, prepend=0.0) / WEEKS)[:, None]
    begun = np.exp(sums + np.logaddexp.accumulate(begins - (sums - each), axis=0))
    return np.asarray(begun.mean(axis=1) + 1 - week / WEEKS)


def ringing(drawn: Cases, listed: Cases) -> tuple[float, str]:
    """(The e-value of now, which question speaks loudest: listed, more, less)."""
    told = {}
    for stream, cases in {"drawn": drawn, "listed": listed}.items():
        for way, odds, part in STREAMS[stream]:
            told[way] = part * (float(evidence(cases, odds)[-1]) if len(cases) else 1.0)
    return sum(told.values()), max(told, key=lambda way: told[way])


def needed(promised: float, times: float) -> float:
    """Drawn cases, on average, until odds of so many times a promised chance are heard: what must be shown over what one case shows (Kullback & Leibler 1951)."""
    p = min(max(promised, LEAST), 1 - LEAST)
    q = times * p / (1 - p + times * p)
    part = STREAMS["drawn"][0][2] / len(MORE)
    return float(np.log(1 / (FALSE_ALARMS * part / WEEKS)) / (q * np.log(q / p) + (1 - q) * np.log((1 - q) / (1 - p))))


def watch(drawn: Cases, listed: Cases = NONE) -> Drift:
    """What the cases by chance, and those the list named, say of its promises."""
    n, due, hits = len(drawn), float(np.sum(drawn.promised)), int(np.sum(drawn.found))
    m, listed_due, listed_hits = len(listed), float(np.sum(listed.promised)), int(np.sum(listed.found))
    if n < FEW and m < FEW:
        return Drift(n, due, hits, m, listed_due, listed_hits, 1.0, None, f"{SMALL}：名单给过概率的抽查有结论的只有 {n} 个，按名单查的 {m} 个")  # fmt: skip
    now, loudest = ringing(drawn, listed)
    alarm = loudest if now >= 1 / FALSE_ALARMS else ""
    said = f"名单给过概率的抽查 {n} 个，名单预计查实 {due:.1f} 个，实际 {hits} 个；按名单查的 {m} 个，预计 {listed_due:.1f} 个，实际 {listed_hits} 个"
    told = {
        "more": f"；抽查明显偏多（误报不超过 {FALSE_ALARMS:.0%}）：名单漏看的在变多，请重新拟合并加大抽查",
        "less": f"；抽查明显偏少（误报不超过 {FALSE_ALARMS:.0%}）：名单的概率偏高，请重新拟合",
        "listed": f"；按名单查的明显偏少（误报不超过 {FALSE_ALARMS:.0%}）：手法可能已变，请重新拟合并加大抽查",
        "": "，与名单所说无明显出入",
    }
    deaf = (
        f"；未上名单者的查实率变为两倍，平均要约 {round(needed(due / n, 2.0), -1):,.0f} 个抽查才听得出"
        if n and not alarm
        else ""
    )
    return Drift(n, due, hits, m, listed_due, listed_hits, now, alarm, said + told[alarm] + deaf)
