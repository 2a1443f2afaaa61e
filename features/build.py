"""(grain, as_of) → a feature partition: values, entities, manifest. And a reason's way back to its claim rows.

Features that share rows, reading and layout are evaluated in one pass over a bucket; buckets are independent, so an executor may
run them anywhere. Doctors and rings span buckets: their rows are gathered first and measured once.
"""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq

from claims.errors import UserError
from claims.executor import BucketJob
from claims.warehouse import Warehouse, bucket_of
from features.asof import moment_of, open_views, read_as, tag_of
from features.declare import REGISTRY, Feature, GraphMeasure, column_name, fingerprint, load_catalog
from features.entities import entities_sql, focus_sql
from features.grains import WINDOW_DAYS, Grain, Layout

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Partition:
    """A built feature partition on disk: `values` and `entities` share `entity_id`, sorted by it."""

    path: Path
    grain: Grain
    as_of: date | datetime
    window_days: int
    columns: tuple[str, ...]
    absent: dict[str, str]
    rows: int

    def values(self) -> pd.DataFrame:
        return pd.read_parquet(self.path / "values.parquet").set_index("entity_id")

    def entities(self) -> pd.DataFrame:
        return pd.read_parquet(self.path / "entities.parquet").set_index("entity_id")


@dataclass(frozen=True)
class ThreadExecutor:
    """Two buckets at a time, one DuckDB thread each: most of a pass is small queries, which one query's own threads do not speed up."""

    workers: int = min(2, os.cpu_count() or 1)

    def map(self, job: BucketJob, buckets: Sequence[int]) -> Iterator[Any]:
        """Results of `job(bucket)` in the order of the buckets."""
        with ThreadPoolExecutor(self.workers) as pool:
            yield from pool.map(job, buckets)


@dataclass(frozen=True)
class Job:
    """One grain's share of a pass over the buckets: which declarations, which window, where the parts go."""

    grain: Grain
    window_days: int
    features: tuple[str, ...]
    out: str


