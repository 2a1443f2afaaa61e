"""Every table a bureau can send and every table the warehouse keeps, column by column.

One line declares one column: ``name 中文名 kind [!] [ID|QI|HE|FI|PR] [happened] [=alias,alias]``. ``!`` means required, the two letters are the
personal-data class. Kinds and their canonical form (docs/design.md, tables.md §1.1):

======== ============================== =======================================================
kind     source                         canonical column
======== ============================== =======================================================
code     string, zeros kept             ``name`` VARCHAR
text     string                         ``name`` VARCHAR
date     any accepted date              ``name`` DATE
datetime any accepted date and time     ``name`` TIMESTAMP (Asia/Shanghai wall time)
money    yuan, fen or 10,000 yuan       ``name_fen`` BIGINT, 分
price    yuan                           ``name_e6`` BIGINT, 1e-6 元 (``pric`` → ``pric_e6``)
qty      units                          ``name_e4`` BIGINT, 1e-4 unit (``cnt`` → ``cnt_e4``)
int      whole number                   ``name`` BIGINT
ratio    fraction or percent            ``name`` DOUBLE, 0–1
float    number                         ``name`` DOUBLE
bool     derived at intake              ``name`` BOOLEAN
======== ============================== =======================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

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
from claims.schema.support_columns import OPTIONAL

Kind = Literal["code", "text", "date", "datetime", "money", "price", "qty", "int", "ratio", "float", "bool"]
Layout = Literal["person", "institution", "all"]

SUFFIX: dict[str, str] = {"money": "_fen", "price": "_e6", "qty": "_e4"}
SQL_TYPE: dict[str, str] = {
    "code": "VARCHAR",
    "text": "VARCHAR",
    "date": "DATE",
    "datetime": "TIMESTAMP",
    "money": "BIGINT",
    "price": "BIGINT",
    "qty": "BIGINT",
    "int": "BIGINT",
    "ratio": "DOUBLE",
    "float": "DOUBLE",
    "bool": "BOOLEAN",
}
LAYOUT_KEY: dict[str, str] = {"person": "psn_no", "institution": "fixmedins_code"}


@dataclass(frozen=True)
class Column:
    """One column: official name, Chinese name, kind, and whether it is required, personal or a clock."""

    name: str
    zh: str
    kind: Kind
    required: bool = False
    personal: bool = False
    privacy: str = ""  # ID, QI, HE, FI, PR or "" (tables.md §9)
    clock: str = ""  # "happened" where the row's behaviour clock is this column
    aliases: tuple[str, ...] = ()

    @property
    def canonical(self) -> str:
        """Name in the warehouse: money gets ``_fen``, prices ``_e6``, quantities ``_e4``."""
        return self.name + SUFFIX.get(self.kind, "")

    @property
    def sql_type(self) -> str:
        """DuckDB type in the warehouse."""
        return SQL_TYPE[self.kind]


@dataclass(frozen=True)
class Table:
    """One table: its key, its columns, and the layouts in which the warehouse keeps it."""

    name: str
    zh: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    layouts: tuple[Layout, ...] = ("all",)
    required: bool = False

    def __getitem__(self, name: str) -> Column:
        """The column of that official or canonical name; KeyError if there is none."""
        for column in self.columns:
            if name in (column.name, column.canonical):
                return column
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return any(name in (c.name, c.canonical) for c in self.columns)

    @property
    def happened(self) -> Column | None:
        """The column that says when the row took place, if it has one."""
        return next((c for c in self.columns if c.clock == "happened"), None)

    @property
    def canonical_columns(self) -> dict[str, str]:
        """Canonical column name → DuckDB type, clocks and version included, in file order."""
        names = {c.canonical: c.sql_type for c in self.columns}
        if self.happened:
            names["happened_at"] = "TIMESTAMP"
        if self.name not in BARE:
            names |= {"known_at": "TIMESTAMP", "version_no": "INTEGER"}
        return names


BARE = ("superseded", "clock_collapsed")  # tables that describe others and carry no clocks of their own


def _columns(text: str) -> tuple[Column, ...]:
    made = []
    for line in filter(None, (part.strip() for part in text.splitlines())):
        name, zh, kind, *rest = line.split()
        privacy = next((r for r in rest if r in ("ID", "QI", "HE", "FI", "PR")), "")
        aliases = next((tuple(r[1:].split(",")) for r in rest if r.startswith("=")), ())
        made.append(
            Column(
                name,
                zh,
                cast(Kind, kind),
                "!" in rest,
                bool(privacy),
                privacy,
                "happened" if "happened" in rest else "",
                aliases,
            )
        )
    return tuple(made)


def _tables(*tables: Table) -> dict[str, Table]:
    return {table.name: table for table in tables}


_FACT: tuple[Layout, ...] = ("person", "institution")
_support = [Table(name, zh, key, _columns(text)) for name, (zh, key, text) in OPTIONAL.items()]

#: What a bureau sends, by table (tables.md §2–3).
SOURCE: dict[str, Table] = _tables(
    Table("persons", "参保人", ("psn_no", "insutype"), _columns(PERSONS), required=True),
    Table("institutions", "定点医药机构", ("fixmedins_code",), _columns(INSTITUTIONS), required=True),
    Table("doctors", "医保医师", ("dr_codg", "fixmedins_code"), _columns(DOCTORS)),
    Table(
        "settlements",
        "结算",
        ("setl_id",),
        _columns("\n".join((SETL_ID, MDTRT_ID, WHO, TIMES, ADMISSION, DISCHARGE, MONEY, SETTLE_TAIL, VALI))),
        required=True,
    ),
    Table("fee_details", "费用明细", ("mdtrt_id", "feedetl_sn"), _columns(LINES)),
    *_support,
)

#: What the warehouse keeps (docs/design.md §3).
CANONICAL: dict[str, Table] = _tables(
    Table(
        "visits",
        "就诊登记",
        ("mdtrt_id",),
        _columns("\n".join((MDTRT_ID, WHO, DERIVED, TIMES.strip().splitlines()[0], ADMISSION))),
        _FACT,
    ),
    Table(
        "discharges",
        "出院登记",
        ("mdtrt_id",),
        _columns(
            "\n".join(
                (
                    MDTRT_ID,
                    WHO,
                    DERIVED,
                    "begntime 就诊开始时间 datetime HE",
                    "endtime 就诊结束时间 datetime ! HE happened",
                    DISCHARGE,
                )
            )
        ),
        _FACT,
    ),
    Table(
        "settlements",
        "结算",
        ("setl_id",),
        _columns(
            "\n".join(
                (
                    SETL_ID,
                    MDTRT_ID,
                    WHO,
                    DERIVED,
                    TIMES,
                    "mdtrt_cert_type 就诊凭证类型 code\ninsuplc_admdvs 参保地医保区划 code QI\nout_flag 异地标志 code QI",
                    "atddr_no 主治医师编码 code PR\nopt_diag_code 门诊主诊断 code HE\ndise_codg 病种编码 code HE",
                    MONEY,
                    SETTLE_TAIL,
                )
            )
        ),
        _FACT,
    ),
    Table(
        "fee_details",
        "费用明细",
        ("mdtrt_id", "feedetl_sn"),
        _columns(LINES + "setl_known_at 结算知悉时间 datetime"),
        _FACT,
    ),
    Table("persons", "参保人", ("psn_no", "insutype"), SOURCE["persons"].columns, ("person",)),
    Table("institutions", "定点医药机构", ("fixmedins_code",), SOURCE["institutions"].columns),
    Table("doctors", "医保医师", ("dr_codg", "fixmedins_code"), SOURCE["doctors"].columns),
    *_support,
    Table(
        "superseded",
        "已被取代的版本",
        ("table_name", "key", "version_no"),
        _columns(
            """
table_name 表 code !
key 键 code ! ID
psn_no 人员编号 code ID
fixmedins_code 定点医药机构编号 code
version_no 版本 int !
superseded_at 取代时间 datetime !
"""
        ),
        ("person", "institution", "all"),
    ),
    Table(
        "clock_collapsed",
        "时钟塌缩的机构日",
        ("fixmedins_code", "day"),
        _columns("fixmedins_code 定点医药机构编号 code !\nday 日期 date !"),
    ),
)
