"""下发疑点: a list sent down from above, read as it came, each row matched to claims and put on a heap with its grounds. Knows nothing of the desk: what that knows is handed in."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import pandas as pd

from claims.errors import UserError
from claims.intake.normalize import MISSING
from claims.store.findings import read_findings
from claims.store.warehouse import Warehouse
from features.asof import moment_of
from features.build import build
from features.checking.hits import hit_rows, rules_of
from features.grains import GRAINS, Grain
from inspection.known import Claims, lines_of, load_claims
from inspection.matching import LEVELS, Match, match
from inspection.sent_cells import IDS, unread, values_of
from inspection.sent_columns import BY_NAME, Choice, by_values, propose, says
from inspection.sorting import LARGE_YUAN, TIERS, Facts, Hit, Sorted, sort
from inspection.workbooks import Listed, at, grids, table_of

LEAST_SAID: Final = 1.8
"""Of `says`: a header names at least two fields surely."""
_FOOT: Final = re.compile(r"^(合计|总计|小计|注|说明|备注|填表|填报|制表|审核|复核|联系|单位负责|日期)")
_NUMBER: Final = re.compile(r"[A-Za-z0-9|_.+*-]{4,64}")
Subject = tuple[str, str]
ROUND_DAYS: Final = 90
"""Stays are looked at in steps of so many days, so that lists of one quarter share what was worked out."""


@dataclass(frozen=True)
class Table:
    """One sheet as it is understood. foot: lines that are no lead (totals, signatures)."""

    listed: Listed
    choices: tuple[Choice, ...]
    foot: tuple[int, ...]

    def column(self, name: str) -> int | None:
        """Where a used field stands, from 0."""
        return next((c.at for c in self.choices if c.field == name and c.used), None)


@dataclass(frozen=True)
class Sent:
    """A list as it came: its bytes' hash, sheets that hold leads, sheets that hold none."""

    name: str
    sha256: str
    tables: tuple[Table, ...]
    unread: tuple[str, ...]

    @property
    def rows(self) -> int:
        return sum(len(t.listed.rows) - len(t.foot) for t in self.tables)


@dataclass(frozen=True)
class Looked:
    """What our rules said: hit rows with the visit of each, and the subjects that were looked at at all."""

    hits: pd.DataFrame
    subjects: frozenset[Subject]


@dataclass(frozen=True)
class Row:
    """One lead: where it stands, what it says, what it was matched to, and its heap."""

    sheet: str
    line: int
    number: str
    kind: str
    item: str
    amount_fen: int | None
    happened: date | None
    match: Match
    sorted: Sorted | None = None
    facts: Facts | None = field(default=None, compare=False)


def understand(body: bytes, name: str, columns: Mapping[str, str] | None = None) -> Sent:
    """Sheets, headers and what each column is taken for. UserError where no sheet holds such a list."""
    tables, unread_ones = [], []
    given = dict(columns or {})
    seen: set[str] = set()
    for grid in grids(body, name):
        listed = table_of(grid, says)
        if listed is None or says(listed.titles) < LEAST_SAID:
            unread_ones.append(grid.name)
            continue
        here = {t: f for t, f in given.items() if t in listed.titles}
        seen |= set(here)
        choices = propose(listed, here)
        tables.append(Table(listed, tuple(choices), _feet(listed, choices)))
    if not tables:
        raise UserError(
            f"{name}：没有一页像疑点清单（表头应有编号、机构、结算号、人员、金额、疑点类型等）；请检查文件，或用 --column 表头=字段 指明"
        )
    if missing := sorted(set(given) - seen):
        raise UserError(
            f"--column {missing[0]}=…：没有这一列；各页的表头是 {'、'.join(dict.fromkeys(t for x in tables for t in x.listed.titles if t))}"
        )
    return Sent(name, hashlib.sha256(body).hexdigest(), tuple(tables), tuple(unread_ones))


