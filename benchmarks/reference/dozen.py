"""A dozen features as an analyst would write them: pandas, a loop over persons, a networkx graph each. No as-of views, no SQL, no sharing.

An oracle for the catalogue (tests/features/test_reference.py) and a baseline for its speed (benchmarks/features.py). Reads the tables as the bureau
sends them; `t` is the as-of moment, and everything in the tables must have been known by then (simulated counties cut at their end are).
"""

import itertools
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import networkx as nx
import pandas as pd

from claims.schema.codes import is_inpatient, visit_class

#: Reference → (grain, column of the catalogue).
COLUMNS = {
    "visits_outpatient": ("person", "visits_outpatient_90"),
    "visits_pharmacy": ("person", "visits_pharmacy_90"),
    "visits_units": ("person", "visits_units_90"),
    "visits_days": ("person", "visits_days_365"),
    "visits_yuan": ("person", "visits_yuan_365"),
    "graph_nodes": ("person", "graph_nodes_365"),
    "graph_edges": ("person", "graph_edges_365"),
    "graph_two_cycles": ("person", "graph_two_cycles_365"),
    "graph_triads": ("person", "graph_triads_365"),
    "outside_swipe_days": ("admission", "outside_swipe_days"),
    "longest_gap_hours": ("admission", "longest_gap_hours"),
    "shared_bed_persons": ("admission", "shared_bed_persons"),
    "account_round_share": ("institution", "account_round_share_90"),
    "inst_stays": ("institution", "inst_stays_180"),
}
MONEY = ["medfee_sumamt", "fund_pay_sumamt", "acct_pay"]
HORIZON = pd.Timedelta(days=400)
Tables = dict[str, pd.DataFrame]


def read(county: Path, persons: set[str] | None = None) -> Tables:
    """The tables the dozen needs; with `persons` only their claims (and nobody else's stays)."""
    found = {}
    for name in ("settlements", "fee_details", "institutions"):
        path = county / "claims" / name
        frame = pd.read_parquet(path if path.is_dir() else path.with_suffix(".parquet"))
        if persons is not None and "psn_no" in frame:
            frame = frame[frame["psn_no"].isin(persons)]
        found[name] = frame
    people = county / "claims" / "persons.parquet"
    found["persons"] = pd.read_parquet(people)
    # A claim from before its patient's birth contradicts itself: intake sets it aside (Q07), so nobody counts it.
    born = pd.to_datetime(found["persons"].groupby("psn_no")["brdy"].min())
    bills = found["settlements"]
    found["settlements"] = bills[~(bills["begntime"].dt.normalize() < bills["psn_no"].map(born))]
    return found


