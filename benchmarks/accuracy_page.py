"""The table of worlds as Markdown: losses first, the worst world of each list in bold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from benchmarks.accuracy_judge import PRODUCT, SIZES, TAUGHT, Compared, Record, compare, worst
from benchmarks.accuracy_medicare import whole_list
from benchmarks.accuracy_said import chance_table, scheme_table

NAMES: Final = {
    "admission": "stays",
    "person": "persons",
    "institution": "institutions",
    "bedcheck": "beds of an evening",
    "doctor": "doctors",
}
TARGETS: Final = {"admission": (100, 1.5), "person": (100, 1.5), "institution": (10, 1.3), "bedcheck": (10, 1.0)}
"""(size, times the best opponent) in the mean over worlds."""
LIMITS: Final = (
    "## What to make of it",
    "",
    "- `second` and `pilot` come from one generator, our own counties from another, Medicare's labels from nobody knows where. What holds on one world only is",
    "  told as such.",
    "- An interval is about these entities at these dates: positions are drawn, worlds are not. The best opponent is the best afterwards, of five.",
    "- The beds are those of the list's own evening; many evenings are in evenings.md (`make evenings`).",
    "- A row is of the commit that the table of seconds names; lists of an older one stand until they are made anew.",
    "- *Taught by the truth* is the referee's ceiling, a model that was told who is guilty in the months before.",
    "- A part's list leaves out whoever is decided and is made without company (docs/design.md §14); `xiezhi rank --by PART` shows it with its reasons.",
)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """A Markdown table; the first `left` columns are text."""
    rule = "".join("---|" if i < left else "---:|" for i in range(len(head)))
    return [f"| {' | '.join(head)} |", f"|{rule}", *(f"| {' | '.join(r)} |" for r in rows), ""]


def number(value: float | None) -> str:
    """.25, 1.00, an empty cell for nothing."""
    if value is None or np.isnan(value):
        return ""
    return f"{value:.2f}".removeprefix("0") if abs(value) < 1 else f"{value:.2f}"


def page(records: Sequence[Record]) -> str:
    """The whole page. Records: benchmarks.accuracy_judge.Record, in the order of the worlds."""
    commits = list(dict.fromkeys(r["commit"] for r in records))
    seconds = sum(sum(r["cpu"].values()) for r in records)
    everything, records = records, [r for r in records if not r.get("brief")]
    rows = compare(records)
    lines = [
        "# The lists on worlds nobody here made, and on our own",
        "",
        "    make accuracy",
        "",
        f"Commit {', '.join(commits)}; {seconds:,.0f} CPU seconds, opponents included. Everything through the product's own commands: `intake` of what was held at that",
        "moment, `fit`, `rank` of each grain, `bedcheck` at 20:00. A county's lists are judged by the referee among those who had no finding yet; Medicare by",
        "the labels of the fold that was kept back. Share of guilty among the first places, dates pooled.",
        "",
        *verdict(rows),
        *compared(rows),
        *means(rows),
        *by_date(records),
        *by_part(records),
        *medicare(records),
        *said_schemes(records),
        *said_chances(records),
        *drift(everything),
        *others(records),
        *cost(everything),
        *LIMITS,
    ]
    return "\n".join(lines) + "\n"


def verdict(rows: Sequence[Compared]) -> list[str]:
    lost, held = sum(c.lost for c in rows), sum(c.holds for c in rows)
    return [
        f"**{lost} of {len(rows)} lists find less than the best simple opponent; {held} hold the target** (lower end of the paired 90 % interval of the difference at",
        "least −10 % of what the opponent finds). Losses first; the worst world of each list in bold.",
        "",
    ]


def compared(rows: Sequence[Compared]) -> list[str]:
    bold = worst(rows)
    cells = []
    for c in rows:
        name = f"**{c.world}**" if (c.world, c.grain, c.size) in bold else c.world
        ratio = f"{c.ratio:.2f}" if np.isfinite(c.ratio) else "∞"
        interval = f"{c.low:+.2f} … {c.high:+.2f}"
        numbers = (number(c.base), number(c.product), number(c.theirs), ratio, interval, number(c.taught))
        cells.append(
            (name, NAMES[c.grain], f"first {c.size}", c.opponent, str(c.dates), *numbers, "yes" if c.holds else "no")
        )
    head = (
        "world",
        "list",
        "places",
        "best opponent",
        "dates",
        "all",
        "product",
        "opponent",
        "ratio",
        "difference, 90 %",
        "taught by the truth",
        "target",
    )
    return table(head, cells, left=4)


def means(rows: Sequence[Compared]) -> list[str]:
    cells = []
    for grain, sizes in SIZES.items():
        for size in sizes:
            here = [c for c in rows if (c.grain, c.size) == (grain, size)]
            if not here:
                continue
            ours, theirs = (float(np.mean([getattr(c, a) for c in here])) for a in ("product", "theirs"))
            wanted = TARGETS[grain][1] if TARGETS[grain][0] == size else None
            ratio = f"{ours / theirs:.2f}" if theirs else ""
            met = "" if wanted is None else f"≥ {wanted} × : {'yes' if ours >= wanted * theirs else 'no'}"
            cells.append((NAMES[grain], f"first {size}", str(len(here)), number(ours), number(theirs), ratio, met))
    head = ("list", "places", "worlds", "product", "best opponent of each", "ratio", "target")
    return ["## Mean over worlds", "", *table(head, cells, left=2)]


def by_part(records: Sequence[Record]) -> list[str]:
    """The product's list beside what each of its parts lists by itself, over all dates at which both were made."""
    lines = ["## The list and its parts", ""]
    for grain, sizes in SIZES.items():
        here = [r for r in records if grain in r.get("parts", {})]
        if not here:
            continue
        names = list(dict.fromkeys(who for r in here for who in r["parts"][grain]))
        cells = []
        for r in here:
            told = {PRODUCT: r["grains"][grain]["hits"][PRODUCT], **r["parts"][grain]}
            shares = [" / ".join(number(first(told.get(who), k)) for k in sizes) for who in (PRODUCT, *names)]
            cells.append((f"{r['world']}, {r['date']}", *shares))
        places = " / ".join(f"first {k}" for k in sizes)
        lines += [f"{NAMES[grain].capitalize()}, {places}:", "", *table(("world", PRODUCT, *names), cells)]
    return lines if len(lines) > 2 else []


