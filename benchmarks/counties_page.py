"""The figures of the judged counties as one page: what was asked, what came out, what fell short."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.counties_plan import BED_SHARE, CAPACITY, GRAINS, MONTHS, PERSONS, SEVERITY

DRAWS = 2000
FEWEST = 4
"""Fewer counties than this give no interval: drawing one county again and again would look like certainty."""
NAMES = {
    "largest": "largest first", "rules": "rules alone", "isolation": "isolation forest", "graph": "graph alone",
    "unlabelled": "rules + outliers + graph", "plain_lightgbm": "plain LightGBM", "wide_lightgbm": "LightGBM on more aggregates", "full": "**xiezhi**", "ceiling": "taught by the truth (ceiling)",
    "full, levelled": "xiezhi, levelled", "full by expected": "xiezhi, chance × amount", "full by blend": "xiezhi, chance × √amount",
}  # fmt: skip
Record = dict[str, Any]
Ratio = tuple[float, float, float]


NEEDED = ("admission", "person", "institution")
"""Grains with a target; a county is shown once these are judged."""


def load(folder: Path, seeds: Sequence[int], needed: Sequence[str] = NEEDED) -> list[Record]:
    """The figures of the counties judged so far, in order of seed."""
    counties = []
    for seed in seeds:
        files = {grain: folder / f"{seed}-{grain}.json" for grain in GRAINS}
        if all(files[g].exists() for g in needed):
            parts = [json.loads(f.read_text("utf-8")) for f in files.values() if f.exists()]
            joined = {k: [x for p in parts for x in p[k]] for k in ("lists", "beds")}
            counties.append({"seed": seed, "severity": parts[0]["severity"], **joined})
    return counties


def sums(county: Record, grain: str, scorer: str, field: str, k: int) -> float:
    """A count or sum over the list dates of one county; NaN where the competitor made no list."""
    found = [r["scorers"].get(scorer, {}).get(str(k), {}).get(field) for r in county["lists"] if r["grain"] == grain]
    return float(sum(f for f in found if f is not None)) if any(f is not None for f in found) else float("nan")


def by_chance(county: Record, grain: str, k: int) -> float:
    """Hits a random list of the same length would have."""
    return float(sum(min(k, r["n"]) * r["guilty"] / r["n"] for r in county["lists"] if r["grain"] == grain and r["n"]))


def ratio(top: Sequence[float], bottom: Sequence[float]) -> Ratio:
    """Sum over counties of `top` over that of `bottom`, with a 95 % interval by drawing whole counties (pairs stay together)."""
    a, b = np.asarray(top, float), np.asarray(bottom, float)
    keep = np.isfinite(a) & np.isfinite(b)
    a, b = a[keep], b[keep]
    if not len(a) or b.sum() == 0:
        return float("nan"), float("nan"), float("nan")
    if len(a) < FEWEST:
        return float(a.sum() / b.sum()), float("nan"), float("nan")
    pick = np.random.default_rng(0).integers(0, len(a), (DRAWS, len(a)))
    below = b[pick].sum(axis=1)
    drawn = np.where(below > 0, a[pick].sum(axis=1) / np.maximum(below, 1e-9), np.inf)
    low, high = np.quantile(drawn, [0.025, 0.975], method="nearest")
    return float(a.sum() / b.sum()), float(low), float(high)


def shown(value: Ratio, unit: str = "×") -> str:
    """value (low … high)."""
    if np.isnan(value[0]):
        return "cannot be said"
    if np.isnan(value[1]):
        return f"{value[0]:.2f}{unit}"
    return f"{value[0]:.2f}{unit} ({value[1]:.2f} … {value[2]:.2f})"


def target(name: str, value: Ratio, wanted: float, *, most: bool = False) -> str:
    """One line of the table of targets; met means the mean is, and the interval is printed beside it."""
    said = (
        "cannot be said"
        if np.isnan(value[0])
        else "met"
        if (value[0] <= wanted if most else value[0] >= wanted)
        else "**missed**"
    )
    return f"| {name} | {'≤' if most else '≥'} {wanted:g} | {shown(value, '')} | {said} |"


def targets(counties: Sequence[Record]) -> list[str]:
    """The issue's targets, met or missed."""

    def each(read: Callable[[Record], float]) -> list[float]:
        return [read(c) for c in counties]

    def hits(grain: str, scorer: str) -> list[float]:
        return each(lambda c: sums(c, grain, scorer, "hits", CAPACITY[grain][0]))

    def money(scorer: str) -> list[float]:
        return each(lambda c: sums(c, "admission", scorer, "yuan", CAPACITY["admission"][0]))

    lines = ["| figure | wanted | found (95 % interval over counties) | |", "|---|---:|---|---|"]
    lines.append(
        target(
            "stays: precision@100 over plain LightGBM",
            ratio(hits("admission", "full"), hits("admission", "plain_lightgbm")),
            2,
        )
    )
    lines.append(
        target(
            "stays: precision@100 over random",
            ratio(hits("admission", "full"), each(lambda c: by_chance(c, "admission", 100))),
            8,
        )
    )
    for grain, word in (("person", "persons"), ("institution", "institutions")):
        k = CAPACITY[grain][0]
        lines.append(
            target(
                f"{word}: precision@{k} over plain LightGBM",
                ratio(hits(grain, "full"), hits(grain, "plain_lightgbm")),
                1.5,
            )
        )
    found = each(lambda c: sum(b["found"]["bed list"] for b in c["beds"]))
    lines.append(
        target(
            "empty beds found in the first tenth of the open stays",
            ratio(found, each(lambda c: sum(b["empty"] for b in c["beds"]))),
            0.5,
        )
    )
    lines.append(
        target("stays: money captured at 100 over plain LightGBM", ratio(money("full"), money("plain_lightgbm")), 1.5)
    )
    lines.append(
        f"| the same over a ranker taught by the truth | shown | {shown(ratio(money('full'), money('ceiling')), '')} | |"
    )
    for grain, word in (("person", "persons"), ("admission", "stays")):
        for name in ("chronic", "elderly"):
            lines.append(
                target(
                    f"{word}: false-flag ratio, {name} over others", weak_ratio(counties, grain, name), 1.25, most=True
                )
            )
    return lines


