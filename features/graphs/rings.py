"""Rings: cards that keep settling together without an honest reason, and those with one, told apart and both shown.

A lead, never a verdict: a ring comes with every settlement that made it one, and with the explanation that would clear it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

import networkx as nx
import numpy as np
import pandas as pd

from claims.errors import UserError
from features.graphs.covisit import count_covisits, ward_visits
from features.graphs.groups import find_groups
from features.graphs.innocents import Trace, explain
from features.graphs.people import describe_people
from features.graphs.surprise import SCALES, Z_MIN, best_scale, surprise, surprising_pairs

#: cards a ring needs; three can be friends
MIN_MEMBERS = 4
#: days a ring must have met on
MIN_DAYS = 2
EVENT_COLUMNS = {
    "setl_id": "", "med_type": "", "dr_codg": "", "dx": "", "dise_codg": "", "fen": 0, "fund_fen": 0, "acct_fen": 0, "mulaid_fen": 0,
}  # fmt: skip
ALIASES = {
    "fen": ("medfee_sumamt_fen", "medfee_fen"), "fund_fen": ("fund_pay_sumamt_fen",), "acct_fen": ("acct_pay_fen",),
    "mulaid_fen": ("acct_mulaid_pay_fen",), "dr_codg": ("atddr_no",), "dx": ("opt_diag_code", "dscg_maindiag_code"),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Ring:
    """One group. Money in fen. `sessions`: one row a settlement in a meeting (session, psn_no, fixmedins_code, happened_at, row_table, row_id, fen, …)."""

    ring_id: str
    members: tuple[str, ...]
    places: tuple[str, ...]
    days: int
    meetings: int
    sessions: pd.DataFrame = field(repr=False)
    edges: pd.DataFrame = field(repr=False)
    people: pd.DataFrame = field(repr=False)
    amount_fen: int
    fund_fen: int
    surprise: float
    width_minutes: float
    ward: bool
    explanation: str | None
    sentence: str
    drugs: tuple[tuple[str, int], ...]
    doctor: str | None
    begin_at: pd.Timestamp
    end_at: pd.Timestamp

    def graph(self) -> nx.Graph:
        """Members as nodes (age, amount, meetings), surprising pairs as edges (days, dt, z): `nx.draw(ring.graph())`."""
        graph = nx.Graph(ring_id=self.ring_id, explanation=self.explanation, sentence=self.sentence)
        spent = self.sessions.groupby("psn_no")["fen"].sum()
        met = self.sessions.groupby("psn_no")["session"].nunique()
        for row in self.people.itertuples():
            graph.add_node(
                row.psn_no, age=row.age, fen=int(spent.get(row.psn_no, 0)), meetings=int(met.get(row.psn_no, 0))
            )
        for edge in self.edges.itertuples():
            graph.add_edge(
                edge.a, edge.b, days=int(edge.count), dt=int(edge.dt), z=float(edge.z), expected=float(edge.expected)
            )
        return graph


def read_events(events: pd.DataFrame, as_of: datetime | pd.Timestamp | None) -> pd.DataFrame:
    """Events with every column of EVENT_COLUMNS, `happened_at`, `minute`, `day`; without rows that lack a card or place, after `as_of`, or repeated."""
    missing = {"psn_no", "fixmedins_code"} - set(events.columns)
    if missing or not {"minute", "happened_at"} & set(events.columns):
        raise UserError(
            f"ring search needs psn_no, fixmedins_code and happened_at (or minute); missing: {sorted(missing) or 'a time column'}"
        )
    out = pd.DataFrame({"psn_no": events["psn_no"], "fixmedins_code": events["fixmedins_code"]})
    if "happened_at" in events:
        out["happened_at"] = pd.to_datetime(events["happened_at"]).astype("datetime64[s]")
    else:
        out["happened_at"] = (events["minute"].astype("int64") * 60).astype("datetime64[s]")
    for column, empty in EVENT_COLUMNS.items():
        source = next((name for name in (column, *ALIASES.get(column, ())) if name in events), None)
        if source is None:
            out[column] = empty
        elif isinstance(empty, int):
            out[column] = events[source].fillna(0).astype("int64")
        else:
            out[column] = events[source]
    out = out[out["psn_no"].notna() & out["fixmedins_code"].notna() & out["happened_at"].notna()]
    if as_of is not None:
        out = out[out["happened_at"] <= pd.Timestamp(as_of)]
    if len(out) and (out["setl_id"].fillna("") != "").any():
        out = out.drop_duplicates([c for c in ("setl_id", "psn_no", "fixmedins_code", "happened_at")])
    out = out.sort_values(["fixmedins_code", "happened_at", "psn_no", "setl_id"], kind="stable").reset_index(drop=True)
    out["minute"] = out["happened_at"].astype("int64") // 60
    out["day"] = out["happened_at"].dt.normalize()
    return out


def mark_days(events: pd.DataFrame) -> pd.DataFrame:
    """Per row: `collapsed` (the unit uploaded that day in one go, rule D08), `day_cards` (cards there that day), `usual_cards` (median day)."""
    out = events.copy()
    by_day = out.groupby(["fixmedins_code", "day"], sort=False)
    out["day_cards"] = by_day["psn_no"].transform("nunique")
    rows = by_day["psn_no"].transform("size")
    in_minute = out.groupby(["fixmedins_code", "minute"], sort=False)["psn_no"].transform("size")
    out["collapsed"] = (rows >= 5) & (
        in_minute.groupby([out["fixmedins_code"], out["day"]], sort=False).transform("max") >= 0.8 * rows
    )
    daily = out.drop_duplicates(["fixmedins_code", "day"]).groupby("fixmedins_code")["day_cards"].median()
    out["usual_cards"] = out["fixmedins_code"].map(daily)
    return out


def ring_edges(
    events: pd.DataFrame, *, scales: tuple[tuple[int, int], ...] = SCALES, z_min: float = Z_MIN
) -> pd.DataFrame:
    """Surprising pairs by psn_no: a, b, dt, count, expected, z. `events` as from read_events."""
    cards, names = pd.factorize(events["psn_no"], sort=True)
    places, _ = pd.factorize(events["fixmedins_code"], sort=True)
    return _named(surprising_pairs(cards, places, events["minute"].to_numpy(), scales=scales, z_min=z_min), names)


def ward_edges(stays: pd.DataFrame, *, k: int = 2, z_min: float = Z_MIN) -> pd.DataFrame:
    """Pairs admitted on the same day and discharged on the same day at one unit, at least k times; columns as ring_edges, dt = −1."""
    closed = stays[
        stays["adm_date"].notna()
        & stays["end_date"].notna()
        & stays["psn_no"].notna()
        & stays["fixmedins_code"].notna()
    ]
    if closed.empty:
        return pd.DataFrame({c: [] for c in ("a", "b", "dt", "count", "expected", "z")})
    cards, names = pd.factorize(closed["psn_no"], sort=True)
    places, _ = pd.factorize(closed["fixmedins_code"], sort=True)
    day = [
        pd.to_datetime(closed[c]).astype("datetime64[s]").astype("int64").to_numpy() // 86400
        for c in ("adm_date", "end_date")
    ]
    visits = ward_visits(cards, places, day[0], day[1])
    pairs = count_covisits(visits, dt=0, k=k)
    expected, z = surprise(pairs, visits, 0)
    frame = pd.DataFrame({"a": pairs.a, "b": pairs.b, "dt": -1, "count": pairs.count, "expected": expected, "z": z})
    return _named(frame[z >= z_min].reset_index(drop=True), names)


def _named(edges: pd.DataFrame, names: pd.Index) -> pd.DataFrame:
    return edges.assign(a=names.take(edges["a"]), b=names.take(edges["b"])) if len(edges) else edges


def find_rings(
    events: pd.DataFrame,
    persons: pd.DataFrame,
    institutions: pd.DataFrame,
    stays: pd.DataFrame | None = None,
    *,
    as_of: datetime | pd.Timestamp,
    lines: pd.DataFrame | None = None,
    edges: pd.DataFrame | None = None,
    min_members: int = MIN_MEMBERS,
) -> list[Ring]:
    """All groups in lockstep, unexplained first, then by surprise; those with an honest reason carry its code and sentence.

    events: psn_no, fixmedins_code, happened_at or minute, and where known setl_id, fen, fund_fen, acct_fen, mulaid_fen, med_type, dr_codg, dx, dise_codg
    (or the names of the `swipes` view). persons: psn_no and where known age or brdy, curr_addr_code, tel_hash, mulaid_grp_id, household. institutions:
    fixmedins_code, fixmedins_type, medins_type. stays: the `stays` view. lines: setl_id, med_list_codg, hilist_name, list_type, fen. edges: surprising pairs
    counted elsewhere (`features.graphs.evidence.combine`); by default they are counted here. Raises UserError for missing columns or an unbounded clock.
    """
    known = mark_days(read_events(events, as_of))
    swipes = ring_edges(known) if edges is None else edges
    frames = [swipes]
    ward_events = None
    if stays is not None and len(stays):
        seen = stays[pd.to_datetime(stays["end_date"]) <= pd.Timestamp(as_of)]
        frames.append(ward_edges(seen))
        ward_events = _stay_events(seen)
    pairs = pd.concat([f for f in frames if len(f)], ignore_index=True) if any(len(f) for f in frames) else swipes
    if pairs.empty:
        return []
    pairs = best_scale(pairs)
    codes, names = pd.factorize(pd.concat([pairs["a"], pairs["b"]]), sort=True)
    a, b = codes[: len(pairs)].astype(np.int64), codes[len(pairs) :].astype(np.int64)
    weight = np.minimum(pairs["z"].to_numpy(dtype=np.float64), 300.0)
    groups = find_groups(a, b, weight, len(names), min_members=min_members)
    if not groups:
        return []
    wanted = np.unique(np.concatenate(groups))
    group_of = np.full(len(names), -1)
    for g, nodes in enumerate(groups):
        group_of[nodes] = g
    people = describe_people(persons, list(names.take(wanted)), as_of)
    places = (
        institutions.drop_duplicates("fixmedins_code")
        .set_index("fixmedins_code")
        .reindex(columns=["medins_type", "fixmedins_type", "area_code", "admdvs"])
    )
    of_name = pd.Series(group_of, index=names)
    events_by = dict(iter(known.assign(group=known["psn_no"].map(of_name)).query("group >= 0").groupby("group")))
    wards_by = (
        {}
        if ward_events is None
        else dict(
            iter(ward_events.assign(group=ward_events["psn_no"].map(of_name)).query("group >= 0").groupby("group"))
        )
    )
    edges_by = dict(iter(pairs.assign(group=np.where(group_of[a] == group_of[b], group_of[a], -1)).groupby("group")))
    rings = []
    for g, nodes in enumerate(groups):
        ring = _make_ring(
            list(names.take(nodes)), events_by.get(g), wards_by.get(g), edges_by[g], people, places, lines, min_members
        )
        if ring is not None:
            rings.append(ring)
    return sorted(rings, key=lambda r: (r.explanation is not None, -r.surprise, r.ring_id))


def _stay_events(stays: pd.DataFrame) -> pd.DataFrame:
    named = stays.rename(columns={"mdtrt_id": "setl_id", "atddr_no": "dr_codg"}) if "setl_id" not in stays else stays
    out = read_events(named.assign(happened_at=pd.to_datetime(stays["adm_date"])), None)
    ends = dict(zip(named["setl_id"], pd.to_datetime(stays["end_date"]), strict=True))
    return out.assign(end_day=out["setl_id"].map(ends))


def _meetings(events: pd.DataFrame | None, wards: pd.DataFrame | None, dt: int, least: int) -> pd.DataFrame:
    """The members' events that lie in meetings of at least `least` members: swipes chained by gaps ≤ dt on one day and place, or stays of equal dates."""
    parts = []
    if events is not None and dt >= 0:
        ordered = events.sort_values(["fixmedins_code", "minute", "psn_no"], kind="stable")
        gap = (
            ordered["minute"].diff().gt(dt)
            | ordered["fixmedins_code"].ne(ordered["fixmedins_code"].shift())
            | ordered["day"].ne(ordered["day"].shift())
        )
        parts.append(ordered.assign(session=gap.cumsum(), ward=False, row_table="settlements"))
    if wards is not None:
        ordered = wards.sort_values(["fixmedins_code", "day", "end_day", "psn_no"], kind="stable")
        code = ordered.groupby(["fixmedins_code", "day", "end_day"], sort=False).ngroup() + 10**9
        parts.append(
            ordered.assign(session=code, ward=True, row_table="stays", collapsed=False, day_cards=0, usual_cards=0)
        )
    if not parts:
        return pd.DataFrame()
    met = pd.concat(parts, ignore_index=True)
    met = met[met.groupby("session")["psn_no"].transform("nunique") >= least]
    return (
        met.assign(session=met.groupby(["day", "session"], sort=True).ngroup())
        .sort_values(["session", "happened_at", "psn_no"], kind="stable")
        .reset_index(drop=True)
    )


