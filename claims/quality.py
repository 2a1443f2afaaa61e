"""The quality gate (contract.md §6.1): what must be known about the data before anyone is ranked on it.

Intake measures each batch (claims/intake/quality_facts.py) and keeps the figures in the manifest; `check` reads them
and says what stops a list (``stop``) or must be written on it (``warn``). Blank doctors never form a doctor, and a
unit-day whose clock is collapsed gives no minute-level features.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from claims.settings import settings
from claims.store.warehouse import Warehouse
from claims.unmapped import unmapped

BLANK_DOCTORS, DROP, UNBALANCED, WRONG, DRIFT = 0.5, 0.5, 0.02, 0.5, 0.2
TOLD = 0.001
"""Share of codes nobody mapped from which a list says so."""
COMPARABLE, SOME = 0.5, 20
"""Share of the delivery before from which the last is compared with it, and settlements a unit must have had."""
FEWEST = 200
"""Rows of a batch from which its codes are compared."""
EXPECTED = ("fee_details", "persons", "institutions")
Batches = dict[str, dict[str, Any]]
"""What intake measured, by batch (claims/intake/quality_facts.py)."""


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
    if not warehouse.entries("settlements"):
        return [
            QualityFinding(
                "no_claims", "stop", "仓库中没有结算数据", "the warehouse holds no settlements", "settlements"
            )
        ]
    batches: Batches = warehouse.facts.get("by_batch", {})
    found = [
        *_sums(batches, "acct_pay_fen" in warehouse.columns("settlements")),
        *_lines(batches),
        *_volume(batches, as_of),
        *_drift(batches),
        *_unmapped(batches, as_of),
        *_deliveries(batches),
        *_totals(batches),
        *_absent_units(batches),
        *_clocks(warehouse.rows("clock_collapsed")),
        *_certificates(sum(b.get("lost_certificates", 0) for b in batches.values())),
        *_tables({t for t in EXPECTED if not warehouse.entries(t)}),
    ]
    return sorted(found, key=lambda f: (f.severity != "stop", f.code, f.scope))


def _share(batches: Batches, part: str, whole: str) -> float:
    """What share of `whole`, counted over all batches, is `part`; 0 where there is none."""
    n = sum(b.get(whole, 0) for b in batches.values())
    return sum(b.get(part, 0) for b in batches.values()) / n if n else 0.0


def _sums(batches: Batches, complete: bool) -> Iterator[QualityFinding]:
    """Settlements whose parts do not add up. Where the account's part is there, most of them being off stops the list:
    the money is misread.
    """
    share = _share(batches, "unbalanced", "settled")
    if share > UNBALANCED:
        yield QualityFinding(
            "sums_do_not_net",
            "stop" if share > WRONG and complete else "warn",
            f"{share:.1%}的结算总额与各支付项之和不符",
            f"{share:.1%} of settlements differ from the sum of their parts",
            "settlements",
        )


def _lines(batches: Batches) -> Iterator[QualityFinding]:
    """Fee lines without a doctor, and lines whose amount is not quantity times price."""
    blank = _share(batches, "blank_doctor_lines", "lines")
    if blank > BLANK_DOCTORS:
        yield QualityFinding(
            "blank_doctors",
            "warn",
            f"{blank:.0%}的明细没有医师编码，医师不单独成为排查对象",
            f"{blank:.0%} of lines carry no doctor; blanks never form a doctor",
            "fee_details",
        )
    off = _share(batches, "line_check_off", "lines")
    if off > UNBALANCED:
        yield QualityFinding(
            "line_sums_off",
            "warn",
            f"{off:.1%}的明细金额与数量乘单价不符",
            f"{off:.1%} of line amounts differ from quantity times price",
            "fee_details",
        )


def _unmapped(batches: Batches, as_of: date | datetime | None) -> Iterator[QualityFinding]:
    """Coded columns with codes that mean nothing here: what rests on them would be wrong without a word."""
    limits = settings().limits
    for one in unmapped(batches, as_of):
        if one.share < TOLD:
            continue
        stops = one.coded.vital and one.share >= limits.mostly_unmapped
        after = "，依赖它的规则和指标不可评估" if one.share >= limits.unmapped else ""
        named = ", ".join(f"{code or '(blank)'}×{n}" for code, n in list(one.codes.items())[:5])
        yield QualityFinding(
            "unmapped_codes",
            "stop" if stops else "warn",
            f"{one.zh}{after}，请在对照文件中说明其含义",
            f"{one.share:.1%} of {one.coded.key} are codes nobody mapped ({named}); say in the mapping what they mean",
            one.coded.table,
        )


def _deliveries(batches: Batches) -> Iterator[QualityFinding]:
    """Files cut at a sheet's last row, and codes that one delivery gave to two."""
    cut = sorted({label for b in batches.values() for label in b.get("row_limit", ())})
    if cut:
        yield QualityFinding(
            "row_limit",
            "warn",
            f"{'、'.join(cut)}恰好止于表格行数上限，可能缺数",
            f"{', '.join(cut)} ends at the last row a sheet can hold; rows may be missing",
            "files",
        )
    for table, zh in (("persons", "人员编号"), ("institutions", "机构编码")):
        if shared := sum(b.get("shared_codes", {}).get(table, 0) for b in batches.values()):
            yield QualityFinding(
                "shared_codes",
                "warn",
                f"{shared}个{zh}在同一次报送中对应互相矛盾的两条记录",
                f"{shared} codes of {table} stand on contradicting rows of one delivery",
                table,
            )