def matched(sent: Sent, warehouse: Path | str, as_of: date) -> tuple[Sent, list[Row], Claims]:
    """The list with its columns checked against our numbers, and its rows matched. UserError for a warehouse without settlements."""
    asked: dict[str, set[str]] = {f: set() for f in IDS}
    for table in sent.tables:
        held = values_of(table.choices, table.listed.rows)
        for f in IDS:
            asked[f] |= {str(v) for v in held[f].dropna()} if f in held else set()
        for j in range(len(table.listed.titles)):
            cells = {c for r in table.listed.rows if (c := r[j]) is not None and _NUMBER.fullmatch(c)}
            if len(cells) > 0.3 * len(table.listed.rows):
                asked["setl_id"] |= cells  # a column may hold another's numbers
    claims = load_claims(warehouse, as_of, asked)
    tables, rows = [], []
    for table in sent.tables:
        listed = table.listed
        choices = by_values(table.choices, _held(listed, claims), listed.titles)
        table = replace(table, choices=tuple(choices), foot=_feet(listed, choices))
        tables.append(table)
        rows += _rows(table, claims)
    return replace(sent, tables=tuple(tables)), rows, claims


def _held(listed: Listed, claims: Claims) -> dict[int, dict[str, float]]:
    found = {}
    for j in range(len(listed.titles)):
        cells = [c for r in listed.rows if (c := r[j]) is not None and c not in MISSING]
        shares = {f: sum(c in known for c in cells) / len(cells) for f, known in claims.ids.items()} if cells else {}
        found[j] = {f: s for f, s in shares.items() if s}
    return found


def _feet(listed: Listed, choices: Sequence[Choice]) -> tuple[int, ...]:
    return tuple(line for line, row in zip(listed.lines, listed.rows, strict=True) if _is_foot(row, choices))


def _is_foot(row: Sequence[str | None], choices: Sequence[Choice]) -> bool:
    filled = [c for c in row if c is not None]
    named = any(row[c.at] is not None for c in choices if c.field in (*IDS, "fixmedins_name", "kind") and c.used)
    first = filled[0] if filled else ""
    if _FOOT.match(first) and (not named or len(set(filled)) <= 2):
        return True
    return not named and len(set(filled)) <= 1


def _rows(table: Table, claims: Claims) -> list[Row]:
    keep = [i for i, line in enumerate(table.listed.lines) if line not in table.foot]
    rows, lines = [table.listed.rows[i] for i in keep], [table.listed.lines[i] for i in keep]
    if not rows:
        return []
    values = values_of(table.choices, rows)
    places = {c.field: c.at for c in table.choices if c.used}
    cells: dict[str, list[str | None]] = {f: [r[places[f]] for r in rows] for f in IDS if f in places}
    matches = match(values, cells, places, lines, claims)
    for name, lost in unread(table.choices, rows, values).items():
        for i in lost:
            cell = rows[i][places[name]]
            told = f"{at(places[name], lines[i])} {BY_NAME[name].zh}：“{str(cell)[:30]}”读不成{'金额' if BY_NAME[name].kind == 'money' else '数' if BY_NAME[name].kind == 'qty' else '日期'}"
            matches[i] = replace(matches[i], told=(*matches[i].told, told))
    held = values.astype(object).where(values.notna(), None).to_dict("records")
    return [
        _row(table.listed.sheet, lines[i], {str(k): v for k, v in held[i].items()}, matches[i])
        for i in range(len(rows))
    ]


def _row(sheet: str, line: int, value: dict[str, Any], found: Match) -> Row:
    money = next(
        (int(value[f]) for f in ("amount", "fund_pay_sumamt", "medfee_sumamt") if value.get(f) is not None), None
    )
    day = next(
        (
            pd.Timestamp(value[f]).date()
            for f in ("fee_ocur_time", "setl_time", "endtime", "begntime")
            if value.get(f) is not None
        ),
        None,
    )
    number = str(value.get("number") or value.get("serial") or line)
    kind = str(value.get("kind") or value.get("told") or "")
    item = str(value.get("item") or value.get("med_list_codg") or "")
    return Row(sheet, line, number[:64], kind[:200], item[:200], money, day, found)


