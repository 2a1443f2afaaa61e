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

from features.graphs.covisit import count_covisits
from features.graphs.groups import find_groups
from features.graphs.innocents import Trace, explain, mark_traces
from features.graphs.meetings import MIN_DAYS, find_meetings, mark_days, read_events, stay_events
from features.graphs.people import describe_people
from features.graphs.surprise import SCALES, Z_MIN, best_scale, surprise, surprising_pairs
from features.graphs.visit_order import ward_visits

#: cards a ring needs; three can be friends
MIN_MEMBERS = 4


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
        columns = ["a", "b", "count", "dt", "z", "expected"]
        for a, b, count, dt, z, expected in self.edges[columns].itertuples(index=False, name=None):
            graph.add_edge(a, b, days=int(count), dt=int(dt), z=float(z), expected=float(expected))
        return graph


def ring_edges(
    events: pd.DataFrame, *, scales: tuple[tuple[int, int], ...] = SCALES, z_min: float = Z_MIN
) -> pd.DataFrame:
    """Surprising pairs by psn_no: a, b, dt, count, expected, z. `events` as from read_events."""
    cards, names = pd.factorize(events["psn_no"], sort=True)
    places, _ = pd.factorize(events["fixmedins_code"], sort=True)
    return _by_name(surprising_pairs(cards, places, events["minute"].to_numpy(), scales=scales, z_min=z_min), names)


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
    return _by_name(frame[z >= z_min].reset_index(drop=True), names)


def _by_name(edges: pd.DataFrame, names: pd.Index) -> pd.DataFrame:
    return (
        edges.assign(a=names.take(edges["a"].to_numpy()), b=names.take(edges["b"].to_numpy())) if len(edges) else edges
    )


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
    known = read_events(events, as_of)
    frames = [ring_edges(known) if edges is None else edges]
    ward_events = None
    if stays is not None and len(stays):
        seen = stays[pd.to_datetime(stays["end_date"]) <= pd.Timestamp(as_of)]
        frames.append(ward_edges(seen))
        ward_events = stay_events(seen)
    frames = [f for f in frames if len(f)]
    if not frames:
        return []
    pairs = best_scale(pd.concat(frames, ignore_index=True))
    codes, names = pd.factorize(pd.concat([pairs["a"], pairs["b"]]), sort=True)
    a, b = codes[: len(pairs)].astype(np.int64), codes[len(pairs) :].astype(np.int64)
    groups = find_groups(
        a, b, np.minimum(pairs["z"].to_numpy(dtype=np.float64), 300.0), len(names), min_members=min_members
    )
    if not groups:
        return []
    group_code = np.full(len(names), -1)
    for g, nodes in enumerate(groups):
        group_code[nodes] = g
    group_of = pd.Series(group_code, index=names)
    pairs = pairs.assign(group=np.where(group_code[a] == group_code[b], group_code[a], -1))
    pairs = pairs[pairs["group"] >= 0]
    scale = pairs.groupby("group")["dt"].agg(["max", "min"])
    dt_of = pd.DataFrame({"swipe": scale["max"], "ward": scale["min"] < 0})
    met = find_meetings(mark_days(known), ward_events, group_of[group_of >= 0], dt_of, min_members)  # type: ignore[arg-type]
    if met.empty:
        return []
    return _describe(met, pairs, known, persons, institutions, lines, as_of)


def _describe(
    met: pd.DataFrame,
    pairs: pd.DataFrame,
    known: pd.DataFrame,
    persons: pd.DataFrame,
    institutions: pd.DataFrame,
    lines: pd.DataFrame | None,
    as_of: datetime | pd.Timestamp,
) -> list[Ring]:
    """Everything looked up once for all groups, then one ring after another."""
    place = institutions.drop_duplicates("fixmedins_code").set_index("fixmedins_code")
    place = place.reindex(columns=["medins_type", "fixmedins_type"]).fillna("").astype("str")
    group_of = met.drop_duplicates("psn_no").set_index("psn_no")["group"]
    people = describe_people(persons, sorted(group_of.index), as_of)
    people["group"] = people["psn_no"].map(group_of)
    own = known[known["psn_no"].isin(group_of.index)]
    met, sick = mark_traces(met, own, place)
    items = _items(met, lines)
    people["dialysis"] = people["psn_no"].isin(sick | (set() if items is None else _named(items, "透析|血滤")))
    pairs = pairs[pairs["a"].isin(group_of.index) & pairs["b"].isin(group_of.index)]
    items_by = {} if items is None else dict(iter(items.groupby("group")))
    met = met.rename(columns={"setl_id": "row_id"})
    edges_by, people_by = dict(iter(pairs.groupby("group"))), dict(iter(people.groupby("group")))
    rings = []
    for group, sessions in met.groupby("group"):
        if sessions["day"].nunique() >= MIN_DAYS and group in edges_by:
            mine = None if items is None else items_by.get(group, items.iloc[:0])
            rings.append(_make_ring(sessions, edges_by[group], people_by[group], mine))
    return sorted(rings, key=lambda r: (r.explanation is not None, -r.surprise, r.ring_id))


