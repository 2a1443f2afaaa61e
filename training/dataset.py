"""Training rows: each labelled entity as it looked at the first snapshot after the period that was inspected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from claims.store.findings import read_versions
from claims.store.sql import parquet
from claims.store.warehouse import Warehouse
from features.grains import GRAINS, Grain
from features.matrix import Matrix, load_matrix
from models.amount import fund_at_stake, rule_amounts
from models.ensemble import GrainModel, ranker_input, tails
from models.findings import Findings
from models.parity import strata_of
from models.settings import SETTINGS
from training.labels import load_labels
from training.splits import groups_of

STEP_DAYS = 90
"""Days between snapshots: the window of stays and persons, so that each is seen by exactly one; a snapshot costs a whole feature build."""
UNLABELLED = 4000
"""Entities nobody inspected that are drawn per fit: the population the inspected are held against."""
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Rows:
    """Training rows of one grain, index `entity_id|snapshot`, sorted.

    X: ranker input. tails: tail rank per unlabelled scorer. info: entity_id, snapshot, y (NaN = not inspected), weight, soft, random,
    group, stratum, area, fund_fen, amount_fen (confirmed), certain and check (rule amounts), lead_source, selection_prob, scheme, inspected_at, known_at.
    """

    grain: str
    X: pd.DataFrame
    tails: pd.DataFrame
    info: pd.DataFrame
    findings: Findings | None = None

    def where(self, mask: np.ndarray) -> Rows:
        """The rows of a mask."""
        return Rows(self.grain, self.X[mask], self.tails[mask], self.info[mask], self.findings)


def read_stays(warehouse: Warehouse, ids: pd.Series) -> pd.DataFrame:
    """mdtrt_id, psn_no, fixmedins_code, atddr_no of the named stays."""
    empty = pd.DataFrame(columns=["mdtrt_id", "psn_no", "fixmedins_code", "atddr_no"])
    if "visits" not in warehouse.tables() or not len(ids):
        return empty
    wanted = pd.DataFrame({"mdtrt_id": ids.astype(str)})
    with duckdb.connect() as con:
        con.register("wanted", wanted)
        con.execute(f"CREATE VIEW v AS SELECT * FROM {parquet(warehouse.files('visits', 'institution'))}")
        columns = {r[0] for r in con.execute("DESCRIBE v").fetchall()}
        doctor = "atddr_no" if "atddr_no" in columns else "NULL::VARCHAR"
        rows = con.sql(
            f"SELECT mdtrt_id, any_value(psn_no) psn_no, any_value(fixmedins_code) fixmedins_code, any_value({doctor}) atddr_no "
            "FROM v JOIN wanted USING (mdtrt_id) GROUP BY 1 ORDER BY 1"
        ).df()
        return pd.DataFrame(rows)


def read_labels(root: Path | str, as_of: date) -> pd.DataFrame:
    """Labels known by the end of `as_of` from a warehouse."""
    warehouse = Warehouse.open(Path(root))
    inspections, presence = read_versions(warehouse, "inspections"), read_versions(warehouse, "presence_checks")
    labels = load_labels(inspections, presence, None, as_of)
    stays = read_stays(
        warehouse, labels.loc[(labels["grain"] == "admission") & (labels["outcome"] == "confirmed"), "entity_id"]
    )
    return load_labels(inspections, presence, stays, as_of)


def snapshots(warehouse: Warehouse, as_of: date, step: int = STEP_DAYS, most: int = 8) -> list[date]:
    """as_of, then the days before it whose number is a multiple of `step`, not earlier than 45 days after the first claim; newest first.

    The days lie fast in the calendar: next week's fit finds this week's snapshots built.
    """
    first = warehouse.span()[0].date() + timedelta(days=45)
    last = (as_of.toordinal() - 1) // step * step
    days = [date.fromordinal(last - step * k) for k in range(most - 1) if last - step * k > 0]
    return [as_of, *(d for d in days if d >= first)]


def place(labels: pd.DataFrame, days: list[date], grain: Grain) -> pd.Series:
    """Snapshot per label: the first on or after the inspected period's end that still ranks the entity; NaT where there is none."""
    ordered = pd.to_datetime(pd.Series(sorted(days))).astype("datetime64[us]")
    end = labels["period_end"].dt.normalize()
    at = np.searchsorted(ordered.to_numpy(), end.to_numpy().astype("datetime64[us]"), side="left")
    found = pd.Series(
        [ordered.iloc[i] if i < len(ordered) else pd.NaT for i in at], index=labels.index, dtype="datetime64[us]"
    )
    stale = found - end > pd.Timedelta(days=GRAINS[grain].window_days)
    return found.mask(stale)


