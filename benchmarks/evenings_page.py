"""Evenings of bed checks as Markdown: per world and pooled, losses first; evenings of one fit share stays, so intervals draw whole county-dates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from benchmarks.accuracy_judge import PRODUCT
from benchmarks.accuracy_page import number, table
from benchmarks.evenings_looks import LOOKED_AT, Followed, as_happened, followed
from benchmarks.evenings_pool import CHECKS, COUNTY, DRAWS, Pool, apart, pooled

Evening = dict[str, Any]
"""world, fitted (day), at, commit, insured, open, guilty (empty beds), hits {who: 0/1 by place}, stays [[id, chance, chance before looks, empty]] emptiest first, looked."""
Figure = Callable[[Sequence[Evening], str], float]
RANDOM: Final = "random"
SHARE: Final = 0.5
"""What issue 18 asks of the first tenth, pooled over `MANY` evenings."""
MANY: Final = 200
TIMES: Final = 6.0
"""What it asks of sixty checks in a county of 400,000, against chance."""
SHARED: Final = ("second", "pilot")


def first_ten(evenings: Sequence[Evening], who: str) -> float:
    """Empty beds a place among the first ten."""
    hits = [e["hits"][who][:10] for e in evenings]
    return float(sum(map(sum, hits))) / max(1, sum(map(len, hits)))


def first_tenth(evenings: Sequence[Evening], who: str) -> float:
    """Of all empty beds, the share that stands in the first tenth of the evening's open stays (rounded)."""
    return float(sum(sum(e["hits"][who][: tenth(e)]) for e in evenings)) / max(1, sum(e["guilty"] for e in evenings))


def tenth(evening: Evening) -> int:
    return int(max(1, min(round(evening["open"] / 10), len(evening["hits"][PRODUCT]))))


FIGURES: Final[tuple[tuple[str, Figure], ...]] = (
    ("in the first ten, a place", first_ten),
    ("of the empty, in the first tenth", first_tenth),
)


def clusters(evenings: Sequence[Evening]) -> dict[tuple[str, str], list[Evening]]:
    """The evenings of each county-date: those after one fit of one county."""
    found: dict[tuple[str, str], list[Evening]] = {}
    for e in evenings:
        found.setdefault((e["world"], e["fitted"]), []).append(e)
    return found


def interval(
    evenings: Sequence[Evening], told: Callable[[Sequence[Evening]], float], draws: int = 2000, seed: int = 0
) -> tuple[float, float] | None:
    """90 % bootstrap interval of a figure; whole county-dates are drawn. None with fewer than three of them."""
    groups = list(clusters(evenings).values())
    if len(groups) < 3:
        return None
    rng = np.random.default_rng(seed)
    figures = []
    for _ in range(draws):
        figures.append(told([e for i in rng.integers(0, len(groups), len(groups)) for e in groups[i]]))
    low, high = np.quantile(figures, [0.05, 0.95])
    return float(low), float(high)