@dataclass(frozen=True)
class BucketTask:
    """A pass: number k is bucket k // 2 of the institution layout (even) or the person layout (odd), for all grains that read it.

    The views of a bucket are opened once. Picklable, so that Spark may carry it.
    """

    warehouse: str
    as_of: date | datetime
    jobs: dict[Layout, tuple[Job, ...]]
    temp: str

    def __call__(self, k: int) -> str:
        load_catalog()
        layout: Layout = "person" if k % 2 else "institution"
        if not self.jobs.get(layout):
            return ""
        return build_bucket(self, layout, k // 2)


def absent_features(warehouse: Warehouse, features: Iterable[Feature]) -> dict[str, str]:
    """Features whose optional tables or columns are not in this warehouse, each with the reason (tables.md §4)."""
    absent = {}
    for f in features:
        for need in f.needs:
            table, _, column = need.partition(".")
            if table not in warehouse.tables():
                absent[f.name] = f"缺少表 {table}"
            elif column and column not in warehouse.columns(table):
                absent[f.name] = f"缺少列 {need}"
    return absent


def build(
    root: Path | str,
    as_of: date | datetime,
    grain: Grain,
    window_days: int | None = None,
    *,
    progress: Progress | None = None,
    executor: Any = None,
) -> Partition:
    """Build (or find, when nothing changed) the partition of one grain at one as-of.

    Opening the views is most of the work, so the other grains that lie in the same buckets are built in the same pass.
    Raises UserError when the date lies outside the data.
    """
    load_catalog()
    warehouse = Warehouse.open(Path(root))
    check_date(warehouse, as_of)
    wanted = _plan(warehouse, as_of, grain, window_days)
    if not _fresh(wanted):
        plans = [wanted]
        if grain != "ring":
            others = [_plan(warehouse, as_of, g, None) for g in LAYOUTS if g != grain]
            plans += [p for p in others if not _fresh(p)]
        _build(warehouse, as_of, plans, progress, executor or ThreadExecutor())
    known = _read_manifest(wanted.path)
    assert known is not None
    return Partition(
        wanted.path, grain, as_of, wanted.window_days, tuple(known["columns"]), known["absent"], known["rows"]
    )


@dataclass(frozen=True)
class _Plan:
    grain: Grain
    window_days: int
    features: list[Feature]
    absent: dict[str, str]
    path: Path
    identity: dict[str, Any]


def _plan(warehouse: Warehouse, as_of: date | datetime, grain: Grain, window_days: int | None) -> _Plan:
    window = window_days or WINDOW_DAYS[grain]
    features = list(REGISTRY.of(grain))
    absent = absent_features(warehouse, features)
    features = [f for f in features if f.name not in absent]
    suffix = "" if window == WINDOW_DAYS[grain] else f".w{window}"
    path = warehouse.root / "features" / tag_of(as_of) / f"{grain}{suffix}"
    identity = {"fingerprint": fingerprint(features), "warehouse": warehouse.version, "window_days": window}
    return _Plan(grain, window, features, absent, path, identity)


def _fresh(plan: _Plan) -> bool:
    known = _read_manifest(plan.path)
    return known is not None and {k: known.get(k) for k in plan.identity} == plan.identity


def check_date(warehouse: Warehouse, as_of: date | datetime) -> None:
    """Refuse an as-of outside the data: nothing known yet, or long past the last row."""
    first, last, _ = warehouse.span()
    day = as_of.date() if isinstance(as_of, datetime) else as_of
    if day < first.date():
        raise UserError(
            f"as-of {day} lies before the first row of this warehouse ({first.date()}); choose a later date"
        )
    if (day - last.date()).days > 31:
        raise UserError(
            f"as-of {day} lies more than a month after the last row of this warehouse ({last.date()}); take newer claims in, or choose an earlier date"
        )


def _read_manifest(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads((path / "manifest.json").read_text("utf-8"))
        return found
    except (OSError, ValueError):
        return None


#: The layouts in which the rows of a grain lie.
LAYOUTS: dict[Grain, tuple[Layout, ...]] = {
    "admission": ("person", "institution"),
    "person": ("person",),
    "institution": ("institution",),
    "doctor": ("institution",),
}


def _build(
    warehouse: Warehouse, as_of: date | datetime, plans: Sequence[_Plan], progress: Progress | None, executor: Any
) -> None:
    folder = plans[0].path.parent
    folder.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=".stage-", dir=folder))
    try:
        if plans[0].grain == "ring":
            from features.graphs.rings_build import build_rings

            if progress:
                progress(f"团伙 {tag_of(as_of)}", 0.0)
            (stage / "ring").mkdir()
            build_rings(warehouse, as_of, plans[0].window_days, stage / "ring")
        else:
            _pass(warehouse, as_of, plans, stage, progress, executor)
        for plan in plans:
            _publish(plan, stage / plan.grain, as_of)
    finally:
        shutil.rmtree(stage)


def _pass(
    warehouse: Warehouse,
    as_of: date | datetime,
    plans: Sequence[_Plan],
    stage: Path,
    progress: Progress | None,
    executor: Any,
) -> None:
    jobs: dict[Layout, tuple[Job, ...]] = {}
    for layout in ("institution", "person"):
        for plan in plans:
            (stage / plan.grain).mkdir(exist_ok=True)
            if layout in LAYOUTS[plan.grain]:
                names = tuple(f.name for f in plan.features if f.by == layout or plan.grain != "admission")
                job = Job(plan.grain, plan.window_days, names, str(stage / plan.grain))
                jobs[layout] = (*jobs.get(layout, ()), job)
    task = BucketTask(str(warehouse.root), as_of, jobs, str(stage))
    total = 2 * warehouse.buckets
    for done, _ in enumerate(executor.map(task, range(total)), start=1):
        if progress:
            progress(f"特征 {tag_of(as_of)}", done / total)
    for plan in plans:
        _assemble(stage / plan.grain, plan.grain, plan.features, list(LAYOUTS[plan.grain]), as_of)