def _totals(batches: Batches) -> Iterator[QualityFinding]:
    """Deliveries that are not what their control totals say, and units whose amounts are of another scale."""
    differ = [d for b in batches.values() for d in b.get("control_totals", ())]
    if differ:
        named = "；".join(f"{d['scope']} {d['what']}报{d['told']}实收{d['found']}" for d in differ[:3])
        more = f"等{len(differ)}项" if len(differ) > 3 else ""
        yield QualityFinding(
            "control_totals",
            "warn",
            f"实收数据与对账总数不符：{named}{more}",
            f"{len(differ)} control totals differ from what came",
            "control_totals",
        )
    for unit, doubt in {d["unit"]: d for b in batches.values() for d in b.get("scale_doubts", ())}.items():
        yield QualityFinding(
            "money_scale",
            "warn",
            f"机构{unit}的{doubt['kind']}金额为通常的{doubt['times']:g}倍，金额单位存疑",
            f"amounts of {unit} are {doubt['times']:g} times the usual; the unit of money is in doubt",
            unit,
        )


def _absent_units(batches: Batches) -> Iterator[QualityFinding]:
    """Units of some size in the delivery before that are not in the last, where the last is no mere correction."""
    sent = [b["totals"]["settlements"] for _, b in sorted(batches.items()) if "settlements" in b.get("totals", {})]
    if len(sent) < 2 or sent[-1]["all"][0] < COMPARABLE * sent[-2]["all"][0]:
        return
    gone = sorted(u for u, n in sent[-2]["units"].items() if n[0] >= SOME and u not in sent[-1]["units"])
    if gone:
        yield QualityFinding(
            "units_absent",
            "warn",
            f"最近一批没有{'、'.join(gone[:5])}{f'等{len(gone)}家机构' if len(gone) > 5 else ''}的结算，可能缺数",
            f"{len(gone)} units of the delivery before sent no settlement in the last",
            "settlements",
        )


def _clocks(days: int) -> Iterator[QualityFinding]:
    if days:
        yield QualityFinding(
            "clock_collapsed",
            "warn",
            f"{days}个机构日为批量上传的时间，分钟级指标对其关闭",
            f"{days} unit-days carry batch-uploaded times; minute-level features are off there",
            "clock_collapsed",
        )


def _certificates(lost: int) -> Iterator[QualityFinding]:
    if lost:
        yield QualityFinding(
            "lost_certificates",
            "warn",
            f"{lost}个证件号码被表格软件损坏，已弃用",
            f"{lost} certificate numbers were destroyed by a spreadsheet and dropped",
            "persons",
        )


def _tables(absent: set[str]) -> Iterator[QualityFinding]:
    for table in sorted(absent):
        yield QualityFinding(
            "table_absent",
            "warn",
            f"缺少表{table}，依赖它的指标不可评估",
            f"table {table} is absent; what depends on it is not evaluable",
            table,
        )


def _volume(batches: Batches, as_of: date | datetime | None) -> Iterator[QualityFinding]:
    """Months with less than half of what the months before had."""
    months: dict[str, int] = {}
    for facts in batches.values():
        for month, n in facts.get("months", {}).items():
            months[month] = months.get(month, 0) + n
    limit = f"{as_of:%Y-%m}" if as_of else max(months, default="")
    whole = sorted(m for m in months if m < limit)[1:]  # the first and the running month are usually cut
    for i, month in enumerate(whole[3:], start=3):
        earlier = sorted(months[m] for m in whole[max(0, i - 6) : i])
        median = earlier[len(earlier) // 2]
        if months[month] < DROP * median:
            yield QualityFinding(
                "volume_drop",
                "warn",
                f"{month}结算量仅为此前的{months[month] / median:.0%}，可能缺数",
                f"settlements of {month} are {months[month] / median:.0%} of the months before; rows may be missing",
                month,
            )


def _drift(batches: Batches) -> Iterator[QualityFinding]:
    """Codes whose shares in the last batch differ from all before it."""
    names = sorted(batches)
    for column, table in (("med_type", "settlements"), ("med_chrgitm_type", "fee_details")):
        held = [batches[b][column] for b in names if batches[b].get(column)]
        if len(held) < 2 or sum(held[-1].values()) < FEWEST:
            continue
        before: dict[str, int] = {}
        for counts in held[:-1]:
            for code, n in counts.items():
                before[code] = before.get(code, 0) + n
        a, b = sum(before.values()), sum(held[-1].values())
        moved = sum(abs(before.get(c, 0) / a - held[-1].get(c, 0) / b) for c in {*before, *held[-1]}) / 2
        if moved > DRIFT:
            yield QualityFinding(
                "code_drift",
                "warn",
                f"最近一批的{column}构成与此前相差{moved:.0%}，请核对代码表",
                f"{column} of the last batch differs by {moved:.0%} from before; check the code table",
                table,
            )
