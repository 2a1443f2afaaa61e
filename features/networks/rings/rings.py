"""Rings: cards that keep settling together without an honest reason, and those with one, told apart and both shown.

A lead, never a verdict: a ring comes with every settlement that made it one, and with the explanation that would clear
it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd

from features.networks.pairs.covisits import count_covisits
from features.networks.pairs.events import ward_visits
from features.networks.pairs.significance import SCALES, best_scale, surprise, surprising_pairs
from features.networks.pairs.threshold import Z_MIN, Z_NEAR
from features.networks.rings.explanations import Explanation, explain_all
from features.networks.rings.groups import find_groups
from features.networks.rings.meetings import (
    MIN_DAYS,
    EventIndex,
    find_meetings,
    index_events,
    mark_days,
    read_events,
    stay_events,
)
from features.networks.rings.members import describe_people
from features.networks.rings.traits import dialysis_patients, mark_sessions, top_values

#: cards a ring needs; three can be friends
MIN_MEMBERS = 4


@dataclass(frozen=True, kw_only=True)
class Ring:
    """One group. Money in fen. `sessions`: one row a settlement in a meeting (session, psn_no, fixmedins_code,
    happened_at, row_table, row_id, fen, …)."""

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
        """Members as nodes (age, amount, meetings), surprising pairs as edges (days, dt, z):
        `nx.draw(ring.graph())`."""
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
    events: pd.DataFrame, *, scales: tuple[tuple[int, int], ...] = SCALES, z_min: float | None = None
) -> pd.DataFrame:
    """Surprising pairs by psn_no: a, b, dt, count, expected, z. `events` as find_rings takes them; z_min as in
    `surprising_pairs`."""
    return _edges(index_events(events, None), scales, z_min)


def _edges(
    index: EventIndex,
    scales: tuple[tuple[int, int], ...] = SCALES,
    z_min: float | None = None,
    least: float = Z_MIN,
) -> pd.DataFrame:
    found = surprising_pairs(index.card, index.place, index.minute, scales=scales, z_min=z_min, least=least)
    return _by_name(found, index.cards)


def closer_look(rings: Sequence[Ring], events: pd.DataFrame, as_of: datetime | pd.Timestamp) -> pd.DataFrame:
    """Pairs at the main places of unexplained rings, each place searched by itself: columns as ring_edges.

    A whole county needs z ≥ 6 lest chance makes groups; the cards of one shop are few, so chance allows less there,
    and members who came to half of the meetings, or a second ring at the same till, pass.
    """
    suspect = sorted({r.places[0] for r in rings if r.explanation is None and not r.ward and r.places})
    found = [_edges(index_events(events[events["fixmedins_code"] == p], as_of), least=Z_NEAR) for p in suspect]
    found = [f for f in found if len(f)]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def ward_edges(stays: pd.DataFrame, *, k: int = 2, z_min: float = Z_MIN) -> pd.DataFrame:
    """Pairs admitted on the same day and discharged on the same day at one unit, at least k times; columns as
    ring_edges, dt = −1."""
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
    """All groups in lockstep, unexplained first, then by surprise; those with an honest reason carry its code and
    sentence.

    events: psn_no, fixmedins_code, happened_at or minute, and where known setl_id, fen, fund_fen, acct_fen,
    mulaid_fen, med_type, dr_codg, dx, dise_codg (or the names of the `swipes` view). persons: psn_no and where known
    age or brdy, curr_addr_code, tel_hash, mulaid_grp_id, household. institutions: fixmedins_code, fixmedins_type,
    medins_type. stays: the `stays` view. lines: setl_id, med_list_codg, hilist_name, list_type, fen. edges: surprising
    pairs counted elsewhere (`features.networks.pairs.pair_evidence.combine`); by default they are counted here. Raises
    UserError for missing columns or an unbounded clock.
    """
    tables = (events, persons, institutions, stays)
    return search_rings(*tables, as_of=as_of, lines=lines, edges=edges, min_members=min_members)[0]


def search_rings(
    events: pd.DataFrame,
    persons: pd.DataFrame,
    institutions: pd.DataFrame,
    stays: pd.DataFrame | None = None,
    *,
    as_of: datetime | pd.Timestamp,
    lines: pd.DataFrame | None = None,
    edges: pd.DataFrame | None = None,
    min_members: int = MIN_MEMBERS,
) -> tuple[list[Ring], pd.DataFrame]:
    """What `find_rings` finds, and all surprising pairs (a, b, dt, count, expected, z), whether in a ring or not."""
    index = index_events(events, as_of)
    frames = [_edges(index) if edges is None else edges]
    ward_events = None
    if stays is not None and len(stays):
        seen = stays[pd.to_datetime(stays["end_date"]) <= pd.Timestamp(as_of)]
        frames.append(ward_edges(seen))
        ward_events = stay_events(seen)
    frames = [f for f in frames if len(f)]
    if not frames:
        return [], pd.DataFrame({c: [] for c in ("a", "b", "dt", "count", "expected", "z")})
    pairs = best_scale(pd.concat(frames, ignore_index=True))
    told = (index, events, ward_events, persons, institutions, lines, as_of, min_members)
    rings = _rings(pairs, *told)
    near = closer_look(rings, events, as_of)
    if len(near):
        pairs = best_scale(pd.concat([pairs, near], ignore_index=True))
        rings = _rings(pairs, *told)
    return rings, pairs


def _rings(
    pairs: pd.DataFrame,
    index: EventIndex,
    events: pd.DataFrame,
    ward_events: pd.DataFrame | None,
    persons: pd.DataFrame,
    institutions: pd.DataFrame,
    lines: pd.DataFrame | None,
    as_of: datetime | pd.Timestamp,
    min_members: int,
) -> list[Ring]:
    """Groups of pairs, their meetings, and everything that is known of them. Only the members' events are read in
    full."""
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
    member = np.isin(index.card, index.cards.get_indexer(names[group_code >= 0]))
    known = read_events(events.iloc[index.row[member]], as_of)
    met = find_meetings(mark_days(known, index), ward_events, group_of[group_of >= 0], dt_of, min_members)  # type: ignore[arg-type]
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
    """Everything measured once for all groups; then each ring is cut out of the sorted frames."""
    group_of = met.drop_duplicates("psn_no").set_index("psn_no")["group"]
    pairs = pairs[pairs["a"].isin(group_of.index) & pairs["b"].isin(group_of.index)]
    days = met.drop_duplicates(["group", "day"]).groupby("group").size()
    kept = np.intersect1d(days.index[days >= MIN_DAYS], pairs["group"])
    if not len(kept):
        return []
    group_of = group_of[group_of.isin(kept)]
    group_of = pd.Series(np.searchsorted(kept, group_of), index=group_of.index)
    met, pairs = (f[f["group"].isin(kept)] for f in (met, pairs))
    met, pairs = (f.assign(group=np.searchsorted(kept, f["group"])) for f in (met, pairs))
    place = institutions.drop_duplicates("fixmedins_code").set_index("fixmedins_code")
    met = mark_sessions(met, place.reindex(columns=["medins_type", "fixmedins_type"]).fillna("").astype("str"))
    people = describe_people(persons, sorted(group_of.index), as_of)
    people["group"] = people["psn_no"].map(group_of)
    items = _items(met, lines)
    sick = dialysis_patients(known)
    people["dialysis"] = people["psn_no"].isin(sick | (set() if items is None else _named(items, "透析|血滤")))
    people, pairs = (f.sort_values("group", kind="stable") for f in (people, pairs))
    drugs = _drugs(items, len(kept))
    members = np.bincount(people["group"], minlength=len(kept))
    alike = np.array([d[0][1] if d else 0 for d in drugs]) / members
    found = explain_all(people, met, alike)
    facts = _facts(met, pairs, len(kept)).assign(members=members)
    met = met.rename(columns={"setl_id": "row_id"})
    bounds = [np.searchsorted(f["group"], np.arange(len(kept) + 1)) for f in (met, pairs, people)]
    rings = []
    for g, fact in enumerate(facts.itertuples()):
        own = [f.iloc[b[g] : b[g + 1]] for f, b in zip((met, pairs, people), bounds, strict=True)]
        rings.append(_make_ring(own[0], own[1], own[2], fact, drugs[g], found[g]))
    return sorted(rings, key=lambda r: (r.explanation is not None, -r.surprise, r.ring_id))


def _facts(met: pd.DataFrame, pairs: pd.DataFrame, n: int) -> pd.DataFrame:
    """Of each group: days, meetings, money, surprise (median over members of their best pair), width, ward, doctor,
    first and last moment."""
    group = met.groupby("group")
    z = np.minimum(pairs["z"].to_numpy(), 300.0)
    ends = pd.DataFrame({"group": np.tile(pairs["group"], 2), "card": np.r_[pairs["a"], pairs["b"]], "z": np.r_[z, z]})
    minute = met.groupby(["group", "session"])["minute"]
    doctor, share = top_values(met["group"].to_numpy(), met["dr_codg"], n)
    return pd.DataFrame(
        {
            "days": group["day"].nunique(),
            "meetings": group["session"].nunique(),
            "amount_fen": group["fen"].sum(),
            "fund_fen": group["fund_fen"].sum(),
            "surprise": ends.groupby(["group", "card"])["z"].max().groupby(level="group").median(),
            "width": (minute.max() - minute.min()).groupby(level="group").median(),
            "ward": (pairs["dt"] < 0).groupby(pairs["group"]).all(),
            "doctor": pd.Series([d if s >= 0.5 else None for d, s in zip(doctor, share, strict=True)], dtype="object"),
            "begin_at": group["happened_at"].min(),
            "end_at": group["happened_at"].max(),
        }
    )


def _make_ring(
    met: pd.DataFrame,
    edges: pd.DataFrame,
    people: pd.DataFrame,
    fact: Any,
    drugs: list[tuple[str, int]],
    found: Explanation | None,
) -> Ring:
    return Ring(
        ring_id=_ring_id(met),
        members=tuple(people["psn_no"]),
        places=tuple(met["fixmedins_code"].value_counts().index),
        days=int(fact.days),
        meetings=int(fact.meetings),
        sessions=met,
        edges=edges,
        people=people,
        amount_fen=int(fact.amount_fen),
        fund_fen=int(fact.fund_fen),
        surprise=float(fact.surprise),
        width_minutes=float(fact.width),
        ward=bool(fact.ward),
        explanation=found[0] if found else None,
        sentence=found[1] if found else "",
        drugs=tuple((name, n) for name, n in drugs[:5] if n >= max(2, len(people) / 3)),
        doctor=fact.doctor,
        begin_at=fact.begin_at,
        end_at=fact.end_at,
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


def _drugs(items: pd.DataFrame | None, n: int) -> list[list[tuple[str, int]]]:
    """(drug or good, members billed it) of each group, the commonest first, names in order on a tie."""
    out: list[list[tuple[str, int]]] = [[] for _ in range(n)]
    if items is not None:
        goods = items[~items["service"]].drop_duplicates(["group", "name", "psn_no"])
        sizes = goods.groupby(["group", "name"]).size().sort_values(ascending=False, kind="stable")
        for group, name, size in sizes.reset_index(name="members").itertuples(index=False, name=None):
            out[group].append((str(name), int(size)))
    return out


def _named(items: pd.DataFrame, pattern: str) -> set[str]:
    """Members billed something of this name."""
    return set(items.loc[items["name"].str.contains(pattern, regex=True), "psn_no"])


def _ring_id(met: pd.DataFrame) -> str:
    """Name of a ring: its founding meeting's place, day and first two members. It stays the same as the ring grows,
    and while its founders stay in it."""
    session = met["session"].to_numpy()  # ascending
    founders = sorted(set(met["psn_no"].iloc[: int(np.searchsorted(session, session[0], side="right"))]))[:2]
    text = "|".join([str(met["fixmedins_code"].iloc[0]), str(met["day"].iloc[0].date()), *founders])
    return "ring-" + hashlib.sha256(text.encode()).hexdigest()[:12]
