"""Codes nobody mapped: how many rows of each coded column carry one, measured at intake, kept in the manifest.

Of events the rows of the year before a moment count, of what lasts (persons, units) all rows in force after the last
delivery of them that was known by then. What needs the column, or a view whose rows it chooses, is not evaluable above
a limit (features/evaluable.py), and no list is made above a second one (claims/quality.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from claims.schema.code_tables import OF_COLUMN
from claims.schema.codes import HOSPITAL_LEVEL, NO_LEVEL
from claims.schema.tables import CANONICAL
from claims.store.sql import name, one_of

#: Tables whose codes are counted, and the moment that places a row in a month ("" where the table lasts).
TABLES = {"settlements": "setl_time", "fee_details": "fee_ocur_time", "institutions": "", "persons": "", "doctors": ""}
MOST = 20  # codes that are kept by name
MONTHS = 12


@dataclass(frozen=True)
class Coded:
    """One coded column of a table. words: what of it SQL may name."""

    table: str
    column: str
    zh: str
    words: frozenset[str]
    vital: bool

    @property
    def key(self) -> str:
        """Its name in the facts of a batch."""
        return f"{self.table}.{self.column}"

    @property
    def strange(self) -> str:
        """SQL: a row's code means nothing to us. A blank is no code, but a visit must be of some kind."""
        if self.column == "med_type":
            return "coalesce(visit_class, 'unknown') = 'unknown'"
        known = [code.code for code in OF_COLUMN[self.column].codes]
        known += [*HOSPITAL_LEVEL, *NO_LEVEL] if self.column == "hosp_lv" else []
        return f"coalesce({name(self.column)} NOT IN {one_of(dict.fromkeys(known))}, false)"


def _coded() -> tuple[Coded, ...]:
    found = []
    for table in TABLES:
        for column in CANONICAL[table].columns:
            codes = OF_COLUMN.get(column.name)
            if codes and column.kind == "code" and not codes.open:
                words = frozenset({column.name, *codes.read_as})
                found.append(Coded(table, column.name, codes.zh, words, codes.vital))
    return tuple(found)


CODED = _coded()


@dataclass(frozen=True)
class Unmapped:
    """What a warehouse holds of a coded column: its rows, those with codes nobody mapped, the most frequent codes."""

    coded: Coded
    rows: int
    unmapped: int
    codes: dict[str, int] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """Of the rows, those nobody can read."""
        return self.unmapped / max(1, self.rows)

    @property
    def zh(self) -> str:
        """In words, with the codes."""
        worst = sorted(self.codes, key=lambda c: (-self.codes[c], c))[:5]
        named = "、".join(f"{code or '(空)'}×{self.codes[code]}" for code in worst)
        return f"{self.coded.zh}{self.coded.column}有{self.share:.1%}未对照（{named}）"


def unmapped(batches: dict[str, dict[str, Any]], as_of: date | datetime | None = None) -> list[Unmapped]:
    """Coded columns with rows nobody can read, by what intake measured of each batch."""
    found = []
    for coded in CODED:
        held = [b["coded"][coded.key] for _, b in sorted(batches.items()) if coded.key in b.get("coded", {})]
        if not TABLES[coded.table]:  # the last word known by then; the first delivery counts as always known
            held = [h for i, h in enumerate(held) if not i or _known(h, as_of)][-1:]
        rows = strange = 0
        codes: dict[str, int] = {}
        for told in held:
            months = [m for m in told["months"] if _counts(m, as_of)]
            rows += sum(told["months"][m][0] for m in months)
            some = sum(told["months"][m][1] for m in months)
            strange += some
            for code, n in told["codes"].items() if some else ():
                codes[code] = codes.get(code, 0) + n
        if strange:
            found.append(Unmapped(coded, rows, strange, codes))
    return found


def _known(told: dict[str, Any], as_of: date | datetime | None) -> bool:
    if as_of is None:
        return True
    last = as_of if isinstance(as_of, datetime) else datetime(as_of.year, as_of.month, as_of.day, 23, 59, 59)
    return str(told.get("known_at", "")) <= last.isoformat()


def _counts(month: str, as_of: date | datetime | None) -> bool:
    if not month or as_of is None:
        return True
    year, number = map(int, month.split("-"))
    return 0 <= (as_of.year - year) * 12 + as_of.month - number <= MONTHS
