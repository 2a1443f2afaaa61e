"""One bucket of one layout: its as-of views, the features whose rows lie complete in it, and rows for those whose rows
do not.

Features that share rows and reading are evaluated in one pass. A bucket knows nothing of the others, so an executor may
run it anywhere; features/assemble.py puts the parts together.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from claims.store.sql import copy_to
from claims.store.warehouse import Warehouse
from features.asof import open_views, read_as
from features.common_subqueries import Shared
from features.declarations import load_catalog
from features.declare import REGISTRY, Feature, GraphMeasure, amount_name, column_name
from features.grains import GRAINS, Grain, Layout
from features.thresholds import tune

#: Stays this recent are judged against each other and told to their hospital and doctor (codes.md: peers of the
#: trailing 12 months).
PEER_DAYS = 365
STAT = "__stat"


@dataclass(frozen=True)
class Job:
    """One grain's share of a bucket: `local` are measured here, `wide` too but for every stay of a year, of `gathered`
    only the rows are taken.
    """

    grain: Grain
    window_days: int
    local: tuple[str, ...]
    wide: tuple[str, ...]
    gathered: tuple[str, ...]
    out: str

    @property
    def wide_days(self) -> int:
        return max(PEER_DAYS, self.window_days)


@dataclass(frozen=True)
class BucketTask:
    """A pass: number k is bucket k // 2 of the institution layout (even) or the person layout (odd), for all grains
    that read it.

    The views of a bucket are opened once. Picklable, so that Spark may carry it.
    """

    warehouse: str
    as_of: date | datetime
    jobs: dict[Layout, tuple[Job, ...]]
    temp: str
    #: The day whose thresholds the declarations hold (features/thresholds.py).
    thresholds: date | None = None

    def __call__(self, k: int) -> str:
        tune(Path(self.warehouse), self.thresholds)
        load_catalog()
        layout: Layout = "person" if k % 2 else "institution"
        if not self.jobs.get(layout):
            return ""
        return build_bucket(self, layout, k // 2)


def build_bucket(task: BucketTask, layout: Layout, bucket: int) -> str:
    """Evaluate one bucket for every job; writes `part-…-LAYOUT-bNNN.parquet` into each job's folder."""
    warehouse = Warehouse.open(Path(task.warehouse))
    jobs = task.jobs[layout]
    features = (REGISTRY[n] for job in jobs for n in (*job.local, *job.wide, *job.gathered))
    words = named_words(features, [job.grain for job in jobs])
    con = open_views(
        warehouse, task.as_of, layout, bucket, temp=Path(task.temp), words=words, threads=1, memory="1500MB"
    )
    try:
        shared = Shared(con)
        for job in task.jobs[layout]:
            _run(con, shared, job, layout, f"{layout}-b{bucket:03d}")
    finally:
        con.close()
    return f"{layout}-{bucket}"


def _run(con: duckdb.DuckDBPyConnection, shared: Shared, job: Job, layout: Layout, tag: str) -> None:
    out = Path(job.out)
    grain = GRAINS[job.grain]
    own = layout in grain.layouts
    if own:
        focus(con, job.grain, job.window_days)
        entities = grain.entities_sql(job.window_days)
        con.execute(copy_to(entities, out / f"part-entities-{tag}.parquet"))
        if not grain.spread:
            frame = evaluate(con, [REGISTRY[n] for n in job.local], shared)
            frame.to_parquet(out / f"part-values-{tag}.parquet", index=False)
    for i, group in enumerate(grouped(REGISTRY[n] for n in job.gathered)):
        read_as(con, group[0].reversed)
        # An entity in the focus of any bucket is in that of this one, if its rows lie in the layout that decides who is
        # active.
        kept = "SEMI JOIN main.focus USING (entity_id)" if own and group[0].across is None else ""
        chosen = ", ".join(f'r."{c}"' for c in needed(con, group))
        rows = shared.tables(f"SELECT {chosen} FROM ({group[0].rows}) r {kept}", group[0].reversed)
        con.execute(copy_to(rows, out / f"part-rows-{layout}-{i:03d}-{tag}.parquet"))
    if job.wide:
        focus(con, job.grain, job.wide_days)
        frame = evaluate(con, [REGISTRY[n] for n in job.wide], shared)
        frame.to_parquet(out / f"part-wide-{tag}.parquet", index=False)
        entities = grain.entities_sql(job.wide_days)
        con.execute(copy_to(entities, out / f"part-yearly-{tag}.parquet"))


