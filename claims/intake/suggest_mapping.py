"""A first draft of a mapping: official names for a source's columns, from names, aliases, Chinese headers and the
shapes of values.

Every line says how sure it is: 1.0 the official name, 0.95 a known alias, 0.8 the same Chinese name, 0.5–0.7 a similar
one that fits the values. A person reads the draft before it is used.
"""

from __future__ import annotations

import difflib
import re
import tempfile
from pathlib import Path

import duckdb

from claims.errors import UserError
from claims.intake.normalize import MACROS
from claims.schema.mapping import Mapping
from claims.schema.table import Column, Table
from claims.schema.tables import SOURCE, happened_in
from claims.sources.discover import SUFFIXES, find_sources
from claims.sources.excel import sheets
from claims.sources.load import load
from claims.sources.source import Source
from claims.store.sql import name

SAMPLE = 2000
SURE, TIE = 0.5, 0.02


def similarity(local: str, column: Column) -> float:
    """How much a local header looks like an official column, 0–1."""
    bare = re.sub(r"[（(].*?[)）]|\s", "", local.strip().lower())
    if bare == column.name:
        return 1.0
    if bare in (a.lower() for a in column.aliases) or bare == column.canonical:
        return 0.95
    if bare == column.zh:
        return 0.9
    names = [n for n in (column.zh, *column.aliases) if not n.isascii()]
    if bare.isascii():
        return 0.8 * difflib.SequenceMatcher(None, bare, column.name).ratio() if len(bare) > 3 else 0.0
    best = max((difflib.SequenceMatcher(None, bare, n).ratio() for n in names), default=0.0)
    within = any(len(n) > 1 and (n in bare or bare in n) for n in names)
    return min(0.8, 0.75 * best + (0.15 if within else 0.0))


def fits(values: list[str], column: Column) -> float:
    """Share of sample values that could belong to a column of that kind."""
    if not values:
        return 0.5
    if column.kind in ("date", "datetime"):
        good = [v for v in values if re.match(r"^(19|20)\d\d([-/.年]|\d{4})", v)]
    elif column.kind in ("money", "price", "qty", "int", "ratio", "float"):
        good = [v for v in values if re.match(r"^[-(￥¥]?[\d,]+(\.\d*)?[)-]?(元|%)?$", v) and len(v) < 16]
    elif column.kind == "text":
        good = [v for v in values if not re.match(r"^-?\d+\.\d+$", v)]
    else:
        good = [
            v for v in values if not re.match(r"^-?\d+\.\d*[1-9]\d*$", v) and not re.match(r"^(19|20)\d\d[-/.年].*:", v)
        ]
    return len(good) / len(values)


def _guess_table(columns: dict[str, list[str]], stem: str) -> tuple[Table, float]:
    scores = []
    for table in SOURCE.values():
        total = sum(max(similarity(local, c) for c in table.columns) for local in columns) / max(len(columns), 1)
        needed = [c for c in table.columns if c.name in (*table.key, happened_in(table))]
        keyed = sum(max((similarity(local, c) for local in columns), default=0) for c in needed) / max(len(needed), 1)
        named = 0.3 if table.name in stem.lower() or table.zh in stem else 0.0
        scores.append((0.5 * total + 0.5 * keyed + named, table))
    best = max(scores, key=lambda s: s[0])
    return best[1], min(1.0, best[0])


def assign(columns: dict[str, list[str]], table: Table) -> dict[str, tuple[str, float]]:
    """Official column → (local column, confidence): the best pairs first, each column used once."""
    pairs = []
    for local, values in columns.items():
        for column in table.columns:
            score = similarity(local, column)
            if score >= 0.95 or (score > 0.3 and fits(values, column) > 0.7):
                pairs.append((score * (0.7 + 0.3 * fits(values, column)), column.name, local))
    found: dict[str, tuple[str, float]] = {}
    used: set[str] = set()
    for score, official, local in sorted(pairs, key=lambda p: (-p[0], p[1], p[2])):
        if official not in found and local not in used and score >= SURE - 0.1:
            found[official] = (local, round(score, 2))
            used.add(local)
    return found


def _files(source: Path) -> list[Path]:

    if source.is_file():
        return [source]
    return sorted(p for p in source.rglob("*") if p.is_file() and p.name.lower().endswith(SUFFIXES))


def suggest_mapping(source: Path | str) -> tuple[str, dict[str, float]]:
    """A TOML draft for a source, and the confidence of each line as ``table.column`` → 0–1. UserError if nothing can
    be read."""
    root = Path(source)
    if not root.exists():
        raise UserError(f"there is no file or folder {root}")
    lines = ['name = "draft"', 'unit = "yuan"  # check against a control total', ""]
    sure: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as con:
        for macro in MACROS:
            con.execute("CREATE " + macro)
        sources: list[Source] = []
        if root.suffix.lower() == ".zip":
            every = Mapping(tables={})
            sources = find_sources(root, every, Path(folder))
        else:
            for file in _files(root):
                kind = "parquet" if file.suffix == ".parquet" else "xlsx" if file.suffix == ".xlsx" else "csv"
                if kind == "xlsx":
                    sources += [Source("", f"{file.name}[{s}]", file, kind, s) for s in sheets(file)]
                else:
                    sources.append(Source("", file.name, file, kind))
        if not sources:
            raise UserError(f"{root} holds no file that can be read")
        for number, one in enumerate(sources):
            loaded = load(con, one, number, Path(folder))
            sample = con.execute(f"SELECT * FROM {loaded.relation} WHERE _row < {SAMPLE}").fetchall()
            order = [d[0] for d in con.description or []]
            columns = {
                c: [str(v).strip() for r in sample if (v := r[order.index(c)]) is not None and str(v).strip()]
                for c in loaded.types
            }
            stem = (one.sheet or (one.path.name if one.path else one.label)).split(".")[0]
            table, score = _guess_table(columns, stem)
            if f"table.{table.name}" in sure:
                lines.append(f"# {one.label}: looks like {table.name} again ({score:.2f}); left out")
                continue
            sure[f"table.{table.name}"] = round(score, 2)
            lines += [
                f"[tables.{table.name}]  # {score:.2f} {one.label}",
                f'files = ["{stem}"]',
                f"[tables.{table.name}.columns]",
            ]
            found = assign(columns, table)
            for official, (local, confidence) in found.items():
                sure[f"{table.name}.{official}"] = confidence
                quoted = local.replace("\\", "\\\\").replace('"', '\\"')
                lines.append(f'{official} = "{quoted}"  # {confidence:.2f}{"" if confidence >= 0.8 else " ← check"}')
            taken = {local for local, _ in found.values()}
            lines += [f"# not understood: {local}" for local in columns if local not in taken]
            lines += [
                f"# still missing: {c.name} ({c.zh})" for c in table.columns if c.required and c.name not in found
            ]
            lines.append("")
            if loaded.drop:
                con.execute(f"DROP TABLE {name(loaded.drop)}")
    return "\n".join(lines), sure
