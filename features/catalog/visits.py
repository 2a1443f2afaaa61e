"""T30 频繁就医购药, and each card's visit graph (also T03 and T14: a lent card, a collector's tour).

How it works: very many visits mean a very sick person, a collector of drugs, or a card that several people use. The
graph tells them apart: institutions are nodes, each next visit an edge (features/networks/scores/card_visits.py). The
sick return to the same few places; a collector walks the same round of several places week after week; a lent card
jumps, and drifts away from its own past.
What it leaves: many nodes and edges, high entropy, low return rate, tours repeated over weeks, several institutions a
day, short gaps and speeds no bus reaches, drift.
Honest cases: dialysis (N01), family purchase (N05), people living elsewhere (N20), old people with many diseases (N29).
"""

import numpy as np
import pandas as pd

from features.codes import PHARMACY, paid
from features.declare import Feature, GraphMeasure, declare
from features.wording import above, below

#: All visits of a card, stays by their admission; one of unknown kind is a visit, and neither of the ward nor not.
VISITS = f"""
    SELECT v.*, i.lnt, i.lat, a.t AS now
    FROM (
        SELECT
            psn_no AS entity_id, happened_at, 'settlements' AS row_table, setl_id AS row_id,
            fixmedins_code, visit_class IN {PHARMACY} AS pharmacy, visit_class = 'dialysis' AS dialysis,
            is_inpatient AS ward, clock_collapsed, {paid()} AS fen
        FROM settlements
        WHERE is_inpatient IS NOT TRUE AND coalesce(manual_flag, '0') <> '1'
        UNION ALL
        SELECT psn_no, begntime, 'visits', mdtrt_id, fixmedins_code, false, false, true, false, coalesce(fund_fen, 0)
        FROM stays
    ) v
    CROSS JOIN main.asof a
    LEFT JOIN institutions i USING (fixmedins_code)
"""


def graph_of_visits(rows: pd.DataFrame) -> pd.DataFrame:
    """Visit-graph measures of each card in `rows` (sorted by entity_id, happened_at; needs fixmedins_code, lnt, lat,
    now)."""
    return _graph(rows)


def graph_of_timed_visits(rows: pd.DataFrame) -> pd.DataFrame:
    """The same without unit-days whose clock collapsed (D08): what minutes say."""
    return _graph(rows[~rows["clock_collapsed"].fillna(False).astype(bool)])


def _graph(rows: pd.DataFrame) -> pd.DataFrame:
    # Compiled code, and two seconds to import: a claim at the counter reads the declarations and needs no graph.
    from features.networks.scores.card_visits import COUNTS, RATIOS, visit_measures

    rows = rows[rows["fixmedins_code"].notna()]
    if not len(rows):
        return pd.DataFrame({c: pd.Series(dtype="float64") for c in (*COUNTS, *RATIOS)})
    card, cards = pd.factorize(rows["entity_id"])
    place, _ = pd.factorize(rows["fixmedins_code"], sort=True)
    minute = rows["happened_at"].to_numpy("datetime64[m]").astype("int64")
    now = int(rows["now"].to_numpy("datetime64[m]").astype("int64")[0])
    found = visit_measures(
        card, place, minute, rows["lnt"].to_numpy("float64"), rows["lat"].to_numpy("float64"), now=now
    )
    index = pd.Index(np.asarray(cards)[found.pop("card").astype("int64")], name="entity_id")
    return pd.DataFrame(found, index=index).astype("float64")


person = Feature(
    grain="person",
    scheme="T30",
    by="person",
    family="visits",
    source="两库50 两库51 两库52",
    rows=VISITS,
)


def _measured(column: str, *, timed: bool = False) -> GraphMeasure:
    return GraphMeasure(graph_of_timed_visits if timed else graph_of_visits, column)