def _publish(plan: _Plan, stage: Path, as_of: date | datetime) -> None:
    values = pq.ParquetFile(stage / "values.parquet")
    columns = [c for c in values.schema_arrow.names if c != "entity_id"]
    manifest = plan.identity | {
        "grain": plan.grain, "as_of": tag_of(as_of), "columns": columns, "absent": plan.absent, "rows": values.metadata.num_rows,
    }  # fmt: skip
    for part in stage.glob("part-*"):
        part.unlink()
    (stage / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True), "utf-8")
    if plan.path.exists():
        shutil.rmtree(plan.path)
    stage.rename(plan.path)


def build_bucket(task: BucketTask, layout: Layout, bucket: int) -> str:
    """Evaluate one bucket for every job; writes `part-…-LAYOUT-bNNN.parquet` into each job's folder."""
    warehouse = Warehouse.open(Path(task.warehouse))
    words = named_words(REGISTRY[n] for job in task.jobs[layout] for n in job.features)
    con = open_views(
        warehouse, task.as_of, layout, bucket, temp=Path(task.temp), words=words, threads=1, memory="1500MB"
    )
    try:
        for job in task.jobs[layout]:
            out = Path(job.out)
            read_as(con, "net")
            con.execute(f"CREATE OR REPLACE TABLE main.focus AS {focus_sql(job.grain, job.window_days)}")
            entities = entities_sql(job.grain, job.window_days)
            con.execute(f"COPY ({entities}) TO '{out}/part-entities-{layout}-b{bucket:03d}.parquet' (FORMAT parquet)")
            features = [REGISTRY[n] for n in job.features]
            if job.grain == "doctor":
                for i, group in enumerate(grouped(features)):
                    read_as(con, group[0].reversed)
                    rows = _rows_sql(group[0], needed(con, group))
                    con.execute(f"COPY ({rows}) TO '{out}/part-rows-{i:03d}-b{bucket:03d}.parquet' (FORMAT parquet)")
            else:
                frame = evaluate(con, features)
                frame.to_parquet(out / f"part-values-{layout}-b{bucket:03d}.parquet", index=False)
    finally:
        con.close()
    return f"{layout}-{bucket}"


def named_words(features: Iterable[Feature]) -> frozenset[str]:
    """All words in the SQL of these features: columns nobody names are not read (an `l.*` then hands on fewer, which nobody misses)."""
    text = [entities_sql(grain, 1) for grain in LAYOUTS]
    for f in features:
        text += [f.rows, f.amount or "", f.measure if isinstance(f.measure, str) else ""]
    return frozenset(re.findall(r"\w+", " ".join(text)))


def grouped(features: Sequence[Feature]) -> list[list[Feature]]:
    """Features that can share one pass: same rows and same reading of reversals, in stable order."""
    groups: dict[tuple[str, str], list[Feature]] = {}
    for f in features:
        groups.setdefault((f.reversed, f.rows), []).append(f)
    return list(groups.values())


def _rows_sql(feature: Feature, columns: Sequence[str] = ()) -> str:
    chosen = ", ".join(f'r."{c}"' for c in columns) or "r.*"
    return f"SELECT {chosen} FROM ({feature.rows}) r SEMI JOIN main.focus USING (entity_id)"


_COLUMNS: dict[str, list[str]] = {}


def needed(con: duckdb.DuckDBPyConnection, group: Sequence[Feature]) -> list[str]:
    """Columns of a group's rows that its numbers need: a row's own id and its printed columns are for evidence, and cost most of the time."""
    rows = group[0].rows
    if rows not in _COLUMNS:
        _COLUMNS[rows] = [d[0] for d in con.execute(f"SELECT * FROM ({rows}) LIMIT 0").description or []]
    if any(not isinstance(f.measure, str) for f in group):
        return _COLUMNS[rows]
    text = " ".join(f"{f.measure} {f.amount or ''}" for f in group)
    words = set(re.findall(r"\w+", text)) | {"entity_id", "happened_at"}
    return [c for c in _COLUMNS[rows] if c in words]