def _meet(
    members: list[str], events: pd.DataFrame | None, wards: pd.DataFrame | None, dt: int
) -> tuple[pd.DataFrame, list[str]]:
    """Meetings of three or more, and the members who came to at least two days of them: a chain of couples is no ring."""
    while True:
        mine = [None if e is None else e[e["psn_no"].isin(members)] for e in (events, wards)]
        met = _meetings(mine[0], mine[1], dt, least=3)
        if met.empty:
            return met, []
        days = met.groupby("psn_no")["day"].nunique()
        kept = sorted(days.index[days >= MIN_DAYS])
        if len(kept) == len(members) or not kept:
            return met, kept
        members = kept


def _make_ring(
    members: list[str],
    events: pd.DataFrame | None,
    wards: pd.DataFrame | None,
    edges: pd.DataFrame,
    people: pd.DataFrame,
    places: pd.DataFrame,
    lines: pd.DataFrame | None,
    min_members: int,
) -> Ring | None:
    only_ward = bool((edges["dt"] < 0).all())
    met, kept = _meet(
        members, None if only_ward else events, wards if (edges["dt"] < 0).any() else None, int(edges["dt"].max())
    )
    if len(kept) < min_members or met["day"].nunique() < MIN_DAYS:
        return None
    members = kept
    edges = edges[edges["a"].isin(members) & edges["b"].isin(members)]
    who = people.loc[people["psn_no"].isin(members)].reset_index(drop=True)
    items = _items(met, lines)
    own = events if events is not None else met
    found = explain(Trace(people=who, sessions=met, events=own, places=places, items=items))
    best = pd.concat([edges.groupby("a")["z"].max(), edges.groupby("b")["z"].max()]).groupby(level=0).max()
    doctor = met["dr_codg"].replace("", np.nan).dropna().value_counts()
    drugs = (
        items[~items["service"]].groupby("name")["psn_no"].nunique().sort_values(ascending=False, kind="stable")
        if items is not None
        else pd.Series(dtype="int64")
    )
    per_session = met.groupby("session")["minute"]
    width = float((per_session.max() - per_session.min()).median())
    return Ring(
        ring_id=_ring_id(met), members=tuple(sorted(members)), places=tuple(met["fixmedins_code"].value_counts(sort=True).index),
        days=int(met["day"].nunique()), meetings=int(met["session"].nunique()), sessions=met.rename(columns={"setl_id": "row_id"}),
        edges=edges.drop(columns="group").reset_index(drop=True), people=who, amount_fen=int(met["fen"].sum()), fund_fen=int(met["fund_fen"].sum()),
        surprise=float(np.minimum(best, 300).median()), width_minutes=width, ward=only_ward,
        explanation=found[0] if found else None, sentence=found[1] if found else "",
        drugs=tuple((str(k), int(v)) for k, v in drugs.head(5).items() if v >= max(2, len(members) / 3)),
        doctor=str(doctor.index[0]) if len(doctor) and doctor.iloc[0] >= 0.5 * len(met) else None,
        begin_at=met["happened_at"].min(), end_at=met["happened_at"].max(),
    )  # fmt: skip


