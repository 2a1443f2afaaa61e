"""One loaded source and how it is read: which local column fills which official one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from claims.errors import UserError
from claims.intake.batch import Batch
from claims.intake.match_columns import absent, computed, local_columns
from claims.intake.normalize import Parsed, parse_column
from claims.schema.mapping import ColumnRule, Mapping, TableRule
from claims.schema.table import Column, Table
from claims.schema.tables import SOURCE
from claims.sources.source import Ignored, Loaded, Source
from claims.store.sql import name


@dataclass(frozen=True)
class Reading:
    """One loaded source and how it is read: which local column fills which official one."""

    source: Source
    loaded: Loaded
    mapping: Mapping
    found: dict[str, str]  # official → local column
    units: dict[str, str]  # official → money unit named in the header
    made: dict[str, str]  # official → SQL of a column that is not read but made

    @property
    def table(self) -> Table:
        return SOURCE[self.source.table]

    @property
    def rule(self) -> TableRule:
        return self.mapping.rule(self.source.table)

    def how(self, column: Column) -> ColumnRule:
        given = self.rule.columns.get(column.name, ColumnRule())
        return replace(given, unit=given.unit or self.units.get(column.name)) if column.name not in self.made else given

    def parse(self, column: Column, cell: str | None = None) -> Parsed:
        """SQL of one column read from `cell`, by default from the local column or what makes it."""
        keyed = "keyed" if column.name in self.rule.keyed else ""
        unit = self.rule.unit or self.mapping.unit
        if column.name in self.made:
            return parse_column(column, self.how(column), "VARCHAR", unit, f"({self.made[column.name]})", keyed)
        local = self.found[column.name]
        return parse_column(column, self.how(column), self.loaded.types[local], unit, cell or f"s.{name(local)}", keyed)


class Unmatched(UserError):
    """A source whose header and mapping do not fit; `what` is wrong, without the remedy."""

    def __init__(self, what: Sequence[str]) -> None:
        self.what = list(what)
        super().__init__("; ".join(what) + REMEDY)


REMEDY = ". Name the local column in a mapping file, or let `xiezhi mapping suggest` draft one"


def read(batch: Batch, source: Source, loaded: Loaded, mapping: Mapping) -> Reading:
    """Match a source's header with its table. Unmatched if a column without which no row can be placed is missing, or
    one the mapping names."""
    table, rule = SOURCE[source.table], mapping.rule(source.table)
    found, units, unknown = local_columns(table, rule, loaded.types)
    shown = f"its header reads {', '.join(list(loaded.types)[:12])}"
    wrong = []
    gone, lacking, ruled = _missing(source, mapping, loaded.types)
    if gone:
        wrong.append(
            f"{source.label}: the mapping reads {', '.join(gone)} of table {table.name}, which it does not have"
        )
    if lacking:
        names = ", ".join(f"{c.name} ({c.zh})" for c in lacking)
        wrong.append(f"{source.label}: no column for {names} of table {table.name}")
    if wrong:
        raise Unmatched([*wrong[:-1], f"{wrong[-1]}; {shown}"])
    if unknown and source.kind != "pending":
        before = batch.facts.setdefault("unknown_columns", {}).get(table.name, [])
        batch.facts["unknown_columns"][table.name] = sorted({*before, *unknown})
        batch.ignored += [Ignored(f"{source.label}: {c}", f"no column of {table.name}") for c in unknown]
    made = {c: sql for c, r in ruled.items() if (sql := computed(r, loaded.types, found, source.names)) is not None}
    return Reading(source, loaded, mapping, found, units, made)


def fits(source: Source, mapping: Mapping, header: Sequence[str]) -> bool:
    """Whether these names are a whole header of the source: every column that has to be there, and all the mapping
    names."""
    gone, lacking, _ = _missing(source, mapping, dict.fromkeys(header, "VARCHAR"))
    return not gone and not lacking


def _missing(
    source: Source, mapping: Mapping, types: dict[str, str]
) -> tuple[list[str], list[Column], dict[str, ColumnRule]]:
    """What a header lacks: columns the mapping names, and columns without which no row can be placed; and the columns
    that are made, not read."""
    table, rule = SOURCE[source.table], mapping.rule(source.table)
    found, _, _ = local_columns(table, rule, types)
    gone = absent(table, rule, types) if source.kind != "pending" else []
    ruled = {c: r for c, r in rule.columns.items() if r.constant or r.join or r.cases}
    ruled = {c: r for c, r in ruled.items() if not r.constant or r.constant_of(source.names) is not None}
    lacking = [c for c in table.columns if c.needed and c.name not in found and c.name not in ruled]
    lacking = [
        c for c in lacking if not set(rule.columns[c.name].sources if c.name in rule.columns else ()) & set(gone)
    ]
    return gone, lacking, ruled


#: What a line does not say its visit does.
OF_VISIT = {("fee_details", "psn_no"), ("fee_details", "fixmedins_code")}


def unfilled(readings: Sequence[Reading]) -> list[str]:
    """Notes on columns that a table should have and that no source of it fills."""
    notes = []
    for table in dict.fromkeys(r.table.name for r in readings if r.source.kind != "pending"):
        filled = {c for r in readings if r.table.name == table for c in (*r.found, *r.made)}
        lacking = [c for c in SOURCE[table].columns if c.required and not c.needed and c.name not in filled]
        named = [f"{c.name} ({c.zh})" for c in lacking if (table, c.name) not in OF_VISIT]
        if named:
            notes.append(f"{table}: no column for {', '.join(named)}; what needs it is not evaluable")
    return notes
