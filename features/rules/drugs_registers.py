"""R45, R46, R48: drugs beside the registers: chronic patients, their yearly limit, the unit's stock.

No table says which drugs belong to a disease: of R45 only the missing registry is judged, not the scope
(`drug_set_id`).
"""

from features.catalog.chronic import CHRONIC_VISITS, disease_kind
from features.common_subqueries import once
from features.declare import Feature, Of, declare
from features.knowledge import LINE_ID, VERSIONS
from features.thresholds import setting

COMMON = Feature(
    family="chronic",
    windows=(365,),
    source="3.8 3.9 3.10",
    amount="sum(fen)",
)

#: Chronic settlements without a registry of their disease; one up to 30 days later heals it (N33), two diseases need
#: none.
UNREGISTERED = f"""
    SELECT c.*
    FROM (
        SELECT *, count(*) OVER (PARTITION BY entity_id) AS chronic_visits
        FROM ({CHRONIC_VISITS})
    ) c
    WHERE NOT c.registered
        AND NOT EXISTS (
            FROM chronic_registry r
            WHERE r.psn_no = c.psn_no
                AND coalesce({disease_kind("r.opsp_dise_code")} = {disease_kind("c.dise_codg")}, true)
                AND r.opsp_begndate > c.day AND r.opsp_begndate <= c.day + 30
        )
"""

#: A unit is told where it is more than the odd card: so many of its chronic visits.
TOO_MANY = f"""
    count(DISTINCT psn_no) >= {setting("R45", "unit_persons")}
    AND count(*) >= {setting("R45", "unit_share")} * max(chronic_visits)
"""

declare(
    COMMON,
    name="rule_r45",
    widely="每一例都是字面违规：结算当日没有该病种的备案；机构无过而患者冒用的也在内",
    rule="R45",
    label=setting("R45", "name"),
    kind="hard",
    scheme="T24",
    told_of={
        "person": Of("w.psn_no"),
        "institution": Of(
            "w.fixmedins_code",
            name="rule_r45_inst",
            by="institution",
            measure=f"CASE WHEN {TOO_MANY} THEN count(*) ELSE 0 END",
            amount=f"CASE WHEN {TOO_MANY} THEN sum(fen) ELSE 0 END",
            reason="触发规则R45慢特病无备案：近{window}天为无有效备案人员按慢特病结算{value}次",
            innocent="资格补录（N33）",
        ),
    },
    by="person",
    needs=("chronic_registry",),
    exempt=("N33",),
    rows=UNREGISTERED,
    measure="count(*)",
    unit="次",
    reason="触发规则R45慢特病无备案：近{window}天无有效备案享受慢特病待遇{value}次",
    innocent="资格在30天后才补录（N33）；参保地外认定",
)

#: Settlements at the end of a year whose limit for the disease was used up, too much of it then.
USED_UP_LATE = f"""
    WITH c AS (
        SELECT *, extract(year FROM happened_at) AS year
        FROM ({CHRONIC_VISITS})
        WHERE limit_fen > 0
    ),
    y AS (
        SELECT
            *,
            sum(fund_fen) OVER one AS used,
            coalesce(sum(fund_fen) FILTER (WHERE year_end) OVER one, 0) AS late
        FROM c
        WINDOW one AS (PARTITION BY entity_id, psn_no, {disease_kind("dise_codg")}, year)
    )
    SELECT *
    FROM y
    WHERE year_end
        AND used >= {setting("R46", "used_share")} * limit_fen
        AND late >= {setting("R46", "last_months_share")} * used
"""

declare(
    COMMON,
    name="rule_r46",
    rule="R46",
    label=setting("R46", "name"),
    kind="lead",
    scheme="T31",
    also=("T24",),
    told_of={
        "person": Of("w.psn_no"),
        "institution": Of(
            "w.fixmedins_code",
            name="rule_r46_inst",
            by="institution",
            measure="count(DISTINCT psn_no)",
            unit="人",
            reason="触发规则R46慢病限额年底突击：有{value}名患者在本机构年底集中用足限额",
            also=(),
        ),
    },
    by="person",
    needs=("chronic_registry.annual_limit_fen",),
    exempt=("N08", "N28"),
    rows=USED_UP_LATE,
    measure="count(*)",
    unit="次",
    reason="触发规则R46慢病限额年底突击：限额用足且11、12月结算{value}次、占比过高",
    innocent="年末续方（N28）、长处方（N08）",
)

