"""What an export holds, looked at before anything is understood: its files grouped by header, and of each column the
shapes of its values."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from claims.errors import UserError
from claims.intake.normalize import MACROS
from claims.schema.mapping import Mapping, TableRule
from claims.schema.tables import SOURCE
from claims.sources.discover import find_sources
from claims.sources.load import load, unsaid
from claims.sources.naming import core
from claims.sources.source import Ignored, Source
from claims.store.sql import name

#: Rows whose values are looked at one by one; relations and counts are worked out over all rows.
SAMPLE = 3000
#: A column of more different values is no code set.
FEW = 60
#: Rows read of a database table: enough to know it by, without a night of reading.
DATABASE_ROWS = 500_000

ICD = re.compile(r"[A-TV-Z]\d{2}([.+*xX][\w.+*]{0,7}|\d{0,3})")
LIKE_A_DATE = re.compile(r"^\D?(19|20)\d\d\D|^(19|20)\d{6}|^\d{1,2}\D\d{1,2}\D|^[34]\d{4}(\.|$)")
LIKE_A_NUMBER = re.compile(r"^\D{0,2}\d{1,3}(,?\d{3})*(\.\d*)?\D?$|^-?\d+\.\d+$|^\d+$")
SHEET_DAYS = (36_526, 54_789)  # 2000 to 2049 as a sheet counts days
WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])


@dataclass(frozen=True)
class Profile:
    """One local column: its type, its sample row by row, and how often each value occurs where there are few."""

    name: str
    type: str
    cells: tuple[str | None, ...]  # of the sample, clean, row by row
    moments: npt.NDArray[np.datetime64]
    numbers: npt.NDArray[np.float64]
    counts: dict[str, int]  # over all rows, empty where there are more than FEW
    distinct: int  # over all rows
    filled: int
    rows: int

    @cached_property
    def values(self) -> list[str]:
        """The filled cells of the sample."""
        return [c for c in self.cells if c is not None]

    def share(self, test: Callable[[str], object]) -> float:
        """Share of filled cells of which a test holds."""
        return sum(bool(test(v)) for v in self.values) / len(self.values) if self.values else 0.0

    @cached_property
    def dates(self) -> float:
        """Share of filled cells that are dates; a number only where it can be little else."""
        if self.type.startswith("TIMESTAMP") or self.type == "DATE":
            return 1.0
        good = [not np.isnat(m) and _dated(c) for c, m in zip(self.cells, self.moments, strict=True) if c is not None]
        return sum(good) / len(good) if good else 0.0

    @cached_property
    def clocked(self) -> bool:
        """Whether the dates carry a time of day."""
        known = self.moments[~np.isnat(self.moments)]
        return bool(len(known)) and float(np.mean(known != known.astype("datetime64[D]"))) > 0.1

    @cached_property
    def number(self) -> float:
        """Share of filled cells that are numbers small enough to count or pay."""
        held = [n for c, n in zip(self.cells, self.numbers, strict=True) if c is not None]
        return float(np.mean([np.isfinite(n) and abs(n) < 1e9 for n in held])) if held else 0.0

    @cached_property
    def whole(self) -> float:
        """Share of numbers without a fraction."""
        known = self.numbers[np.isfinite(self.numbers)]
        return float(np.mean(known == np.round(known))) if len(known) else 1.0

    @cached_property
    def cents(self) -> float:
        """Share of numbers other than 0 that are no whole hundreds: amounts in 分 nearly all, in whole 元 few."""
        known = self.numbers[np.isfinite(self.numbers) & (self.numbers != 0)]
        return float(np.mean(np.round(known) % 100 != 0)) if len(known) else 0.0

    @cached_property
    def padded(self) -> float:
        """Share of cells that are digits with a zero in front: a code, never a count."""
        return self.share(lambda v: len(v) > 1 and v[0] == "0" and v.isdigit())

    @cached_property
    def icd(self) -> float:
        """Share of cells that look like codes of diagnoses (ICD-10)."""
        return self.share(ICD.fullmatch)

    @cached_property
    def certificate(self) -> float:
        """Share of cells that are identity numbers with the right check digit (GB 11643)."""
        return self.share(_is_certificate)

    @cached_property
    def chinese(self) -> float:
        """Share of cells with Chinese in them."""
        return self.share(lambda v: any(c > "\u2e80" for c in v))

    @cached_property
    def unique(self) -> float:
        """Different values per filled row."""
        return self.distinct / self.filled if self.filled else 0.0

    @cached_property
    def length(self) -> float:
        """Mean length of a cell."""
        return float(np.mean([len(v) for v in self.values])) if self.values else 0.0


def _dated(cell: str) -> bool:
    if cell.isdigit() and len(cell) == 5:
        return SHEET_DAYS[0] <= int(cell) <= SHEET_DAYS[1]
    if re.fullmatch(r"\d+(\.\d*)?", cell):
        return len(cell) in (8, 12, 14) and cell[:2] in ("19", "20")
    return True


def _is_certificate(cell: str) -> bool:
    if not re.fullmatch(r"[1-9]\d{16}[\dXx]", cell):
        return False
    return "10X98765432"[int(np.dot(WEIGHTS, [int(c) for c in cell[:17]])) % 11] == cell[17].upper()


@dataclass
class Dataset:
    """Files, sheets or database tables of one name and header: one table of the source, whatever it means."""

    number: int
    labels: list[str]
    stems: list[str]
    relation: str = ""
    rows: int = 0
    columns: dict[str, Profile] = field(default_factory=dict)
    sample: str = ""

    @property
    def title(self) -> str:
        """Its first file, and how many more there are."""
        more = len(self.labels) - 1
        return self.labels[0] + (f" and {more} more" if more else "")


@dataclass
class Export:
    """A whole source, loaded: its data sets and what could not be read."""

    con: duckdb.DuckDBPyConnection
    datasets: list[Dataset]
    unread: list[Ignored]
    unzoned: list[str]  # files whose INT96 times are instants in UTC or clocks on the wall, nobody says which

    def overlap(self, child: Dataset, column: str, parent: Dataset, key: str) -> float:
        """Share of the filled cells of a column's sample that are values of another data set's column."""
        sql = f"""
            SELECT avg(CASE WHEN v IN (SELECT {name(key)} FROM {parent.relation}) THEN 1.0 ELSE 0.0 END)
            FROM (SELECT DISTINCT {name(column)} AS v FROM {child.sample} WHERE {name(column)} IS NOT NULL LIMIT 500)
        """
        found = self.con.execute(sql).fetchall()[0][0]
        return float(found or 0.0)


def open_export(source: Path | str, con: duckdb.DuckDBPyConnection, folder: Path) -> Export:
    """Every file, sheet and table of a source, profiled. UserError if there is nothing to read."""
    for macro in MACROS:
        con.execute("CREATE " + macro)
    con.execute("SET threads = 2")
    con.execute("SET TimeZone = 'Asia/Shanghai'")
    root = source if "://" in str(source) else _data_of(Path(source))
    unread: list[Ignored] = []
    unzoned: list[str] = []
    every = Mapping(tables={table: TableRule(table, files=("*",)) for table in list(SOURCE)[:1]})
    groups: dict[tuple[str, frozenset[str]], Dataset] = {}
    parts: dict[int, list[str]] = {}
    for i, one in enumerate(find_sources(root, every, folder, unread)):
        try:
            asked = unsaid(one)
            loaded = load(con, one, i, folder, "utc" if asked else None, DATABASE_ROWS)
        except UserError as error:
            unread.append(Ignored(one.label, str(error), True))
            continue
        stem = _stem(one)
        key = (core(stem), frozenset(loaded.types))
        made = groups.setdefault(key, Dataset(len(groups), [], []))
        made.labels.append(one.label)
        made.stems.append(stem)
        unzoned += [one.label] * asked
        made.rows += loaded.rows
        for column, kind in loaded.types.items():
            made.columns.setdefault(column, _unseen(column, kind))
        cells = ", ".join(f"clean({_text(c, loaded.types[c])}) AS {name(c)}" for c in sorted(loaded.types))
        parts.setdefault(made.number, []).append(f"SELECT {cells} FROM {loaded.relation}")
    if not groups:
        raise UserError(f"{_shown(source)} holds no table that can be read: {_why(unread)}")
    export = Export(con, list(groups.values()), unread, unzoned)
    for dataset in export.datasets:
        _profile(con, dataset, parts[dataset.number])
    return export


def _data_of(root: Path) -> Path:
    return root / "claims" if (root / "claims").is_dir() else root


def _shown(source: Path | str) -> str:
    return "the database" if "://" in str(source) else str(source)


def _why(unread: list[Ignored]) -> str:
    return "; ".join(f"{i.name} ({i.reason})" for i in unread[:5]) or "it is empty"


def _stem(source: Source) -> str:
    """The name by which a mapping's `files` would know a source: sheet, table, file, or the folder a part lies in."""
    if source.sheet or source.db_table:
        return str(source.sheet or source.db_table)
    assert source.path is not None
    stem = re.sub(r"(\.csv)?\.[A-Za-z]+$", "", source.path.name)
    if not core(stem) and "/" in source.label:
        return source.path.parent.name
    return stem


