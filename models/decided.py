"""Whoever has a conclusive finding leaves the lists until something newer than the period inspected speaks against them.

A finding closes everything its period holds: found or cleared, looking at the same claims again finds nothing. What counts afterwards is newer activity alone:

- a number is *newer* when its window begins after the period inspected has ended (a stay's or a ring's numbers: when the stay, the ring's first meeting, does);
- of whoever is decided, numbers that are not newer no longer raise the raw risk, are no reason and no amount; what lowers the risk still does;
- newer numbers speak against them if what is left puts them among the worst tenth of those without a finding; else they are not ranked. Who is ranked
  stands on a list only by that rank; the row then says 复现 and names the finding. The draw and the controls are taken from those without a finding.

So a unit whose 30-day numbers are bad again comes back a month after the inspected period, one that shows only in its yearly numbers after a year. Lists,
the gate's comparison and the evaluation ask here; in an evaluation the decided are left out altogether, as a case that came back is no find.
"""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from claims.schema.outcomes import CODES, COLUMNS, conclusions
from claims.store.findings import read_findings
from claims.store.warehouse import Warehouse
from features.asof import moment_of
from features.grains import GRAINS, spec_of
from models.scorer import BASE
from models.settings import WORST

M = TypeVar("M", bound=Any)
"""A matrix (features.matrix.Matrix)."""
FRAMES = ("entities", "X", "z", "percentile")
VALUES = ("X", "z", "percentile")


def closed_at(root: Path | str, as_of: date | datetime, grain: str, entities: pd.DataFrame) -> pd.DataFrame:
    """Conclusive findings known at `as_of` about `entities`, index entity_id, columns of `claims.schema.outcomes.findings`."""
    return closed(read_findings(Warehouse.open(Path(root)), moment_of(as_of)), grain, entities)


def closed(found: pd.DataFrame, grain: str, entities: pd.DataFrame) -> pd.DataFrame:
    """The same from findings at hand. A ring is also decided once each of its members is; its finding is then the one of the latest period."""
    held = conclusions(found, grain)
    if spec_of(grain).group and "members" in entities:
        people = conclusions(found, "person")
        for ring, members in entities["members"].fillna("").astype(str).items():
            numbers = members.split(";")
            if members and ring not in held.index and people.index.isin(numbers).sum() == len(set(numbers)):
                last = people.loc[numbers].sort_values("period_end", kind="stable").tail(1)
                held = pd.concat([held, last.set_axis([ring])])
    return held.loc[held.index.isin(entities.index)].rename_axis("entity_id")


def nobody() -> pd.DataFrame:
    """No finding about anybody."""
    return pd.DataFrame(columns=[c for c in COLUMNS if c != "entity_id"])


def newer(matrix: Any, held: pd.DataFrame) -> pd.DataFrame:
    """Which numbers of the decided (rows, in the order of the matrix) rest on activity after the period inspected, column by column."""
    ids = matrix.X.index[matrix.X.index.isin(held.index)]
    if not len(ids):
        return pd.DataFrame(index=ids, columns=matrix.X.columns, dtype=bool)
    over = held.loc[ids, "period_end"].dt.normalize().to_numpy(dtype="datetime64[D]")
    out = np.zeros((len(ids), matrix.X.shape[1]), dtype=bool)
    begin = matrix.entities.loc[ids].get("begin_at")
    episode = spec_of(matrix.grain).episode
    began = np.full(len(ids), np.datetime64("NaT"), dtype="datetime64[D]")
    if begin is not None and episode:
        began = pd.to_datetime(begin).to_numpy(dtype="datetime64[D]")
    today = np.datetime64(f"{matrix.as_of:%Y-%m-%d}", "D")
    for j, column in enumerate(matrix.columns[c] for c in matrix.X.columns):
        if column.parent:
            continue  # what a hospital, patient or doctor has done since is their matter
        window = column.window or (GRAINS["ring"].window_days if column.role == "graph" else 0)
        if episode:
            out[:, j] = began > over
        elif window:
            out[:, j] = today - np.timedelta64(window, "D") >= over
    return pd.DataFrame(out, index=ids, columns=matrix.X.columns)


def what_remains(matrix: M, contributions: pd.DataFrame, held: pd.DataFrame) -> tuple[M, pd.DataFrame]:
    """The matrix and its contributions (columns of X + base) without the decided against whom nothing newer speaks, and of the other decided what is
    not newer set aside: missing in the matrix, no longer raising the risk. An innocent's mark stays: it clears at any age."""
    fresh = newer(matrix, held)
    if not len(fresh):
        return matrix, contributions
    excuse = np.array([bool(matrix.columns[c].feature.excuses) for c in fresh])
    own = contributions.loc[fresh.index, fresh.columns]
    back = ((own > 0) & fresh).any(axis=1)
    keep = matrix.X.index[~matrix.X.index.isin(back.index[~back])]
    aside = ~(fresh[back] | excuse)
    frames = {name: getattr(matrix, name).loc[keep].copy() for name in VALUES}
    for name in VALUES:
        frames[name].loc[aside.index] = frames[name].loc[aside.index].mask(aside)
    left = contributions.loc[keep, [*matrix.X.columns, BASE]].copy()
    left.loc[aside.index, fresh.columns] = own[back].mask(aside & (own[back] > 0), 0.0)
    return replace(of(matrix, keep), **frames), left


def bar(risk: pd.Series) -> float:
    """The risk from which newer numbers speak against the decided, given that of those without a finding; without any of these, none is too low."""
    return float(risk.quantile(WORST)) if len(risk) else -np.inf


def without(matrix: M, held: pd.DataFrame) -> M:
    """The matrix of those without a conclusive finding."""
    return of(matrix, matrix.X.index[~matrix.X.index.isin(held.index)])


def of(matrix: M, keep: pd.Index) -> M:
    """The matrix of some of its entities, peers unchanged."""
    return replace(matrix, **{f.name: getattr(matrix, f.name).loc[keep] for f in fields(matrix) if f.name in FRAMES})


def told(held: pd.DataFrame, index: pd.Index) -> pd.Series:
    """What a list says of each entity's finding, '' for those without: when it was known, what it says, its number."""
    columns = ("known_at", "code", "finding_id")
    said = {}
    for entity, known, code, number in zip(held.index, *(held[c] for c in columns), strict=True):
        said[str(entity)] = f"{known:%Y-%m-%d} {CODES[str(code)].zh}" + (f"（{number}）" if number else "")
    return pd.Series([said.get(str(e), "") for e in index], index=index, dtype=object)
