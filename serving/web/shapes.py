"""Small pictures drawn into the page itself, as positions for their templates: a value beside its peers, a year of months. No drawing library, so no waiting."""

from collections.abc import Mapping, Sequence
from typing import Any

from features.peers import MIN_PEERS

WIDE = 560.0


def strip(peer: Mapping[str, Any]) -> dict[str, Any] | None:
    """Where quartiles, tails, median and the value of a reason's peers lie on a line of WIDE; None with too few of them."""
    marks = ("p05", "p25", "median", "p75", "p95", "value")
    if peer["n"] < MIN_PEERS or any(peer.get(m) is None for m in marks):
        return None
    low, high = min(peer[m] for m in marks), max(peer[m] for m in marks)
    low = 0.0 if low >= 0 and low < 0.3 * high else low
    span = (high - low) or 1.0
    return {m: round(8 + (peer[m] - low) / span * (WIDE - 16), 1) for m in marks} | {"low": low, "high": high}


def bars(months: Sequence[Mapping[str, Any]], own: str, other: str = "", height: float = 120.0) -> list[dict[str, Any]]:
    """A bar a month for `own`, and for `other` a mark: x, y, height, mark's y (None = unknown), of a box of WIDE × height."""
    top = max((float(v) for m in months for v in (m.get(own), m.get(other)) if v is not None), default=0.0) or 1.0
    step = WIDE / max(len(months), 1)
    out = []
    for i, m in enumerate(months):
        tall = float(m.get(own) or 0) / top * (height - 8)
        mark = m.get(other) if other else None
        out.append(
            {
                "x": round(i * step + step * 0.18, 1),
                "wide": round(step * 0.64, 1),
                "y": round(height - tall, 1),
                "tall": round(tall, 1),
                "mark": None if mark is None else round(height - float(mark) / top * (height - 8), 1),
                "month": str(m["month"])[2:],
                "middle": round(i * step + step / 2, 1),
            }
        )
    return out
