"""A source's header against its table: which local column fills which official one, and which columns must be there."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from claims.schema.mapping import ColumnRule, TableRule
from claims.schema.table import Table
from claims.store.sql import name, quote


def _normal(header: str) -> str:
    """A header without what a sheet adds to it: blanks and line breaks at any place, full-width signs."""
    bare = re.sub(r"[\s\ufeff\u200b-\u200f\u2060]", "", unicodedata.normalize("NFKC", header)).lower()
    return bare.replace("(单位:", "(")


def local_columns(
    table: Table, rule: TableRule, types: dict[str, str]
) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Official → local column, official → money unit named in the header (``费用(分)``), and the local columns nothing
    reads."""
    by_name = {_normal(local): local for local in types}
    bare = {}
    units = {}
    for normal, written in by_name.items():
        for mark, unit in (("(元)", "yuan"), ("(分)", "fen"), ("(万元)", "wan")):
            if normal.endswith(mark):
                bare[normal[: -len(mark)]] = written
                units[written] = unit
    found: dict[str, str] = {}
    header_units: dict[str, str] = {}
    for column in table.columns:
        local: str | None
        given = rule.columns.get(column.name)
        if given and given.sources:
            local = next((by_name[_normal(s)] for s in given.sources if _normal(s) in by_name), None)
        else:
            names = (column.name, *column.aliases, column.zh)
            local = next((by_name[_normal(n)] for n in names if _normal(n) in by_name), None)
            local = local or next((bare[_normal(n)] for n in names if _normal(n) in bare), None)
        if local is not None:
            found[column.name] = local
            if local in units:
                header_units[column.name] = units[local]
    used = set(found.values())
    if rule.known_at and _normal(rule.known_at) in by_name:
        used.add(by_name[_normal(rule.known_at)])
    for given in rule.columns.values():
        used |= {by_name[_normal(c)] for case, _ in given.cases for c in case if _normal(c) in by_name}
    return found, header_units, [c for c in types if c not in used and c not in rule.drop]


def absent(table: Table, rule: TableRule, types: dict[str, str]) -> list[str]:
    """Local columns a mapping names for a table's columns or its knowledge time that a source does not have."""
    there = {_normal(local) for local in types}
    named: list[tuple[str, ...]] = [(rule.known_at,)] if rule.known_at else []
    named += [given.sources for c in table.columns if (given := rule.columns.get(c.name)) and given.sources]
    gone = [names for names in named if "" not in names and not any(_normal(n) in there for n in names)]
    return list(dict.fromkeys(" or ".join(names) for names in gone))


def local_of(column: str, types: dict[str, str], found: dict[str, str]) -> str | None:
    by_name = {_normal(local): local for local in types} | dict(found)
    return by_name.get(_normal(column))


def computed(rule: ColumnRule, types: dict[str, str], found: dict[str, str], names: Sequence[str]) -> str | None:
    """SQL of a column that is not read but made: a constant of the file that bears these names, a join of columns, or
    the first case that holds."""
    if rule.constant:
        value = rule.constant_of(names)
        return None if value is None else quote(value)
    if rule.join:
        cells = [f"CAST({name(local)} AS VARCHAR)" for c in rule.join if (local := local_of(c, types, found))]
        return "concat_ws('|', " + ", ".join(cells) + ")" if len(cells) == len(rule.join) else None
    if rule.cases:
        arms = []
        for when, value in rule.cases:
            tests = []
            for column, wanted in when.items():
                local = local_of(column, types, found)
                cell = name("k_" + local) if local else "NULL::VARCHAR"
                said = f"{cell} IN ({quote(wanted)}, {quote(wanted + '.0')})"
                tests.append({"": f"{cell} IS NULL", "*": f"{cell} IS NOT NULL"}.get(wanted, said))
            arms.append(f"WHEN {' AND '.join(tests)} THEN {quote(value)}")
        return f"CASE {' '.join(arms)} END"
    return None
