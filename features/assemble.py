"""From the parts of all buckets to the values of one grain: peers, rows that span buckets, stays told to their hospital
and doctor.

The one place where buckets meet. Whatever can be measured within a bucket already is; what is left is small.
"""

import re
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import duckdb
import pandas as pd

from claims.store.sql import copy_to, parquet, quote
from features.asof import moment_of
from features.bucket import STAT, Values, grouped, measure, placed_sql
from features.declare import REGISTRY, Feature, amount_name
from features.grains import GRAINS, Grain, Layout
from features.limits import LIMITS, hold_against


def assemble(
    stage: Path,
    grain: Grain,
    features: Sequence[Feature],
    as_of: date | datetime,
    judged: Path | None,
) -> None:
    """Write `values`, `entities`, `limits` (and, of stays, `judged`) `.parquet` from the parts in `stage`.

    `judged` is that file of the admission grain, for the grains that roll stays up; None where no stay was ever built.
    """
    spec = GRAINS[grain]
    con = duckdb.connect()
    con.execute(f"SET threads=2; SET memory_limit='2GB'; SET temp_directory={quote(stage)}")
    try:
        con.execute(
            "CREATE TABLE main.asof AS SELECT ?::TIMESTAMP AS t, ?::TIMESTAMP::DATE AS d", [moment_of(as_of)] * 2
        )
        con.execute(f"CREATE TABLE entities AS {_entities(stage, grain)}")
        con.execute("CREATE TABLE main.focus AS SELECT entity_id FROM entities")
        con.execute(copy_to("FROM entities ORDER BY entity_id", stage / "entities.parquet"))
        late = [_measured(con, stage, judged, [f for f in features if f.spans or f.by == "judged"])]
        limits = pd.DataFrame(columns=LIMITS)
        if spec.yearly:
            yearly, limits = _yearly(con, stage, wide_features(features))
            late.append(yearly.reindex(late[0].index))
        local = [f for f in features if not f.spans and f.by != "judged"]
        local = [f for f in local if f not in wide_features(features)] if spec.yearly else local
        if not spec.spread:
            con.execute(f"CREATE VIEW local AS {_joined(stage, spec.layouts)}")
            tested = [n for f in local if f.peers for n in (*numbers(f), f.columns()[0] + STAT)]
            if tested:
                late.append(
                    con.execute(f"SELECT entity_id, {', '.join(tested)} FROM local").df().set_index("entity_id")
                )
        if not spec.yearly:
            entities = con.execute("SELECT entity_id, peer_group, peer_group_coarse FROM entities").df()
            held = pd.concat(late, axis=1)
            held, limits = hold_against(held, entities.set_index("entity_id"), features)
            late = [held]
        limits.to_parquet(stage / "limits.parquet", index=False)
        _write(con, stage, grain, features, pd.concat(late, axis=1))
    finally:
        con.close()


def numbers(f: Feature) -> list[str]:
    """All columns a declaration has in a partition: its values, then its amounts."""
    return [n for c in f.columns() for n in ((c, amount_name(c)) if f.amount is not None else (c,))]


def wide_features(features: Sequence[Feature]) -> list[Feature]:
    """Stay features that are measured for every stay of a year: those held against peers, and those that `judged`
    readers name.
    """
    words = {w for f in REGISTRY.values() if f.by == "judged" for w in re.findall(r"\w+", f.rows)}
    return [f for f in features if GRAINS[f.grain].yearly and (f.peers or words & set(numbers(f)))]


def _parts(stage: Path, name: str) -> str:
    """The rows of the parts of all buckets, in order of their names."""
    return parquet(sorted(stage.glob(f"part-{name}.parquet")))


def _entities(stage: Path, grain: Grain) -> str:
    spec = GRAINS[grain]
    return spec.merged_sql(_parts(stage, f"entities-{spec.layouts[0]}-b*"))


def _joined(stage: Path, layouts: Sequence[Layout]) -> str:
    joined = " ".join(
        f"{'FROM' if i == 0 else 'JOIN'} {_parts(stage, f'values-{layout}-b*')} v{i}"
        + ("" if i == 0 else " USING (entity_id)")
        for i, layout in enumerate(layouts)
    )
    return f"SELECT * {joined}"


def _measured(
    con: duckdb.DuckDBPyConnection, stage: Path, judged: Path | None, features: Sequence[Feature]
) -> pd.DataFrame:
    """What is measured once the rows of all buckets are together (so any aggregate is exact), or of judged stays; index
    entity_id, sorted.
    """
    values = Values(con)
    for layout in dict.fromkeys(f.by for f in features if f.by != "judged"):
        for i, group in enumerate(grouped(f for f in features if f.by == layout)):
            gathered = _parts(stage, f"rows-{layout}-{i:03d}-*")
            con.execute(f"CREATE OR REPLACE TABLE gathered AS FROM {gathered}")
            rows = f"({group[0].across})" if group[0].across is not None else "gathered"
            con.execute(f"CREATE OR REPLACE TABLE feature_rows AS FROM {rows} JOIN main.places USING (entity_id)")
            measure(con, "feature_rows", group, values)
    if judged is not None:
        con.execute(f"CREATE VIEW judged AS FROM {quote(judged)}")
        for group in grouped(f for f in features if f.by == "judged"):
            con.execute(f"CREATE OR REPLACE TABLE feature_rows AS {placed_sql(group)}")
            measure(con, "feature_rows", group, values)
    con.execute("DROP TABLE IF EXISTS gathered; DROP TABLE IF EXISTS feature_rows")
    return values.frame(features)


def _yearly(
    con: duckdb.DuckDBPyConnection, stage: Path, features: Sequence[Feature]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Stays of the last year held against each other; writes `judged.parquet`, which hospitals and doctors are told
    from.
    """
    layouts = list(dict.fromkeys(f.by for f in features))
    parts = [
        con.execute(f"FROM {_parts(stage, f'wide-{layout}-b*')}").df().set_index("entity_id")
        for layout in layouts
    ]  # fmt: skip
    if not parts:
        return pd.DataFrame(), pd.DataFrame(columns=LIMITS)
    entities = con.execute(f"FROM {_parts(stage, f'yearly-{layouts[0]}-b*')} ORDER BY entity_id").df()
    entities = entities.set_index("entity_id")
    held, limits = hold_against(pd.concat(parts, axis=1).reindex(entities.index), entities, features)
    entities.join(held).reset_index().to_parquet(stage / "judged.parquet", index=False)
    return held, limits


def _write(
    con: duckdb.DuckDBPyConnection, stage: Path, grain: Grain, features: Sequence[Feature], late: pd.DataFrame
) -> None:
    """All columns in order of declaration, entities in order of their id."""
    con.register("late", late.reset_index(names="entity_id"))
    chosen = "".join(f", {'t' if n in late else 'l'}.{n}" for f in features for n in numbers(f))
    spread = GRAINS[grain].spread
    source = "late t" if spread else "local l LEFT JOIN late t ON t.entity_id = l.entity_id"
    key = "t" if spread else "l"
    rows = f"SELECT {key}.entity_id{chosen} FROM {source} ORDER BY {key}.entity_id"
    con.execute(copy_to(rows, stage / "values.parquet"))
