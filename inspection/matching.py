"""Rows of a list from outside, each matched to claims: by settlement, else by stay, else by person, unit and day, else by person and amount; how is said, nothing is guessed.

A number that a spreadsheet bent, or that nobody has, is told with its cell and not used; what else the row says may still find its claim.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final

import pandas as pd

from claims.shown_text import mask
from inspection.known import Claims
from inspection.sent_cells import IDS, bent
from inspection.sent_columns import BY_NAME
from inspection.workbooks import at

LEVELS: Final = {"exact": "准确", "likely": "较可能", "several": "多条", "none": "未匹配"}
DAYS: Final = 1
CANDIDATES: Final = 10


@dataclass(frozen=True)
class Match:
    """level: of LEVELS; how: by what, or why not; bills: its settlements (of `several`: the candidates); told: what is wrong with which cell, what does not agree."""

    level: str
    how: str
    bills: tuple[str, ...] = ()
    stay: str = ""
    inpatient: bool = False
    psn_no: str = ""
    unit: str = ""
    told: tuple[str, ...] = ()

    @property
    def found(self) -> bool:
        return self.level in ("exact", "likely")

    @property
    def subject(self) -> tuple[str, str]:
        """(grain, number) of whom a case would be about; ('', '') for nobody yet."""
        if not self.found:
            return "", ""
        if self.stay and self.inpatient:
            return "admission", self.stay
        return ("person", self.psn_no) if self.psn_no else ("institution", self.unit)


@dataclass
class _Index:
    bills: dict[str, dict[str, Any]]
    of_stay: dict[str, list[str]] = field(default_factory=dict)
    of_person: dict[str, list[str]] = field(default_factory=dict)
    of_name: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, claims: Claims) -> _Index:
        frame = claims.bills.drop_duplicates("setl_id", keep="last").sort_values("setl_id")
        frame = frame.astype(object).where(frame.notna(), None)
        made = cls({str(r["setl_id"]): {str(k): v for k, v in r.items()} for r in frame.to_dict("records")})
        for setl_id, bill in made.bills.items():
            made.of_stay.setdefault(str(bill["mdtrt_id"]), []).append(setl_id)
            made.of_person.setdefault(str(bill["psn_no"]), []).append(setl_id)
        for code, (shown, _) in claims.units.items():
            made.of_name.setdefault(shown, []).append(code)
        return made


def match(
    values: pd.DataFrame,
    cells: Mapping[str, Sequence[str | None]],
    places: Mapping[str, int],
    lines: Sequence[int],
    claims: Claims,
) -> list[Match]:
    """A match for each row. values: `sent_cells.values_of`; cells: the texts of the fields IDS as they stood; places: field → column; lines: of the sheet."""
    index = _Index.of(claims)
    rows = values.astype(object).where(values.notna(), None).to_dict("records")
    return [
        _one({str(k): v for k, v in row.items()}, i, cells, places, lines, claims, index) for i, row in enumerate(rows)
    ]


def _one(row: dict[str, Any], i: int, cells: Mapping[str, Sequence[str | None]], places: Mapping[str, int], lines: Sequence[int], claims: Claims, index: _Index) -> Match:  # fmt: skip
    told, good = [], {}
    for f in IDS:
        if f not in cells or cells[f][i] is None:
            continue
        cell, where, value = str(cells[f][i]), f"{at(places[f], lines[i])} {BY_NAME[f].zh}", row.get(f)
        if why := bent(f, cell, value):
            told.append(f"{where}：{why}")
        elif value and value in claims.ids.get(f, ()):
            good[f] = str(value)
        elif value:
            like = claims.alike.get(f, {}).get(str(value), "")
            seen = mask(str(value)) if f in ("psn_no", "certno") else str(value)
            told.append(f"{where}：{_near(str(value), like, seen)}" if like else f"{where}：本库没有“{seen}”")
    people = (good["psn_no"],) if "psn_no" in good else claims.persons.get(good.get("certno", ""), ())
    unit, by = _unit(row, good, index)
    beside: dict[str, Any] = {"told": tuple(told)}
    if "setl_id" in good:
        return _agreed(index, [good["setl_id"]], "结算号", people, unit, row, told)
    if "mdtrt_id" in good:
        return _agreed(index, index.of_stay[good["mdtrt_id"]], "就诊号", people, unit, row, told)
    beds = [s for s in claims.beds.get(good.get("ipt_no", ""), ()) if _at(index, s) == unit] if unit else []
    if len(beds) == 1:
        found = _agreed(index, index.of_stay[beds[0]], "病案号和机构", people, unit, row, told)
        return replace(found, level="likely")
    if not people:
        asked = [f for f in ("setl_id", "mdtrt_id", "psn_no", "certno", "ipt_no") if f in cells]
        if unit and not asked:
            return Match("exact", by, unit=unit, **beside)
        given = any(cells[f][i] is not None for f in asked)
        why = "所列号码都用不上" if given else "没有可用的号码"
        return Match("none", why, unit=unit, psn_no="", **beside)
    mine = [s for p in people for s in index.of_person.get(p, ())]
    return _by_person(index, mine, people, unit, row, beside)


def _at(index: _Index, stay: str) -> str:
    """The unit of a stay; '' for one without a settlement."""
    return str(index.bills[index.of_stay[stay][0]]["fixmedins_code"]) if stay in index.of_stay else ""


def _near(value: str, like: str, seen: str) -> str:
    if like.lstrip("0") == value and like != value:
        return f"“{seen}”本库没有，前面像是丢了零（补零后的号码本库有一个），未采用"
    return f"“{seen}”本库没有，第15位以后像是被表格软件改成了0（前15位相同的本库有一个），未采用"


def _unit(row: Mapping[str, Any], good: Mapping[str, str], index: _Index) -> tuple[str, str]:
    """(code, by what) of the unit a row names; a name that several units have names none."""
    if "fixmedins_code" in good:
        return good["fixmedins_code"], "机构编码"
    codes = index.of_name.get(str(row.get("fixmedins_name") or ""), [])
    return (codes[0], "机构名称") if len(codes) == 1 else ("", "")


def _agreed(index: _Index, bills: Sequence[str], by: str, people: Sequence[str], unit: str, row: Mapping[str, Any], told: Sequence[str]) -> Match:  # fmt: skip
    """Found by a number of the claim itself: exact, unless the row names another person or unit."""
    bill, off = index.bills[bills[0]], []
    if people and bill["psn_no"] not in people:
        off.append(f"{by}对应的人员与所列人员不是一人")
    if unit and bill["fixmedins_code"] != unit:
        off.append(f"{by}对应的机构与所列机构不同")
    said = list(off)
    days = _days(row)
    if days and not any(_covers(index.bills[b], d) for b in bills for d in days):
        said.append(f"所列日期不在{by}对应的就诊期间")
    total = sum(int(index.bills[b]["medfee_sumamt_fen"] or 0) for b in bills)
    if row.get("medfee_sumamt") is not None and abs(int(row["medfee_sumamt"]) - total) > 1:
        said.append(f"所列总费用 {int(row['medfee_sumamt']) / 100:,.2f} 元与结算单 {total / 100:,.2f} 元不符")
    return _match("likely" if off else "exact", by + ("相同，但有不符" if off else ""), bill, bills, (*told, *said))


def _match(level: str, how: str, bill: Mapping[str, Any], bills: Sequence[str], told: Sequence[str]) -> Match:
    inpatient = bool(bill["is_inpatient"])
    return Match(
        level,
        how,
        tuple(bills),
        str(bill["mdtrt_id"]),
        inpatient,
        str(bill["psn_no"]),
        str(bill["fixmedins_code"]),
        tuple(told),
    )


def _by_person(
    index: _Index,
    mine: Sequence[str],
    people: Sequence[str],
    unit: str,
    row: Mapping[str, Any],
    beside: Mapping[str, Any],
) -> Match:
    who = people[0] if len(people) == 1 else ""
    days, sums = _days(row), _sums(row)
    here = [
        s
        for s in mine
        if unit and days and index.bills[s]["fixmedins_code"] == unit and any(_covers(index.bills[s], d) for d in days)
    ]
    if len(visits := _visits(index, here)) > 1 and sums:
        paid = [s for s in here if _paid(index.bills[s], sums)]
        if len(_visits(index, paid)) == 1:
            bills = index.of_stay[next(iter(_visits(index, paid)))]
            return _match(
                "likely",
                f"人员、机构、日期（前后{DAYS}天）和金额",
                index.bills[bills[0]],
                bills,
                beside["told"],
            )
    if len(visits) == 1:
        bills = index.of_stay[next(iter(visits))]
        return _match("likely", f"人员、机构、日期（前后{DAYS}天）", index.bills[bills[0]], bills, beside["told"])
    if len(visits) > 1:
        return Match(
            "several",
            f"人员、机构、日期（前后{DAYS}天）下有 {len(visits)} 次就诊",
            tuple(here[:CANDIDATES]),
            psn_no=who,
            unit=unit,
            **beside,
        )
    alike = [
        s
        for s in mine
        if sums and (not unit or index.bills[s]["fixmedins_code"] == unit) and _paid(index.bills[s], sums)
    ]
    visits = _visits(index, alike)
    if len(visits) == 1:
        bills = index.of_stay[next(iter(visits))]
        off = [f"按金额匹配，日期相差较大（结算于 {index.bills[bills[0]]['setl_time']:%Y-%m-%d}）"] if days else []
        return _match("likely", "人员和金额", index.bills[bills[0]], bills, (*beside["told"], *off))
    if len(visits) > 1:
        return Match(
            "several",
            f"人员和金额下有 {len(visits)} 次就诊",
            tuple(alike[:CANDIDATES]),
            psn_no=who,
            unit=unit,
            **beside,
        )
    why = "该人员在所列机构、日期没有就诊，也没有金额相同的结算" if days or sums else "只有人员，没有日期和金额"
    return Match("none", why, psn_no=who, unit=unit, **beside)


def _visits(index: _Index, bills: Sequence[str]) -> set[str]:
    return {str(index.bills[s]["mdtrt_id"]) for s in bills}


def _days(row: Mapping[str, Any]) -> list[date]:
    return [
        pd.Timestamp(row[f]).date()
        for f in ("setl_time", "fee_ocur_time", "begntime", "endtime")
        if row.get(f) is not None
    ][:1]


def _covers(bill: Mapping[str, Any], day: date) -> bool:
    times = [pd.Timestamp(bill[c]).date() for c in ("begntime", "endtime", "setl_time") if bill[c] is not None]
    return bool(times) and min(times) - timedelta(days=DAYS) <= day <= max(times) + timedelta(days=DAYS)


def _sums(row: Mapping[str, Any]) -> dict[str, int]:
    return {
        f: int(row[f])
        for f in ("amount", "medfee_sumamt", "fund_pay_sumamt")
        if row.get(f) is not None and int(row[f]) > 0
    }


def _paid(bill: Mapping[str, Any], sums: Mapping[str, int]) -> bool:
    """Whether a settlement is of the amount a row says: its total or fund where the row names that, either where it does not."""
    total, fund = int(bill["medfee_sumamt_fen"] or 0), int(bill["fund_pay_sumamt_fen"] or 0)
    if "medfee_sumamt" in sums:
        return abs(sums["medfee_sumamt"] - total) <= 1
    if "fund_pay_sumamt" in sums:
        return abs(sums["fund_pay_sumamt"] - fund) <= 1
    return any(abs(sums["amount"] - s) <= 1 for s in (total, fund)) if "amount" in sums else False
