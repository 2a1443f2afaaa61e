"""What inspections made of a rule's hits: precision by half-year, with its Wilson interval.

An inspection that said yes or no counts for a rule if the rule hit its entity in the last partition published before
it: what the list could have said then, not what is known now. Of an entity inspected twice both count, each beside its
own list. Inspections that no partition precedes are told apart, not counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from claims.store.findings import read_findings
from claims.store.warehouse import Warehouse
from features.asof import moment_of
from features.build import published
from features.checking.hits import rules_of
from features.declare import Feature, column_name
from features.grains import GRAINS, Grain
from features.intervals import wilson

#: codes.md: precision is shown from five decided cases on.
MIN_DECIDED = 5


@dataclass(frozen=True)
class Precision:
    """Of the hits of one grain inspected in one half-year ("2026上" or "全部"): `share` is None below `MIN_DECIDED`."""

    grain: Grain
    period: str
    decided: int
    confirmed: int
    refuted: int
    share: float | None
    low: float | None
    high: float | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def precision_of(number: str, root: Path | str, as_of: date | datetime) -> list[Precision]:
    """The history of one rule up to `as_of`, per grain: every half-year with a decided case, then all together.

    Empty without any. Raises UserError for an unknown rule.
    """
    found: list[Precision] = []
    cases = decided_cases(Warehouse.open(Path(root)), as_of)
    for grain in GRAINS:
        own = [f for f in rules_of([number]) if f.grain == grain]
        mine = cases[cases["grain"] == grain]
        if not own or mine.empty:
            continue
        hit = mine[were_hit(root, grain, {number: own}, mine)[number]]
        year, half = (
            hit["inspected_at"].dt.year.astype(str),
            (hit["inspected_at"].dt.month > 6).map({False: "上", True: "下"}),
        )
        for period, part in hit.groupby(year + half, sort=True):
            found.append(_precision(grain, str(period), part))
        found.append(_precision(grain, "全部", hit))
    return found


def decided_cases(warehouse: Warehouse, as_of: date | datetime) -> pd.DataFrame:
    """What inspections known by then concluded: `grain, entity_id, inspected_at, confirmed`, one row an inspection, so
    that a unit found clean in spring and caught in autumn is one of each."""
    return one_each(read_findings(warehouse, moment_of(as_of)))


def one_each(found: pd.DataFrame) -> pd.DataFrame:
    """Findings (claims.schema.outcomes.findings) that say yes or no, one row an inspection: what was written of an
    entity on one day is one, confirmed if any of it is; looks at the bed of one stay are one, that on which it was
    found out, else the first, since who lay in it five times is no five answers about its claims."""
    found = found[found["outcome"].isin(["confirmed", "refuted"])]
    found = found.assign(confirmed=found["outcome"] == "confirmed")
    visit = found["inspected_at"].dt.strftime("%Y-%m-%d").where(found["source_table"] != "presence_checks", "bed")
    order = ["grain", "entity_id", "inspected_at", "confirmed"]
    ordered = found.assign(visit=visit).sort_values(
        ["grain", "entity_id", "visit", "confirmed", "inspected_at"],
        ascending=[True, True, True, False, True],
        kind="stable",
    )
    once = ordered.drop_duplicates(["grain", "entity_id", "visit"])[order]
    return once.sort_values(order[:3], kind="stable").reset_index(drop=True)


def were_hit(
    root: Path | str, grain: Grain, rules: Mapping[str, Sequence[Feature]], cases: pd.DataFrame
) -> pd.DataFrame:
    """For each case (rows) and rule (columns): whether the last partition before its inspection holds a hit on it."""
    hit = pd.DataFrame(False, index=cases.index, columns=list(rules))
    waiting = pd.Series(True, index=cases.index)
    columns = {rule: [column_name(f.name, w) for f in features for w in f.windows] for rule, features in rules.items()}
    for partition in sorted(published(root, grain), key=lambda p: moment_of(p.as_of), reverse=True):
        now = waiting & (cases["inspected_at"] > pd.Timestamp(moment_of(partition.as_of)))
        if not now.any():
            continue
        held = partition.read("values", ["entity_id", *(c for names in columns.values() for c in names)])
        held = held.set_index("entity_id").gt(0)
        seen = cases.loc[now, "entity_id"].isin(held.index)
        for rule, names in columns.items():
            struck = held[[c for c in names if c in held.columns]].any(axis=1)
            hit.loc[now, rule] = cases.loc[now, "entity_id"].isin(struck.index[struck])
        waiting[now] = ~seen
    return hit


def _precision(grain: Grain, period: str, cases: pd.DataFrame) -> Precision:
    n, confirmed = len(cases), int(cases["confirmed"].sum())
    if n < MIN_DECIDED:
        return Precision(grain, period, n, confirmed, n - confirmed, None, None, None)
    low, high = wilson(confirmed, n)
    return Precision(grain, period, n, confirmed, n - confirmed, confirmed / n, low, high)


def history_text(history: list[Precision]) -> str:
    """The history as a table in words; what cannot be told says so."""
    if not history:
        return "历史准确率：尚无法判断（没有已下结论的检查）"
    lines = ["历史准确率（检查前最近一期名单上的命中；区间为95%威尔逊区间）："]
    for p in history:
        told = (
            "尚无法判断（已下结论不足5件）" if p.share is None else f"准确率 {p.share:.0%}（{p.low:.0%}–{p.high:.0%}）"
        )
        lines.append(
            f"  {GRAINS[p.grain].label} {p.period}：检查 {p.decided}，查实 {p.confirmed}，排除 {p.refuted}，{told}"
        )
    return "\n".join(lines)