def weak_ratio(counties: Sequence[Record], grain: str, name: str, field: str = "weak") -> Ratio:
    """Rate of honest people of a group on the list over that of the other honest people, counties drawn whole. field: `weak_unlevelled` = by raw risk."""
    counts = np.array(
        [np.sum([r[field][name] for r in c["lists"] if r["grain"] == grain], axis=0) for c in counties], float
    )
    if not len(counts):
        return float("nan"), float("nan"), float("nan")

    def of(total: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((total[..., 0] / total[..., 1]) / (total[..., 2] / total[..., 3]))

    if len(counts) < FEWEST:
        return float(of(counts.sum(axis=0))), float("nan"), float("nan")
    pick = np.random.default_rng(0).integers(0, len(counts), (DRAWS, len(counts)))
    low, high = np.nanquantile(of(counts[pick].sum(axis=1)), [0.025, 0.975])
    return float(of(counts.sum(axis=0))), float(low), float(high)


def levelling(counties: Sequence[Record]) -> list[str]:
    """What ranking within strata (models/parity.py) changes and what it costs: hits and false-flag ratios by raw risk and as listed."""
    lines = [
        "| | hits by raw risk | hits levelled | chronic: raw | listed | elderly: raw | listed |",
        "|---|---:|---:|---|---|---|---|",
    ]
    for grain, word in (("person", "persons"), ("admission", "stays")):
        if not any(r["grain"] == grain for c in counties for r in c["lists"]):
            continue
        k = CAPACITY[grain][0]
        hits = [sum(sums(c, grain, n, "hits", k) for c in counties) for n in ("full", "full, levelled")]
        ratios = [
            shown(weak_ratio(counties, grain, name, field))
            for name in ("chronic", "elderly")
            for field in ("weak_unlevelled", "weak")
        ]
        lines.append(f"| {word}@{k} | {hits[0]:.0f} | {hits[1]:.0f} | {' | '.join(ratios)} |")
    return lines


def side_by_side(counties: Sequence[Record], grain: str) -> list[str]:
    """All competitors of one grain at its two capacities."""
    first, second = CAPACITY[grain]
    lines = [
        f"| | precision@{first} | × random | × plain LightGBM | precision@{second} | yuan@{first} per list |",
        "|---|---:|---|---|---:|---:|",
    ]
    scorers = list(dict.fromkeys(n for c in counties for r in c["lists"] if r["grain"] == grain for n in r["scorers"]))
    order = [n for n in NAMES if n in scorers] + [n for n in scorers if n not in NAMES]
    lists = sum(1 for c in counties for r in c["lists"] if r["grain"] == grain)
    for name in order:
        hits = [sums(c, grain, name, "hits", first) for c in counties]
        row = [NAMES.get(name, name)]
        row.append(f"{ratio(hits, [sums(c, grain, name, 'listed', first) for c in counties])[0]:.3f}")
        row.append(shown(ratio(hits, [by_chance(c, grain, first) for c in counties])))
        row.append(shown(ratio(hits, [sums(c, grain, "plain_lightgbm", "hits", first) for c in counties])))
        row.append(
            f"{ratio([sums(c, grain, name, 'hits', second) for c in counties], [sums(c, grain, name, 'listed', second) for c in counties])[0]:.3f}"
        )
        yuan = np.nansum([sums(c, grain, name, "yuan", first) for c in counties])
        row.append(f"{yuan / max(lists, 1):,.0f}" if yuan else "–")
        lines.append("| " + " | ".join(row) + " |")
    return lines


def per_county(counties: Sequence[Record]) -> list[str]:
    """One line a county: what each grain's list held."""
    lines = [
        "| seed | severity | stays hit: xiezhi / plain / random / ceiling | persons | institutions | doctors | empty beds found | lists with a ranker |",
        "|---:|---:|---|---|---|---|---|---|",
    ]
    for c in counties:
        cells = []
        for grain in ("admission", "person", "institution", "doctor"):
            k = CAPACITY[grain][0]
            hits = [sums(c, grain, n, "hits", k) for n in ("full", "plain_lightgbm", "ceiling")]
            text = [f"{h:.0f}" if np.isfinite(h) else "–" for h in hits]
            cells.append(f"{text[0]} / {text[1]} / {by_chance(c, grain, k):.1f} / {text[2]}")
        beds = f"{sum(b['found']['bed list'] for b in c['beds'])} of {sum(b['empty'] for b in c['beds'])}"
        ranked = f"{sum(r['ranker'] for r in c['lists'])} of {len(c['lists'])}"
        lines.append(f"| {c['seed']} | {c['severity']:g} | {' | '.join(cells)} | {beds} | {ranked} |")
    return lines


def page(folder: Path, seeds: Sequence[int], development: Sequence[int], code: str) -> str:
    """The whole page. development: counties that were looked at while learning was improved; code: which commits made it."""
    counties, seen = load(folder, seeds), load(folder, development, ("admission",))
    missing = [s for s in seeds if s not in {c["seed"] for c in counties}]
    done = ", ".join(str(c["seed"]) for c in counties)
    severity = ", ".join(f"{SEVERITY[c['seed']]:g}" for c in counties)
    lines = [
        "# Counties nobody tuned to", "",
        "    python -m benchmarks.counties prepare --seed S --work DIR      (until it says ready)",
        "    python -m benchmarks.counties judge --seed S --work DIR",
        "    python -m benchmarks.counties page --work DIR --out docs/figures/counties.md", "",
        f"{PERSONS:,} insured, {MONTHS} months, seeds {done}, severities {severity}; four list dates 90 days apart, each from what was "
        "known on it. Whoever was already decided by then is left out of every list alike. Code: " + code + ".", "",
    ]  # fmt: skip
    if missing:
        lines += [
            f"**Not run for want of time: seeds {', '.join(map(str, missing))}.** The figures rest on {len(counties)} of {len(seeds)} counties.",
            "",
        ]
    if len(counties) < FEWEST:
        lines += [
            f"Fewer than {FEWEST} counties give no interval, so none is printed: the luck of a county is not measured.",
            "",
        ]
    lines += ["## What was asked", "", *targets(counties), ""]
    lines += [
        "Met means the mean over the counties judged reaches the target, no more. The truth names amounts for stays only.",
        "",
    ]
    for grain in ("admission", "person", "institution", "doctor"):
        n = sum(r["n"] for c in counties for r in c["lists"] if r["grain"] == grain)
        if not n:
            lines += [f"## {grain}", "", "Not judged for want of time.", ""]
            continue
        guilty = sum(r["guilty"] for c in counties for r in c["lists"] if r["grain"] == grain)
        lines += [
            f"## {grain}",
            "",
            f"{n:,} on the list dates, {guilty:,} of them guilty ({guilty / max(n, 1):.2%}).",
            "",
            *side_by_side(counties, grain),
            "",
        ]
    lines += [
        "## Nobody singled out",
        "",
        "How often honest people of a group stand on the list, over how often the others do.",
        "",
        *levelling(counties),
        "",
        "## Bed checks",
        "",
        *beds_table(counties),
        "",
        "## County by county",
        "",
        "Hits over the four lists.",
        "",
        *per_county(counties),
    ]
    if seen:
        lines += ["", "## Development", "", *on_development(seen)]
    return "\n".join(lines) + "\n"


def on_development(counties: Sequence[Record]) -> list[str]:
    """Ways to learn, side by side on the counties the default was chosen on."""
    seeds = ", ".join(str(c["seed"]) for c in counties)
    lines = [
        f"Seed {seeds}: looked at while the learning was being improved, so its figures flatter. Hits over the four lists. *xiezhi* is "
        "each grain's way of training/fit_ranker.py: stays by `ips+pu`, the others by `pu`.",
        "",
        "| | stays@100 | persons@100 | institutions@17 | stays@30 |",
        "|---|---:|---:|---:|---:|",
    ]
    names = [n for n in counties[0]["lists"][0]["scorers"] if n.startswith("full")]
    for name in ["plain_lightgbm", "wide_lightgbm", "unlabelled", *names, "ceiling"]:
        cells = [
            sum(sums(c, g, name, "hits", k) for c in counties)
            for g, k in (("admission", 100), ("person", 100), ("institution", 17), ("admission", 30))
        ]
        lines.append(
            f"| {NAMES.get(name, name)} | " + " | ".join(f"{v:.0f}" if np.isfinite(v) else "–" for v in cells) + " |"
        )
    return [*lines, "", *levelling(counties)]


def beds_table(counties: Sequence[Record]) -> list[str]:
    """The bed score beside the admission model and plain LightGBM on the same evenings."""
    evenings = [b for c in counties for b in c["beds"]]
    opened, empty = sum(b["open"] for b in evenings), sum(b["empty"] for b in evenings)
    lines = [
        f"{len(evenings)} evenings, {opened} stays open, {empty} beds empty without excuse; the first {BED_SHARE:.0%} of each evening checked.",
        "",
    ]
    lines += ["| | empty beds found | share (95 % interval over counties) |", "|---|---:|---|"]
    for name in evenings[0]["found"] if evenings else ():
        found = [sum(b["found"][name] for b in c["beds"]) for c in counties]
        share = ratio(found, [sum(b["empty"] for b in c["beds"]) for c in counties])
        lines.append(f"| {name} | {sum(found)} | {shown(share, '')} |")
    return lines