def _text(column: str, kind: str) -> str:
    if kind == "BOOLEAN":
        return f"CAST(CAST({name(column)} AS INTEGER) AS VARCHAR)"
    return f"CAST({name(column)} AS VARCHAR)"


def _unseen(column: str, kind: str) -> Profile:
    none: npt.NDArray[np.float64] = np.array([], np.float64)
    return Profile(column, kind, (), np.array([], "datetime64[s]"), none, {}, 0, 0, 0)


def _profile(con: duckdb.DuckDBPyConnection, dataset: Dataset, parts: list[str]) -> None:
    dataset.relation, dataset.sample = f"data_{dataset.number}", f"sample_{dataset.number}"
    con.execute(f"CREATE TABLE {dataset.relation} AS {' UNION ALL '.join(parts)}")
    con.execute("SET threads = 1")  # the same rows every time
    sampled = f"USING SAMPLE reservoir({SAMPLE} ROWS) REPEATABLE (1)" if dataset.rows > SAMPLE else ""
    con.execute(f"CREATE TABLE {dataset.sample} AS SELECT * FROM {dataset.relation} {sampled}")
    con.execute("SET threads = 2")
    listed = [f"approx_count_distinct({name(c)}), count({name(c)})" for c in dataset.columns]
    told = con.execute(f"SELECT {', '.join(listed)} FROM {dataset.relation}").fetchall()[0]
    for i, (column, unseen) in enumerate(list(dataset.columns.items())):
        dataset.columns[column] = _look(con, dataset, column, unseen.type, told[2 * i], told[2 * i + 1])


