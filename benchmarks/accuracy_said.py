"""What the lists say beside their order, held against the truth: the scheme they name, and the chances they add up per group of people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from benchmarks.accuracy_judge import Record

CODES: Final = {
    "ghost_bed": ("T01",),
    "fictitious_stay": ("T02",),
    "impersonation": ("T03",),
    "split_stay": ("T04",),
    "low_threshold": ("T05",),
    "induced_rehab": ("T05", "T29"),
    "over_testing": ("T21",),
    "bed_overstating": ("T20",),
    "cash_out": ("T08",),
    "empty_swipe": ("T09",),
    "chronic_abuse": ("T24",),
    "drug_resale": ("T14", "T15"),
    "proxy_swipe": ("T10",),
    "substitution": ("T16",),
    "doctor_collusion": ("T13", "T15"),
}
"""The schemes of `second` and `pilot` in our codes (features/grains.py SCHEMES); where two fit (patient's side and ring of a resale) both count. Our own counties speak in codes."""
NAMED: Final = {"admission": 100, "person": 100, "institution": 20, "doctor": 20}
"""How far down each list the named schemes are looked at."""
ADDED: Final = (100, 300)
"""How far down a list its chances are added up."""
ENOUGH: Final = 30
BAND: Final = 0.3
"""The target: from 30 listed of a group on, what was foretold lies within ± 30 % of what is true."""


def schemes(rows: Sequence[Mapping[str, str]], truth: pd.DataFrame, places: int) -> dict[str, Any]:
    """{"guilty", "first", "two", "wrong"} of the first `places`: how many truly guilty, how many of them carry a scheme of theirs, among the first two, and what for what.

    truth: id, y, scheme (joined by '|').
    """
    guilty = truth[truth["y"] == 1].set_index("id")["scheme"].astype(str)
    first = two = 0
    wrong: Counter[str] = Counter()
    here = [(guilty[i], r) for r in rows[:places] if (i := r["entity_id"].removeprefix("'")) in guilty.index]
    for own, row in here:
        names = [row["scheme"], row.get("scheme_2", "")]
        right = {code for name in own.split("|") for code in CODES.get(name, (name,))}
        first += names[0] in right
        two += bool(right & set(names))
        if names[0] not in right:
            wrong[f"{own.split('|')[0]} → {names[0] or 'none'}"] += 1
    return {"guilty": len(here), "first": first, "two": two, "wrong": dict(wrong.most_common(6))}


def chances(rows: Sequence[Mapping[str, str]], truth: pd.DataFrame) -> list[dict[str, Any]]:
    """Per length of list and group (and '' for everybody): listed, foretold with 80 %, found. Empty where the list says no chances."""
    guilty = set(truth.loc[truth["y"] == 1, "id"].astype(str))
    known = set(truth["id"].astype(str))
    told = pd.DataFrame(
        [
            (i, r.get("stratum", ""), *(r.get(c, "") for c in ("probability", "probability_low", "probability_high")))
            for r in rows
            if (i := r["entity_id"].removeprefix("'")) in known
        ],
        columns=["id", "group", "p", "low", "high"],
    )
    if told.empty or (told["p"] == "").any():
        return []
    told[["p", "low", "high"]] = told[["p", "low", "high"]].astype(float)
    told["found"] = told["id"].isin(guilty)
    out = []
    for places in ADDED:
        head = told.head(places)
        for name, part in (("", head), *head.groupby("group")):
            if (name or part is head) and len(head) == places:
                sums = {c: round(float(part[c].sum()), 2) for c in ("p", "low", "high", "found")}
                out.append({"places": places, "group": str(name), "listed": len(part), **sums})
    return out


def scheme_table(records: Sequence[Record]) -> list[tuple[str, ...]]:
    """Rows: list, world, guilty among the first, first named rightly, among the first two, what is taken for what."""
    out: list[tuple[str, ...]] = []
    for grain, places in NAMED.items():
        for world in dict.fromkeys(r["world"] for r in records):
            here = [r["schemes"][grain] for r in records if r["world"] == world and grain in r.get("schemes", {})]
            n = sum(s["guilty"] for s in here)
            if not n:
                continue
            wrong: Counter[str] = Counter()
            for s in here:
                wrong.update(s["wrong"])
            shown = ", ".join(f"{what} {k}" for what, k in wrong.most_common(3))
            first, two = (sum(s[k] for s in here) for k in ("first", "two"))
            out.append(
                (grain, world, f"first {places}", str(n), f"{first} ({first / n:.0%})", f"{two} ({two / n:.0%})", shown)
            )
    return out


def chance_table(records: Sequence[Record]) -> list[tuple[str, ...]]:
    """Rows: list, world and date, places, group, listed, foretold, found, whether it holds; groups of at least `ENOUGH` listed, and everybody."""
    names = {"": "everybody", "60岁以下无慢特病": "below 60", "60岁以下有慢特病": "below 60, registered", "60岁及以上无慢特病": "60 and over", "60岁及以上有慢特病": "60 and over, registered"}  # fmt: skip
    out: list[tuple[str, ...]] = []
    for grain in ("person", "admission"):
        for r in records:
            for c in r.get("chances", {}).get(grain, []):
                if c["listed"] < ENOUGH:
                    continue
                holds = abs(c["p"] - c["found"]) <= BAND * c["found"]
                told = f"{c['p']:.0f} ({c['low']:.0f}–{c['high']:.0f})"
                out.append(
                    (
                        grain,
                        f"{r['world']}, {r['date']}",
                        f"first {c['places']}",
                        names.get(c["group"], c["group"]),
                        str(c["listed"]),
                        told,
                        f"{c['found']:.0f}",
                        "yes" if holds else "no",
                        "yes" if c["low"] <= c["found"] <= c["high"] else "no",
                    )
                )
    return out