def evaluate(con: duckdb.DuckDBPyConnection, features: Sequence[Feature]) -> pd.DataFrame:
    """All features of one bucket: one row per focus entity, sorted; missing evidence gives the declared `empty`."""
    base = con.execute("SELECT entity_id FROM main.focus ORDER BY 1").df()
    frame = base.set_index("entity_id")
    parts: list[pd.DataFrame] = []
    for group in grouped(features):
        read_as(con, group[0].reversed)
        try:
            rows = _rows_sql(group[0], needed(con, group))
            source = f"({rows})"
            if len({w for f in group for w in f.windows}) > 1 or any(not isinstance(f.measure, str) for f in group):
                con.execute(f"CREATE OR REPLACE TEMP TABLE feature_rows AS {rows}")
                source = "feature_rows"
            parts += measure(con, source, group)
        except duckdb.Error as error:
            raise RuntimeError(f"feature {group[0].name} (features/{group[0].where}): {error}") from error
    read_as(con, "net")
    return _filled(frame, parts, features)


def _filled(frame: pd.DataFrame, parts: list[pd.DataFrame], features: Sequence[Feature]) -> pd.DataFrame:
    """All declared columns in order of declaration, aligned to the focus; NaN becomes the declared `empty`, an amount 0."""
    found = {str(c): part[c] for part in parts for c in part.columns}
    columns: dict[str, pd.Series] = {}
    for f in features:
        for column in f.columns():
            empties = [(column, f.empty)] + ([(f"{column}_fen", 0.0)] if f.amount is not None else [])
            for name, empty in empties:
                one = found.get(name, pd.Series(dtype="float64")).astype("float64").reindex(frame.index)
                columns[name] = one if empty is None else one.fillna(empty)
    wide = pd.DataFrame(columns, index=frame.index) if columns else frame
    return wide.reset_index()


def measure(con: duckdb.DuckDBPyConnection, table: str, group: Sequence[Feature]) -> list[pd.DataFrame]:
    """Measures of one group over its evidence table, one frame (index entity_id) per window and graph function."""
    frames = []
    for window in sorted({w for f in group for w in f.windows}):
        since = f"WHERE happened_at > (SELECT t FROM main.asof) - INTERVAL {window} DAY" if window else ""
        wanted = [f for f in group if window in f.windows]
        plain = [f for f in wanted if isinstance(f.measure, str)]
        if plain:
            columns = [f"({f.measure})::DOUBLE AS {column_name(f.name, window)}" for f in plain]
            columns += [f"({f.amount})::DOUBLE AS {column_name(f.name, window)}_fen" for f in plain if f.amount]
            sql = f"SELECT entity_id, {', '.join(columns)} FROM {table} {since} GROUP BY entity_id"
            frames.append(con.execute(sql).df().set_index("entity_id"))
        graphs = [f for f in wanted if isinstance(f.measure, GraphMeasure)]
        if graphs:
            order = "ORDER BY entity_id, happened_at, row_id"
            rows = con.execute(f"SELECT * FROM {table} {since} {order}").df()
            results: dict[Any, pd.DataFrame] = {}
            for f in graphs:
                assert isinstance(f.measure, GraphMeasure)
                function = f.measure.function
                if function not in results:
                    results[function] = function(rows)
                column = results[function][f.measure.column].astype("float64")
                frames.append(column.rename(column_name(f.name, window)).to_frame())
    return frames


