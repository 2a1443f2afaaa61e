"""Outcomes told by several columns together: a bed check's 在床 with its reason, a finding with its class."""

from __future__ import annotations

from dataclasses import dataclass

from claims.drafting.matching import Matched
from claims.schema.code_tables import OF_COLUMN

CHECK = "← check"
YES, NO = ("1", "是", "y", "yes", "true", "t", "在床", "在"), ("0", "否", "n", "no", "false", "f", "不在床", "不在")


@dataclass(frozen=True)
class Verdicts:
    """The lines of a column made of cases."""

    official: str
    local: str  # the column that tells it first
    lines: list[str]
    sure: float
    unsure: bool


def verdicts_of(one: Matched) -> Verdicts | None:
    """How the outcome of a table follows from its columns; None where it stands in one column or nowhere."""
    if one.table.name == "presence_checks" and "in_bed" in one.pairs:
        return _presence(one, one.pairs["in_bed"].local)
    finding = one.local("finding") or one.local("outcome_code")
    if one.table.name == "inspections" and finding:
        return _findings(one, finding, "finding" in one.pairs)
    return None


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _case(when: dict[str, str], value: str, remark: str = "") -> str:
    told = ", ".join(f"{_quote(c)} = {_quote(v)}" for c, v in when.items())
    return f"  {{ when = {{ {told} }}, value = {_quote(value)} }}," + (f"  # {remark}" if remark else "")


def _lines(official: str, local: str, cases: list[str], sure: float, why: str, unsure: bool) -> Verdicts:
    mark = f" {CHECK}" if unsure else ""
    first = f"{official} = {{ cases = [  # {sure:.2f} {why}{mark}"
    return Verdicts(official, local, [first, *cases, "] }"], sure, unsure)


def _presence(one: Matched, bed: str) -> Verdicts | None:
    held = one.dataset.columns[bed].counts
    present = [v for v in held if v.removesuffix(".0").lower() in YES]
    away = [v for v in held if v.removesuffix(".0").lower() in NO]
    if not present and not away:
        return None
    cases = [_case({bed: v}, "B1_IN_BED", f"{held[v]:,} rows") for v in present]
    reason, unsure = one.local("leave_reason"), len(held) > len(present) + len(away)
    for value in away:
        words = one.dataset.columns[reason].counts if reason else {}
        for word, rows in words.items():
            code = OF_COLUMN["result_code"].word(word)
            if code:
                cases.append(_case({bed: value, reason or "": word}, code, f"{rows:,} rows"))
            unsure = unsure or code is None
        cases.append(_case({bed: value, reason: ""} if reason else {bed: value}, "B4_ABSENT", "no reason given"))
    return _lines("result_code", bed, cases, 0.9, f"{bed} and why not", unsure)


def _findings(one: Matched, finding: str, bare: bool) -> Verdicts | None:
    """`bare`: the column says no more than confirmed or not; else only where a class beside it says how bad."""
    table, held = OF_COLUMN["outcome_code"], one.dataset.columns[finding].counts
    meant = {v: table.word(v) for v in held}
    nature = one.local("violation_class")
    graded = {"O1_FRAUD", "O3_BREACH"} & set(meant.values())
    if not any(meant.values()) or (not bare and (graded or not nature)):
        return None
    classes = one.dataset.columns[nature].counts if nature else {}
    worse = {"illegal": "O1_FRAUD", "breach": "O3_BREACH"}
    cases = []
    for value, code in meant.items():
        if code == "O2_IRREGULAR" and nature:
            for word in classes:
                if outcome := worse.get(OF_COLUMN["violation_class"].word(word) or ""):
                    cases.append(_case({finding: value, nature: word}, outcome, f"of {held[value]:,} rows"))
        if code:
            cases.append(_case({finding: value}, code, f"{held[value]:,} rows"))
    why = f"{finding}{f' and {nature}' if nature else ''}"
    return _lines("outcome_code", finding, cases, 0.9, why, None in meant.values())
