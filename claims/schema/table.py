"""What a declaration of a table is made of, and the short form its columns are written in.

One line declares one column: ``name 中文名 kind [!!|!] [+] [ID|QI|HE|FI|PR] [=alias,alias]``. ``!`` means required,
``!!`` that no row can be placed without it (it is quarantined), ``+`` that intake's checks read it, so that it is
there, empty, where nobody sends it; the two letters are the personal-data class. Kinds and their canonical form
(docs/design.md, contract.md §1.1):

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

import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Literal, cast

from claims.errors import DeclarationError
from claims.schema.knowledge import Dated, Dimension, Event, Knowledge

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


@dataclass(frozen=True)
class Column:
    """One column: official name, Chinese name, kind, and whether it is required or personal."""

    name: str
    zh: str
    kind: Kind
    required: bool = False
    needed: bool = False  # no row can be placed without it
    checked: bool = False  # intake's checks read it
    privacy: str = ""  # ID, QI, HE, FI, PR or "" (contract.md §7)
    aliases: tuple[str, ...] = ()

    @property
    def canonical(self) -> str:
        """Name in the warehouse: money gets ``_fen``, prices ``_e6``, quantities ``_e4``."""
        return self.name + SUFFIX.get(self.kind, "")

    @property
    def sql_type(self) -> str:
        """DuckDB type in the warehouse."""
        return SQL_TYPE[self.kind]


def columns(text: str) -> tuple[Column, ...]:
    """The columns that lines declare."""
    made = []
    for line in filter(None, (part.strip() for part in text.splitlines())):
        name, zh, kind, *rest = line.split()
        made.append(
            Column(
                name,
                zh,
                cast(Kind, kind),
                required="!" in rest or "!!" in rest,
                needed="!!" in rest,
                checked="+" in rest,
                privacy=next((r for r in rest if r in ("ID", "QI", "HE", "FI", "PR")), ""),
                aliases=next((tuple(r[1:].split(",")) for r in rest if r.startswith("=")), ()),
            )
        )
    return tuple(made)


def _declared_at(caller: FrameType) -> str:
    file = Path(caller.f_code.co_filename)
    root = Path(__file__).parents[2]
    return f"{file.relative_to(root) if file.is_relative_to(root) else file.name}:{caller.f_lineno}"


@dataclass(frozen=True)
class Table:
    """One table: its key, its columns, how its rows become known, and the layouts in which the warehouse keeps it.

    Raises DeclarationError where it does not say how its rows become known, or names a column it does not have.
    """

    name: str
    zh: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    knowledge: Knowledge = field(default=cast(Knowledge, None), kw_only=True)
    layouts: tuple[Layout, ...] = field(default=("all",), kw_only=True)
    required: bool = field(default=False, kw_only=True)
    aliases: tuple[str, ...] = field(default=(), kw_only=True)  # what files and sheets of it are called besides
    identity: tuple[str, ...] = field(
        default=(), kw_only=True
    )  # columns in which one thing does not differ from itself
    where: str = field(init=False, compare=False, repr=False)  # file and line of the declaration

    def __post_init__(self) -> None:
        object.__setattr__(self, "where", _declared_at(sys._getframe(2)))  # beneath the generated __init__
        wrong = ""
        if not isinstance(self.knowledge, Knowledge):
            wrong = "does not say how its rows become known; write knowledge=Event(…), Dated(…) or Dimension(…)"
        elif lacking := [c for c in (*self.key, *self.identity, *self.knowledge.columns) if c not in self]:
            wrong = f"names {', '.join(lacking)}, which is none of its columns"
        elif len({c.name for c in self.columns}) < len(self.columns):
            wrong = "declares a column twice"
        if wrong:
            raise DeclarationError(f"{self.where}: table {self.name} {wrong}")

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
        named = self.knowledge.happened if isinstance(self.knowledge, Event) else ""
        return self[named] if named else None

    @property
    def versioned(self) -> bool:
        """Whether its rows carry `known_at` and `version_no`; those that intake finds itself do not."""
        return isinstance(self.knowledge, Event | Dated | Dimension)

    @property
    def worked(self) -> tuple[str, ...]:
        """Columns that intake itself reads: they are there even where a source lacks them."""
        moments = self.knowledge.columns if isinstance(self.knowledge, Event) else ()
        named = (*self.key, *moments)
        return tuple(c.name for c in self.columns if c.required or c.checked or c.name in named)

    @property
    def canonical_columns(self) -> dict[str, str]:
        """Canonical column name → DuckDB type, clocks and version included, in file order."""
        names = {c.canonical: c.sql_type for c in self.columns}
        if self.happened:
            names["happened_at"] = "TIMESTAMP"
        if self.versioned:
            names |= {"known_at": "TIMESTAMP", "version_no": "INTEGER"}
        return names

    def key_sql(self, alias: str = "") -> str:
        """SQL of a row's key as one text; `alias` names the relation it is read from. Supersessions are told by it."""
        of = f"{alias}." if alias else ""
        cells = [f"""coalesce(CAST({of}"{k}" AS VARCHAR), '')""" for k in self.key]
        return f"concat_ws('|', {', '.join(cells)})" if len(cells) > 1 else cells[0]
