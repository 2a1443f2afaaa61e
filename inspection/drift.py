"""An alarm for draws by chance: what they confirm against the chance that the list gave each drawn case when it was listed.

An e-process (Ramdas et al. 2023): the likelihood ratio of "every case's odds were so many times what was promised since some case" to "as promised", averaged over several
such odds and over the case from which they hold. If the promises are kept it is a martingale that begins at 1, so it ever reaches 20 in at most one office in twenty,
however often one looks (Ville 1939). Chances of being drawn do not enter: each case is held against its own promise.
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
BEGINS: Final = 1 / 50
"""Chance, at each case, that the change begins there: of an office with five drawn cases a week, ten weeks on average. Any number keeps the false alarms; half or twice of it moves the alarm by a few cases."""
LEAST: Final = 0.001
"""Least chance that is believed of a promise: one confirmed case must not ring alone."""


@dataclass(frozen=True)
class Drift:
    """n cases by chance with a promise; how many were promised and confirmed; evidence: the e-value of now; alarm: more, less, '' (none) or None (too few to say)."""

    n: int
    promised: float
    confirmed: int
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


def watch(promised: np.ndarray, found: np.ndarray) -> Drift:
    """What the draws say of the list's promises, cases in the order of inspection; both sides share the false alarms."""
    p, y = np.asarray(promised, dtype=float), np.asarray(found, dtype=float)
    n, due, hits = len(p), float(p.sum()), int(y.sum())
    if n < FEW:
        return Drift(n, due, hits, 1.0, None, f"{SMALL}：名单给过概率的抽查有结论的只有 {n} 个")
    more, less = evidence(p, y, MORE)[-1], evidence(p, y, LESS)[-1]
    both = float(more + less) / 2
    alarm = ("more" if more > less else "less") if both >= 1 / FALSE_ALARMS else ""
    said = f"名单给过概率的抽查 {n} 个，名单预计查实 {due:.1f} 个，实际 {hits} 个"
    told = {
        "more": f"，明显偏多（误报不超过 {FALSE_ALARMS:.0%}）：名单漏看的在变多，请重新拟合并加大抽查",
        "less": f"，明显偏少（误报不超过 {FALSE_ALARMS:.0%}）：名单的概率偏高，请重新拟合",
        "": "，与名单所说无明显出入",
    }
    return Drift(n, due, hits, both, alarm, said + told[alarm])
