"""The quality gate (tables.md §6.1): what must be known about the data before anyone is ranked on it.

Intake measures each batch (claims/intake/quality_facts.py) and keeps the figures in the manifest; `check` reads them
and says what stops a list (``stop``) or must be written on it (``warn``). Blank doctors never form a doctor, and a
unit-day whose clock is collapsed gives no minute-level features.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from claims.store.warehouse import Warehouse

BLANK_DOCTORS, DROP, UNBALANCED, DRIFT = 0.5, 0.5, 0.02, 0.2


@dataclass(frozen=True)
class QualityFinding:
    """One thing wrong with the data: `stop` stops the list, `warn` is printed on it. `scope` is a table, unit or
    month."""

    code: str
    severity: Literal["stop", "warn"]
    zh: str
    en: str
    scope: str = ""


def check(warehouse: Warehouse, as_of: date | datetime | None = None) -> list[QualityFinding]:
    """What stands against ranking on this warehouse; worst first. `as_of` limits the volume check to months before
    it."""
    facts = warehouse.facts
    batches: dict[str, dict[str, Any]] = facts.get("by_batch", {})
    found: list[QualityFinding] = []
    if not warehouse.entries("settlements"):
        return [
            QualityFinding(
                "no_claims", "stop", "仓库中没有结算数据", "the warehouse holds no settlements", "settlements"
            )
        ]
    settled = sum(b.get("settled", 0) for b in batches.values())
    unbalanced = sum(b.get("unbalanced", 0) for b in batches.values())
    if settled and unbalanced / settled > UNBALANCED:
        share = unbalanced / settled
        severity: Literal["stop", "warn"] = (
            "stop" if share > 0.5 and "acct_pay_fen" in warehouse.columns("settlements") else "warn"
        )
        found.append(
            QualityFinding(
                "sums_do_not_net",
                severity,
                f"{share:.1%}的结算总额与各支付项之和不符",
                f"{share:.1%} of settlements differ from the sum of their parts",
                "settlements",
            )
        )
    lines = sum(b.get("lines", 0) for b in batches.values())
    blank = sum(b.get("blank_doctor_lines", 0) for b in batches.values())
    if lines and blank / lines > BLANK_DOCTORS:
        found.append(
            QualityFinding(
                "blank_doctors",
                "warn",
                f"{blank / lines:.0%}的明细没有医师编码，医师不单独成为排查对象",
                f"{blank / lines:.0%} of lines carry no doctor; blanks never form a doctor",
                "fee_details",
            )
        )
    off = sum(b.get("line_check_off", 0) for b in batches.values())
    if lines and off / lines > UNBALANCED:
        found.append(
            QualityFinding(
                "line_sums_off",
                "warn",
                f"{off / lines:.1%}的明细金额与数量乘单价不符",
                f"{off / lines:.1%} of line amounts differ from quantity times price",
                "fee_details",
            )
        )
    found += _volume(batches, as_of) + _drift(batches)
    if collapsed := warehouse.rows("clock_collapsed"):
        found.append(
            QualityFinding(
                "clock_collapsed",
                "warn",
                f"{collapsed}个机构日为批量上传的时间，分钟级指标对其关闭",
                f"{collapsed} unit-days carry batch-uploaded times; minute-level features are off there",
                "clock_collapsed",
            )
        )
    if lost := facts.get("lost_certificates", 0):
        found.append(
            QualityFinding(
                "lost_certificates",
                "warn",
                f"{lost}个证件号码被表格软件损坏，已弃用",
                f"{lost} certificate numbers were destroyed by a spreadsheet and dropped",
                "persons",
            )
        )
    absent = sorted({w for w in ("fee_details", "persons", "institutions") if not warehouse.entries(w)})
    found += [
        QualityFinding(
            "table_absent",
            "warn",
            f"缺少表{w}，依赖它的指标不可评估",
            f"table {w} is absent; what depends on it is not evaluable",
            w,
        )
        for w in absent
    ]
    return sorted(found, key=lambda f: (f.severity != "stop", f.code, f.scope))


def _volume(batches: dict[str, dict[str, Any]], as_of: date | datetime | None) -> list[QualityFinding]:
    months: dict[str, int] = {}
    for facts in batches.values():
        for month, n in facts.get("months", {}).items():
            months[month] = months.get(month, 0) + n
    limit = f"{as_of:%Y-%m}" if as_of else max(months, default="")
    whole = sorted(m for m in months if m < limit)[1:]  # the first and the running month are usually cut
    found = []
    for i, month in enumerate(whole[3:], start=3):
        usual = sorted(months[m] for m in whole[max(0, i - 6) : i])[len(whole[max(0, i - 6) : i]) // 2]
        if months[month] < DROP * usual:
            found.append(
                QualityFinding(
                    "volume_drop",
                    "warn",
                    f"{month}结算量仅为此前的{months[month] / usual:.0%}，可能缺数",
                    f"settlements of {month} are {months[month] / usual:.0%} of the months before; rows may be missing",
                    month,
                )
            )
    return found


def _drift(batches: dict[str, dict[str, Any]]) -> list[QualityFinding]:
    found = []
    names = sorted(batches)
    for column, table in (("med_type", "settlements"), ("med_chrgitm_type", "fee_details")):
        held = [batches[b][column] for b in names if batches[b].get(column)]
        if len(held) < 2 or sum(held[-1].values()) < 200:
            continue
        before: dict[str, int] = {}
        for counts in held[:-1]:
            for code, n in counts.items():
                before[code] = before.get(code, 0) + n
        a, b = sum(before.values()), sum(held[-1].values())
        moved = sum(abs(before.get(c, 0) / a - held[-1].get(c, 0) / b) for c in {*before, *held[-1]}) / 2
        if moved > DRIFT:
            found.append(
                QualityFinding(
                    "code_drift",
                    "warn",
                    f"最近一批的{column}构成与此前相差{moved:.0%}，请核对代码表",
                    f"{column} of the last batch differs by {moved:.0%} from before; check the code table",
                    table,
                )
            )
    return found