def compute(tables: Tables, t: datetime) -> dict[str, pd.Series]:
    """Each number of `COLUMNS` for everybody who has one; index = entity_id."""
    now = pd.Timestamp(t)
    kept, net = _settlements(tables, now)
    stays_kept, stays = _stays(tables, kept, now), _stays(tables, net, now)
    visits = _visits(net, stays)
    out: dict[str, pd.Series] = {}
    for name, days, count in _PERSON:
        recent = visits[visits["at"] > now - pd.Timedelta(days=days)]
        out[name] = pd.Series({p: count(own) for p, own in recent.groupby("psn_no")}, dtype="float64")
    year = visits[visits["at"] > now - pd.Timedelta(days=365)]
    graphs = {p: _graph(own) for p, own in year.groupby("psn_no")}
    out["graph_nodes"] = pd.Series({p: g.number_of_nodes() for p, g in graphs.items()}, dtype="float64")
    out["graph_edges"] = pd.Series({p: g.number_of_edges() for p, g in graphs.items()}, dtype="float64")
    out["graph_two_cycles"] = pd.Series(
        {p: sum(g.has_edge(v, u) for u, v in g.edges if u < v) for p, g in graphs.items()}, dtype="float64"
    )
    out["graph_triads"] = pd.Series(
        {p: sum(nx.triangles(g.to_undirected()).values()) // 3 for p, g in graphs.items()}, dtype="float64"
    )
    out["outside_swipe_days"] = _outside(kept, stays_kept)
    out["longest_gap_hours"] = _gaps(tables["fee_details"], net, stays)
    out["shared_bed_persons"] = _shared_beds(stays, tables["persons"], now)
    swipes = net[~net["ward"] & (net["acct_pay"] > 0) & (net["at"] > now - pd.Timedelta(days=90))]
    out["account_round_share"] = _round_share(swipes)
    done = stays[~stays["day_surgery"] & (stays["end_at"] > now - pd.Timedelta(days=180))]
    out["inst_stays"] = done.groupby("fixmedins_code").size().astype("float64")
    return out


Count = Callable[[pd.DataFrame], float]
_PERSON: tuple[tuple[str, int, Count], ...] = (
    ("visits_outpatient", 90, lambda v: (~v["pharmacy"] & ~v["stay"] & ~v["dialysis"]).sum()),
    ("visits_pharmacy", 90, lambda v: v["pharmacy"].sum()),
    ("visits_units", 90, lambda v: v["fixmedins_code"].nunique()),
    ("visits_days", 365, lambda v: v["at"].dt.date.nunique()),
    ("visits_yuan", 365, lambda v: v["fen"].sum() / 100.0),
)


def _settlements(tables: Tables, now: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Originals as they were settled, and what refunds left of them; money in fen, manual bills out."""
    s = tables["settlements"].copy()
    for column in MONEY:
        s[column] = (s[column].astype("float64") * 100).round().fillna(0).astype("int64")
    kinds = tables["institutions"].set_index("fixmedins_code")["fixmedins_type"].to_dict()
    s["kind"] = [
        visit_class(m or "", "2" if kinds.get(i) == "2" else "1")
        for m, i in zip(s["med_type"], s["fixmedins_code"], strict=True)
    ]
    s["ward"] = s["kind"].map(is_inpatient)
    s["at"] = s["begntime"].fillna(s["setl_time"])
    refunds = s[s["refd_setl_flag"] == "1"]
    only_refunds = set(refunds["mdtrt_id"]) - set(s.loc[s["refd_setl_flag"] != "1", "mdtrt_id"])
    original = s[(s["refd_setl_flag"] != "1") & ~s["mdtrt_id"].isin(only_refunds)]
    settled = original[original["setl_id"].notna() & (original["setl_time"] > now - HORIZON)]
    back = refunds.groupby("init_setl_id")[MONEY].sum()
    net = settled.copy()
    for column in MONEY:
        net[column] += net["setl_id"].map(back[column]).fillna(0).astype("int64")
    net = net[~(net["setl_id"].isin(back.index) & (net["medfee_sumamt"] <= 1))]
    for frame in (settled, net):
        frame.attrs["open"] = original[original["setl_id"].isna() & original["ward"]]
    return settled, net


def _stays(tables: Tables, settled: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
    """One row a stay that still stands; an unfinished one ends now."""
    rows = pd.concat([settled[settled["ward"]], settled.attrs["open"]])
    stays = rows.groupby("mdtrt_id").agg(
        psn_no=("psn_no", "first"), fixmedins_code=("fixmedins_code", "first"), begin_at=("begntime", "min"), endtime=("endtime", "max"),
        dept=("adm_dept_codg", "first"), bed=("adm_bed", "first"), kind=("kind", "first"), fen=("fund_pay_sumamt", "sum"),
    )  # fmt: skip
    stays = stays[stays["begin_at"] <= now]
    stays["end_at"] = stays["endtime"].fillna(now)
    stays = stays[stays["end_at"] > now - HORIZON]
    stays["adm_date"], stays["end_date"] = stays["begin_at"].dt.normalize(), stays["end_at"].dt.normalize()
    stays["day_surgery"] = stays["kind"] == "day_surgery"
    return stays


def _visits(net: pd.DataFrame, stays: pd.DataFrame) -> pd.DataFrame:
    """Everything a card did: swipes when they happened, stays when they began."""
    swipes = net[~net["ward"] & (net["manual_flag"].fillna("0") != "1")]
    out = pd.DataFrame({
        "psn_no": swipes["psn_no"], "fixmedins_code": swipes["fixmedins_code"], "at": swipes["at"], "stay": False,
        "pharmacy": swipes["kind"].isin(["pharmacy", "pharmacy_chronic"]), "dialysis": swipes["kind"] == "dialysis", "fen": swipes["fund_pay_sumamt"] + swipes["acct_pay"],
    })  # fmt: skip
    wards = pd.DataFrame({
        "psn_no": stays["psn_no"], "fixmedins_code": stays["fixmedins_code"], "at": stays["begin_at"], "stay": True, "pharmacy": False, "dialysis": False, "fen": stays["fen"],
    })  # fmt: skip
    return pd.concat([out, wards], ignore_index=True)


def _graph(visits: pd.DataFrame) -> "nx.DiGraph[str]":
    """Institutions as nodes, each next visit elsewhere as an edge; two visits of one minute to one place are one."""
    seen = visits.assign(minute=visits["at"].dt.floor("min")).drop_duplicates(["fixmedins_code", "minute"])
    seen = seen.sort_values(["minute", "fixmedins_code"])
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(seen["fixmedins_code"])
    places = seen["fixmedins_code"].tolist()
    graph.add_edges_from((a, b) for a, b in itertools.pairwise(places) if a != b)
    return graph


def _outside(kept: pd.DataFrame, stays: pd.DataFrame) -> pd.Series:
    """Days inside a stay with a swipe elsewhere, per stay."""
    swipes = dict(iter(kept[~kept["ward"] & (kept["manual_flag"].fillna("0") != "1")].groupby("psn_no")))
    found = {}
    for stay in stays[~stays["day_surgery"]].itertuples():
        own = swipes.get(stay.psn_no)
        if own is None:
            continue
        day = own["at"].dt.normalize()
        last = stay.end_date + pd.Timedelta(days=1 if pd.isna(stay.endtime) else 0)
        inside = own[(day > stay.adm_date) & (day < last) & (own["fixmedins_code"] != stay.fixmedins_code)]
        if len(inside):
            found[stay.Index] = inside["at"].dt.date.nunique()
    return pd.Series(found, dtype="float64")


def _gaps(lines: pd.DataFrame, net: pd.DataFrame, stays: pd.DataFrame) -> pd.Series:
    """Longest hours between consecutive charges other than the bed, per stay; lines given back in full are gone."""
    alive = set(net["setl_id"])
    gone = (
        lines[lines["cnt"].astype("float64") < 0].groupby(["mdtrt_id", "init_feedetl_sn"])["cnt"].sum()
        if "init_feedetl_sn" in lines
        else pd.Series(dtype="float64")
    )
    rows = lines[
        (lines["cnt"].astype("float64") > 0)
        & (lines["med_chrgitm_type"] != "01")
        & (lines["setl_id"].isna() | lines["setl_id"].isin(alive))
    ]
    taken_back = set(gone.index)
    found = {}
    wards = stays[~stays["day_surgery"]]
    for visit, own in rows[rows["mdtrt_id"].isin(wards.index)].groupby("mdtrt_id"):
        stay = wards.loc[visit]
        own = own[[(m, n) not in taken_back for m, n in zip(own["mdtrt_id"], own["feedetl_sn"], strict=True)]]
        day = own["fee_ocur_time"].dt.normalize()
        times = own.loc[(day >= stay["adm_date"]) & (day <= stay["end_date"]), "fee_ocur_time"].sort_values()
        if len(times) > 1:
            found[visit] = times.diff().max().total_seconds() / 3600
    return pd.Series(found, dtype="float64")


def _shared_beds(stays: pd.DataFrame, persons: pd.DataFrame, now: pd.Timestamp) -> pd.Series:
    """Other people in the same bed of the same department for a night, per stay; infants and blank beds left out."""
    born = persons.drop_duplicates("psn_no").set_index("psn_no")["brdy"]
    born = pd.to_datetime(born)
    infant = set(born.index[(now - born).dt.days < 365.25])
    wards = stays[
        ~stays["day_surgery"] & ~stays["psn_no"].isin(infant) & ~stays["bed"].fillna("").isin(["", "0", "00", "000"])
    ]
    found = {}
    for _, room in wards.groupby(["fixmedins_code", wards["dept"].fillna(""), "bed"]):
        for stay in room.itertuples():
            others = room[
                (room["psn_no"] != stay.psn_no)
                & (room["adm_date"] < stay.end_date)
                & (room["end_date"] > stay.adm_date)
            ]
            if len(others):
                found[stay.Index] = others["psn_no"].nunique()
    return pd.Series(found, dtype="float64")


def _round_share(swipes: pd.DataFrame) -> pd.Series:
    """Share of account payments in whole fifties, of units with ten or more."""
    swipes = swipes[swipes["manual_flag"].fillna("0") != "1"]
    found = {}
    for unit, own in swipes.groupby("fixmedins_code"):
        if len(own) >= 10:
            found[unit] = ((own["acct_pay"] >= 5000) & (own["acct_pay"] % 5000 == 0)).mean()
    return pd.Series(found, dtype="float64")