declare(
    person,
    name="visits_outpatient",
    label="门诊次数",
    unit="次",
    windows=(30, 90),
    measure="count(*) FILTER (WHERE NOT pharmacy AND NOT ward AND NOT dialysis)",
    reason="近{window}天门诊{value}次" + above("次"),
    innocent="透析（已剔除）、放化疗、多病老人（N02、N29）",
)
declare(
    person,
    name="visits_pharmacy",
    label="药店购药次数",
    unit="次",
    windows=(30, 90),
    measure="count(*) FILTER (WHERE pharmacy)",
    reason="近{window}天药店购药{value}次" + above("次"),
    innocent="家庭共济代购（N05）、多病老人（N29）",
)
declare(
    person,
    name="visits_days",
    label="就医购药天数",
    unit="天",
    windows=(30, 90, 365),
    measure="count(DISTINCT happened_at::DATE)",
    reason="近{window}天有{value}天就医或购药" + above("天"),
    innocent="透析、理疗等规律治疗（N01）",
)
declare(
    person,
    name="visits_busiest_week",
    label="单周最多就医购药次数",
    unit="次",
    windows=(90,),
    measure="list_max(map_values(histogram(date_trunc('week', happened_at))))",
    reason="近{window}天单周最多就医购药{value}次" + above("次"),
    innocent="急病期间连续就诊",
)
declare(
    person,
    name="visits_units",
    label="就医购药机构数",
    unit="家",
    windows=(30, 90),
    measure="count(DISTINCT fixmedins_code)",
    reason="近{window}天到过{value}家机构" + above("家"),
    innocent="多病看多科、居住地变动（N20、N29）",
)
declare(
    person,
    name="visits_yuan",
    label="基金与账户支出",
    unit="元",
    windows=(30, 90, 365),
    measure="sum(fen) / 100.0",
    reason="近{window}天基金和账户支出{value}元" + above("元"),
    innocent="重病、手术",
)
declare(
    person,
    name="visits_weekend_share",
    label="周末就医占比",
    unit="%",
    windows=(90,),
    measure="CASE WHEN count(*) >= 10 THEN avg((isodow(happened_at) >= 6)::INT) END",
    empty=None,
    reason="近{window}天有{value}的就医购药在周末" + above(),
    innocent="工作日上班",
)
declare(
    person,
    name="graph_nodes",
    label="就医图机构节点数",
    unit="家",
    windows=(90, 365),
    measure=_measured("nodes"),
    reason="近{window}天就医轨迹涉及{value}家机构" + above("家"),
    innocent="多病看多科（N29）、异地居住（N20）",
)
declare(
    person,
    name="graph_edges",
    label="就医图转移路径数",
    unit="条",
    windows=(90, 365),
    measure=_measured("edges"),
    reason="近{window}天在机构间有{value}条不同的转移路径" + above("条"),
    innocent="多病看多科（N29）",
)
declare(
    person,
    name="graph_entropy",
    label="就医去向分散度",
    unit="",
    windows=(365,),
    measure=_measured("entropy"),
    reason="近{window}天就医去向的分散指数为{value}" + above(),
    innocent="居住地变动、外配处方（N20）",
)
declare(
    person,
    name="graph_return_rate",
    label="回访率",
    unit="%",
    windows=(365,),
    measure=_measured("return_rate"),
    worse="low",
    empty=None,
    reason="近{window}天再次去过同一机构的就医仅占{value}" + below(),
    innocent="就医次数少、探亲出差（N20）",
)
declare(
    person,
    name="graph_two_cycles",
    label="机构间往返对数",
    unit="对",
    windows=(365,),
    measure=_measured("two_cycles"),
    reason="近{window}天在{value}对机构之间来回就医" + above("对"),
    innocent="医院开方、药店取药",
)
declare(
    person,
    name="graph_three_cycles",
    label="三机构循环数",
    unit="个",
    windows=(365,),
    measure=_measured("three_cycles"),
    reason="近{window}天的就医轨迹中有{value}个三机构循环" + above("个"),
    innocent="多病看多科（N29）",
)
declare(
    person,
    name="graph_triads",
    label="机构三角关系数",
    unit="个",
    windows=(365,),
    measure=_measured("triads"),
    reason="近{window}天的就医轨迹中有{value}组机构两两相通" + above("组"),
    innocent="多病看多科（N29）",
)
declare(
    person,
    name="graph_tour_weeks",
    label="重复巡回周数",
    unit="周",
    windows=(90, 365),
    measure=_measured("tour_weeks"),
    scheme="T14",
    reason="近{window}天有{value}周走过完全相同的一组机构" + above("周"),
    innocent="每周固定透析加取药（N01）",
)
declare(
    person,
    name="graph_tour_days",
    also=("T15",),
    label="重复巡回天数",
    unit="天",
    windows=(365,),
    measure=_measured("tour_days"),
    scheme="T14",
    reason="近{window}天有{value}天走过完全相同的两家以上机构" + above("天"),
    innocent="医院开方后到同一药店取药",
)
declare(
    person,
    name="graph_day_places",
    also=("T30",),
    label="一日最多机构数",
    unit="家",
    windows=(90, 365),
    measure=_measured("day_places"),
    scheme="T14",
    reason="近{window}天一天内最多到过{value}家机构" + above("家"),
    innocent="转诊、外配处方",
)
declare(
    person,
    name="graph_multi_days",
    label="一日多机构天数",
    unit="天",
    windows=(90, 365),
    measure=_measured("multi_days"),
    reason="近{window}天有{value}天到过两家以上机构" + above("天"),
    innocent="医院就诊后药店购药",
)
declare(
    person,
    name="graph_min_gap",
    label="两机构间最短间隔",
    unit="分钟",
    windows=(90, 365),
    measure=_measured("min_gap", timed=True),
    worse="low",
    empty=None,
    scheme="T03",
    reason="近{window}天两家机构之间最短只隔{value}分钟" + below("分钟"),
    innocent="院边药店、家属代购（N05）",
)
declare(
    person,
    name="graph_simultaneous",
    label="同一分钟两地出现次数",
    unit="次",
    windows=(365,),
    measure=_measured("simultaneous", timed=True),
    scheme="T03",
    reason="近{window}天有{value}次在一分钟内先后出现在两家机构" + above("次"),
    innocent="家属持电子凭证代购（N05）",
)
declare(
    person,
    name="graph_speed",
    label="就医最快折算时速",
    unit="公里/小时",
    windows=(365,),
    measure=_measured("speed", timed=True),
    scheme="T03",
    empty=None,
    needs=("institutions.lnt", "institutions.lat"),
    reason="近{window}天两次就医间折算时速最高{value}公里" + above("公里"),
    innocent="家属代购（N05）、坐标登记有误（N35）",
)
declare(
    person,
    name="graph_drift",
    label="就医去向较自身以往的偏移",
    unit="",
    windows=(365,),
    measure=_measured("drift"),
    empty=None,
    scheme="T03",
    reason="近90天的就医去向较本人以往的偏移指数为{value}" + above(),
    innocent="搬家、新发疾病（N20）",
)
