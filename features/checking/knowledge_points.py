"""A batch of knowledge points, a row each, checked and turned into versions of the catalogue.

The table (xlsx or csv) has the columns 类型 kind, 编码 code, 对应编码 other, 值 value, 单位 unit, 生效日期 begin,
失效日期 end and 依据 source. A point changes one attribute of one article between two days; everything else of the
article stays as the catalogue has it, and after the last day the article is again what it was.
"""

import csv
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from claims.errors import UserError
from claims.sources.encoding import decide_encoding, require
from claims.sources.excel import read_sheets

#: Accepted headers of each column.
HEADERS: Mapping[str, tuple[str, ...]] = {
    "kind": ("类型", "kind", "知识点类型"),
    "code": ("编码", "code", "med_list_codg", "医疗目录编码"),
    "other": ("对应编码", "other", "对方编码"),
    "value": ("值", "value", "限定值"),
    "unit": ("单位", "unit"),
    "begin": ("生效日期", "begin", "begndate"),
    "end": ("失效日期", "end", "enddate"),
    "source": ("依据", "source", "来源"),
}
DAYS = {"天": 1, "日": 1, "周": 7, "月": 30, "年": 365}
FOREVER = date(9999, 12, 31)


@dataclass(frozen=True)
class Kind:
    """What a kind of point sets: columns of the catalogue from (value, unit); the rules that read them; `pair` names
    two articles. `units` are those allowed, "" = none."""

    sets: Callable[[str, str], dict[str, Any]]
    rules: tuple[str, ...]
    units: tuple[str, ...] = ("",)
    pair: bool = False


def _number(value: str, unit: str) -> float:
    return float(value) * DAYS.get(unit, 1)


def _frequency(value: str, unit: str) -> dict[str, Any]:
    found = re.fullmatch(r"(\d*)(天|日|周|月|年|次住院|次就诊)", unit)
    if found is None:
        raise ValueError("unit")
    span = None if found[2].startswith("次") else int(found[1] or 1) * DAYS[found[2]]
    return {"max_freq": float(value), "freq_window_days": span}


SEX = {"男": "1", "女": "2", "1": "1", "2": "2"}
KINDS: Mapping[str, Kind] = {
    "限天数": Kind(lambda v, u: {"max_days": _number(v, u)}, ("R38",), ("天", "日", "周", "月")),
    "限频次": Kind(_frequency, ("R50",), ()),
    "包含": Kind(lambda v, u: {}, ("R49",), pair=True),
    "互斥": Kind(lambda v, u: {}, ("R49",), pair=True),
    "易倒卖": Kind(lambda v, u: {"resale_risk_flag": "1"}, ("R39", "R47")),
    "限性别": Kind(lambda v, u: {"lmt_gend": SEX[v]}, ("R41", "R44")),
    "限级别": Kind(lambda v, u: {"lmt_hosp_lv": str(int(v))}, ("R42",), ("", "级")),
    "互认": Kind(lambda v, u: {"mutual_days": _number(v, u)}, ("R58",), ("天", "日", "周", "月")),
    "集采中选": Kind(lambda v, u: {"centproc_flag": str(int(v))}, ()),
}


@dataclass(frozen=True)
class Point:
    """One point as read: `row` is its row in the file; `end` FOREVER where none is said."""

    row: int
    kind: str
    code: str
    other: str
    value: str
    unit: str
    begin: date
    end: date
    source: str

    @property
    def what(self) -> tuple[str, str, str]:
        """Two points of one `what` may not hold on the same day."""
        return (self.kind, self.code, self.other)


@dataclass
class Batch:
    """Points that hold together, the rules they concern, and codes the catalogue does not know."""

    points: list[Point]
    unknown: list[Point] = field(default_factory=list)

    @property
    def rules(self) -> list[str]:
        return sorted({rule for p in self.points for rule in KINDS[p.kind].rules})


def read_points(path: Path) -> list[Point]:
    """The points of a file, all of them or none. UserError naming every row that cannot stand, up to ten."""
    head, *body = _table(path) or [[]]
    names = [str(cell or "").strip() for cell in head]
    place = {key: next((names.index(h) for h in told if h in names), None) for key, told in HEADERS.items()}
    missing = [HEADERS[k][0] for k in ("kind", "code", "begin", "source") if place[k] is None]
    if missing:
        raise UserError(
            f"{path.name} has no column {', '.join(missing)}; its first row is the header: {', '.join(names)}"
        )
    points, wrong = [], []
    for number, cells in enumerate(body, 2):
        told = {k: str(cells[i] or "").strip() if i is not None and i < len(cells) else "" for k, i in place.items()}
        if any(told.values()):
            try:
                points.append(_point(number, told))
            except ValueError as error:
                wrong.append(f"row {number}: {error}")
    wrong += list(_overlaps(points))
    if wrong:
        more = f"; and {len(wrong) - 10} more" if len(wrong) > 10 else ""
        raise UserError(f"{path.name} was not taken in: " + "; ".join(wrong[:10]) + more)
    if not points:
        raise UserError(f"{path.name} holds no knowledge points below its header")
    return points


def _table(path: Path) -> Sequence[Sequence[Any]]:
    if not path.is_file():
        raise UserError(f"there is no file {path}")
    if path.suffix.lower() in (".xlsx", ".xls"):
        sheet = next(iter(read_sheets(path).values()))
        return [list(sheet.columns), *sheet.to_numpy(dtype=object).tolist()]
    encoding = decide_encoding(path, path.name)
    require(path, encoding, path.name)
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.reader(file))