def focus(con: duckdb.DuckDBPyConnection, grain: Grain, window_days: int) -> None:
    """Let `main.focus` hold the entities of this bucket active in the window."""
    read_as(con, "net")
    con.execute(f"CREATE OR REPLACE TABLE main.focus AS {GRAINS[grain].active_sql(window_days)}")


def named_words(features: Iterable[Feature], listed: Iterable[Grain] = ()) -> frozenset[str]:
    """All words in the SQL of these features, and of the entities of the grains `listed`: columns nobody names are not
    read (an `l.*` then hands on fewer, which nobody misses), nor are fee lines that nobody names."""
    text = [GRAINS[grain].entities_sql(1) for grain in listed] + [f.sql() for f in features]
    return frozenset(re.findall(r"\w+", " ".join(text)))


def grouped(features: Iterable[Feature]) -> list[list[Feature]]:
    """Features that can share one pass: same rows and same reading of reversals, in stable order."""
    groups: dict[tuple[str, str, str | None], list[Feature]] = {}
    for f in features:
        groups.setdefault((f.reversed, f.rows, f.across), []).append(f)
    return list(groups.values())


def evidence_sql(feature: Feature) -> str:
    """The rows of the entities in `main.focus`, all columns."""
    return f"SELECT r.* FROM ({rows_sql(feature)}) r SEMI JOIN main.focus USING (entity_id)"


_COLUMNS: dict[str, list[str]] = {}


def needed(con: duckdb.DuckDBPyConnection, group: Sequence[Feature]) -> list[str]:
    """Columns of a group's rows that its numbers need: a row's own id and its printed columns are for evidence, and
    cost most of the time.
    """
    rows = group[0].rows
    if rows not in _COLUMNS:
        _COLUMNS[rows] = [d[0] for d in con.execute(f"SELECT * FROM ({rows}) LIMIT 0").description or []]
    if any(_by_function(f) for f in group):
        return _COLUMNS[rows]
    text = " ".join(f.sql().replace(f.rows, "") for f in group)
    words = set(re.findall(r"\w+", text)) | {"entity_id", "happened_at"}
    return [c for c in _COLUMNS[rows] if c in words]


