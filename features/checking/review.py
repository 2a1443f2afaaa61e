"""What inspections made of all rules at once, and a rule's return to the shadow when its false alarms pass the cap.

A rule goes back when even the lower end of the 95 % interval of its share of false alarms lies above the cap: few
cases prove nothing. Only what was inspected since the office put the rule in force counts against it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from claims.errors import Damaged
from claims.store.warehouse import Warehouse
from features.checking.hits import rules_of
from features.checking.precision import MIN_DECIDED, decided_cases, were_hit
from features.declare import Feature
from features.grains import GRAINS
from features.intervals import wilson
from features.office import REVIEW, Entry, Office, State, add, read_office
from features.thresholds import setting

#: What a state that is not active means to who reads a list.
HOW: Mapping[State, str] = {
    "shadow": "试运行：只计算和统计，不作理由、不计金额",
    "retired": "停用",
    "draft": "在草拟中，未启用",
}


@dataclass(frozen=True)
class Record:
    """A rule's hits among inspections of all grains that said yes or no; `low` is the lower end of the interval of the
    false alarms."""

    rule: str
    decided: int
    refuted: int
    low: float

    @property
    def confirmed(self) -> int:
        return self.decided - self.refuted

    def text(self) -> str:
        """In words, with the share only from `MIN_DECIDED` cases on."""
        said = f"检查 {self.decided}，查实 {self.confirmed}，排除 {self.refuted}"
        if self.decided < MIN_DECIDED:
            return said + "，尚不能判断准确率"
        return said + f"，准确率 {self.confirmed / self.decided:.0%}"


def track_records(root: Path | str, as_of: date, office: Office | None = None) -> dict[str, Record]:
    """The record of every rule up to a day, since it was last put in force; of rules without a decided hit none. Lists
    of a grain that are damaged on disk are not counted."""
    office = office or read_office(root)
    cases = decided_cases(Warehouse.open(Path(root)), as_of)
    since = {r: _since(office, r, as_of) for r in dict.fromkeys(str(f.rule) for f in rules_of())}
    counted: dict[str, list[int]] = {}
    for grain in GRAINS:
        mine = cases[cases["grain"] == grain]
        rules: dict[str, list[Feature]] = {}
        for f in rules_of():
            if f.grain == grain:
                rules.setdefault(str(f.rule), []).append(f)
        if mine.empty or not rules:
            continue
        try:
            hit = were_hit(root, grain, rules, mine)
        except Damaged:  # the week must go on: without that grain's past less speaks against a rule, never more
            continue
        for rule in rules:
            late = mine["inspected_at"] >= pd.Timestamp(since[rule]) if since[rule] else True
            struck = mine[hit[rule] & late]
            one = counted.setdefault(rule, [0, 0])
            one[0] += len(struck)
            one[1] += int((~struck["confirmed"]).sum())
    return {r: Record(r, n, bad, wilson(bad, n)[0]) for r, (n, bad) in counted.items() if n}


def _since(office: Office, rule: str, day: date) -> str:
    told = [e for e in office.history(rule) if e.kind == "state" and e.value == "active" and e.holds(day)]
    return told[-1].since if told else ""


def back_to_shadow(root: Path | str, as_of: date) -> list[Entry]:
    """Write the return of every active rule whose false alarms pass its cap into the office's log; returns what was
    written. The same day asked twice writes once."""
    office = read_office(root)
    records = track_records(root, as_of, office)
    kinds = {str(f.rule): f.kind for f in reversed(rules_of())}
    due = list(_due(records.values(), office, kinds, as_of))
    if due:
        add(root, due)
    return due


def _due(records: Iterable[Record], office: Office, kinds: Mapping[str, str], day: date) -> Iterable[Entry]:
    for record in sorted(records, key=lambda r: r.rule):
        cap, guessed = office.cap(record.rule, kinds[record.rule], day)
        if record.decided < MIN_DECIDED or record.low <= cap or office.state(record.rule, day) != "active":
            continue
        later = any(e.kind == "state" and e.since > day.isoformat() for e in office.history(record.rule))
        if later:  # an old day made again changes nothing of what was decided since
            continue
        yield Entry(
            "state",
            record.rule,
            "shadow",
            day.isoformat(),
            (REVIEW,),
            f"{record.text()}；误报率95%区间下限 {record.low:.0%} 超过上限 {cap:.0%}"
            + ("（上限为本系统暂定值，无出处）" if guessed else ""),
        )


def silent_rules(root: Path | str, day: date) -> list[str]:
    """One sentence for each rule that reaches no list on that day, for the list to print."""
    office, said = read_office(root), []
    for rule, state in office.silent(dict.fromkeys(str(f.rule) for f in rules_of()), day).items():
        told = office.said("state", rule, day)
        assert told is not None
        said.append(f"规则“{setting(rule, 'name')}”自 {told.since} 起{HOW[state]}。原因：{told.reason}")
    return said