def _items(met: pd.DataFrame, lines: pd.DataFrame | None) -> pd.DataFrame | None:
    """What was billed in the meetings: psn_no, name, service (True = a service, not a drug or good), fen."""
    if lines is None or not len(lines):
        return None
    mine = lines[lines["setl_id"].isin(met["setl_id"])]
    name = mine["hilist_name"] if "hilist_name" in mine else mine["med_list_codg"]
    service = (
        mine["list_type"].astype(str).str.startswith("2") if "list_type" in mine else pd.Series(False, index=mine.index)
    )
    owner = dict(zip(met["setl_id"], met["psn_no"], strict=True))
    return pd.DataFrame(
        {
            "psn_no": mine["setl_id"].map(owner),
            "name": name.fillna(mine["med_list_codg"]).astype(str),
            "service": service,
            "fen": mine["fen"],
        }
    )


def _ring_id(met: pd.DataFrame) -> str:
    """Name of a ring: its founding meeting's place, day and first two members. It stays the same as the ring grows, and while its founders stay in it."""
    first = met[met["session"] == met["session"].min()]
    founders = first.drop_duplicates("psn_no")["psn_no"].astype(str).sort_values().head(2)
    text = "|".join([str(first["fixmedins_code"].iloc[0]), str(first["day"].iloc[0].date()), *founders])
    return "ring-" + hashlib.sha256(text.encode()).hexdigest()[:12]