def _look(
    con: duckdb.DuckDBPyConnection, dataset: Dataset, column: str, kind: str, distinct: int, filled: int
) -> Profile:
    cell = name(column)
    texts = tuple(r[0] for r in con.execute(f"SELECT {cell} FROM {dataset.sample}").fetchall())
    held = [t for t in texts[:500] if t is not None]
    # planning what reads a cell in every habit takes longer than reading: only where something looks like it
    dated, counted = (any(look.search(t) for t in held) for look in (LIKE_A_DATE, LIKE_A_NUMBER))
    time = f"epoch(coalesce(sane(fast_time({cell})), sane(slow_time(narrow({cell})))))" if dated else "NULL"
    figure = f"TRY_CAST(plain(translate(narrow({cell}), '￥¥ 元', '')) AS DOUBLE)" if counted else "NULL"
    rows = con.execute(f"SELECT {time}, {figure} FROM {dataset.sample}").fetchall()
    counts: dict[str, int] = {}
    if distinct <= 2 * FEW:
        found = con.execute(
            f"SELECT {cell}, count(*) FROM {dataset.relation} WHERE {cell} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1"
        ).fetchall()
        distinct = len(found)
        counts = dict(found) if distinct <= FEW else {}
    elif distinct > 0.8 * filled:  # a key is told from what is nearly one only by counting
        distinct = con.execute(f"SELECT count(DISTINCT {cell}) FROM {dataset.relation}").fetchall()[0][0]
    moments = np.array([np.datetime64("NaT") if r[0] is None else np.datetime64(int(r[0]), "s") for r in rows])
    numbers = np.array([np.nan if r[1] is None else r[1] for r in rows], np.float64)
    return Profile(
        column, kind, texts, moments.astype("datetime64[s]"), numbers, counts, distinct, filled, dataset.rows
    )
