"""The rules alone: who hits, on which rows, for how much.

Read from the feature partitions of that as-of, built if they are not there: a rule has one number, whoever asks.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

import pandas as pd

from claims.errors import UserError
from features.build import build
from features.declarations import load_catalog
from features.declare import REGISTRY, Feature, amount_name, column_name
from features.evidence import gather_evidence
from features.grains import GRAINS, Grain
from features.row_amounts import with_amounts

HITS = ["rule", "grain", "entity_id", "hits", "amount_fen"]
ROWS = ["rule", "grain", "entity_id", "row_table", "row_id", "happened_at", "fen"]
RECORDS = ["record_visit", "record_settlement"]


def rules_of(numbers: Sequence[str] | None = None) -> list[Feature]:
    """Declarations of the rules named, all if None. Raises UserError for a number nobody declared."""
    load_catalog()
    found = sorted((f for f in REGISTRY.values() if f.rule), key=lambda f: (str(f.rule), list(GRAINS).index(f.grain)))
    if numbers is None:
        return found
    known = {str(f.rule) for f in found}
    for number in numbers:
        if number.upper() not in known:
            raise UserError(f"no rule {number!r} is declared; `xiezhi rules show` knows {', '.join(sorted(known))}")
    return [f for f in found if f.rule in {n.upper() for n in numbers}]


def run_rules(root: Path | str, as_of: date | datetime, rules: Sequence[str] | None = None) -> pd.DataFrame:
    """Every hit: `rule, grain, entity_id, hits, amount_fen`, one row per rule, grain and entity that hits.

    `hits` counts in the rule's own unit, `amount_fen` is the amount at risk in 分. Entities active in the default
    window of their grain are looked at. Raises UserError for an unknown rule or a date outside the data.
    """
    parts = []
    for feature, column, hit in _hits(root, as_of, rules_of(rules)):
        fen = hit[amount_name(column)] if feature.amount is not None else pd.Series(0.0, index=hit.index)
        parts.append(
            pd.DataFrame(
                {
                    "rule": feature.rule,
                    "grain": feature.grain,
                    "entity_id": hit["entity_id"],
                    "hits": hit[column].astype("float64"),
                    "amount_fen": fen.fillna(0.0).round().astype("int64"),
                }
            )
        )
    if not parts:
        return pd.DataFrame(columns=HITS)
    found = pd.concat(parts, ignore_index=True)
    # One rule may speak of a grain in two ways (R29 counts and compares); the entity is named once.
    found = found.groupby(["rule", "grain", "entity_id"], as_index=False).agg(
        hits=("hits", "sum"), amount_fen=("amount_fen", "max")
    )
    return found[HITS].sort_values(["rule", "grain", "entity_id"], ignore_index=True)


def hit_rows(
    root: Path | str,
    as_of: date | datetime,
    rules: Sequence[str] | None = None,
    entities: Mapping[Grain, Collection[str]] | None = None,
    *,
    records: bool = False,
    windows: Mapping[Grain, int] | None = None,
) -> pd.DataFrame:
    """The claim rows behind the hits: `rule, grain, entity_id, row_table, row_id, happened_at, fen`; with `records`
    also RECORDS, the visit and the settlement of each row.

    `fen` is what the row adds to the unit's amount at risk: over the rows of a rule, window and unit they sum to it, to
    the fen; where one rule says the same row twice the larger counts. Missing for rules without money. `entities`: of
    which grain whose hits are wanted, all if None. `windows`: of which grain who was active in so many days is looked
    at instead of its default window.
    """
    parts = []
    features = [f for f in rules_of(rules) if entities is None or entities.get(f.grain)]
    wider = windows or {}
    found = _hits(root, as_of, features, wider)
    for grain in GRAINS:
        own = [(f, c, hit.assign(entity_id=hit["entity_id"].astype(str))) for f, c, hit in found if f.grain == grain]
        if entities is not None:
            mine = set(entities.get(grain, ()))
            own = [(f, c, hit[hit["entity_id"].isin(mine)]) for f, c, hit in own]
        wanted = [(column, entity) for _, column, hit in own for entity in hit["entity_id"]]
        gathered = gather_evidence(root, as_of, grain, wanted, wider.get(grain), records=records) if wanted else {}
        for feature, column, hit in own:
            frames = {e: gathered[column, e] for e in hit["entity_id"]}
            if feature.amount is not None and frames:
                fen = dict(zip(hit["entity_id"], hit[amount_name(column)].astype("float64"), strict=True))
                frames = with_amounts(feature, frames, fen)
            parts += [rows_that_hit(f).assign(rule=feature.rule, grain=grain, entity_id=e) for e, f in frames.items()]
    columns = ROWS + (RECORDS if records else [])
    if not parts:
        return pd.DataFrame(columns=columns)
    key = ["rule", "grain", "entity_id", "row_table", "row_id"]
    rows = pd.concat(parts, ignore_index=True).sort_values("fen", ascending=False, kind="stable").drop_duplicates(key)
    return (
        rows.reindex(columns=columns)
        .sort_values(["rule", "grain", "entity_id", "happened_at", "row_table", "row_id"])
        .reset_index(drop=True)
    )


def rows_that_hit(rows: pd.DataFrame) -> pd.DataFrame:
    """Of evidence rows the hits proper: `row_table, row_id, happened_at, fen`, the amount of the row (`with_amounts`),
    missing where rows carry none; RECORDS where they are there."""
    if "hit" in rows.columns and rows["hit"].fillna(False).astype(bool).any():
        rows = rows[rows["hit"].fillna(False).astype(bool)]
    fen = rows["amount_fen"] if "amount_fen" in rows.columns else pd.Series(float("nan"), index=rows.index)
    told = [c for c in RECORDS if c in rows.columns]
    return rows[["row_table", "row_id", "happened_at", *told]].assign(fen=fen)


def _hits(
    root: Path | str, as_of: date | datetime, features: Sequence[Feature], windows: Mapping[Grain, int] | None = None
) -> list[tuple[Feature, str, pd.DataFrame]]:
    """Of every declaration and window the entities it hits: (declaration, column, their ids, values and amounts)."""
    found = []
    for grain in dict.fromkeys(f.grain for f in features):
        partition = build(root, as_of, grain, (windows or {}).get(grain))
        own = [f for f in features if f.grain == grain and f.name not in partition.absent]
        columns = [(f, column_name(f.name, w)) for f in own for w in f.windows]
        names = [n for f, c in columns for n in ([c, amount_name(c)] if f.amount is not None else [c])]
        values = partition.read("values", ["entity_id", *names])
        found += [(f, c, values[values[c] > 0]) for f, c in columns]
    return found