def _make_ring(met: pd.DataFrame, edges: pd.DataFrame, people: pd.DataFrame, items: pd.DataFrame | None) -> Ring:
    who = people
    drugs = pd.Series(dtype="int64")
    if items is not None:
        goods = items[~items["service"]].drop_duplicates(["name", "psn_no"])
        drugs = goods.groupby("name").size().sort_values(ascending=False, kind="stable")
    alike = float(drugs.iloc[0]) / len(who) if len(drugs) else 0.0
    found = explain(Trace(people=who, sessions=met, alike=alike))
    z = np.minimum(edges["z"].to_numpy(), 300.0)
    best = pd.Series(np.r_[z, z]).groupby(np.r_[edges["a"].to_numpy(), edges["b"].to_numpy()]).max()
    doctors = met["dr_codg"].dropna()
    doctors = doctors[doctors != ""].value_counts()
    minutes = met.groupby("session")["minute"]
    return Ring(
        ring_id=_ring_id(met),
        members=tuple(who["psn_no"]),
        places=tuple(met["fixmedins_code"].value_counts().index),
        days=int(met["day"].nunique()),
        meetings=int(met["session"].nunique()),
        sessions=met,
        edges=edges,
        people=who,
        amount_fen=int(met["fen"].sum()),
        fund_fen=int(met["fund_fen"].sum()),
        surprise=float(best.median()),  # type: ignore[misc]
        width_minutes=float((minutes.max() - minutes.min()).median()),
        ward=bool((edges["dt"] < 0).all()),
        explanation=found[0] if found else None,
        sentence=found[1] if found else "",
        drugs=tuple((str(k), int(v)) for k, v in drugs.head(5).items() if v >= max(2, len(who) / 3)),
        doctor=str(doctors.index[0]) if len(doctors) and doctors.iloc[0] >= 0.5 * len(met) else None,
        begin_at=met["happened_at"].min(),
        end_at=met["happened_at"].max(),
    )


def _items(met: pd.DataFrame, lines: pd.DataFrame | None) -> pd.DataFrame | None:
    """What was billed in meetings: group, psn_no, name, service (True = a service, not a drug or good), fen."""
    if lines is None or not len(lines):
        return None
    keys = met[["setl_id", "psn_no", "group"]].drop_duplicates("setl_id").set_index("setl_id")
    mine = lines[lines["setl_id"].isin(keys.index)]
    name = mine["hilist_name"].fillna(mine["med_list_codg"]) if "hilist_name" in mine else mine["med_list_codg"]
    service = mine["list_type"].astype("str").str.startswith("2") if "list_type" in mine else False
    return pd.DataFrame(
        {
            "psn_no": mine["setl_id"].map(keys["psn_no"]),
            "group": mine["setl_id"].map(keys["group"]),
            "name": name.astype("str"),
            "service": service,
            "fen": mine.get("fen", 0),
        }
    )


def _named(items: pd.DataFrame, pattern: str) -> set[str]:
    """Members billed something of this name."""
    return set(items.loc[items["name"].str.contains(pattern, regex=True), "psn_no"])


def _ring_id(met: pd.DataFrame) -> str:
    """Name of a ring: its founding meeting's place, day and first two members. It stays the same as the ring grows, and while its founders stay in it."""
    session = met["session"].to_numpy()  # ascending
    founders = sorted(set(met["psn_no"].iloc[: int(np.searchsorted(session, session[0], side="right"))]))[:2]
    text = "|".join([str(met["fixmedins_code"].iloc[0]), str(met["day"].iloc[0].date()), *founders])
    return "ring-" + hashlib.sha256(text.encode()).hexdigest()[:12]
