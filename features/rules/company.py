"""R25 结伴刷卡 at the institution: sets of three or more cards that meet at one till on three or more distinct days.

Whether a meeting is more than the unit's own load predicts is weighed at the ring grain (features/graphs/rings.py), which also names the members; here it is counted
which cards stand in a triangle of such pairs. N01 dialysis, N05 shared accounts and N07 collapsed clocks are left out before counting.
"""

import numpy as np
import pandas as pd

from features.declare import Feature, GraphMeasure, declare
from features.graphs.covisit import count_covisits
from features.graphs.visit_order import sort_visits
from features.rules.settings import setting

MEETINGS = """SELECT w.fixmedins_code AS entity_id, w.happened_at, 'settlements' AS row_table, w.setl_id AS row_id, w.psn_no, w.fixmedins_type = '2' AS pharmacy,
    coalesce(w.fund_pay_sumamt_fen, 0) + coalesce(w.acct_pay_fen, 0) AS fen FROM swipes w
    WHERE NOT w.clock_collapsed AND w.visit_class <> 'dialysis' AND coalesce(w.acct_mulaid_pay_fen, 0) = 0"""


def cards_in_company(rows: pd.DataFrame) -> pd.DataFrame:
    """`cards` per unit: how many stand in a triangle of pairs that met on enough days. Needs psn_no, pharmacy."""
    found: dict[str, set[int]] = {}
    for pharmacy, key in ((True, "minutes_pharmacy"), (False, "minutes_clinic")):
        mine = rows[rows["pharmacy"].fillna(False).astype(bool) == pharmacy]
        if len(mine):
            _triangles(mine, int(setting("R25", key)), found)
    units = pd.Index(sorted(rows["entity_id"].unique()), name="entity_id")
    return pd.DataFrame({"cards": [float(len(found.get(u, ()))) for u in units]}, index=units)


def _triangles(rows: pd.DataFrame, minutes: int, found: dict[str, set[int]]) -> None:
    card, _ = pd.factorize(rows["psn_no"], sort=True)
    place, places = pd.factorize(rows["entity_id"], sort=True)
    at = rows["happened_at"].to_numpy("datetime64[m]").astype(np.int64)
    pairs = count_covisits(
        sort_visits(card, place, at), dt=minutes, k=int(setting("R25", "min_days")), same_institution=True
    )
    near: dict[tuple[int, int], set[int]] = {}
    for a, b, unit in zip(pairs.a.tolist(), pairs.b.tolist(), pairs.inst.tolist(), strict=True):
        near.setdefault((unit, a), set()).add(b)
        near.setdefault((unit, b), set()).add(a)
    for a, b, unit in zip(pairs.a.tolist(), pairs.b.tolist(), pairs.inst.tolist(), strict=True):
        if near[unit, a] & near[unit, b]:
            found.setdefault(str(places[unit]), set()).update((a, b))


declare(
    Feature(
        name="rule_r25",
        rule="R25",
        label=setting("R25", "name"),
        unit="人",
        kind="lead",
        grain="institution",
        scheme="T09",
        by="institution",
        reversed="kept",
        windows=(180,),
        rows=MEETINGS,
        measure=GraphMeasure(cards_in_company, "cards"),
        worse="high",
        family="swipe",
        exempt=("N01", "N02", "N04", "N05", "N07"),
        source="3.4",
        reason="触发规则R25结伴刷卡：近{window}天有{value}张卡三人以上结伴、在三个以上不同日子先后在该机构刷卡",
        innocent="家庭、养老机构结伴（N04、N05）、放化疗同班（N02）；透析与共济支付已剔除",
    )
)