def by_date(records: Sequence[Record]) -> list[str]:
    lines = ["## Every date", ""]
    for grain, sizes in SIZES.items():
        here = [r for r in records if grain in r["grains"]]
        names = list(dict.fromkeys(who for r in here for who in r["grains"][grain]["hits"]))
        names.sort(key=lambda who: who != PRODUCT)
        cells = []
        for r in here:
            found = r["grains"][grain]
            world = f"{r['world']}, {r['date']}{', after drift' if r['drift'] else ''}"
            shares = [" / ".join(number(first(found["hits"].get(who), k)) for k in sizes) for who in names]
            cells.append((world, f"{found['guilty']} of {found['open']:,}", *shares))
        if cells:
            places = " / ".join(f"first {k}" for k in sizes)
            lines += [f"{NAMES[grain].capitalize()}, {places}:", "", *table(("world", "guilty", *names), cells)]
    return lines


def first(hits: Sequence[float] | None, size: int) -> float | None:
    """Precision of the first `size` places; None where nobody made that list."""
    return float(np.mean(hits[:size])) if hits else None


def medicare(records: Sequence[Record]) -> list[str]:
    here = [r for r in records if "providers" in r]
    if not here:
        return []
    rows = whole_list(here)
    cells = [(str(r["who"]), *(found(r, name) for name in ("auprc", "auc")), gained(r, "auprc")) for r in rows]
    quartiles = [f"q{q}" for q in range(1, 5)]
    inside = [
        (str(r["who"]), found(r, "same_size"), gained(r, "same_size"), *(number(float(r[q])) for q in quartiles))
        for r in rows
    ]
    kept = sum(r["grains"]["institution"]["open"] for r in here)
    said = f"{kept:,} kept-back providers of {len(here)} folds, mean of the folds, 90 % intervals (providers drawn); whoever a list leaves out stands last."
    fixed = (
        "AUPRC among providers of one size: quartiles of what a provider was paid, from the smallest, and their mean."
    )
    head = ("", "AUPRC", "AUC", "AUPRC, product − it")
    return [
        "## Medicare, whole list",
        "",
        said,
        "",
        *table(head, cells),
        fixed,
        "",
        *table(("", "mean of the quartiles", "product − it", *quartiles), inside),
    ]


def found(row: Mapping[str, float | str], name: str) -> str:
    """A figure with its interval."""
    return f"{row[name]:.3f} ({row[f'{name}_low']:.3f} … {row[f'{name}_high']:.3f})"


def gained(row: Mapping[str, float | str], name: str) -> str:
    """What the product has more, as an interval; nothing beside the product itself."""
    if row["who"] == PRODUCT:
        return ""
    return f"{row[f'gain_{name}_low']:+.3f} … {row[f'gain_{name}_high']:+.3f}"


def said_schemes(records: Sequence[Record]) -> list[str]:
    """Which scheme the truly guilty carry."""
    cells = [(NAMES[row[0]], *row[1:]) for row in scheme_table(records)]
    head = ("list", "world", "places", "truly guilty", "scheme right", "among the two named", "most often wrong")
    said = "Of the truly guilty on each list, dates pooled: the scheme named is one of theirs, or one of the two named is. Whoever is guilty of two is right with either."
    return ["## Schemes named", "", said, "", *table(head, cells, left=3)] if cells else []


