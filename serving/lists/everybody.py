"""Where everybody of a grain stands while its list is made; published as serving/lists/standing.py has it, which reads without the model's libraries."""

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from claims.schema.outcomes import CODES
from features.matrix import Matrix
from models.score import in_order
from serving.lists.standing import BELOW, DECIDED, EXPLAINED, LISTED
from serving.lists.worklist import explained_by


def standing_of(
    matrix: Matrix, scored: Any, everybody: pd.DataFrame, held: pd.DataFrame, listed: Collection[str]
) -> pd.DataFrame:
    """Everybody of the entity table with `state`, rank among the ranked, chance, rules hit and rules that could not be judged (numbers, space between).

    everybody: the whole entity table; held: conclusive findings by entity (models.decided.closed_at); listed: who stands on the list.
    """
    aside = explained_by(matrix.entities.loc[scored.frame.index])
    ranked = scored.frame[~aside]
    if (
        "returning" in ranked
    ):  # who came back stands on a list by his rank or not at all: below the cut he takes nobody's place
        ranked = ranked[~ranked["returning"].astype(bool) | ranked.index.isin(list(listed))]
    order = in_order(ranked)
    table = pd.DataFrame({"entity_id": everybody.index.astype(str)}, index=everybody.index.rename(None))
    table["state"] = np.where(table.index.isin(order), BELOW, DECIDED)
    table.loc[table.index.isin(aside.index[aside]), "state"] = EXPLAINED
    table.loc[table.index.isin(list(listed)), "state"] = LISTED
    table["rank"] = pd.Series(np.arange(1, len(order) + 1), index=order).reindex(table.index)
    for c in ("probability", "probability_low", "probability_high"):
        table[c] = scored.frame[c].reindex(table.index)
    table["area"], table["label"] = (everybody.get(c, "") for c in ("area", "label"))
    table["finding"] = [_finding(held, e) for e in table.index]
    hit, unknown = rules_hit(matrix)
    table["hits"], table["unknown"] = hit.reindex(table.index), unknown.reindex(table.index)
    return table


def _finding(held: pd.DataFrame, entity_id: Any) -> str:
    if entity_id not in held.index:
        return ""
    found = held.loc[entity_id]
    return f"{pd.Timestamp(found['inspected_at']):%Y-%m-%d} {CODES[str(found['code'])].zh}"


def rules_hit(matrix: Matrix) -> tuple[pd.Series, pd.Series]:
    """Rule numbers that hit each entity, and those that could not be judged for it, as text with spaces; index entity_id."""
    by_rule: dict[str, list[str]] = {}
    for name, column in matrix.columns.items():
        if column.hit and column.feature.rule:
            by_rule.setdefault(column.feature.rule, []).append(name)
    hit, unknown = (pd.Series("", index=matrix.X.index, dtype=object) for _ in range(2))
    for rule, names in sorted(by_rule.items()):
        told = matrix.X[names]
        hit += np.where((told > 0).any(axis=1), f"{rule} ", "")
        unknown += np.where(told.isna().all(axis=1), f"{rule} ", "")
    return hit.str.strip(), unknown.str.strip()
