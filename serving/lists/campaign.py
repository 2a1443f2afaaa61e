"""Whom of everybody that is ranked a campaign is about (inspection/campaigns.py): by scheme, by rules that hit, or by what their claims are."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from claims.store.warehouse import Warehouse
from features.asof import open_views
from features.matrix import Matrix
from inspection.campaigns import Campaign
from models.score import Scored
from serving.lists.who import units_and_doctors

_INSURED = "SELECT DISTINCT psn_no, insutype, psn_type FROM main.persons"


def members(warehouse: Path, as_of: date | datetime, matrix: Matrix, frame: pd.DataFrame, one: Campaign) -> pd.Series:
    """Whether each of a frame of scores belongs to the campaign (bool, by its index)."""
    ruled = [(n, str(c.feature.rule)) for n, c in matrix.columns.items() if c.hit and c.feature.rule in one.rules]
    hits = matrix.X.loc[frame.index, [n for n, _ in ruled]].to_numpy(dtype=float) > 0
    hit = [{r for (_, r), yes in zip(ruled, row, strict=True) if yes} for row in hits]
    whole = claimed(warehouse, as_of, matrix.entities.loc[frame.index], one)
    schemes = frame[["scheme", "scheme_2"]].astype(object) if "scheme_2" in frame else frame[["scheme"]].astype(object)
    found = [
        one.belongs(named, broken, {}) or mine
        for mine, broken, named in zip(whole, hit, schemes.itertuples(index=False, name=None), strict=True)
    ]
    return pd.Series(found, index=frame.index, dtype=bool)


def claimed(warehouse: Path, as_of: date | datetime, entities: pd.DataFrame, one: Campaign) -> pd.Series:
    """Whether each entity belongs to the campaign by its own claims (bool); nobody to one that is not `whole`."""
    if not one.whole:
        return pd.Series(False, index=entities.index)
    told = _claims(warehouse, as_of, entities, one)
    return pd.Series([one.claimed(told[e]) for e in entities.index], index=entities.index, dtype=bool)


def only(scored: Scored, mine: pd.Series) -> Scored:
    """The scores of these alone."""
    return replace(
        scored, frame=scored.frame[mine], contributions=scored.contributions[mine], scorers=scored.scorers[mine]
    )


def _claims(
    warehouse: Path, as_of: date | datetime, entities: pd.DataFrame, one: Campaign
) -> dict[Any, dict[str, Any]]:
    """What `Campaign.claimed` asks of each entity."""
    units: Mapping[str, Any] = units_and_doctors(warehouse, as_of)[0] if one.units else {}
    insured = _insured(warehouse, as_of) if one.insutype or one.psn_type else {}
    found = {}
    for entity_id, who in zip(entities.index, entities.to_dict(orient="records"), strict=True):
        unit = units.get(str(who.get("fixmedins_code") or ""), {})
        person = insured.get(str(who.get("psn_no") or ""), {})
        stay = {"dx": who.get("dx3"), "visit_class": who.get("visit_class")}
        found[entity_id] = {**stay, **person, "unit_kind": unit.get("kind"), "unit_name": unit.get("name")}
    return found


def _insured(warehouse: Path, as_of: date | datetime) -> dict[str, dict[str, Any]]:
    house, found = Warehouse.open(warehouse), []
    for bucket in range(house.buckets):
        con = open_views(
            house, as_of, "person", bucket, lines=False, words=frozenset({"persons", "insutype", "psn_type"})
        )
        try:
            found.append(con.execute(_INSURED).df())
        finally:
            con.close()
    rows: Iterable[dict[Any, Any]] = pd.concat(found).to_dict(orient="records")
    return {str(r["psn_no"]): {"insutype": r["insutype"], "psn_type": r["psn_type"]} for r in rows}