def page(evenings: Sequence[Evening]) -> str:
    """The whole page."""
    evenings = sorted(evenings, key=lambda e: (e["world"] not in SHARED, e["world"], e["fitted"], e["at"]))
    kinds = {
        "second and pilot": [e for e in evenings if e["world"] in SHARED],
        "own counties": [e for e in evenings if e["world"] not in SHARED],
    }
    kinds = {k: v for k, v in kinds.items() if v}
    each = {f"{w} {d}": v for (w, d), v in clusters(evenings).items()}
    names = [who for who in evenings[0]["hits"] if who != PRODUCT]
    pools = {k: pooled(v) for k, v in ({"all": evenings} | kinds).items()}
    pools["one evening of each county-date"] = pooled(evenings, apart)
    looks = {k: followed(list(clusters(v).values())) for k, v in kinds.items()}
    commits = ", ".join(sorted({e["commit"] for e in evenings}))
    return "\n".join(
        [
            "# Empty beds over many evenings",
            "",
            "    make evenings",
            "",
            f"Commit {commits}. One fit of a county, then every evening that follows at 20:00 as `xiezhi bedcheck --at \"DAY 20:00\"` ranks it, on what was known then; opponents",
            "are fitted anew on every evening, on what was found by then. `second` and `pilot` were made by nobody here; own counties come from this project's simulator (8,000 insured,",
            "eight months of history) and are told apart. Evenings after one fit share stays and a model, so intervals draw whole county-dates; of two county-dates none is given.",
            "",
            "## What was asked, and what falls short",
            "",
            *asked(evenings, kinds, pools, looks),
            "",
            "## Pooled and by county",
            "",
            *compared({"all": evenings} | kinds | each, names),
            "## Sixty checks in a county of 400,000",
            "",
            f"Evenings are put together until their counties have {COUNTY:,} insured (or there are no more); their open stays are ranked together by the product's chance, as if they were one",
            f"county's, and {CHECKS} are checked, of a smaller one as many a head. Pooled, not one county: evenings of one fit share stays, and a stay open on several of them counts on each; the last line",
            f"has none twice. The chances come from several models, so beside them every evening gives its part by place. {DRAWS} draws of evenings; those of few county-dates overlap.",
            "",
            *pool_table(pools),
            "## Looks of the evenings before",
            "",
            "`after_looks` (serving/lists/bedcheck.py) halves at most the chance of a bed found occupied in the last seven days, and moves one found empty half of the way to certainty.",
            f"As it happened: evenings on which the county's own checks of the last seven days met an open stay. Played: the first {LOOKED_AT} of every evening are looked at and the results known on the next,",
            "once with the order after looks and once without; on a stay that the truth of `second` or `pilot` calls a paper stay nobody lies in bed in 84 % of looks.",
            "",
            *looks_table(kinds, looks),
            "## Every evening",
            "",
            "Empty beds among the first ten.",
            "",
            *table(
                ("world", "evening", "empty of open", PRODUCT, *names),
                [
                    (e["world"], e["at"][:10], f"{e['guilty']} of {e['open']}", *(number(sum(e["hits"][w][:10])) for w in (PRODUCT, *names)))
                    for e in evenings
                ],
                left=2,
            ),
        ]
    )  # fmt: skip


def asked(
    evenings: Sequence[Evening],
    kinds: dict[str, list[Evening]],
    pools: dict[str, Pool],
    looks: dict[str, tuple[Followed, Followed]],
) -> list[str]:
    """What issue 18 asks beside what was measured; what falls short first."""
    lines: list[tuple[bool, str]] = []
    count, counties = len(evenings), len(clusters(evenings))
    beds = sum(e["guilty"] for e in evenings)
    short = count < MANY
    lines.append(
        (short, f"{count} evenings of {counties} county-dates with {beds} empty beds; {MANY} evenings were asked")
    )
    for kind, here in (
        {"all": list(evenings)} | kinds | {f"{w} {d}": v for (w, d), v in clusters(evenings).items()}
    ).items():
        share, span = first_tenth(here, PRODUCT), interval(here, lambda e: first_tenth(e, PRODUCT))
        said = f" ({span[0]:.2f} … {span[1]:.2f})" if span else ""
        lines.append(
            (share < SHARE, f"{kind}: the first tenth holds {share:.0%} of the empty beds{said}; 50 % were asked")
        )
    for kind, pool in pools.items():
        lines.append(
            (
                pool.times < TIMES,
                f"{kind}: {pool.checks:.0f} checks in {pool.insured:,.0f} insured find {pool.times:.1f} times what chance finds ({pool.low:.1f} … {pool.high:.1f} over draws); {TIMES:.0f} times were asked",
            )
        )
    for kind, (with_looks, without) in looks.items():
        lines.append(
            (
                with_looks.tenth < without.tenth,
                f"{kind}: with the looks of the evenings before, the first tenth holds {with_looks.tenth:.0%} of the empty beds, without {without.tenth:.0%}",
            )
        )
    for kind, (one, other) in looks.items():
        if one.stays < other.stays:
            lines.append(
                (
                    True,
                    f"{kind}: with the looks of the evenings before, the first tens met {one.stays} stays with an empty bed, without them {other.stays}",
                )
            )
    return [f"- {'**Falls short.** ' if bad else ''}{text}" for bad, text in sorted(lines, key=lambda x: not x[0])]  # fmt: skip


