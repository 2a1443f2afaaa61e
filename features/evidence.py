"""A reason's way back to its claim rows: the rows behind a number, in time order; the declared measure over them is the number."""

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd

from claims.errors import UserError
from claims.store.warehouse import Warehouse, bucket_of
from features.asof import moment_of, open_views, read_as
from features.bucket import evidence_sql, named_words
from features.build import Partition, build
from features.declarations import load_catalog
from features.declare import REGISTRY, Feature
from features.grains import KEY, Grain, Layout

#: Prefix of a parent's column in a matrix → (the parent's grain, the entity column that names it).
PARENT: dict[str, tuple[Grain, str]] = {
    "inst": ("institution", "fixmedins_code"),
    "person": ("person", "psn_no"),
    "doctor": ("doctor", "dr_codg"),
}
Answer = tuple[str, str]
#: Where rows are read → own column name → (subject, the answer they belong to).
Jobs = dict[tuple[Layout, int], dict[str, list[tuple[str, Answer]]]]


def evidence(root: Path | str, as_of: date | datetime, grain: Grain, column: str, entity_id: str) -> pd.DataFrame:
    """The claim rows behind one number of one entity, in time order; the measure over them is the number."""
    return gather_evidence(root, as_of, grain, [(column, entity_id)])[column, entity_id]


def gather_evidence(
    root: Path | str,
    as_of: date | datetime,
    grain: Grain,
    wanted: Iterable[Answer],
    window_days: int | None = None,
) -> dict[Answer, pd.DataFrame]:
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
    bonds = [answer for answer in wanted if answer[0].rpartition("__")[2].startswith("bond_")]
    met = _meetings(root, as_of, partition, bonds)
    jobs, keys = _placed(warehouse, partition, [answer for answer in wanted if answer not in met])
    found: dict[Answer, list[pd.DataFrame]] = {}
    for (layout, bucket), columns in sorted(jobs.items(), key=lambda j: j[0]):
        if layout == "judged":
            con = _open_judged(root, as_of)
        else:
            words = named_words(_declared(c)[0] for c in columns)
            whole = any(_declared(c)[0].spans for c in columns)
            own = None if whole else sorted(keys[layout, bucket])
            con = open_views(warehouse, as_of, layout, bucket, words=words, keys=own)
        try:
            for answer, frame in _read(con, columns, as_of):
                found.setdefault(answer, []).append(frame)
        finally:
            con.close()
    return _finished(found, as_of) | met


def _meetings(
    root: Path | str, as_of: date | datetime, partition: Partition, wanted: Sequence[Answer]
) -> dict[Answer, pd.DataFrame]:
    """Behind a graph scorer's column: the settlements of its person, institution or doctor in meetings of unexplained rings; none for a pair that is no ring."""
    if not wanted:
        return {}
    rows = pd.read_parquet(build(root, as_of, "ring").path / "bonds_meetings.parquet")
    entities = partition.entities()
    found = {}
    for column, entity_id in wanted:
        grain, key = PARENT.get(column.rpartition("__")[0], (partition.grain, ""))
        subject = entities.at[entity_id, key] if key else entity_id
        mine = rows[rows[KEY[grain]] == subject].assign(entity_id=entity_id)
        found[column, entity_id] = mine.sort_values(["happened_at", "row_id"], kind="stable", ignore_index=True)
    return found


def _placed(
    warehouse: Warehouse, partition: Partition, wanted: Iterable[Answer]
) -> tuple[Jobs, dict[tuple[Layout, int], set[str]]]:
    """In which buckets the rows of each answer lie, and whose rows they are."""
    entities = partition.entities()
    jobs: Jobs = {}
    keys: dict[tuple[Layout, int], set[str]] = {}
    for column, entity_id in wanted:
        if entity_id not in entities.index:
            raise UserError(
                f"{partition.grain} {entity_id} is not among those active in the window of this as-of; try another --as-of"
            )
        prefix, _, own = column.rpartition("__")
        _, key = PARENT.get(prefix, (partition.grain, ""))
        subject = str(entities.at[entity_id, key]) if key else entity_id
        feature, _ = _declared(own)
        place = str(entities.at[entity_id, "psn_no" if feature.by == "person" else "fixmedins_code"])
        buckets = [bucket_of(place, warehouse.buckets)]
        if feature.by == "judged":
            buckets = [0]
        elif feature.spans:
            buckets = list(range(warehouse.buckets))
        for bucket in buckets:
            jobs.setdefault((feature.by, bucket), {}).setdefault(own, []).append((subject, (column, entity_id)))
            keys.setdefault((feature.by, bucket), set()).add(place)
    return jobs, keys