def triaged(
    rows: Sequence[Row],
    claims: Claims,
    warehouse: Path | str,
    as_of: date,
    looked: Looked,
    listed: Mapping[Subject, str],
    known: Mapping[Subject, Mapping[str, str]],
    large_yuan: float = LARGE_YUAN,
) -> list[Row]:
    """Every row with its heap. looked: `hits_of`; listed: subject → where it stands on a list in force; known: subject → decided, in_hand, appealed, as the desk says."""
    bills = claims.bills.drop_duplicates("setl_id", keep="last").set_index("setl_id")
    lines = lines_of(warehouse, as_of, {s for r in rows if r.match.found for s in r.match.bills})
    by_bill = {str(k): v for k, v in lines.groupby("setl_id")}
    told = claims.stays.set_index("mdtrt_id") if len(claims.stays) else pd.DataFrame()
    has_lines, has_diagnoses = len(lines) > 0, len(told) > 0 and bool(told["dscg_maindiag_code"].notna().any())
    decided = _decided(warehouse, as_of)
    hits = looked.hits
    labels = {str(f.rule): (f.label, f.kind == "hard") for f in reversed(rules_of())}
    by_visit = {str(k): v for k, v in hits.groupby("record_visit")} if len(hits) else {}
    by_subject = {(str(g), str(e)): v for (g, e), v in hits.groupby(["grain", "entity_id"])} if len(hits) else {}
    seen: dict[tuple[Any, ...], str] = {}
    out = []
    for row in rows:
        m = row.match
        subject = m.subject
        key = (m.stay or m.psn_no or m.unit, m.bills, row.kind, row.item, row.amount_fen, row.happened)
        repeats = seen.get(key, "") if m.found else ""
        seen.setdefault(key, f"{row.sheet} 第{row.line}行")
        same = by_visit.get(m.stay)
        mine = [h for g, e in {subject, ("person", m.psn_no)} if (h := by_subject.get((g, e))) is not None]
        lacks, wrong = _record(row, by_bill, told, bills, has_lines, has_diagnoses)
        ended = bills.loc[list(m.bills), "endtime"].max() if m.found and m.bills else row.happened
        desk = known.get(subject, {})
        facts = Facts(
            found=m.found,
            how=m.how,
            kind=row.kind,
            amount_fen=row.amount_fen or 0,
            hits=_hits(same if m.found else None, mine, labels),
            listed=listed.get(subject, ""),
            lacks=lacks,
            decided=(desk.get("decided", "") if subject[0] == "admission" else "")
            or _about(decided.get(subject, []), ended),
            in_hand=desk.get("in_hand", ""),
            appealed=desk.get("appealed", ""),
            refunded=bool(m.bills) and m.found and all(b in claims.refunded for b in m.bills),
            ended=None if ended is None or pd.isna(ended) else pd.Timestamp(ended).date(),
            repeats=repeats,
            told=(*m.told, *wrong),
            looked=subject in looked.subjects,
        )
        out.append(replace(row, facts=facts, sorted=sort(facts, as_of, large_yuan)))
    return out


def _hits(
    same: pd.DataFrame | None, mine: Sequence[pd.DataFrame], labels: Mapping[str, tuple[str, bool]]
) -> tuple[Hit, ...]:
    found: dict[str, Hit] = {}
    if same is not None:
        for rule, group in same.drop_duplicates(["rule", "row_table", "row_id"]).groupby("rule"):
            label, hard = labels[str(rule)]
            found[str(rule)] = Hit(str(rule), label, hard, True, int(group["fen"].fillna(0).sum()))
    for rule in sorted({str(r) for frame in mine for r in frame["rule"]} - set(found)):
        found[rule] = Hit(rule, *labels[rule], False)
    return tuple(sorted(found.values(), key=lambda h: (not h.same, not h.hard, -h.fen, h.rule)))