class Values:
    """Numbers of the entities in `main.focus`, put in group by group. Made once per focus: it lays out `main.places`,
    an integer for each entity, so that nothing after the evidence carries the entity's own key."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        con.execute(
            """CREATE OR REPLACE TABLE main.places AS
            SELECT entity_id, (row_number() OVER (ORDER BY entity_id) - 1)::INTEGER AS entity_place FROM main.focus"""
        )
        self.ids = pd.Index(con.execute("SELECT entity_id FROM main.places ORDER BY entity_place").df()["entity_id"])
        self._found: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def put(self, places: np.ndarray, column: str, numbers: np.ndarray) -> None:
        self._found[column] = (places, numbers)

    def frame(self, features: Iterable[Feature]) -> pd.DataFrame:
        """All declared columns in order of declaration, index entity_id sorted; missing evidence becomes the declared
        `empty`, of an amount 0.
        """
        columns: dict[str, np.ndarray] = {}
        for f in features:
            for column in f.columns():
                empties = [(column, f.empty)] + ([(amount_name(column), 0.0)] if f.amount is not None else [])
                empties += [(column + STAT, None)] if f.peers is not None else []
                for name, empty in empties:
                    one = np.full(len(self.ids), np.nan)
                    if name in self._found:
                        places, numbers = self._found[name]
                        one[places] = numbers
                    columns[name] = one if empty is None else np.where(np.isnan(one), empty, one)
        return pd.DataFrame(columns, index=self.ids)


def evaluate(con: duckdb.DuckDBPyConnection, features: Sequence[Feature], shared: Shared | None = None) -> pd.DataFrame:
    """All features of one bucket: one row per focus entity, sorted, first column `entity_id`; missing evidence gives
    the declared `empty`.

    `shared` keeps what several of them contain; without it every declaration is computed from its own text. A rule with
    a peer test is not yet held against its peers: its statistic stands beside it as `NAME__stat`.
    """
    values = Values(con)
    for group in grouped(features):
        read_as(con, group[0].reversed)
        try:
            graphs = any(_by_function(f) for f in group)
            rows = placed_sql(group, () if graphs or group[0].across is not None else needed(con, group))
            rows = shared.tables(rows, group[0].reversed) if shared is not None else rows
            source = f"({rows})"
            if len({w for f in group for w in f.windows}) > 1 or graphs:
                con.execute(f"CREATE OR REPLACE TEMP TABLE feature_rows AS {rows}")
                source = "feature_rows"
            measure(con, source, group, values)
        except duckdb.Error as error:
            raise RuntimeError(f"feature {group[0].name} (features/{group[0].where}): {error}") from error
    read_as(con, "net")
    return values.frame(features).reset_index()


def placed_sql(group: Sequence[Feature], columns: Sequence[str] = ()) -> str:
    """The rows of a group within its widest window, of the entities in `main.focus`: their `entity_place` and all
    columns, or those named.
    """
    widest = 0 if any(0 in f.windows for f in group) else max(w for f in group for w in f.windows)
    chosen = ", ".join(f'r."{c}"' for c in columns if c != "entity_id") or "r.*"
    return f"""SELECT p.entity_place, {chosen}
        FROM ({rows_sql(group[0])}) r JOIN main.places p USING (entity_id) {_since(widest)}"""


def rows_sql(feature: Feature) -> str:
    """Its evidence rows; of one that is measured across entities, those made of all that lie here."""
    if feature.across is None:
        return feature.rows
    return f"WITH gathered AS ({feature.rows}) SELECT * FROM ({feature.across})"


def measure(con: duckdb.DuckDBPyConnection, table: str, group: Sequence[Feature], values: Values) -> None:
    """Measure a group over its evidence table, which names entities by `entity_place`: one query per window, one call
    per window and graph function.
    """
    for window in sorted({w for f in group for w in f.windows}):
        wanted = [f for f in group if window in f.windows]
        sql, columns = measured_sql(table, group, window)
        if columns:
            found = con.execute(sql).df()
            for name in found.columns[1:]:
                values.put(found["entity_place"].to_numpy(), name, found[name].to_numpy("float64"))
        graphs = [f for f in wanted if _by_function(f)]
        if graphs:
            rows = con.execute(
                f"SELECT * EXCLUDE (entity_place) FROM {table} {_since(window)} ORDER BY entity_id, happened_at, row_id"
            ).df()
            for one in _graphs(rows, graphs, window):
                values.put(values.ids.get_indexer(one.index), str(one.name), one.to_numpy("float64"))


def measured_sql(table: str, group: Sequence[Feature], window: int) -> tuple[str, list[str]]:
    """The statement of `measure` for one window, and the columns it gives beside `entity_place`."""
    told = {name: sql for f in group if window in f.windows for name, sql in _numbers(f, window).items()}
    columns = ", ".join(f"({sql})::DOUBLE AS {name}" for name, sql in told.items())
    return f"SELECT entity_place, {columns} FROM {table} {_since(window)} GROUP BY entity_place", list(told)


def _by_function(f: Feature) -> bool:
    """Whether a Python function measures it, which may need any column of its rows."""
    return isinstance(f.measure, GraphMeasure) or isinstance(f.amount, GraphMeasure)


def _since(window: int) -> str:
    return f"WHERE happened_at > (SELECT t FROM main.asof) - INTERVAL {window} DAY" if window else ""


def _numbers(f: Feature, window: int) -> dict[str, str]:
    """Column → SQL aggregate of all a declaration measures by SQL."""
    name = column_name(f.name, window)
    told: dict[str, Any] = {
        name: f.measure,
        amount_name(name): f.amount,
        name + STAT: f.peers.statistic if f.peers else None,
    }
    return {column: sql for column, sql in told.items() if isinstance(sql, str)}


def _graphs(rows: pd.DataFrame, graphs: Sequence[Feature], window: int) -> Iterable[pd.Series]:
    results: dict[Any, pd.DataFrame] = {}
    for f in graphs:
        name = column_name(f.name, window)
        for column, told in ((name, f.measure), (amount_name(name), f.amount)):
            if isinstance(told, GraphMeasure):
                if told.function not in results:
                    results[told.function] = told.function(rows)
                yield results[told.function][told.column].rename(column)
