"""Every table a bureau can send and every table the warehouse keeps, column by column.

A new table is one declaration: in claims/schema/support_tables.py, or here where it shares columns with others.
Reading, checking, versions, as-of views and docs/tables.md follow from it.
"""

from __future__ import annotations

from claims.errors import DeclarationError
from claims.schema.core_columns import (
    ADMISSION,
    DERIVED,
    DISCHARGE,
    DOCTORS,
    INSTITUTIONS,
    LINES,
    MDTRT_ID,
    MONEY,
    PERSONS,
    SETL_ID,
    SETTLE_TAIL,
    TIMES,
    VALI,
    WHO,
)
from claims.schema.knowledge import Derived, Dimension, Event, Ledger, Split
from claims.schema.support_tables import SUPPORT
from claims.schema.table import Layout, Table, columns

LAYOUT_KEY: dict[str, str] = {"person": "psn_no", "institution": "fixmedins_code"}
#: A fact lies in both layouts, so that a bucket of either holds all rows of its persons or institutions.
BOTH: tuple[Layout, ...] = ("person", "institution")

#: What one exported row of settlements tells of (contract.md §1.2).
PARTS = ("visits", "discharges", "settlements")

_BEGUN = TIMES.strip().splitlines()[0]
_SETTLED = """
mdtrt_cert_type 就诊凭证类型 code
insuplc_admdvs 参保地医保区划 code QI
out_flag 异地标志 code QI
atddr_no 主治医师编码 code PR
opt_diag_code 门诊主诊断 code HE
dise_codg 病种编码 code HE
"""


def _lines(*parts: str) -> str:
    return "\n".join(parts)


def _tables(*tables: Table) -> dict[str, Table]:
    named: dict[str, Table] = {}
    for table in tables:
        if table.name in named:
            raise DeclarationError(
                f"{table.where}: table {table.name} is already declared at {named[table.name].where}"
            )
        named[table.name] = table
    return named


#: One row a kind of thing, sent and kept alike.
_DIMENSIONS = (
    Table(
        "persons",
        "参保人",
        ("psn_no", "insutype"),
        columns(PERSONS),
        layouts=("person",),
        required=True,
        knowledge=Dimension(
            current=("balc", "psn_insu_stas"),
            dated=(("death_date",), ("paus_insu_date",), ("opsp_begndate", "opsp_dise_code")),
        ),
        aliases=("参保人员", "人员", "参保"),
        identity=("gend", "brdy"),
    ),
    Table(
        "institutions",
        "定点医药机构",
        ("fixmedins_code",),
        columns(INSTITUTIONS),
        required=True,
        knowledge=Dimension(current=("agreement_stas", "cred_lv", "vali_flag", "endtime")),
        aliases=("定点机构", "医疗机构", "医药机构", "机构"),
        identity=("fixmedins_name", "hosp_lv"),
    ),
    Table(
        "doctors",
        "医保医师",
        ("dr_codg", "fixmedins_code"),
        columns(DOCTORS),
        knowledge=Dimension(current=("hi_serv_stas", "penalty_points"), dated=(("begndate",), ("enddate",))),
        aliases=("医师", "医生"),
    ),
)

#: What a bureau sends, by table (contract.md §2).
SOURCE: dict[str, Table] = _tables(
    *_DIMENSIONS,
    Table(
        "settlements",
        "结算",
        ("setl_id",),
        columns(_lines(SETL_ID, MDTRT_ID, WHO, TIMES, ADMISSION, DISCHARGE, MONEY, SETTLE_TAIL, VALI)),
        required=True,
        knowledge=Split(PARTS),
        aliases=("医保结算", "费用结算", "结算单"),
    ),
    Table(
        "fee_details",
        "费用明细",
        ("mdtrt_id", "feedetl_sn"),
        columns(LINES),
        knowledge=Event("fee_ocur_time"),
        aliases=("收费明细", "费用清单", "明细"),
    ),
    *SUPPORT,
)

#: What the warehouse keeps (docs/design.md §3).
CANONICAL: dict[str, Table] = _tables(
    Table(
        "visits",
        "就诊登记",
        ("mdtrt_id",),
        columns(_lines(MDTRT_ID, WHO, DERIVED, _BEGUN, ADMISSION)),
        layouts=BOTH,
        knowledge=Event("begntime"),
    ),
    Table(
        "discharges",
        "出院登记",
        ("mdtrt_id",),
        columns(
            _lines(
                MDTRT_ID,
                WHO,
                DERIVED,
                "begntime 就诊开始时间 datetime HE",
                "endtime 就诊结束时间 datetime ! HE",
                DISCHARGE,
            )
        ),
        layouts=BOTH,
        knowledge=Event("endtime"),
    ),
    Table(
        "settlements",
        "结算",
        ("setl_id",),
        columns(_lines(SETL_ID, MDTRT_ID, WHO, DERIVED, TIMES, _SETTLED, MONEY, SETTLE_TAIL)),
        layouts=BOTH,
        knowledge=Event("begntime", known=("setl_time",)),
    ),
    Table(
        "fee_details",
        "费用明细",
        ("mdtrt_id", "feedetl_sn"),
        columns(LINES + "setl_known_at 结算知悉时间 datetime"),
        layouts=BOTH,
        knowledge=SOURCE["fee_details"].knowledge,
    ),
    *_DIMENSIONS,
    *SUPPORT,
    Table(
        "superseded",
        "已被取代的版本",
        ("table_name", "key", "version_no"),
        columns("""
            table_name 表 code !
            key 键 code ! ID
            psn_no 人员编号 code ID
            fixmedins_code 定点医药机构编号 code
            version_no 版本 int !
            superseded_at 取代时间 datetime !
        """),
        layouts=("person", "institution", "all"),
        knowledge=Ledger("superseded_at"),
    ),
    Table(
        "clock_collapsed",
        "时钟塌缩的机构日",
        ("fixmedins_code", "day"),
        columns("""
            fixmedins_code 定点医药机构编号 code !
            day 日期 date !
        """),
        knowledge=Derived("day"),
    ),
)
#: The facts: what lies in both layouts.
FACTS: tuple[str, ...] = tuple(name for name, table in CANONICAL.items() if table.layouts == BOTH)


def happened_in(source: Table) -> str:
    """Column of a source table that says when what it tells of began; empty if none does."""
    if isinstance(source.knowledge, Split):
        source = CANONICAL[source.knowledge.parts[0]]
    return source.happened.name if source.happened else ""


def moments_of(source: Table) -> tuple[str, ...]:
    """Columns of a source table that say when something it tells of could be known."""
    match source.knowledge:
        case Event() as event:
            return event.moments
        case Split(parts):
            return tuple(m for part in parts for m in moments_of(CANONICAL[part]))
        case _:
            return ()
