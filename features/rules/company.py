"""R25 结伴刷卡 at the institution: sets of three or more cards that meet at one till on three or more distinct days.

Whether a meeting is more than the unit's own load predicts is weighed at the ring grain (features/networks/rings/
rings.py), which also names the members: a person is told of his ring there. Here it is counted which cards stand in a
triangle of such pairs, and what they spent in each other's company. N01 dialysis, N05 shared accounts and N07 collapsed
clocks are left out before counting; two cards of one home (N04, N05) are no pair.
"""

import numpy as np
import pandas as pd

from features.codes import DRUGSTORE, paid
from features.declare import Feature, GraphMeasure, declare
from features.rules.parts import HOMES
from features.thresholds import setting

MEETINGS = f"""
    SELECT
        w.fixmedins_code AS entity_id, w.happened_at, 'settlements' AS row_table, w.setl_id AS row_id, w.psn_no,
        w.fixmedins_type = {DRUGSTORE} AS pharmacy,
        {paid("w")} AS fen,
        coalesce(h.home, w.psn_no) AS home
    FROM swipes w
    LEFT JOIN {HOMES} h USING (psn_no)
    WHERE NOT w.clock_collapsed AND w.visit_class <> 'dialysis' AND coalesce(w.acct_mulaid_pay_fen, 0) = 0
"""


def cards_in_company(rows: pd.DataFrame) -> pd.DataFrame:
    """`cards` per unit: how many stand in a triangle of pairs that met on enough days; `fen` of swipes near each other.

    Needs psn_no, pharmacy, fen, home.
    """
    units = pd.Index(sorted(rows["entity_id"].unique()), name="entity_id")
    out = pd.DataFrame({"cards": 0.0, "fen": 0.0}, index=units)
    for pharmacy, key in ((True, "minutes_pharmacy"), (False, "minutes_clinic")):
        mine = rows[rows["pharmacy"].fillna(False).astype(bool) == pharmacy]
        if len(mine):
            minutes = int(setting("R25", key))
            found = _triangles(mine, minutes)
            for unit, near in mine.merge(found, on=["entity_id", "psn_no"]).groupby("entity_id", sort=False):
                out.loc[unit] += (near["psn_no"].nunique(), _together(near, minutes))
    return out


def _together(rows: pd.DataFrame, minutes: int) -> float:
    """Money of the swipes with another of the cards within so many minutes."""
    rows = rows.sort_values(["happened_at", "row_id"], kind="stable")
    near = pd.Series(False, index=rows.index)
    for step in (1, -1):
        gap = (rows["happened_at"] - rows["happened_at"].shift(step)).abs() <= pd.Timedelta(minutes=minutes)
        near |= gap & (rows["psn_no"] != rows["psn_no"].shift(step))
    return float(rows.loc[near, "fen"].sum())


def _triangles(rows: pd.DataFrame, minutes: int) -> pd.DataFrame:
    """The cards in a triangle: `entity_id, psn_no`, each once."""
    # Compiled code, and two seconds to import: a claim at the counter reads the declarations and needs no graph.
    from features.networks.pairs.covisits import count_covisits
    from features.networks.pairs.events import sort_visits

    card, cards = pd.factorize(rows["psn_no"], sort=True)
    place, places = pd.factorize(rows["entity_id"], sort=True)
    at = rows["happened_at"].to_numpy("datetime64[m]").astype(np.int64)
    pairs = count_covisits(
        sort_visits(card, place, at), dt=minutes, k=int(setting("R25", "min_days")), same_institution=True
    )
    home_of = rows.drop_duplicates("psn_no").set_index("psn_no")["home"].reindex(cards).tolist()
    together = zip(pairs.inst.tolist(), pairs.a.tolist(), pairs.b.tolist(), strict=True)
    met = [(unit, a, b) for unit, a, b in together if home_of[a] != home_of[b]]
    near: dict[tuple[int, int], set[int]] = {}
    for unit, a, b in met:
        near.setdefault((unit, a), set()).add(b)
        near.setdefault((unit, b), set()).add(a)
    found = sorted({(unit, c) for unit, a, b in met if near[unit, a] & near[unit, b] for c in (a, b)})
    return pd.DataFrame(
        {"entity_id": [places[unit] for unit, _ in found], "psn_no": [cards[c] for _, c in found]}, dtype="object"
    )


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
        amount=GraphMeasure(cards_in_company, "fen"),
        worse="high",
        family="swipe",
        exempt=("N01", "N02", "N04", "N05", "N07"),
        source="3.4",
        reason="触发规则R25结伴刷卡：近{window}天有{value}张卡三人以上结伴、在三个以上不同日子先后在该机构刷卡",
        innocent="未登记的家庭、养老机构结伴（N04、N05）、放化疗同班（N02）；透析、共济支付、同户与同一养老机构已剔除",
    )
)