def _open_judged(root: Path | str, as_of: date | datetime) -> duckdb.DuckDBPyConnection:
    """The judged stays of that as-of where `main.judged` and `read_as` find them."""
    con = duckdb.connect()
    for schema in ("net", "kept", "pairs"):
        con.execute(f"CREATE SCHEMA {schema}")
    path = build(root, as_of, "admission").path / "judged.parquet"
    con.execute(f"CREATE VIEW main.judged AS FROM '{path}'")
    return con


def _read(
    con: duckdb.DuckDBPyConnection, columns: dict[str, list[tuple[str, Answer]]], as_of: date | datetime
) -> Iterable[tuple[Answer, pd.DataFrame]]:
    for group in _sharing(columns):
        feature = _declared(group[0])[0]
        read_as(con, feature.reversed)
        if feature.across is not None:
            # What stands apart is seen only with the rows of all buckets together: take all, choose at the end.
            rows = con.execute(f"SELECT * FROM ({feature.rows})").df()
            yield from ((answer, rows) for own in group for _, answer in columns[own])
            continue
        subjects = sorted({s for own in group for s, _ in columns[own]})
        con.execute("CREATE OR REPLACE TABLE main.focus AS SELECT unnest(?::VARCHAR[]) AS entity_id", [subjects])
        rows = con.execute(evidence_sql(feature)).df()
        by_subject = {str(k): v for k, v in rows.groupby("entity_id", sort=False)}
        for own in group:
            for subject, answer in columns[own]:
                yield answer, _within(by_subject.get(subject, rows.iloc[:0]), own, as_of)


def _within(rows: pd.DataFrame, column: str, as_of: date | datetime) -> pd.DataFrame:
    window = _declared(column)[1]
    return rows[rows["happened_at"] > moment_of(as_of) - timedelta(days=window)] if window else rows


def _finished(found: dict[Answer, list[pd.DataFrame]], as_of: date | datetime) -> dict[Answer, pd.DataFrame]:
    """One frame an answer; rows gathered over all buckets become evidence by the declaration's `across`."""
    done: dict[Answer, pd.DataFrame] = {}
    crossed: dict[str, pd.DataFrame] = {}
    for answer, frames in found.items():
        own = answer[0].rpartition("__")[2]
        feature = _declared(own)[0]
        if feature.across is None:
            done[answer] = _marked(_stack(frames), feature)
            continue
        if feature.name not in crossed:
            crossed[feature.name] = _cross(pd.concat(frames, ignore_index=True), feature, as_of)
        rows = crossed[feature.name]
        mine = _within(rows[rows["entity_id"] == answer[1]], own, as_of).reset_index(drop=True)
        done[answer] = _marked(mine, feature)
    return done


def _marked(rows: pd.DataFrame, feature: Feature) -> pd.DataFrame:
    """Pages print the rows marked `hit`. A number that does not count the marks is only recomputed from all rows, so it keeps none."""
    counted = feature.rule is not None or "hit" in re.findall(r"\w+", f"{feature.measure} {feature.amount}")
    return rows if counted or "hit" not in rows else rows.drop(columns="hit")


def _cross(rows: pd.DataFrame, feature: Feature, as_of: date | datetime) -> pd.DataFrame:
    con = duckdb.connect()
    try:
        con.execute(
            "CREATE TABLE main.asof AS SELECT ?::TIMESTAMP AS t, ?::TIMESTAMP::DATE AS d", [moment_of(as_of)] * 2
        )
        con.register("gathered", rows)
        return _stack([con.execute(str(feature.across)).df()])
    finally:
        con.close()


def _sharing(columns: Iterable[str]) -> list[list[str]]:
    """Columns whose rows are the same query, together: it is run once."""
    groups: dict[tuple[str, str, str | None], list[str]] = {}
    for column in columns:
        feature = _declared(column)[0]
        groups.setdefault((feature.reversed, feature.rows, feature.across), []).append(column)
    return list(groups.values())


def _declared(column: str) -> tuple[Feature, int]:
    try:
        return REGISTRY.column(column.removesuffix("_fen") if column.startswith("rule_") else column)
    except KeyError as error:
        raise UserError(f"no feature gives a column {column!r}; docs/features.md lists them") from error


def _stack(frames: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [f for f in frames if len(f)]
    every = pd.concat(filled, ignore_index=True) if filled else frames[0]
    return every.sort_values(["happened_at", "row_table", "row_id"], kind="stable", ignore_index=True)