def _point(row: int, told: Mapping[str, str]) -> Point:
    """One row, checked. ValueError in words."""
    kind = KINDS.get(told["kind"])
    if kind is None:
        raise ValueError(f"类型 {told['kind']!r} is unknown; one of {'、'.join(KINDS)}")
    if not told["code"] or (kind.pair and not told["other"]):
        raise ValueError("编码 is missing" if not told["code"] else "对应编码 is missing: a pair names two articles")
    if kind.pair and told["code"] == told["other"]:
        raise ValueError(f"{told['code']} is paired with itself")
    if kind.units and told["unit"] not in kind.units:
        known = "、".join(u for u in kind.units if u) or "none"
        raise ValueError(f"单位 {told['unit']!r} is unknown for {told['kind']}; it takes {known}")
    if not told["source"]:
        raise ValueError("依据 is missing")
    begin, end = _day(told["begin"], "生效日期"), _day(told["end"], "失效日期") if told["end"] else FOREVER
    if end < begin:
        raise ValueError(f"it ends on {end}, before it begins on {begin}")
    try:
        kind.sets(told["value"], told["unit"])
    except (ValueError, KeyError) as error:
        if str(error) == "unit":
            raise ValueError(f"单位 {told['unit']!r} is unknown for 限频次; write 日, 周, 月, 14天 or 次住院") from None
        raise ValueError(f"值 {told['value']!r} is none for {told['kind']}") from None
    return Point(
        row, told["kind"], told["code"], told["other"], told["value"], told["unit"], begin, end, told["source"]
    )


def _day(text: str, name: str) -> date:
    for form in ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%Y年%m月%d日"):
        try:
            return datetime.strptime(text[:10] if form == "%Y-%m-%d" else text, form).date()
        except ValueError:
            continue
    raise ValueError(f"{name} {text!r} is not a date")


def _overlaps(points: Iterable[Point]) -> Iterable[str]:
    told: dict[tuple[str, str, str], list[Point]] = {}
    for p in sorted(points, key=lambda p: (p.begin, p.row)):
        for before in told.setdefault(p.what, []):
            if p.begin <= before.end:
                yield f"rows {before.row} and {p.row} say {p.kind} of {p.code} for the same days from {p.begin} on"
        told[p.what].append(p)


def known_to(points: Iterable[Point], codes: set[str]) -> Batch:
    """The points about articles the catalogue holds; the others are told apart, for they could judge nobody."""
    batch = Batch([])
    for p in points:
        here = p.code in codes and (not p.other or p.other in codes)
        (batch.points if here else batch.unknown).append(p)
    return batch


Row = dict[str, Any]


def versions(points: Sequence[Point], catalogue: Mapping[str, Sequence[Row]]) -> list[Row]:
    """New rows of the catalogue (its columns, begndate, enddate) that hold these points; `catalogue` has of each code
    its versions. UserError where an article would stand in two exclusive groups."""
    pieces: dict[str, list[tuple[Point, dict[str, Any]]]] = {}
    for p in points:
        for code, sets in _told(p, catalogue):
            pieces.setdefault(code, []).append((p, sets))
    return [row for code in sorted(pieces) for row in _cut(catalogue[code], pieces[code])]


def _told(p: Point, catalogue: Mapping[str, Sequence[Row]]) -> list[tuple[str, dict[str, Any]]]:
    if p.kind == "包含":
        return [(p.code, {"+includes_item": p.other})]
    if p.kind == "互斥":
        groups = {r["mutex_group"] for c in (p.code, p.other) for r in catalogue[c] if r.get("mutex_group")}
        if len(groups) > 1:
            raise UserError(f"row {p.row}: {p.code} and {p.other} already stand in different exclusive groups")
        group = next(iter(groups), "|".join(sorted((p.code, p.other))))
        return [(p.code, {"mutex_group": group}), (p.other, {"mutex_group": group})]
    return [(p.code, KINDS[p.kind].sets(p.value, p.unit))]


def _cut(base: Sequence[Row], pieces: Sequence[tuple[Point, dict[str, Any]]]) -> Iterable[Row]:
    """One row for every span in which neither the catalogue nor a point changes, from the first point's begin on."""
    spans = sorted(base, key=lambda r: r["begndate"] or date.min)
    first = min(p.begin for p, _ in pieces)
    cuts = {first, *(p.begin for p, _ in pieces), *(p.end + timedelta(days=1) for p, _ in pieces if p.end < FOREVER)}
    cuts |= {r["begndate"] for r in spans if r["begndate"] and r["begndate"] > first}
    cuts |= {r["enddate"] + timedelta(days=1) for r in spans if r["enddate"] and r["enddate"] >= first}
    days = sorted(cuts)
    for begin, following in zip(days, [*days[1:], None], strict=True):
        held = [r for r in spans if (r["begndate"] or date.min) <= begin]
        if not held or (held[-1]["enddate"] and held[-1]["enddate"] < begin):
            continue
        row = {**held[-1], "begndate": begin, "enddate": following - timedelta(days=1) if following else None}
        for p, sets in pieces:
            if p.begin <= begin <= p.end:
                row = _with(row, sets)
        yield row


def _with(row: Row, sets: Mapping[str, Any]) -> Row:
    out = dict(row)
    for column, value in sets.items():
        if column.startswith("+"):
            held = [x for x in re.split(r"[,;|]", str(out.get(column[1:]) or "")) if x]
            out[column[1:]] = ",".join(dict.fromkeys([*held, str(value)]))
        else:
            out[column] = value
    return out


def begun_by(points: Iterable[Point], day: date) -> list[Point]:
    """The points as if those that begin later had begun on that day: what they would hit on claims already here."""
    return [replace(p, begin=min(p.begin, day)) if p.end >= day else p for p in points]
