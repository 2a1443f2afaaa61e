"""Mapping files: how one source's names, codes, units and habits become the official ones (contract.md §7).

A mapping is TOML. Everything is optional; what is not said is found by official name, then by alias, then by Chinese
name. docs/mapping.md tells it at length::

name = "pilot"                       # and optionally: unit = "yuan|fen|wan", extract_end = 2025-09-28T20:00:00
int96 = "utc"                        # or "local": Parquet's old times, where the file's writer does not say it
[visit_class]                        # local med_type codes → class
"9901" = "outpatient"
[tables.settlements]
files = ["settlements*", "结算*"]     # file, sheet or database-table names, without suffix
unit = "fen"                         # money unit of this table
lag_days = 0                         # added to the natural moment of known_at
known_at = "crte_time"               # a local column that says when the bureau knew
keyed = ["certno"]                   # HMAC-keyed at the rim
drop = ["psn_name"]
[tables.settlements.columns]
setl_id = "结算流水"
psn_no = { from = ["个人编号", "人员编号"] }  # the first that a file has; with "" among them a file may have none
mdtrt_cert_type = { from = "凭证类型", pad = 2, values = { "9" = "03" } }
begntime = { from = "入院时间", formats = ["%d/%m/%Y"] }
refd_setl_flag = { constant = "0" }
insuplc_admdvs = { constant = { "江陵*" = "421024", "*" = "421000" } }  # by the name of file or folder
check_id = { join = ["mdtrt_id", "check_time"] }
outcome_code = { cases = [ { when = { finding = "refuted" }, value = "O6_CLEAR" } ] }   # "*" = any value, "" = blank
[tables.chronic_registry]
derive = "persons"                   # rows of another source table, kept where `where` has a value
where = "opsp_dise_code"
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from claims.errors import UserError
from claims.schema.tables import SOURCE

SHIPPED = Path(__file__).parent / "mappings"
UNITS = {"yuan": 100, "fen": 1, "wan": 1_000_000}


@dataclass(frozen=True)
class ColumnRule:
    """How one official column is filled."""

    sources: tuple[str, ...] = ()  # local names, the first that is there; "" among them: none need be
    values: dict[str, str] = field(default_factory=dict)
    unit: str | None = None
    formats: tuple[str, ...] = ()
    pad: int = 0
    constant: tuple[tuple[str, str], ...] = ()  # (pattern of a file's names, value), the first that fits
    join: tuple[str, ...] = ()
    cases: tuple[tuple[dict[str, str], str], ...] = ()

    def constant_of(self, names: Sequence[str]) -> str | None:
        """The value of all rows of a file that bears one of these names."""
        return next((v for pattern, v in self.constant if any(fnmatchcase(n, pattern) for n in names)), None)


@dataclass(frozen=True)
class TableRule:
    """How one official table is filled."""

    table: str
    files: tuple[str, ...] = ()
    unit: str | None = None
    lag_days: float = 0.0
    known_at: str | None = None
    keyed: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    derive: str | None = None
    where: str | None = None
    columns: dict[str, ColumnRule] = field(default_factory=dict)

    @property
    def by_file(self) -> bool:
        """Whether a row's reading goes by the name of its file."""
        return any(pattern != "*" for rule in self.columns.values() for pattern, _ in rule.constant)


@dataclass(frozen=True)
class Mapping:
    """One source's mapping file, read and checked."""

    name: str = "official"
    text: str = ""
    unit: str = "yuan"
    extract_end: datetime | None = None
    int96: str | None = None  # times in Parquet's old form are "utc" or "local"; None: as the file's writer writes them
    visit_class: dict[str, str] = field(default_factory=dict)
    tables: dict[str, TableRule] = field(default_factory=dict)

    def rule(self, table: str) -> TableRule:
        """The rule of a table; an empty one if the mapping does not name it."""
        return self.tables.get(table, TableRule(table))


