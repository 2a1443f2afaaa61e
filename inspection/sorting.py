"""Leads sent down from above in three heaps, 重点核查, 补材料, 暂缓: by what our own rules, lists and findings say of the same rows, each with its grounds and the defences to expect.

A heap says what comes first, never what may be left: every row is answered by the deadline.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final

from claims.schema.innocents import INNOCENTS
from features.checking.hits import rules_of
from features.grains import SCHEMES
from features.rule_texts import questions

FOCUS, MORE, LATER = "重点核查", "补材料", "暂缓"
TIERS: Final = (FOCUS, MORE, LATER)
YEARS: Final = 2
"""行政处罚法 Art 36: no penalty later than two years after the deed ended (five where life, health or money safety was harmed)."""
LARGE_YUAN: Final = 5_000.0
"""From here on an amount alone is reason to look first: an office's choice (`--large`)."""
SMALL_FEN: Final = 10_000
"""A hit of another kind than the suspicion, of less than this, is told and is no reason to look first: a guess of ours."""
KIND_LIKE: Final = 0.4


@dataclass(frozen=True)
class Hit:
    """A rule of ours that hits: on the very rows that were sent down (same), or on the subject elsewhere. fen: at risk on the same rows."""

    rule: str
    label: str
    hard: bool
    same: bool
    fen: int = 0


@dataclass(frozen=True)
class Facts:
    """What is known of one row beside its text. amount_fen: as sent down; lacks: what the record lacks; looked: whether our rules looked at its subject; decided, in_hand, appealed: as a person reads it, '' = no."""

    found: bool
    how: str
    kind: str = ""
    amount_fen: int = 0
    hits: tuple[Hit, ...] = ()
    listed: str = ""
    lacks: tuple[str, ...] = ()
    decided: str = ""
    in_hand: str = ""
    appealed: str = ""
    refunded: bool = False
    ended: date | None = None
    repeats: str = ""
    told: tuple[str, ...] = ()
    looked: bool = True


@dataclass(frozen=True)
class Sorted:
    """tier: of TIERS; grounds and defences as sentences."""

    tier: str
    grounds: tuple[str, ...]
    defences: tuple[str, ...]


def sort(facts: Facts, as_of: date, large_yuan: float = LARGE_YUAN) -> Sorted:
    """The heap of one row, with its grounds in the order in which they decide."""
    yuan = facts.amount_fen / 100
    same, beside = [h for h in facts.hits if h.same], [h for h in facts.hits if not h.same]
    later: list[str] = []
    more: list[str] = []
    focus: list[str] = []
    aside: list[str] = []
    if facts.repeats:
        later.append(f"与{facts.repeats}重复，随那一行反馈")
    if facts.decided:
        later.append(f"已有结论：{facts.decided}；不重复处理")
    if facts.appealed:
        later.append(f"正在复议或诉讼：{facts.appealed}")
    if facts.refunded:
        later.append("该结算已退费")
    if facts.ended and (limit := _years(facts.ended, YEARS)) < as_of:
        later.append(
            f"行为终了于{facts.ended}，{limit}起超过{YEARS}年处罚时效，只可追回，不再处罚（危害健康或资金安全的为5年）"
        )
    if not facts.found:
        more.append(f"没有匹配到唯一的就诊：{facts.how}")
    if facts.told:
        more.append("来文有误或不全：" + "；".join(facts.told[:3]))
    if facts.found and not facts.looked:
        more.append("不在本库规则的检视范围内（费用太早，或没有可比的记录），规则未作比对")
    if facts.lacks:
        more.append("本库记录不全：" + "、".join(facts.lacks))
    like = rules_like(facts.kind)
    for hit in same:
        alike = not like or hit.rule in like
        told = f"本库规则 {hit.label} 命中同一记录" + (f"，涉及 {hit.fen / 100:,.2f} 元" if hit.fen else "")
        (focus if alike or hit.fen >= SMALL_FEN else aside).append(told + ("" if alike else "（与来文的问题不同）"))
    if facts.listed:
        focus.append(f"已列入本库清单：{facts.listed}")
    if yuan >= large_yuan:
        focus.append(f"金额 {yuan:,.2f} 元，达到 {large_yuan:,.0f} 元")
    if beside:
        aside.append("同一对象另有规则命中：" + "、".join(dict.fromkeys(h.label for h in beside)))
    if facts.in_hand:
        aside.append(f"已在办：{facts.in_hand}，并入该案")
    if not same and facts.looked:
        aside.append("本库规则没有命中同一记录（不等于没有问题）" if facts.found else "未匹配，本库规则无从比对")
    stuck = not facts.found or bool(facts.lacks) or not facts.looked
    tier = LATER if later else MORE if stuck else FOCUS if focus else MORE if more else LATER
    grounds = {LATER: [*later, *more, *focus], MORE: [*more, *focus], FOCUS: [*focus, *more]}[tier]
    if tier == LATER and not later:
        grounds = [f"金额 {yuan:,.2f} 元" if facts.amount_fen else "来文未列金额", *grounds]
    return Sorted(
        tier, (*grounds, *aside), defences([h.rule for h in same], facts.kind) or defences([h.rule for h in beside])
    )


def _years(day: date, years: int) -> date:
    return date(day.year + years, day.month, min(day.day, 28) if day.month == 2 else day.day)


def defences(rules: Sequence[str], kind: str = "") -> tuple[str, ...]:
    """What the other side may rightly say: the innocent explanations of the rules that the kind of suspicion sounds like, and of ours that hit."""
    chosen = list(dict.fromkeys([*rules_like(kind)[:2], *rules]))
    out = []
    for rule in chosen[:3]:
        own = rules_of([rule])
        innocent = own[0].innocent
        codes = dict.fromkeys(re.findall(r"N\d\d", innocent + "".join(c for f in own for c in f.exempt)))
        known = "、".join(f"{INNOCENTS[c][0]}（{c}，看{INNOCENTS[c][2]}）" for c in list(codes)[:3] if c in INNOCENTS)
        clears = questions(rule)[1]
        out.append(
            f"{_label(own[0].label)}：{innocent}"
            + (f"；{known}" if known else "")
            + (f"；可核：{clears}" if clears else "")
        )
    return tuple(out)


@cache
def rules_like(kind: str) -> list[str]:
    """Our rules that a kind of suspicion sounds like, the nearest first: by the characters of their names and schemes; none where nothing is near."""
    said = _pairs(kind)
    if not said:
        return []
    near: dict[str, float] = {}
    for f in rules_of():
        if f.kind == "DQ":
            continue
        for name in (_label(f.label), SCHEMES.get(f.scheme, "")):
            for word in re.split(r"[/、]", name):
                pairs = _pairs(word)
                same = 2 * len(said & pairs) / (len(said) + len(pairs)) if pairs else 0.0
                inside = 0.9 * (word in kind) if len(word) > 2 else 0.0
                near[str(f.rule)] = max(near.get(str(f.rule), 0.0), same, inside)
    best = sorted(near.items(), key=lambda n: (-n[1], n[0]))
    return [r for r, much in best if much >= KIND_LIKE and much >= best[0][1] - 0.1][:3]


def _label(label: str) -> str:
    return re.sub(r"^R\d+ ", "", label)


def _pairs(text: str) -> set[str]:
    plain = re.sub(r"[\W_]+", "", text)
    return {plain[i : i + 2] for i in range(len(plain) - 1)}
