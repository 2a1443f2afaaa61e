"""自查自纠: a unit's own report against the scan of that unit by all rules: what both found, what only the unit reported, what only the scan found; yuan and rows of each.

A visit is the measure: the report names bills or lines, rules name lines, bills and stays. KPI and DQ rules stay out: they speak of a unit's averages, not of a visit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import pandas as pd
import xlsxwriter

from claims.errors import UserError
from claims.store.files import PRIVATE, SEAL, put, read_sealed, sealed
from features.checking.hits import hit_rows, rules_of
from features.grains import SCHEMES, Grain
from inspection.known import BILL, Reader, not_refunded, units_of
from inspection.sent import Row, Sent
from inspection.sorting import rules_like

BOTH, UNIT, SCAN, LOST = "both", "unit", "scan", "lost"
GROUPS: Final = {BOTH: "双方都查出", UNIT: "只有机构自报", SCAN: "只有规则查出", LOST: "自报未匹配"}
REMEDY: Final = "请重新运行 xiezhi selfcheck"
SHOWN: Final = 20
FORM: Final = {
    "序号": 6, "结算编号": 22, "就诊编号": 22, "人员编号": 22, "项目编码": 20, "项目名称": 22, "数量": 8, "涉及金额（元）": 14, "问题类型": 16, "费用发生时间": 18, "情况说明": 36,
}  # fmt: skip
FORM_ROWS: Final = 500


@dataclass(frozen=True)
class Scan:
    """What our rules hit at a unit: hits with RECORDS, and the settlements there in the period (BILL)."""

    hits: pd.DataFrame
    bills: pd.DataFrame


def scan(warehouse: Path | str, unit: str, as_of: date, days: int) -> Scan:
    """Every hit of a rule about a visit at this unit in the last `days`. UserError for a unit nobody knows, or one without settlements then."""
    with Reader(warehouse, as_of) as reader:
        if unit not in units_of(reader):
            raise UserError(f"--unit {unit}：本库没有这家机构；请检查编码")
        bills = reader.rows("settlements", BILL, "f.fixmedins_code IN (SELECT unnest($u))", u=[unit])
    since = pd.Timestamp(as_of) - pd.Timedelta(days=days)
    bills = not_refunded(bills)
    bills = bills[bills["setl_time"] > since]
    if bills.empty:
        raise UserError(f"--unit {unit}：{as_of} 前 {days} 天没有结算；请换一个日期或加大 --days")
    stays = set(bills.loc[bills["is_inpatient"].fillna(False).astype(bool), "mdtrt_id"])
    wanted: dict[Grain, set[str]] = {"admission": stays, "person": set(bills["psn_no"]), "institution": {unit}}
    windows: dict[Grain, int] = {"admission": max(days, 90), "person": max(days, 90), "institution": max(days, 180)}
    hits = hit_rows(warehouse, as_of, about_visits(), wanted, records=True, windows=windows)
    return Scan(hits[hits["record_visit"].isin(set(bills["mdtrt_id"]))], bills)


def about_visits() -> list[str]:
    """The rules that name visits."""
    return sorted({str(f.rule) for f in rules_of() if f.kind in ("hard", "lead")})


def visit_fen(hits: pd.DataFrame, bills: pd.DataFrame) -> dict[str, int]:
    """Visit → fen at risk by its hits, counted once: a line once whichever rules hit it, no more than the visit cost."""
    whole = bills.groupby("mdtrt_id")["medfee_sumamt_fen"].sum()
    rows = (
        hits.assign(fen=hits["fen"].fillna(0).astype("float64"))
        .sort_values("fen")
        .drop_duplicates(["record_visit", "row_table", "row_id"], keep="last")
    )
    fine = rows["row_table"] == "fee_details"
    lines = rows[fine].groupby("record_visit")["fen"].sum()
    coarse = rows[~fine].groupby("record_visit")["fen"].max()
    return {
        str(v): int(min(max(lines.get(v, 0), coarse.get(v, 0)), whole.get(v, 0))) for v in rows["record_visit"].unique()
    }


def compare(sent: Sent, rows: Sequence[Row], unit: str, found: Scan) -> dict[str, Any]:
    """The groups with their visits, yuan and rows. rows: of `inspection.sent.matched`; those of another unit or matched to no single visit are LOST, with why."""
    labels = {str(f.rule): (re.sub(r"^R\d+ ", "", f.label), f.kind == "hard") for f in reversed(rules_of())}
    fen, by_visit = visit_fen(found.hits, found.bills), {str(k): v for k, v in found.hits.groupby("record_visit")}
    days = found.bills.groupby("mdtrt_id")["setl_time"].max()
    told: dict[str, list[Row]] = {}
    lost: list[dict[str, Any]] = []
    for row in rows:
        m = row.match
        why = (
            m.how
            if not m.found
            else ""
            if m.unit == unit and m.stay
            else "不是本机构的就诊"
            if m.unit != unit
            else "没有写明哪一次就诊"
        )
        why = why or ("" if m.stay in days.index else "不在比对的期间内")
        if why:
            lost.append(
                {
                    "where": f"{row.sheet} 第{row.line}行",
                    "why": "；".join([why, *m.told]),
                    "reported_fen": row.amount_fen or 0,
                    "kind": row.kind,
                }
            )
        else:
            told.setdefault(m.stay, []).append(row)
    groups: dict[str, list[dict[str, Any]]] = {BOTH: [], UNIT: [], SCAN: []}
    for visit in sorted(set(told) | set(fen)):
        mine, hits = told.get(visit, []), by_visit.get(visit)
        rules = sorted({str(r) for r in hits["rule"]}) if hits is not None else []
        groups[BOTH if mine and rules else UNIT if mine else SCAN].append(
            {
                "mdtrt_id": visit, "day": f"{days[visit]:%Y-%m-%d}", "reported_fen": sum(r.amount_fen or 0 for r in mine), "scan_fen": fen.get(visit, 0),
                "where": [f"{r.sheet} 第{r.line}行" for r in mine], "kinds": sorted({r.kind for r in mine if r.kind}), "alike": any(like in rules for r in mine for like in rules_like(r.kind)),
                "rules": [labels[r][0] for r in rules], "hard": any(labels[r][1] for r in rules),
                "rows": [] if hits is None else [f"{t}:{i}" for t, i in dict.fromkeys(zip(hits["row_table"], hits["row_id"], strict=True))][:SHOWN],
                "rows_all": 0 if hits is None else len(hits.drop_duplicates(["row_table", "row_id"])),
            }
        )  # fmt: skip
    for visits in groups.values():
        visits.sort(key=lambda v: (-max(v["scan_fen"], v["reported_fen"]), v["mdtrt_id"]))
    return {
        "came": sent.rows,
        "matched": sum(map(len, told.values())),
        "visits": int(found.bills["mdtrt_id"].nunique()),
        "groups": groups,
        LOST: lost,
        "totals": totals(groups, lost),
    }


def totals(
    groups: Mapping[str, Sequence[Mapping[str, Any]]], lost: Sequence[Mapping[str, Any]]
) -> dict[str, dict[str, int]]:
    """Per group: visits (rows of LOST), yuan the unit reported and yuan the scan names, in fen; of SCAN those by hard rules apart."""
    found = {
        name: {"n": len(visits), "reported_fen": sum(v["reported_fen"] for v in visits), "scan_fen": sum(v["scan_fen"] for v in visits),
               "hard": sum(v["hard"] for v in visits), "hard_fen": sum(v["scan_fen"] for v in visits if v["hard"])}
        for name, visits in groups.items()
    }  # fmt: skip
    return found | {
        LOST: {
            "n": len(lost),
            "reported_fen": sum(v["reported_fen"] for v in lost),
            "scan_fen": 0,
            "hard": 0,
            "hard_fen": 0,
        }
    }


def text_of(document: Mapping[str, Any]) -> str:
    """In Chinese, for a terminal."""
    lines = [
        f"{document['unit']} {document['unit_name']}：{document['as_of']} 前 {document['days']} 天，就诊 {document['visits']} 次；自报 {document['came']} 行，匹配 {document['matched']} 行"
    ]
    for name, zh in GROUPS.items():
        t = document["totals"][name]
        lines.append(
            f"  {zh}：{t['n']} {'行' if name == LOST else '次就诊'}，自报 {t['reported_fen'] / 100:,.2f} 元，规则 {t['scan_fen'] / 100:,.2f} 元"
            + (f"（明确违规类规则 {t['hard']} 次，{t['hard_fen'] / 100:,.2f} 元）" if t["hard"] else "")
        )
    lines += [f"  未匹配 {r['where']}：{r['why']}" for r in document[LOST][:10]]
    return "\n".join([*lines, "规则查出的是疑点，不是违规结论；机构没有自报不等于隐瞒"])


def keep(warehouse: Path, document: Mapping[str, Any]) -> Path:
    """Write the comparison sealed into WAREHOUSE/selfchecks; an earlier one of the same unit and day is replaced."""
    path = warehouse / "selfchecks" / f"{document['unit']}-{document['as_of']}.json"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    put(path, sealed({k: v for k, v in document.items() if k != SEAL}), PRIVATE)
    return path


def kept(warehouse: Path) -> list[dict[str, Any]]:
    """Every comparison, the newest day first, without its visits."""
    found = [read_sealed(p, REMEDY) for p in (warehouse / "selfchecks").glob("*.json")]
    return sorted(
        ({k: v for k, v in d.items() if k not in ("groups", LOST, SEAL)} for d in found),
        key=lambda d: (d["as_of"], d["unit"]),
        reverse=True,
    )


def one(warehouse: Path, unit: str, as_of: str) -> dict[str, Any]:
    """One comparison. UserError where there is none."""
    path = warehouse / "selfchecks" / f"{unit}-{as_of}.json"
    if not re.fullmatch(r"[\w-]{1,64}", unit) or not re.fullmatch(r"\d{4}-\d\d-\d\d", as_of) or not path.is_file():
        raise UserError("没有这份自查比对")
    return {k: v for k, v in read_sealed(path, REMEDY).items() if k != SEAL}


def blank_form(out: Path, unit: str = "", name: str = "") -> None:
    """The form for units (.xlsx): numbers as text, kinds from a drop-down, the header locked. UserError where it cannot be written."""
    try:
        with xlsxwriter.Workbook(str(out), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
            sheet, kinds = book.add_worksheet("自查自纠"), book.add_worksheet("问题类型")
            bold = book.add_format(
                {"bold": True, "border": 1, "bg_color": "#DDEBF7", "text_wrap": True, "align": "center"}
            )
            title = book.add_format({"bold": True, "font_size": 14, "align": "center"})
            words, figures, days = (
                book.add_format({"border": 1, "locked": False, "num_format": f}) for f in ("@", "0.00", "yyyy-mm-dd")
            )
            sheet.merge_range(0, 0, 0, len(FORM) - 1, "定点医药机构自查自纠表", title)
            sheet.write_string(
                1, 0, f"机构：{unit} {name}　　一行一个项目；结算编号、就诊编号至少填一个，按文本填写；金额单位为元。"
            )
            for j, (head, width) in enumerate(FORM.items()):
                sheet.write_string(2, j, head, bold)
                sheet.set_column(j, j, width)
                looks = figures if head in ("数量", "涉及金额（元）") else days if head == "费用发生时间" else words
                for i in range(3, 3 + FORM_ROWS):
                    sheet.write_blank(i, j, None, looks)
            for i, zh in enumerate(SCHEMES.values()):
                kinds.write_string(i, 0, zh)
            column = list(FORM).index("问题类型")
            sheet.data_validation(
                3,
                column,
                2 + FORM_ROWS,
                column,
                {"validate": "list", "source": f"=问题类型!$A$1:$A${len(SCHEMES)}", "error_type": "warning"},
            )
            kinds.hide()
            sheet.freeze_panes(3, 0)
            sheet.repeat_rows(0, 2)
            sheet.set_landscape()
            sheet.fit_to_pages(1, 0)
            sheet.protect("", {"format_columns": True, "format_rows": True})
    except (OSError, xlsxwriter.exceptions.FileCreateError) as error:
        raise UserError(f"{out}：不能写入（{error}）；请检查路径") from None