def said_chances(records: Sequence[Record]) -> list[str]:
    """What the chances of the listed add up to, and what is true, per group."""
    cells = [(NAMES[row[0]], *row[1:]) for row in chance_table(records)]
    head = (
        "list",
        "world",
        "places",
        "group",
        "listed",
        "foretold (80 %)",
        "truly guilty",
        "within ± 30 %",
        "in the interval",
    )
    if not cells:
        return []
    held = [row for row in cells if row[0] == NAMES["person"] and row[3] != "everybody"]
    said = [
        "A chance is that an inspection would confirm, learnt from inspections: where inspectors miss guilty ones (in `second` and `pilot` they confirm three of four",
        f"guilty persons and two of five guilty stays) it lies below the truth. Groups of at least 30 listed; of persons {sum(r[7] == 'yes' for r in held)} of {len(held)} hold.",
    ]
    return ["## Chances per group", "", *said, "", *table(head, cells, left=4)]


def drift(records: Sequence[Record]) -> list[str]:
    """The lists by days since cheating changed its ways, beside the best opponent of that date: an opponent that learns nothing shows how hard the date is."""
    cells = []
    for grain, sizes in SIZES.items():
        for r in sorted((r for r in records if "since_drift" in r), key=lambda r: (r["world"], r["since_drift"])):
            hits = r["grains"].get(grain, {}).get("hits", {})
            if abs(r["since_drift"]) > 3650 or PRODUCT not in hits:
                continue
            size = sizes[-1]
            cells.append(
                (
                    NAMES[grain],
                    r["world"],
                    f"{r['since_drift']:+d}",
                    f"first {size}",
                    *(
                        number(first(hits.get(who), size))
                        for who in (PRODUCT, "lightgbm", "rules10", "iforest", TAUGHT)
                    ),
                )
            )
    if not cells:
        return []
    head = ("list", "world", "days since", "places", "product", "lightgbm", "rules10", "iforest", "taught by the truth")
    said = [
        "Every list is made by a model fitted on what was found by that day, so a later row is what the draw and the findings since then have mended.",
        "What learns nothing (rules10, iforest) shows how much harder the day itself is.",
    ]
    return ["## Drift", "", *said, "", *table(head, cells, left=2)]


def others(records: Sequence[Record]) -> list[str]:
    """Doctors and rings, which have no opponent."""
    cells = []
    for r in records:
        if "rings" not in r:
            continue
        doctors, rings = r["grains"].get("doctor"), r["rings"]
        shown = first(doctors["hits"].get(PRODUCT), 10) if doctors else None
        base = f"{doctors['guilty']} of {doctors['open']}" if doctors else ""
        found = f"{rings['found']} of {rings['rings']}"
        cells.append(
            (
                f"{r['world']}, {r['date']}",
                base,
                number(shown),
                found,
                str(rings["listed"]),
                str(rings["unexplained"]),
                number(rings["members"]),
            )
        )
    if not cells:
        return []
    head = (
        "world",
        "guilty doctors",
        "first 10",
        "rings found",
        "groups listed",
        "of the first 20 without a ring's member",
        "ring members in the first 10 groups",
    )
    return ["## Doctors and rings", "", "They have no opponent.", "", *table(head, cells), *each_ring(records)]


def each_ring(records: Sequence[Record]) -> list[str]:
    """Every ring of the truth, and at how many of the dates a group like it was listed. Names of rings stay out."""
    dates: dict[tuple[str, str], list[tuple[str, int, bool]]] = {}
    for r in records:
        for ring in r.get("rings", {}).get("each", []):
            told = (ring["scheme"], ring["cards"], ring["found"])
            dates.setdefault((r["world"], ring["ring"]), []).append(told)
    cells = [
        (world, found[0][0], str(found[0][1]), f"{sum(f for _, _, f in found)} of {len(found)}")
        for (world, _), found in sorted(dates.items(), key=lambda d: sum(f for _, _, f in d[1]) / len(d[1]))
    ]
    if not cells:
        return []
    said = [
        "Each ring of the truth, those never found first. A ring is found by whole companies at one till or desk, time after time: one whose cards come in twos and threes,",
        "or one by one over many days, is not.",
    ]
    return [*said, "", *table(("world", "scheme", "cards", "dates found"), cells, left=2)]


def cost(records: Sequence[Record]) -> list[str]:
    steps = list(dict.fromkeys(step for r in records for step in r["cpu"]))
    cells = [
        (
            f"{r['world']}, {r['date']}",
            r["commit"],
            *(f"{r['cpu'][s]:.0f}" if s in r["cpu"] else "" for s in steps),
            f"{sum(r['cpu'].values()):.0f}",
        )
        for r in records
    ]
    refusals = [
        f"- {r['world']}, {r['date']}, {step}: {why}" for r in records for step, why in r.get("refused", {}).items()
    ]
    said = ["Lists that the product does not make:", "", *refusals, ""] if refusals else []
    return ["## CPU seconds", "", *table(("world", "commit", *steps, "all"), cells, left=2), *said]