def shipped() -> list[str]:
    """Names of the mappings that ship."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def load_mapping(name: str | Path | None) -> Mapping:
    """A mapping by shipped name or by path; the official names if None. UserError says what is wrong in it."""
    if name is None:
        name = "official"
    path = Path(name)
    if not path.suffix and not path.exists():
        path = SHIPPED / f"{name}.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UserError(
            f"there is no readable mapping {name}; shipped are {', '.join(shipped())}, or give the path of a TOML file"
        ) from None
    return parse_mapping(text, path.stem)


def parse_mapping(text: str, name: str = "mapping") -> Mapping:
    """A mapping from TOML text."""
    try:
        body = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"the mapping {name} is not valid TOML: {error}") from None
    _only(body, {"name", "unit", "extract_end", "int96", "visit_class", "tables"}, f"mapping {name}")
    if body.get("int96") not in (None, "utc", "local"):
        raise UserError(f'mapping {name}: int96 is "utc" or "local"')
    end = body.get("extract_end")
    if isinstance(end, date) and not isinstance(end, datetime):
        end = datetime(end.year, end.month, end.day, 23, 59, 59)
    tables = {table: _table(table, rule, name) for table, rule in body.get("tables", {}).items()}
    return Mapping(
        body.get("name", name),
        text,
        _unit(body.get("unit", "yuan"), name),
        end,
        body.get("int96"),
        dict(body.get("visit_class", {})),
        tables,
    )


def _only(body: dict[str, Any], allowed: set[str], where: str) -> None:
    if unknown := sorted(set(body) - allowed):
        raise UserError(f"{where}: unknown key {unknown[0]!r}; allowed are {', '.join(sorted(allowed))}")


def _unit(unit: str, where: str) -> str:
    if unit not in UNITS:
        raise UserError(f"{where}: unit {unit!r} is not one of yuan, fen, wan")
    return unit


def _table(table: str, body: dict[str, Any], name: str) -> TableRule:
    where = f"mapping {name}, table {table}"
    if table not in SOURCE:
        raise UserError(f"{where}: no such table; known are {', '.join(SOURCE)}")
    _only(body, {"files", "unit", "lag_days", "known_at", "keyed", "drop", "derive", "where", "columns"}, where)
    columns = {}
    for official, rule in body.get("columns", {}).items():
        if official not in SOURCE[table]:
            raise UserError(f"{where}: no official column {official!r}")
        columns[official] = _column(rule, f"{where}, column {official}")
    for official in (*body.get("keyed", ()), *filter(None, [body.get("where")])):
        if official not in SOURCE[body.get("derive", table)] and official not in SOURCE[table]:
            raise UserError(f"{where}: no official column {official!r}")
    return TableRule(
        table,
        tuple(body.get("files", ())),
        _unit(body["unit"], where) if "unit" in body else None,
        float(body.get("lag_days", 0)),
        body.get("known_at"),
        tuple(body.get("keyed", ())),
        tuple(body.get("drop", ())),
        body.get("derive"),
        body.get("where"),
        columns,
    )


def _column(rule: Any, where: str) -> ColumnRule:
    if isinstance(rule, str):
        return ColumnRule((rule,))
    if not isinstance(rule, dict):
        raise UserError(f"{where}: expected a local column name or a table of settings")
    _only(rule, {"from", "values", "unit", "formats", "pad", "constant", "join", "cases"}, where)
    named = rule.get("from", ())
    return ColumnRule(
        (named,) if isinstance(named, str) else tuple(named),
        {str(k): str(v) for k, v in rule.get("values", {}).items()},
        _unit(rule["unit"], where) if "unit" in rule else None,
        tuple(rule.get("formats", ())),
        int(rule.get("pad", 0)),
        _constants(rule.get("constant"), where),
        tuple(rule.get("join", ())),
        tuple((dict(case["when"]), str(case["value"])) for case in rule.get("cases", ())),
    )


def _constants(said: Any, where: str) -> tuple[tuple[str, str], ...]:
    if said is None:
        return ()
    by_file = said if isinstance(said, dict) else {"*": said}
    if not by_file or not all(isinstance(v, str) for v in by_file.values()):
        raise UserError(
            f'{where}: constant is a text ("0"), or a text for each name of files ({{ "江陵*" = "421024" }})'
        )
    return tuple(by_file.items())
