"""What a batch of knowledge would newly hit, before it is in force: the rules it concerns over two states of the
claims, without it and with it.

The batch is taken into a trial copy of the warehouse by the same intake (hard links: nothing is copied but what is
new), so what is shown is what will be.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from claims.errors import UserError
from claims.intake.pipeline import intake
from claims.schema.tables import CANONICAL, SOURCE
from claims.store.known import known_sql
from claims.store.warehouse import Warehouse
from features.asof import moment_of, open_views, read_as
from features.bucket import evaluate, evidence_sql, focus, named_words
from features.checking.hits import rules_of
from features.checking.knowledge_points import Batch, Row, begun_by, known_to, read_points, versions
from features.declare import Feature, amount_name
from features.evaluable import absent_features, unread_words
from features.grains import GRAINS


@dataclass(frozen=True)
class NewHits:
    """Of one declaration: entities, claim rows and fen hit without the batch and with it; `new` are the entities hit
    only with it."""

    rule: str
    grain: str
    name: str
    entities_before: int
    entities_after: int
    new: int
    rows_before: int
    rows_after: int
    fen_before: int
    fen_after: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Trial:
    """What came of a batch: its points, the catalogue rows it makes, the diff, and what could not be looked at."""

    batch: Batch
    rows: list[Row]
    hits: list[NewHits]
    unseen: list[str]


def try_points(root: Path, path: Path, as_of: date, backdated: date | None = None) -> Trial:
    """Read, check and try a file of knowledge points on a warehouse; nothing of the warehouse is changed.

    `backdated`: as if points that begin later had begun on that day. UserError for a file that cannot stand.
    """
    points = read_points(path)
    house = Warehouse.open(root)
    catalogue = catalogue_of(house, as_of)
    batch = known_to(points, set(catalogue))
    if not batch.points:
        raise UserError(
            f"{path.name}: the catalogue knows none of its {len(points)} codes; take the catalogue in first"
        )
    rows = versions(begun_by(batch.points, backdated) if backdated else batch.points, catalogue)
    wanted = [f for f in rules_of() if f.rule in batch.rules and f.grain in ("admission", "person") and not f.spans]
    told = {f.rule for f in wanted}
    unseen = [r for r in batch.rules if r not in told]
    with tempfile.TemporaryDirectory(prefix=".trial-", dir=root) as folder:
        trial = linked(house, Path(folder) / "W")
        with catalogue_file(rows, path.stem) as delivery:
            intake(delivery, trial, known_at=as_of)
        hits = list(_compared(house, Warehouse.open(trial), as_of, wanted))
    return Trial(batch, rows, hits, unseen)


def catalogue_of(house: Warehouse, as_of: date) -> dict[str, list[Row]]:
    """Every article's versions as known by a day, in the columns a bureau sends. UserError without a catalogue."""
    if "catalog" not in house.tables():
        raise UserError("this warehouse holds no catalogue; take it in first, knowledge points change its articles")
    sql = known_sql(house, CANONICAL["catalog"], moment_of(as_of))
    told = [(c.name, c.canonical) for c in SOURCE["catalog"].columns if c.canonical in house.columns("catalog")]
    with duckdb.connect() as con:
        frame = con.sql(f"SELECT {', '.join(canonical for _, canonical in told)} FROM ({sql})").df()
    out: dict[str, list[Row]] = {}
    for cells in frame.astype(object).where(frame.notna(), None).itertuples(index=False):
        row: Row = {c.name: None for c in SOURCE["catalog"].columns}
        row |= {name: _sent(canonical, cell) for (name, canonical), cell in zip(told, cells, strict=True)}
        out.setdefault(row["med_list_codg"], []).append(row)
    return out


def _sent(canonical: str, cell: Any) -> Any:
    if isinstance(cell, pd.Timestamp):
        return cell.date()
    return cell / 1e6 if canonical.endswith("_e6") and cell is not None else cell


@contextmanager
def catalogue_file(rows: Sequence[Row], name: str) -> Iterator[Path]:
    """A delivery of catalogue rows, as a bureau would send it; `name` is what the batch is known by."""
    with tempfile.TemporaryDirectory() as folder:
        delivery = Path(folder) / f"knowledge {name}"
        delivery.mkdir()
        columns = [c.name for c in SOURCE["catalog"].columns]
        made = pd.DataFrame([[r.get(c) for c in columns] for r in rows], columns=columns)
        made.to_csv(delivery / "catalog.csv", index=False)
        yield delivery


def linked(house: Warehouse, target: Path) -> Path:
    """A warehouse of the same claims under another path, its files hard links: published files are never rewritten."""
    for part in ("tables", "manifests", "quarantine"):
        if (house.root / part).exists():
            shutil.copytree(house.root / part, target / part, copy_function=os.link)
    for file in ("CURRENT", "key"):
        if (house.root / file).exists():
            shutil.copy2(house.root / file, target / file)
    return target


def _compared(before: Warehouse, after: Warehouse, as_of: date, features: Sequence[Feature]) -> Iterator[NewHits]:
    held = [_measured(house, as_of, features) for house in (before, after)]
    for f in features:
        (old, old_rows), (new, new_rows) = held[0].get(f.name, ({}, 0)), held[1].get(f.name, ({}, 0))
        yield NewHits(
            str(f.rule), f.grain, f.label, len(old), len(new), len(new.keys() - old.keys()), old_rows, new_rows,
            sum(old.values()), sum(new.values()),
        )  # fmt: skip


def _measured(house: Warehouse, as_of: date, features: Sequence[Feature]) -> dict[str, tuple[dict[str, int], int]]:
    """{declaration: ({entity hit: fen}, rows)} over all buckets; what cannot be evaluated is left out."""
    absent = absent_features(house, features, unread_words(house, as_of))
    found: dict[str, tuple[dict[str, int], int]] = {}
    for layout in ("person", "institution"):
        mine = [f for f in features if f.by == layout and f.name not in absent]
        for bucket in range(house.buckets) if mine else ():
            con = open_views(house, as_of, layout, bucket, words=named_words(mine, ["admission", "person"]))  # type: ignore[arg-type]
            try:
                for grain in dict.fromkeys(f.grain for f in mine):
                    focus(con, grain, GRAINS[grain].window_days)
                    own = [f for f in mine if f.grain == grain]
                    values = evaluate(con, own).set_index("entity_id")
                    for f in own:
                        column = f.columns()[0]
                        hit = values[values[column] > 0]
                        fen = hit[amount_name(column)] if f.amount is not None else 0 * hit[column]
                        entities, rows = found.setdefault(f.name, ({}, 0))
                        entities |= {str(e): int(x) for e, x in fen.fillna(0).items()}
                        found[f.name] = (entities, rows + _rows(con, f))
            finally:
                con.close()
    return found


def _rows(con: duckdb.DuckDBPyConnection, f: Feature) -> int:
    read_as(con, f.reversed)
    since = f"WHERE happened_at > (SELECT t FROM main.asof) - INTERVAL {f.windows[0]} DAY" if f.windows[0] else ""
    sql = f"SELECT count(*) FROM (SELECT DISTINCT row_table, row_id FROM ({evidence_sql(f)}) {since})"
    return int(con.execute(sql).fetchall()[0][0])