def compared(groups: dict[str, list[Evening]], names: Sequence[str]) -> list[str]:
    """Product beside opponents, losses first."""
    rows = []
    for world, here in groups.items():
        for said, figure in FIGURES:
            ours = figure(here, PRODUCT)
            theirs = {who: figure(here, who) for who in names}
            best = max((w for w in names if w != RANDOM), key=lambda w: theirs[w])
            span = interval(here, lambda e, f=figure, b=best: f(e, PRODUCT) - f(e, b))  # type: ignore[misc]
            beds = f"{sum(e['guilty'] for e in here)} of {sum(e['open'] for e in here):,}"
            cells = (world, said, str(len(here)), beds, number(ours), *(number(theirs[w]) for w in names))
            apart = f"{span[0]:+.2f} … {span[1]:+.2f}" if span else f"{ours - theirs[best]:+.2f}"
            rows.append((ours - theirs[best], (*cells, best, apart)))
    lost = sum(gain < 0 for gain, _ in rows)
    rows.sort(key=lambda r: r[0])
    head = (
        "county and fit",
        "empty beds",
        "evenings",
        "empty of open",
        PRODUCT,
        *names,
        "best opponent",
        "product − it, 90 %",
    )
    return [
        f"**{lost} of {len(rows)} figures lie below the best simple opponent's** (the best afterwards, of four). Losses first.",
        "",
        *table(head, [r for _, r in rows], left=2),
    ]  # fmt: skip


def pool_table(pools: dict[str, Pool]) -> list[str]:
    """What sixty checks find."""
    head = (
        "evenings of",
        "evenings a draw",
        "insured",
        "checks",
        "open stays",
        "by chance",
        "product",
        "times (5 … 95 % of draws)",
        f"draws ≥ {TIMES:.0f} times",
        "product, by place",
        "lightgbm, by place",
    )
    rows = [
        (
            kind,
            f"{p.evenings:.0f}",
            f"{p.insured:,.0f}",
            f"{p.checks:.0f}",
            f"{p.open:,.0f}",
            f"{p.random:.1f}",
            f"{p.found:.1f}",
            f"{p.times:.1f} ({p.low:.1f} … {p.high:.1f})",
            f"{p.enough(TIMES):.0%}",
            f"{p.by_place:.1f}",
            f"{p.opponent:.1f}",
        )
        for kind, p in pools.items()
    ]
    return table(head, rows)  # fmt: skip


def looks_table(kinds: dict[str, list[Evening]], looks: dict[str, tuple[Followed, Followed]]) -> list[str]:
    """With and without the looks of the evenings before."""
    rows = []
    for kind, here in kinds.items():
        evenings, beds, after, before = as_happened(here)
        rows.append((kind, "as it happened", str(evenings), str(beds), number(after), number(before), "", ""))
        one, other = looks[kind]
        rows.append(
            (
                kind,
                "played",
                str(one.evenings),
                str(one.beds),
                number(one.tenth),
                number(other.tenth),
                f"{one.empty} ({one.stays} stays)",
                f"{other.empty} ({other.stays} stays)",
            )
        )
    head = (
        "evenings of",
        "looks",
        "evenings",
        "empty beds",
        "in the first tenth, with",
        "without",
        "found in the first tens, with",
        "without",
    )
    return table(head, rows, left=2)  # fmt: skip
