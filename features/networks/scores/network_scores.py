"""Graph scorers as columns: what the surprising pairs, the rings and the visits say of each person, institution and
doctor.

A bond is a surprising pair that no honest reason explains: pairs inside an explained group (a dialysis shift, a
family) are left out before anything is measured, so innocent lockstep has no core, no circle and no block. Nearness to
confirmed cases starts from persons confirmed by the as-of and never counts an entity's own case: the number of a
person whose case is known is what the other cases alone would have given (leave one out, exactly).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from features.networks.links import care_triangles
from features.networks.rings.rings import Ring
from features.networks.scores.cores import core_numbers, egonets
from features.networks.scores.densest_block import peel_block
from features.networks.scores.pagerank import DENSE_LIMIT, factorise, iterate
from features.networks.scores.residuals import log_residual
from features.networks.sparse import build_csr

#: The columns of each table, declared in features/catalog/companions.py.
PERSON = (
    "bond_partners", "bond_surprise", "bond_core", "bond_tightness", "bond_block", "bond_ring_members",
    "bond_ring_days", "bond_ring_yuan", "bond_cases",
)  # fmt: skip
INSTITUTION = ("bond_visitors", "bond_share", "bond_residual", "bond_near", "bond_one_doctor")
DOCTOR = ("bond_patients", "bond_share", "bond_one_shop", "bond_shop_lift")
#: The settlements behind them all, as evidence reads them.
MEETINGS = ("psn_no", "fixmedins_code", "dr_codg", "fen", "row_table", "row_id", "happened_at")
ALPHA = 0.85
#: patients a doctor must have sent to one pharmacy before their share means anything
FEW_PATIENTS = 5


def suspicious_pairs(pairs: pd.DataFrame, rings: list[Ring]) -> pd.DataFrame:
    """Surprising pairs (a, b, z, …) without those whose two cards belong to one explained group."""
    group = {m: i for i, ring in enumerate(rings) if ring.explanation is not None for m in ring.members}
    a, b = pairs["a"].map(group), pairs["b"].map(group)
    return pairs[a.isna() | (a != b)].reset_index(drop=True)


def person_bonds(pairs: pd.DataFrame, rings: list[Ring], cases: set[str]) -> pd.DataFrame:
    """Columns PERSON, index psn_no (those with a bond or in an unexplained ring).

    pairs: a, b, z as `suspicious_pairs` gives them. cases: psn_no of persons confirmed by the as-of.
    """
    names = pd.Index(
        np.unique(np.r_[pairs["a"].to_numpy(dtype=object), pairs["b"].to_numpy(dtype=object)]), dtype="str"
    )
    a, b = names.get_indexer(pairs["a"]), names.get_indexer(pairs["b"])
    z = np.minimum(pairs["z"].to_numpy(dtype=np.float64), 300.0)
    graph = build_csr(a, b, len(names), z)
    ego = egonets(graph)
    degree = np.diff(graph.first)
    possible = np.maximum(degree * (degree - 1) / 2, 1)
    best = np.zeros(len(names))
    np.maximum.at(best, a, z)
    np.maximum.at(best, b, z)
    block = np.zeros(len(names))
    if len(names):
        found = peel_block(
            np.repeat(np.arange(len(names)), degree), graph.to, len(names), len(names), weight=graph.weight
        )
        block[found.rows] = 1.0
    columns = {
        "bond_partners": degree,
        "bond_surprise": best,
        "bond_core": core_numbers(graph),
        "bond_tightness": ego["triangles"] / possible * np.sqrt(degree),
        "bond_block": block,
        "bond_cases": near_cases(
            sp.csr_matrix((graph.weight, graph.to, graph.first), shape=(len(names),) * 2), names.isin(cases)
        ),
    }
    bonds = pd.DataFrame(columns, index=names).astype("float64")
    return bonds.join(_in_rings(rings), how="outer").reindex(columns=list(PERSON)).fillna(0.0).rename_axis("entity_id")


def _in_rings(rings: list[Ring]) -> pd.DataFrame:
    """bond_ring_members, bond_ring_days, bond_ring_yuan of every member of an unexplained ring."""
    met = _meetings(rings)
    each = met.groupby("psn_no")
    return pd.DataFrame(
        {
            "bond_ring_members": each["members"].max(),
            "bond_ring_days": each["day"].nunique(),
            "bond_ring_yuan": each["fen"].sum() / 100,
        }
    )


def _meetings(rings: list[Ring]) -> pd.DataFrame:
    """Every settlement in a meeting of an unexplained ring: psn_no, fixmedins_code, dr_codg, day, fen, members (of its
    ring), row_table, row_id, happened_at."""
    columns = ["psn_no", "fixmedins_code", "dr_codg", "day", "fen", "row_table", "row_id", "happened_at"]
    parts = [r.sessions[columns].assign(members=len(r.members)) for r in rings if r.explanation is None]
    if parts:
        return pd.concat(parts, ignore_index=True)
    kinds = dict.fromkeys(columns, "str") | {
        "day": "datetime64[s]",
        "happened_at": "datetime64[s]",
        "fen": "int64",
        "members": "int64",
    }
    return pd.DataFrame({c: pd.Series(dtype=kind) for c, kind in kinds.items()})


def near_cases(weight: sp.csr_matrix, seed: np.ndarray, alpha: float = ALPHA) -> np.ndarray:
    """Personalised PageRank from the seeds, in units of the average node, [n]; a seed's own mass is taken out of its
    own number.

    weight: symmetric [n, n] ≥ 0; seed: bool [n]. Mass that starts at s and is at v in the end is G[v, s], G = (1 −
    α)(I − α Wᵀ D⁻¹)⁻¹; a card's number is Σ_{s ≠ v} G[v, s] / (number of other seeds), times n. Bonds fall into small
    parts, so the sparse factors stay small.
    """
    n, seeds = len(seed), np.flatnonzero(seed)
    if n == 0 or len(seeds) == 0:
        return np.zeros(n)
    degree = np.asarray(weight.sum(axis=1)).ravel()
    walk = weight.T @ sp.diags(np.divide(1.0, degree, out=np.zeros(n), where=degree > 0))
    solver = splu(sp.csc_matrix(sp.identity(n) - alpha * walk))
    reach = (1 - alpha) * solver.solve(seed.astype(np.float64))
    for begin in range(0, len(seeds), 64):
        some = seeds[begin : begin + 64]
        start = np.zeros((n, len(some)))
        start[some, np.arange(len(some))] = 1 - alpha
        reach[some] -= solver.solve(start)[some, np.arange(len(some))]
    others = np.maximum(len(seeds) - seed, 1)
    reach[reach < 1e-12] = 0.0  # what rounding leaves of a difference
    return np.asarray(reach * n / others)


def place_bonds(
    events: pd.DataFrame, institutions: pd.DataFrame, rings: list[Ring], cases: pd.DataFrame, paths: pd.DataFrame
) -> pd.DataFrame:
    """Columns INSTITUTION, index fixmedins_code.

    events: psn_no, fixmedins_code, fen. cases: psn_no, fixmedins_code of confirmed persons (the place of the case, ''
    where it has none). paths: as `care_triangles` gives them.
    """
    met = _meetings(rings)
    each = events.groupby("fixmedins_code").agg(cards=("psn_no", "nunique"), fen=("fen", "sum"))
    kind = (
        institutions.drop_duplicates("fixmedins_code")
        .set_index("fixmedins_code")["fixmedins_type"]
        .reindex(each.index)
        .fillna("")
        .astype("str")
    )
    out = pd.DataFrame(index=each.index)
    out["bond_visitors"] = met.groupby("fixmedins_code")["psn_no"].nunique()
    out["bond_share"] = met.groupby("fixmedins_code")["fen"].sum() / each["fen"].where(each["fen"] > 0)
    out = out.fillna(0.0)
    out["bond_residual"] = np.nan
    for _, codes in kind.groupby(kind):
        if len(codes) >= 3:
            out.loc[codes.index, "bond_residual"] = log_residual(
                each.loc[codes.index, "cards"], each.loc[codes.index, "fen"]
            )
    out["bond_near"] = _near_places(events, each.index, cases)
    share = paths["patients"] / paths.groupby("fixmedins_code")["patients"].transform("sum")
    many = paths["patients"] >= FEW_PATIENTS
    out["bond_one_doctor"] = share[many].groupby(paths.loc[many, "fixmedins_code"]).max().reindex(out.index).fillna(0.0)
    return out[list(INSTITUTION)].astype("float64").rename_axis("entity_id")


def _near_places(events: pd.DataFrame, places: pd.Index, cases: pd.DataFrame) -> np.ndarray:
    """PageRank mass of each institution from confirmed persons, in units of its own share of visits; an institution
    with cases of its own is asked without them."""
    out = np.zeros(len(places))
    card, names = pd.factorize(events["psn_no"], sort=True)
    seeds = cases[cases["psn_no"].isin(names)]
    if seeds.empty:
        return out
    place = places.get_indexer(pd.Index(events["fixmedins_code"]))
    matrix = sp.csr_matrix((np.ones(len(card)), (card, place)), shape=(len(names), len(places)))
    matrix.sum_duplicates()
    row = pd.Index(names).get_indexer(seeds["psn_no"])
    own = [code for code in seeds["fixmedins_code"].unique() if code in places]
    masses = np.zeros((len(names), len(own) + 1))
    masses[row, 0] = 1.0
    for j, code in enumerate(own, start=1):
        mine = set(seeds.loc[seeds["fixmedins_code"] == code, "psn_no"])
        masses[row[~seeds["psn_no"].isin(mine).to_numpy()], j] = 1.0
    asked = np.flatnonzero(masses.sum(axis=0) > 0)
    solved = (
        factorise(matrix, ALPHA).solve(masses[:, asked])
        if len(places) <= DENSE_LIMIT
        else iterate(matrix, masses[:, asked], ALPHA)
    )
    near = np.zeros((len(places), len(own) + 1))
    near[:, asked] = solved[1]
    out[:] = near[:, 0]
    for j, code in enumerate(own, start=1):
        out[places.get_loc(code)] = near[places.get_loc(code), j]
    usual = np.asarray(matrix.sum(axis=0)).ravel() * ALPHA / (1 + ALPHA)  # institutions hold α / (1 + α) of all mass
    return np.asarray(np.divide(out * matrix.sum(), usual, out=np.zeros(len(places)), where=usual > 0))


def doctor_bonds(events: pd.DataFrame, rings: list[Ring], paths: pd.DataFrame) -> pd.DataFrame:
    """Columns DOCTOR, index dr_codg; blank doctors are no doctor."""
    named = events[events["dr_codg"].fillna("").astype("str") != ""]
    met = _meetings(rings)
    spent = named.groupby("dr_codg")["fen"].sum()
    out = pd.DataFrame(index=spent.index)
    out["bond_patients"] = met.groupby("dr_codg")["psn_no"].nunique()
    out["bond_share"] = met.groupby("dr_codg")["fen"].sum() / spent.where(spent > 0)
    top = paths[paths["patients"] >= FEW_PATIENTS].drop_duplicates("dr_codg").set_index("dr_codg")
    out["bond_one_shop"], out["bond_shop_lift"] = top["share"], top["lift"]
    return out[list(DOCTOR)].astype("float64").fillna(0.0).rename_axis("entity_id")


def bond_tables(
    events: pd.DataFrame, institutions: pd.DataFrame, pairs: pd.DataFrame, rings: list[Ring], cases: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """`person`, `institution`, `doctor` as above, and `meetings`: the settlements behind them. events: psn_no,
    fixmedins_code, happened_at, dr_codg, fen."""
    paths = care_triangles(events, institutions)
    return {
        "person": person_bonds(suspicious_pairs(pairs, rings), rings, set(cases["psn_no"])),
        "institution": place_bonds(events, institutions, rings, cases, paths),
        "doctor": doctor_bonds(events, rings, paths),
        "meetings": _meetings(rings)[list(MEETINGS)],
    }
