"""R53: a price above its cap, or above what the same drug costs elsewhere.

R53(b) gathers the prices of all units before it knows the area's month median; of one shop it sets the price on the
card against the price for cash (S004 八不准).
"""

from features.catalog.fees_of_stays import OVER_CAP, STAY_OVER_CAP
from features.codes import DRUGS, paid
from features.declare import Feature, Of, declare
from features.knowledge import LINE_ID
from features.thresholds import setting

COMMON = Feature(
    family="charge",
    unit="条",
)

declare(
    COMMON,
    name="rule_r53",
    widely="每一例都是字面违规：单价高于当日限价，住院人本身无过",
    rule="R53",
    label=setting("R53", "name"),
    kind="hard",
    scheme="T20",
    told_of={
        "admission": Of("l.mdtrt_id"),
        "institution": Of(
            "l.fixmedins_code",
            name="rule_r53_inst",
            by="institution",
            windows=(365,),
            rows=OVER_CAP,
            reason="触发规则R53超限价：近{window}天有{value}条明细单价超过当日最高限价",
            innocent="调价当日目录未同步（N24）；机构等级登记有误",
        ),
    },
    by="person",
    windows=(0,),
    needs=("fee_details", "catalog.pric_uplmt_amt_e6"),
    exempt=("N24", "N25"),
    source="1.5 3.10",
    rows=STAY_OVER_CAP,
    measure="count(*)",
    amount="sum(excess_fen)",
    reason="触发规则R53超限价：本次住院有{value}条明细单价超过当日最高限价",
    innocent="调价当日目录未同步（N24，限价按日期取）；应急期临时价（N25）",
)

#: Dearer on the card than for cash; or above the usual price, where so many of the unit's sales are.
APART = "many OR over_cash > 0"

# (b) One row a unit, month, drug and price, with how often it was charged; the area's median of the month is known
# when all units are together.
declare(
    COMMON,
    name="rule_r53_dual",
    widely="按与本地中位价之差计，规格、厂牌不同的定价也在内",
    rule="R53",
    label="同药不同价",
    kind="lead",
    scheme="T12",
    grain="institution",
    by="institution",
    windows=(365,),
    needs=("fee_details",),
    exempt=("N24", "N25"),
    source="3.9",
    rows=f"""
        SELECT
            l.fixmedins_code AS entity_id, max(l.happened_at) AS happened_at, 'fee_details' AS row_table,
            min({LINE_ID}) AS row_id,
            coalesce(any_value(i.area), '') AS area,
            date_trunc('month', l.day) AS month,
            l.med_list_codg,
            any_value(l.hilist_name) AS hilist_name,
            l.pric,
            count(*) AS n,
            sum(l.fen)::BIGINT AS fen,
            coalesce(w.cash_only, false) AS cash
        FROM lines l
        LEFT JOIN institutions i ON i.fixmedins_code = l.fixmedins_code
        LEFT JOIN (
            SELECT
                mdtrt_id,
                bool_and({paid()} = 0 AND coalesce(acct_mulaid_pay_fen, 0) = 0 AND psn_cash_pay_fen > 0) AS cash_only
            FROM swipes
            GROUP BY 1
        ) w ON w.mdtrt_id = l.mdtrt_id
        WHERE l.med_chrgitm_type IN {DRUGS} AND l.pric > 0
        GROUP BY l.fixmedins_code, date_trunc('month', l.day), l.med_list_codg, l.pric, cash
    """,
    across=f"""
        WITH p AS (
            SELECT
                *,
                sum(n) OVER (PARTITION BY area, month, med_list_codg) AS lines,
                sum(n) OVER (PARTITION BY area, month, med_list_codg ORDER BY pric) AS upto,
                count(DISTINCT entity_id) OVER (PARTITION BY area, month, med_list_codg) AS units,
                sum(n) OVER (PARTITION BY entity_id) AS of_unit
            FROM gathered
        ),
        m AS (
            SELECT area, month, med_list_codg, min(pric) AS usual
            FROM p
            WHERE upto >= lines / 2.0
                AND lines >= {setting("R53", "min_lines")}
                AND units >= {setting("R53", "min_units")}
            GROUP BY ALL
        ),
        c AS (
            SELECT entity_id, month, med_list_codg, max(pric) AS for_cash
            FROM p
            WHERE cash
            GROUP BY ALL
            HAVING sum(n) >= {setting("R53", "min_cash_lines")}
        ),
        t AS (
            SELECT
                p.*, m.usual, c.for_cash,
                CASE
                    WHEN p.pric > {setting("R53", "over_median")} * m.usual THEN p.fen * (1 - m.usual / p.pric)
                    ELSE 0
                END AS over_usual,
                CASE
                    WHEN NOT p.cash AND p.pric > c.for_cash THEN p.fen * (1 - c.for_cash / p.pric)
                    ELSE 0
                END AS over_cash
            FROM p
            LEFT JOIN m USING (area, month, med_list_codg)
            LEFT JOIN c USING (entity_id, month, med_list_codg)
        )
        SELECT
            *,
            greatest(over_usual, over_cash)::BIGINT AS above_fen,
            sum(n) OVER (PARTITION BY entity_id) >= {setting("R53", "unit_share")} * of_unit AS many
        FROM t
        WHERE over_usual > 0 OR over_cash > 0
    """,
    measure=f"coalesce(sum(n) FILTER ({APART}), 0)",
    amount=f"coalesce(sum(above_fen) FILTER ({APART}), 0)",
    reason="触发规则R53同药不同价：近{window}天有{value}条药品单价高于本地同月同药中位价20%以上，或刷卡价高于本店当月现金价",
    innocent="月中调价、规格或厂牌不同（N24）、应急期（N25）",
)