#: Of every article a unit keeps in stock: what it ever had, in tablets where it settles by the tablet, and what it
#: settled. `unknown`: several times what was bought, and nobody says how many make a box.
STOCK = once(
    "stock",
    f"""
        WITH m AS (
            SELECT
                fixmedins_code, med_list_codg,
                sum(
                    CASE
                        WHEN move_type IN ('open', 'buy', 'adjust', 'sell_return') THEN cnt_e4
                        WHEN move_type = 'buy_return' THEN -abs(cnt_e4)
                        ELSE 0
                    END
                ) / 1e4 AS had,
                median(pric_e6) FILTER (move_type = 'buy') / 1e6 AS bought_at
            FROM stock_moves
            WHERE move_time <= (SELECT t FROM main.asof)
            GROUP BY ALL
        ),
        s AS (
            SELECT fixmedins_code, med_list_codg, sum(cnt) AS settled, median(pric) AS sold_at
            FROM lines
            GROUP BY ALL
        ),
        k AS (
            SELECT med_list_codg, max(pack_factor) AS tablets
            FROM {VERSIONS}
            GROUP BY 1
        )
        SELECT *, tablets IS NULL AND settled >= {setting("R48", "unknown_unit_times")} * had AS unknown
        FROM (
            SELECT
                s.fixmedins_code, s.med_list_codg, s.settled, k.tablets,
                CASE
                    WHEN k.tablets > 1
                        AND (
                            s.sold_at < m.bought_at / 2
                            OR (
                                k.tablets >= 5
                                AND s.settled BETWEEN 0.8 * k.tablets * m.had
                                AND {1 + setting("R48", "tolerance")} * k.tablets * m.had
                            )
                        )
                        THEN k.tablets
                    ELSE 1
                END * m.had AS had
            FROM s
            JOIN m USING (fixmedins_code, med_list_codg)
            LEFT JOIN k USING (med_list_codg)
        )
        WHERE had > 0 AND settled > had * {1 + setting("R48", "tolerance")}
    """,
)

# Settled beyond what was ever there, by code; a unit that never sent a move of a code is not judged on it. Bought by
# the box and settled by the tablet (a price far below the box's, or just about a box's tablets to each box) is a matter
# of the unit of measure (DQ): there the stock is counted in tablets. Where nobody says how many make a box, several
# times what was bought is a matter of an unknown unit, and not judged.
declare(
    COMMON,
    name="rule_r48",
    rule="R48",
    label=setting("R48", "name"),
    kind="hard",
    family="stock",
    scheme="T11",
    grain="institution",
    by="institution",
    needs=("stock_moves",),
    rows=f"""
        SELECT
            l.fixmedins_code AS entity_id, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id,
            l.psn_no, l.med_list_codg, l.hilist_name, l.cnt, n.had, n.settled,
            l.scope_fen * (n.settled - n.had) / n.settled AS excess_fen
        FROM lines l
        JOIN {STOCK} n USING (fixmedins_code, med_list_codg)
        WHERE NOT n.unknown
    """,
    measure="count(DISTINCT med_list_codg)",
    amount="round(sum(excess_fen))",
    unit="种",
    reason="触发规则R48进销存不符：有{value}种药品耗材结算数量超过购进库存",
    innocent="盒、片等计量单位不一致（转数据质量核对）",
)

declare(
    COMMON,
    name="rule_r61_units",
    rule="R61",
    label="计量单位不明",
    kind="DQ",
    family="quality",
    scheme="T17",
    grain="institution",
    by="institution",
    needs=("stock_moves",),
    source="1.10",
    rows=f"""
        SELECT
            l.fixmedins_code AS entity_id, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id,
            l.psn_no, l.med_list_codg, l.hilist_name, l.cnt, n.had, n.settled, l.fen
        FROM lines l
        JOIN {STOCK} n USING (fixmedins_code, med_list_codg)
        WHERE n.unknown
    """,
    measure="count(DISTINCT med_list_codg)",
    amount=None,
    unit="种",
    reason="触发规则R61计量单位：近{window}天有{value}种药品耗材结算数量为购进的数倍而目录无包装规格，盒、片不明，R48对其不可评估",
    innocent="盒、片混用，目录未填包装规格：属数据质量，不作疑点",
)
