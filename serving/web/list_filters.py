"""Filters, search and order of a list: what stands in the address of the page, and nothing that names a person: full personal numbers are looked for elsewhere
(serving/web/find_pages.py), a list is searched by what it shows."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from features.grains import SCHEMES
from inspection.campaigns import Campaign
from serving.desk.states import STATES

PAGE: Final = 300
"""Rows of a page."""
SORTS: Final = {"lead": "序号", "amount": "疑点金额", "evidence": "证据行数", "area": "片区"}
MARKS: Final = {"new": "新列入", "again": "再次列入", "returning": "复现", "snoozed": "暂缓", "open": "未结案"}
LEVELS: Final = {"3": "三级", "2": "二级", "1": "一级", "0": "无等级"}


@dataclass(frozen=True)
class Filters:
    """What a list is narrowed by; '' = not."""

    area: str = ""
    scheme: str = ""
    campaign: str = ""
    level: str = ""
    mark: str = ""
    least: float = 0.0
    words: str = ""
    sort: str = "lead"
    page: int = 1

    def told(self) -> dict[str, Any]:
        return {**vars(self), "least": f"{self.least:g}" if self.least else ""}

    def address(self) -> dict[str, str]:
        """What stands in the address of a page narrowed so, without which page."""
        told = self.told() | {"q": self.words}
        return {k: told[k] for k in ("area", "scheme", "campaign", "level", "mark", "least", "q", "sort") if told[k]}

    def rows(self, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """The rows that pass, in order."""
        kept = [r for r in rows if self._passes(r)]
        match self.sort:
            case "amount":
                return sorted(kept, key=lambda r: -(r["amount_at_risk_yuan"] or 0))
            case "evidence":
                return sorted(kept, key=lambda r: -(r["evidence_rows"] or 0))
            case "area":
                return sorted(kept, key=lambda r: (str(r["area"]), r["lead"]))
            case _:
                return sorted(kept, key=lambda r: r["lead"])

    def _passes(self, row: Mapping[str, Any]) -> bool:
        return (
            (not self.area or str(row["area"] or "") == self.area)
            and (not self.scheme or self.scheme in (row["scheme"], row.get("scheme_2")))
            and (not self.level or str(row.get("level")) == self.level)
            and (row["amount_at_risk_yuan"] or 0) >= self.least
            and (not self.mark or self.mark in marks(row))
            and (not self.words or self.words.casefold() in _text(row))
        )


@dataclass(frozen=True)
class Pages:
    """Which page of how many, and the addresses of those beside it, with the filters and the order they were read in; '' = none."""

    page: int
    pages: int
    before: str
    after: str

    @classmethod
    def of(cls, wanted: int, rows: int, given: Mapping[str, str]) -> "Pages":
        """One that is no page is the nearest that is. given: what else stands in the address."""
        last = max(1, -(-rows // PAGE))
        page = min(max(wanted, 1), last)

        def to(other: int) -> str:
            return "?" + urlencode({**given, "page": other}) if 1 <= other <= last else ""

        return cls(page, last, to(page - 1), to(page + 1))

    @property
    def first(self) -> int:
        """Rows before this page."""
        return (self.page - 1) * PAGE


def marks(row: Mapping[str, Any]) -> set[str]:
    """What is said of a row beside its reasons."""
    state = row["case"]["state"] if row.get("case") else ""
    found = {"again" if row.get("seen") else "new"}
    found |= {"returning"} if row.get("returning") else set()
    found |= {"snoozed"} if state == "C92" else set()
    return found | ({"open"} if state not in ("C80", "C90", "C91") else set())


def of_campaign(
    one: Campaign, rows: Sequence[Mapping[str, Any]], told: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The rows of a campaign, each with its place among them (each list by itself) and what of its sum is the campaign's, None where it does not say.
    told: of each row's claims, as far as who asks may know them."""
    found: list[dict[str, Any]] = []
    last: dict[str, int] = {}
    for row, claims in sorted(zip(rows, told, strict=True), key=lambda both: (both[0]["list"], both[0]["lead"])):
        if one.belongs({str(row["scheme"]), str(row.get("scheme_2"))}, row.get("rule_yuan") or {}, claims):
            last[row["list"]] = last.get(row["list"], 0) + 1
            found.append({**row, "place": last[row["list"]], "campaign_yuan": one.yuan(row, claims)})
    return found


def _text(row: Mapping[str, Any]) -> str:
    shown = (
        "entity_id",
        "label",
        "psn_no",
        "members",
        "fixmedins_code",
        "unit_name",
        "who",
        "area",
        "reason_1",
        "reason_2",
        "reason_3",
    )
    case = row.get("case") or {}
    words = [str(row.get(c) or "") for c in shown] + [
        SCHEMES.get(str(row.get("scheme")), ""),
        str(case.get("number", "")),
        STATES.get(case.get("state", ""), ""),
    ]
    return " ".join(words).casefold()


def of(given: Mapping[str, str], every: bool = False) -> Filters:
    """From the address; what is no filter is none."""
    if not given:
        return _ALL if every else _NONE
    least = given.get("least", "").replace(",", "")
    number = float(least) if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{0,2})?", least) else 0.0
    sort = given.get("sort", "")
    picked = {k: given.get(k, "").strip()[:64] for k in ("area", "scheme", "campaign", "level", "mark")}
    return Filters(
        **picked,
        least=number,
        words=given.get("q", "").strip()[:64],
        sort=sort if sort in SORTS else "amount" if every else "lead",
        page=page_of(given),
    )


_NONE: Final = Filters()
_ALL: Final = Filters(sort="amount")


def page_of(given: Mapping[str, str]) -> int:
    """Which page the address asks for; the first where it says nothing that is a number."""
    text = given.get("page", "")
    return int(text) if re.fullmatch("[0-9]{1,6}", text) else 1


def choices(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """What may be chosen, as far as the list has it: value → words."""
    schemes = {str(s) for r in rows for s in (r["scheme"], r.get("scheme_2")) if s}
    found = set().union(*(marks(r) for r in rows)) if rows else set()
    return {
        "area": {a: a for a in sorted({str(r["area"]) for r in rows if r["area"]})},
        "scheme": {s: SCHEMES.get(s, s) for s in sorted(schemes)},
        "level": {v: zh for v, zh in LEVELS.items() if any(str(r.get("level")) == v for r in rows)},
        "mark": {m: zh for m, zh in MARKS.items() if m in found},
        "sort": dict(SORTS),
    }