def _assemble(
    stage: Path, grain: Grain, features: list[Feature], layouts: list[Layout], as_of: date | datetime
) -> None:
    con = duckdb.connect()
    con.execute(f"SET threads=2; SET memory_limit='2GB'; SET temp_directory='{stage}'")
    try:
        if grain == "doctor":
            con.execute(
                "CREATE TABLE main.asof AS SELECT ?::TIMESTAMP AS t, ?::TIMESTAMP::DATE AS d", [moment_of(as_of)] * 2
            )
            _assemble_spanning(con, stage, features)
        else:
            joined = " ".join(
                f"{'FROM' if i == 0 else 'JOIN'} read_parquet('{stage}/part-values-{layout}-b*.parquet', union_by_name=true) v{i}"
                + ("" if i == 0 else " USING (entity_id)")
                for i, layout in enumerate(layouts)
            )
            con.execute(f"COPY (SELECT * {joined} ORDER BY entity_id) TO '{stage}/values.parquet' (FORMAT parquet)")
            con.execute(
                f"COPY (FROM read_parquet('{stage}/part-entities-{layouts[0]}-b*.parquet', union_by_name=true) ORDER BY entity_id)"
                f" TO '{stage}/entities.parquet' (FORMAT parquet)"
            )
    finally:
        con.close()


def _assemble_spanning(con: duckdb.DuckDBPyConnection, stage: Path, features: list[Feature]) -> None:
    """Doctors: rows of all buckets first, measured once, so any aggregate is exact."""
    pattern = f"read_parquet('{stage}/part-entities-*.parquet', union_by_name=true)"
    con.execute(
        f"""CREATE TABLE entities AS SELECT entity_id, any_value(psn_no) AS psn_no, arg_max(fixmedins_code, total_fen) AS fixmedins_code,
        entity_id AS dr_codg, arg_max(area, total_fen) AS area, arg_max(label, total_fen) AS label, min(begin_at) AS begin_at, max(end_at) AS end_at,
        false AS "open", sum(fund_fen)::BIGINT AS fund_fen, sum(total_fen)::BIGINT AS total_fen,
        arg_max(peer_group, total_fen) AS peer_group, arg_max(peer_group_coarse, total_fen) AS peer_group_coarse
        FROM {pattern} GROUP BY entity_id"""
    )
    con.execute("CREATE TABLE focus AS SELECT entity_id FROM entities")
    frame = con.execute("SELECT entity_id FROM entities ORDER BY 1").df().set_index("entity_id")
    parts: list[pd.DataFrame] = []
    for i, group in enumerate(grouped(features)):
        con.execute(
            f"CREATE OR REPLACE TABLE feature_rows AS FROM read_parquet('{stage}/part-rows-{i:03d}-b*.parquet', union_by_name=true) SEMI JOIN focus USING (entity_id)"
        )
        parts += measure(con, "feature_rows", group)
    _filled(frame, parts, features).to_parquet(stage / "values.parquet", index=False)
    con.execute(f"COPY (FROM entities ORDER BY entity_id) TO '{stage}/entities.parquet' (FORMAT parquet)")


def evidence(root: Path | str, as_of: date | datetime, grain: Grain, column: str, entity_id: str) -> pd.DataFrame:
    """The claim rows behind one number of one entity, in time order; the measure over them is the number."""
    return gather_evidence(root, as_of, grain, [(column, entity_id)])[column, entity_id]


#: Prefix of a parent's column in a matrix → (the parent's grain, the entity column that names it).
PARENT: dict[str, tuple[Grain, str]] = {
    "inst": ("institution", "fixmedins_code"),
    "person": ("person", "psn_no"),
    "doctor": ("doctor", "dr_codg"),
}