def training_rows(
    root: Path | str,
    as_of: date,
    grain: Grain,
    labels: pd.DataFrame,
    model: GrainModel,
    *,
    seed: int = 0,
    step: int = STEP_DAYS,
    unlabelled: int = UNLABELLED,
    progress: Progress | None = None,
    load: Callable[..., Matrix] | None = None,
) -> Rows:
    """Labelled entities at their snapshots, and a drawn sample of those nobody inspected at the same snapshots.

    load: what to call instead of `load_matrix`, where a study keeps matrices at hand.
    """
    load = load or load_matrix
    warehouse = Warehouse.open(Path(root))
    usable = labels[(labels["grain"] == grain) & labels["outcome"].isin(["confirmed", "refuted"])]
    days = snapshots(warehouse, as_of, step)
    spot = place(usable, days, grain)
    used = sorted(spot.dropna().unique())
    known = set(labels.loc[labels["grain"] == grain, "entity_id"])
    cases = confirmed_cases(warehouse, labels, grain)
    parts = []
    for i, stamp in enumerate(used):
        if progress is not None:
            progress(f"{grain} 训练样本 {pd.Timestamp(stamp).date()}", i / len(used))
        day = pd.Timestamp(stamp).date()
        matrix = load(root, day, grain)
        here = usable[spot == stamp]
        inside = here[here["entity_id"].isin(matrix.X.index)]
        free = matrix.X.index[~matrix.X.index.isin(known)]
        drawn = drawn_by_chance(free, max(1, unlabelled // len(used)), f"{seed}|{day}")
        parts.append(_rows(matrix.only([*inside["entity_id"], *drawn]), day, inside, model))
    if not parts:
        empty = pd.DataFrame(index=pd.Index([], name="row"))
        return Rows(grain, empty, empty, empty.assign(y=pd.Series(dtype=float), soft=pd.Series(dtype=bool)))
    X, tails_, info = (pd.concat([getattr(p, k) for p in parts]).sort_index() for k in ("X", "tails", "info"))
    return Rows(grain, X, tails_, info, findings_of(cases, grain))


def findings_of(cases: pd.DataFrame, grain: Grain) -> Findings | None:
    """The confirmed cases as a model keeps them; None where the grain shares nobody or nothing was confirmed."""
    keys = SETTINGS[grain].findings_of
    if not keys or not len(cases):
        return None
    return Findings({k: {str(e): str(c) for e, c in cases[k].dropna().items()} for k in keys})


def confirmed_cases(warehouse: Warehouse, labels: pd.DataFrame, grain: Grain) -> pd.DataFrame:
    """Confirmed cases of a grain that shares doctors and hospitals: index entity_id, columns known_at and whom they share; empty for other grains."""
    found = labels[(labels["grain"] == grain) & (labels["outcome"] == "confirmed") & ~labels["soft"].astype(bool)]
    keys = SETTINGS[grain].findings_of
    if not keys or found.empty:
        return pd.DataFrame(columns=["known_at", *keys])
    found = found.drop_duplicates("entity_id", keep="last").set_index("entity_id")[["known_at"]]
    stays = read_stays(warehouse, pd.Series(found.index)).set_index("mdtrt_id").rename(columns={"atddr_no": "dr_codg"})
    return found.join(stays[list(keys)])


def drawn_by_chance(ids: pd.Index, n: int, salt: str) -> list[str]:
    """n ids by hash order: the same draw for any row order."""
    keys = pd.util.hash_array((salt + "|" + pd.Series(ids.astype(str))).to_numpy(dtype=object), categorize=False)
    return [str(ids[i]) for i in np.argsort(keys, kind="stable")[:n]]


def _rows(matrix: Matrix, day: date | datetime, labels: pd.DataFrame, model: GrainModel) -> Rows:
    index = pd.Index([f"{e}|{day:%Y-%m-%d}" for e in matrix.X.index], name="row")
    money = rule_amounts(matrix.X, matrix.columns, fund_at_stake(matrix.entities).to_numpy())
    own = labels.drop_duplicates("entity_id", keep="last").set_index("entity_id").reindex(matrix.X.index)
    info = pd.DataFrame({"entity_id": matrix.X.index.astype(str), "snapshot": pd.Timestamp(day)}, index=matrix.X.index)
    info["y"] = own["outcome"].map({"confirmed": 1.0, "refuted": 0.0})
    info["weight"] = own["weight"].astype("float64").fillna(0.0)
    info["soft"] = own["soft"].fillna(False).astype(bool)
    info["lead_source"] = own["lead_source"].fillna("").astype(str)
    info["random"] = (info["lead_source"] == "random") & info["y"].notna()
    info["selection_prob"] = own["selection_prob"].astype("float64")
    info["scheme"] = own["scheme"].fillna("").astype(str)
    info["amount_fen"] = own["amount_fen"].astype("float64")
    info["inspected_at"], info["known_at"] = own["inspected_at"], own["known_at"]
    info["group"] = groups_of(matrix.grain, matrix.entities)
    info["stratum"] = strata_of(matrix.entities)
    info["area"] = matrix.entities["area"].fillna("").astype(str) if "area" in matrix.entities else ""
    info["fund_fen"] = fund_at_stake(matrix.entities)
    info["total_fen"] = (
        pd.to_numeric(matrix.entities["total_fen"]).astype("float64")
        if "total_fen" in matrix.entities
        else info["fund_fen"]
    )
    info[["certain_fen", "check_fen"]] = money
    return Rows(
        matrix.grain,
        ranker_input(matrix).set_axis(index),
        tails(model, matrix).set_axis(index),
        info.set_axis(index),
    )