def _record(row: Row, by_bill: Mapping[str, pd.DataFrame], told: pd.DataFrame, bills: pd.DataFrame, has_lines: bool, has_diagnoses: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:  # fmt: skip
    """(what our record of it lacks, what the row says that the record does not bear out)."""
    m = row.match
    if not m.found or not m.bills:
        return (), ()
    lacks, wrong = [], []
    mine = [by_bill[b] for b in m.bills if b in by_bill]
    if has_lines and not mine:
        lacks.append("该结算没有费用明细")
    if m.inpatient and has_diagnoses and (m.stay not in told.index or pd.isna(told["dscg_maindiag_code"].get(m.stay))):
        lacks.append("没有出院主诊断")
    if m.inpatient and bills.loc[list(m.bills), "endtime"].isna().all():
        lacks.append("没有出院时间")
    if row.item and mine:
        own = pd.concat(mine)
        named = own["hilist_name"].fillna("").astype(str)
        like = own[
            (own["med_list_codg"].fillna("") == row.item)
            | (named == row.item)
            | named.map(lambda n: len(n) > 1 and (n in row.item or row.item in n))
        ]
        if like.empty:
            wrong.append(f"所列项目“{row.item[:20]}”不在该结算的明细中")
        elif row.amount_fen and row.amount_fen > (total := int(like["det_item_fee_sumamt_fen"].sum())) + 1:
            wrong.append(f"所列金额大于该项目在这次就诊的合计 {total / 100:,.2f} 元")
    return tuple(lacks), tuple(wrong)


def _decided(warehouse: Path | str, as_of: date) -> dict[Subject, list[tuple[pd.Timestamp, str]]]:
    """Subject → (end of the period inspected, what was found), the last known last."""
    found = read_findings(Warehouse.open(warehouse), moment_of(as_of))
    mine = found[found["conclusive"].astype(bool) & found["grain"].isin(["admission", "person"])]
    words = {"confirmed": "查实", "refuted": "排除", "error": "差错"}
    out: dict[Subject, list[tuple[pd.Timestamp, str]]] = {}
    for r in mine.sort_values("known_at", kind="stable").to_dict("records"):
        told = (
            f"{pd.Timestamp(r['known_at']):%Y-%m-%d} {words.get(r['outcome'], r['outcome'])}（检查 {r['finding_id']}）"
        )
        out.setdefault((r["grain"], r["entity_id"]), []).append((pd.Timestamp(r["period_end"]), told))
    return out


def _about(findings: Sequence[tuple[pd.Timestamp, str]], ended: Any) -> str:
    """The last finding whose period holds what ended then; '' for none."""
    if ended is None or pd.isna(ended):
        return ""
    return next((told for until, told in reversed(findings) if pd.Timestamp(ended).normalize() <= until), "")


def hits_of(warehouse: Path | str, as_of: date, rows: Sequence[Row], claims: Claims) -> Looked:
    """What our rules hit about the subjects of these rows, with the visit of each claim row behind it; stays as old as the oldest of them are looked at."""
    found = [r.match for r in rows if r.match.found]
    mine = {s for m in found if m.inpatient for s in m.bills}
    oldest = claims.bills.loc[claims.bills["setl_id"].isin(mine), "begntime"].min()
    days = GRAINS["admission"].window_days
    if not pd.isna(oldest):
        days = max(days, -(-((pd.Timestamp(as_of) - pd.Timestamp(oldest)).days + 1) // ROUND_DAYS) * ROUND_DAYS)
    wanted: dict[Grain, set[str]] = {
        "admission": {m.stay for m in found if m.inpatient},
        "person": {m.psn_no for m in found if m.psn_no},
        "institution": {m.unit for m in found if m.subject[0] == "institution"},
    }
    windows: dict[Grain, int] = {"admission": days} if days > GRAINS["admission"].window_days else {}
    hits = hit_rows(warehouse, as_of, None, wanted, records=True, windows=windows)
    looked = {
        (g, str(e))
        for g, ids in wanted.items()
        if ids
        for e in build(warehouse, as_of, g, windows.get(g)).entities().index
        if str(e) in ids
    }
    return Looked(hits, frozenset(looked))


def counts(rows: Sequence[Row]) -> dict[str, dict[str, int]]:
    """How many rows by match and by heap."""
    return {
        "match": {zh: sum(r.match.level == level for r in rows) for level, zh in LEVELS.items()},
        "tier": {tier: sum(r.sorted is not None and r.sorted.tier == tier for r in rows) for tier in TIERS},
    }


def told_of(sent: Sent) -> list[str]:
    """The proposal of columns, sheet by sheet, as a terminal shows it."""
    out = []
    for table in sent.tables:
        out.append(
            f"“{table.listed.sheet}”页：表头在第{table.listed.line}行，疑点 {len(table.listed.rows) - len(table.foot)} 行"
            + (f"，表尾 {len(table.foot)} 行不是疑点" if table.foot else "")
        )
        for c in table.choices:
            mark = "" if c.used else "　存疑，未采用；确认请加 --column " + f"{c.title}={c.field}"
            out.append(f"  {at(c.at, table.listed.line)} {c.title} → {BY_NAME[c.field].zh}（{c.why}）{mark}")
        chosen = {c.at for c in table.choices}
        if others := [t for j, t in enumerate(table.listed.titles) if t and j not in chosen]:
            out.append("  未用的列：" + "、".join(others))
    out += [f"“{name}”页不像疑点清单，未读" for name in sent.unread]
    return out