def gather_evidence(
    root: Path | str,
    as_of: date | datetime,
    grain: Grain,
    wanted: Iterable[tuple[str, str]],
    window_days: int | None = None,
) -> dict[tuple[str, str], pd.DataFrame]:
    """Evidence of many (column, entity_id) at once: the views of each bucket are opened one time for all of them.

    A column is a matrix column: `name`, `name_W`, a rule's `…_fen`, a parent's `inst__…`. Raises UserError for a column nobody declared or an
    entity that was not active.
    """
    load_catalog()
    partition = build(root, as_of, grain, window_days)
    warehouse = Warehouse.open(Path(root))
    wanted = list(dict.fromkeys(wanted))
    if grain == "ring":
        rows = pd.read_parquet(partition.path / "rows.parquet")
        return {(c, e): rows[rows["entity_id"] == e].reset_index(drop=True) for c, e in wanted}
    entities = partition.entities()
    jobs: dict[tuple[Layout, int], dict[str, list[tuple[str, tuple[str, str]]]]] = {}
    keys: dict[tuple[Layout, int], set[str]] = {}
    for column, entity_id in wanted:
        if entity_id not in entities.index:
            raise UserError(
                f"{grain} {entity_id} is not among those active in the window of this as-of; try another --as-of"
            )
        prefix, _, own = column.rpartition("__")
        about, key = PARENT.get(prefix, (grain, ""))
        subject = str(entities.at[entity_id, key]) if key else entity_id
        feature, _ = _declared(own)
        place = "psn_no" if feature.by == "person" else "fixmedins_code"
        for bucket in _buckets_of(warehouse, entities, about, feature, entity_id):
            jobs.setdefault((feature.by, bucket), {}).setdefault(own, []).append((subject, (column, entity_id)))
            if about != "doctor":
                keys.setdefault((feature.by, bucket), set()).add(str(entities.at[entity_id, place]))
    found: dict[tuple[str, str], list[pd.DataFrame]] = {}
    for (layout, bucket), columns in sorted(jobs.items(), key=lambda j: j[0]):
        own_keys = None if _asks_doctors(columns) else sorted(keys[layout, bucket])
        con = open_views(
            warehouse, as_of, layout, bucket, words=named_words(_declared(c)[0] for c in columns), keys=own_keys
        )
        try:
            for group in _sharing(columns):
                feature = _declared(group[0])[0]
                subjects = sorted({s for own in group for s, _ in columns[own]})
                con.execute(
                    "CREATE OR REPLACE TABLE main.focus AS SELECT unnest(?::VARCHAR[]) AS entity_id", [subjects]
                )
                read_as(con, feature.reversed)
                rows = con.execute(_rows_sql(feature)).df()
                by_subject = {str(k): v for k, v in rows.groupby("entity_id", sort=False)}
                for own in group:
                    window = _declared(own)[1]
                    since = moment_of(as_of) - timedelta(days=window) if window else None
                    for subject, answer in columns[own]:
                        mine = by_subject.get(subject, rows.iloc[:0])
                        found.setdefault(answer, []).append(
                            mine if since is None else mine[mine["happened_at"] > since]
                        )
        finally:
            con.close()
    return {key: _stack(frames) for key, frames in found.items()}


def _sharing(columns: Iterable[str]) -> list[list[str]]:
    """Columns whose rows are the same query, together: it is run once."""
    groups: dict[tuple[str, str], list[str]] = {}
    for column in columns:
        feature = _declared(column)[0]
        groups.setdefault((feature.reversed, feature.rows), []).append(column)
    return list(groups.values())


def _asks_doctors(columns: Iterable[str]) -> bool:
    """A doctor works at several institutions, so the bucket must be read whole."""
    return any(_declared(c)[0].grain == "doctor" for c in columns)


def _declared(column: str) -> tuple[Feature, int]:
    try:
        return REGISTRY.column(column.removesuffix("_fen") if column.startswith("rule_") else column)
    except KeyError as error:
        raise UserError(f"no feature gives a column {column!r}; docs/features.md lists them") from error


def _stack(frames: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [f for f in frames if len(f)]
    every = pd.concat(filled, ignore_index=True) if filled else frames[0]
    return every.sort_values(["happened_at", "row_table", "row_id"], kind="stable", ignore_index=True)


def _buckets_of(
    warehouse: Warehouse, entities: pd.DataFrame, about: Grain, feature: Feature, entity_id: str
) -> list[int]:
    if about == "doctor":
        return list(range(warehouse.buckets))
    key = "psn_no" if feature.by == "person" else "fixmedins_code"
    return [bucket_of(str(entities.at[entity_id, key]), warehouse.buckets)]
