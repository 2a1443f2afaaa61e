"""Rings as a feature partition: one row a ring, its numbers, and the settlements behind them."""

from __future__ import annotations

from datetime import datetime

import duckdb
import numpy as np
import pandas as pd

from features.grains import GRAINS
from features.networks.rings.rings import Ring

#: The value columns in their order, declared in features/catalog/rings.py.
RING_COLUMNS = (
    "ring_members", "ring_days", "ring_meetings", "ring_places", "ring_surprise", "ring_density", "ring_attendance",
    "ring_width",
    "ring_gap", "ring_fen", "ring_fund_share", "ring_amount_share", "ring_same_bag", "ring_resale_share",
    "ring_one_doctor",
    "ring_places_day", "ring_addresses", "ring_households", "ring_period", "ring_first_seen", "ring_last_seen",
    "ring_explained",
)  # fmt: skip
ENTITY_COLUMNS = [
    "entity_id", "psn_no", "fixmedins_code", "dr_codg", "area", "label", "begin_at", "end_at", "open", "fund_fen",
    "total_fen", "peer_group",
    "peer_group_coarse", "members", "explanation", "sentence", "drugs", "ward", "size_band",
]  # fmt: skip
ROW_COLUMNS = ["entity_id", "row_table", "row_id", "happened_at", "psn_no", "fixmedins_code", "fen"]


def ring_tables(
    rings: list[Ring],
    events: pd.DataFrame,
    institutions: pd.DataFrame,
    lines: pd.DataFrame | None,
    as_of: datetime | pd.Timestamp,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """(values, entities, rows) of the rings that `find_rings` found at `as_of` in the same events, institutions and
    lines.

    values: index entity_id (= ring_id), one float64 column per RING_COLUMNS (`ring_fen` in yuan). entities:
    ENTITY_COLUMNS, `members` = psn_no joined by ';',
    `explanation` = innocent code or missing. rows: the settlements (or stays) in meetings. lines may hold
    `resale_risk_flag`.
    """
    resale = _resale_shares(rings, lines)
    totals = _totals(events, rings)
    billed = lines is not None and len(lines) > 0
    values = pd.DataFrame(
        [_values(ring, as_of, billed, resale[i], totals) for i, ring in enumerate(rings)],
        columns=list(RING_COLUMNS),
        dtype="float64",
    )
    values.index = pd.Index([ring.ring_id for ring in rings], name="entity_id", dtype="str")
    where = institutions.drop_duplicates("fixmedins_code").set_index("fixmedins_code")
    area = next((where[c] for c in ("area", "area_code", "admdvs") if c in where), pd.Series(dtype="str"))
    entities = pd.DataFrame([_entity(ring, area) for ring in rings], columns=ENTITY_COLUMNS)
    if len(entities):
        peers = GRAINS["ring"].peers
        names = {"peer_group": peers.fine, "peer_group_coarse": peers.coarse}
        entities = entities.assign(
            **{column: _named(entities[list(peers.columns)], sql) for column, sql in names.items()}
        )
    rows = [r.sessions.assign(entity_id=r.ring_id)[ROW_COLUMNS] for r in rings]
    return values, entities, pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=ROW_COLUMNS)


def _named(shared: pd.DataFrame, sql: str) -> list[str]:
    """The group's name, SQL over what its members share, row by row."""
    with duckdb.connect() as con:
        con.register("shared", shared.assign(place=range(len(shared))))
        return [str(name) for (name,) in con.execute(f"SELECT {sql} FROM shared ORDER BY place").fetchall()]


def _resale_shares(rings: list[Ring], lines: pd.DataFrame | None) -> np.ndarray:
    """Share of what was billed in each ring's meetings that goes to drugs easily sold on, [rings]; NaN where lines or
    the flag are not known.
    """
    if lines is None or not rings or not len(lines) or "resale_risk_flag" not in lines:
        return np.full(len(rings), np.nan)
    ring = np.repeat(np.arange(len(rings)), [len(r.sessions) for r in rings])
    of = pd.Series(ring, index=pd.concat([r.sessions["row_id"] for r in rings]).to_numpy())
    of = of[~of.index.duplicated()]
    mine = lines[lines["setl_id"].isin(of.index)]
    at = mine["setl_id"].map(of).to_numpy()
    fen = mine["fen"].to_numpy(dtype=np.float64)
    risky = mine["resale_risk_flag"].astype("str").isin(["1", "True", "true", "是"]).to_numpy()
    total, part = (np.bincount(at[keep], weights=fen[keep], minlength=len(rings)) for keep in (slice(None), risky))
    return np.asarray(np.divide(part, total, out=np.full(len(rings), np.nan), where=total > 0))


def _totals(events: pd.DataFrame, rings: list[Ring]) -> pd.Series:
    """All money of each member in `events`."""
    column = next((c for c in ("fen", "medfee_fen", "medfee_sumamt_fen") if c in events), None)
    if column is None:
        return pd.Series(dtype="int64")
    members = {m for ring in rings for m in ring.members}
    mine = events[events["psn_no"].isin(members)]
    return mine.groupby("psn_no")[column].sum()


def _values(ring: Ring, as_of: datetime | pd.Timestamp, billed: bool, resale: float, totals: pd.Series) -> list[float]:
    n = len(ring.members)
    met = ring.sessions
    days = np.sort(met["day"].unique())
    by_day = met.groupby("day")["fixmedins_code"].nunique()
    first = met.drop_duplicates(["session", "psn_no"])
    gap = first.groupby("session")["happened_at"].diff().dt.total_seconds().median() / 60
    spent = int(totals.reindex(list(ring.members)).fillna(0).sum()) if len(totals) else 0
    bag = ring.drugs[0][1] / n if ring.drugs else (0.0 if billed else np.nan)
    doctors = met["dr_codg"].replace("", np.nan).dropna().value_counts()
    home = ring.people["household"]
    return [
        n, ring.days, ring.meetings, len(ring.places), ring.surprise, 2 * len(ring.edges) / (n * (n - 1)),
        len(first) / (n * ring.meetings),
        ring.width_minutes, float(gap), ring.amount_fen / 100,
        ring.fund_fen / ring.amount_fen if ring.amount_fen else np.nan,
        ring.amount_fen / spent if spent > 0 else np.nan, bag, resale,
        float(doctors.iloc[0]) / len(met) if len(doctors) else np.nan, float(by_day.mean()),
        float(ring.people["curr_addr_code"].nunique()), float(home[home >= 0].nunique() + (home < 0).sum()),
        float(np.median(np.diff(days).astype("timedelta64[D]").astype(int))) if len(days) > 1 else np.nan,
        (pd.Timestamp(as_of) - ring.begin_at).days, (pd.Timestamp(as_of) - ring.end_at).days,
        float(ring.explanation is not None),
    ]  # fmt: skip


def _entity(ring: Ring, area: pd.Series) -> list[object]:
    size = "s" if len(ring.members) < 8 else "m" if len(ring.members) < 20 else "l"
    label = (
        f"{'同进同出住院' if ring.ward else '结伴刷卡'}{len(ring.members)}人 · {ring.days}天 · {len(ring.places)}家机构"
    )
    return [
        ring.ring_id, None, ring.places[0], ring.doctor, area.get(ring.places[0]), label, ring.begin_at, ring.end_at,
        False, ring.fund_fen, ring.amount_fen,
        None, None, ";".join(ring.members), ring.explanation, ring.sentence,
        "；".join(f"{name}（{k}人）" for name, k in ring.drugs), ring.ward, size,
    ]  # fmt: skip
