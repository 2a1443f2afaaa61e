"""R30–R33: units that settle what they cannot have sold: one article, at night, beyond their hands, in another's name.

R33(b) follows the customers of a suspended unit through the person layout and is judged once they are all together.
"""

from features.catalog.cash_out_at_tills import ARTICLE
from features.codes import DRUGSTORE, SUSPENDED, paid
from features.declare import Feature, declare
from features.knowledge import in_emergency
from features.rules.parts import ORDINARY_DAY, WITHOUT_AGREEMENT
from features.thresholds import setting

COMMON = Feature(
    kind="lead",
    grain="institution",
    by="institution",
    windows=(365,),
    source="3.4 3.9",
    amount="sum(fen)",
)

# Pharmacies without the dual-channel mark (N30); what a month brings of the article must be some money: one dear box in
# a small shop is none. N25: days of an emergency do not count.
declare(
    COMMON,
    name="rule_r30",
    widely="占比按当月刷卡额计，小药店品种少，一种贵重药即可占到三成",
    rule="R30",
    label=setting("R30", "name"),
    family="account",
    scheme="T11",
    needs=("fee_details",),
    exempt=("N14", "N24", "N25", "N30"),
    rows=f"""
        SELECT a.*
        FROM {ARTICLE} a
        JOIN institutions i ON i.fixmedins_code = a.entity_id
        WHERE i.fixmedins_type = {DRUGSTORE}
            AND coalesce(i.sp_drugstore_flag, '0') <> '1'
            AND a.article_fen >= {setting("R30", "min_yuan") * 100}
            AND NOT {in_emergency("a.happened_at::DATE")}
            AND (a.share > {setting("R30", "share")} OR a.surge > {setting("R30", "month_factor")})
    """,
    measure="count(DISTINCT med_list_codg)",
    unit="种",
    reason="触发规则R30单品异常：近{window}天有{value}种商品独占当月刷卡额三成以上或销量达常态十倍",
    innocent="流感季、集采放量、应急期（N14、N24、N25）；双通道药店已剔除（N30）",
)

# N23: emergency visits, wards' houses and shops open around the clock are left out; N07: collapsed clocks.
declare(
    COMMON,
    name="rule_r31",
    rule="R31",
    label=setting("R31", "name"),
    family="swipe",
    scheme="T10",
    exempt=("N07", "N23"),
    rows=f"""
        WITH w AS (
            SELECT
                w.fixmedins_code, w.psn_no, w.setl_id, w.happened_at, {paid("w")} AS fen,
                extract(hour FROM w.happened_at) >= {setting("R31", "from_hour")}
                    OR extract(hour FROM w.happened_at) < {setting("R31", "to_hour")} AS night
            FROM swipes w
            JOIN institutions i USING (fixmedins_code)
            WHERE NOT w.clock_collapsed
                AND w.visit_class <> 'emergency'
                AND coalesce(i.open_24h_flag, '0') <> '1'
                AND i.level = 0
                AND coalesce(i.aprv_bed_cnt, 0) = 0
        ),
        d AS (
            SELECT *, avg(night::INT) OVER (PARTITION BY fixmedins_code, happened_at::DATE) AS share
            FROM w
        ),
        m AS (
            SELECT
                *,
                count(DISTINCT happened_at::DATE) FILTER (WHERE share > {setting("R31", "share")}) OVER (
                    PARTITION BY fixmedins_code, date_trunc('month', happened_at)
                ) AS days
            FROM d
        )
        SELECT
            fixmedins_code AS entity_id, happened_at, 'settlements' AS row_table, setl_id AS row_id, psn_no,
            share, fen
        FROM m
        WHERE night AND share > {setting("R31", "share")} AND days >= {setting("R31", "days_a_month")}
    """,
    measure="count(*)",
    unit="笔",
    reason="触发规则R31夜间刷卡：近{window}天有{value}笔夜间刷卡（当日占比超一成、当月五天以上）",
    innocent="24小时营业未登记（N23）；批量上传已剔除（N07）",
)

declare(
    COMMON,
    name="rule_r32",
    rule="R32",
    label=setting("R32", "name"),
    family="swipe",
    scheme="T10",
    needs=("institutions.phar_psncnt",),
    exempt=("N06", "N07", "N30"),
    rows=f"""
        WITH w AS (
            SELECT
                w.fixmedins_code, w.psn_no, w.setl_id, w.happened_at, w.clock_collapsed, {paid("w")} AS fen,
                i.phar_psncnt
            FROM swipes w
            JOIN institutions i USING (fixmedins_code)
            WHERE i.fixmedins_type = {DRUGSTORE} AND i.phar_psncnt > 0 AND {ORDINARY_DAY}
        ),
        n AS (
            SELECT
                *,
                count(*) OVER (PARTITION BY fixmedins_code, happened_at::DATE) AS a_day,
                count(*) FILTER (WHERE NOT clock_collapsed) OVER (
                    PARTITION BY fixmedins_code, date_trunc('hour', happened_at)
                ) AS an_hour
            FROM w
        )
        SELECT
            fixmedins_code AS entity_id, happened_at, 'settlements' AS row_table, setl_id AS row_id, psn_no,
            phar_psncnt, a_day, an_hour, fen,
            fen * greatest(
                0,
                1 - {setting("R32", "per_pharmacist_day")} * phar_psncnt / a_day,
                1 - {60 * setting("R32", "per_pharmacist_minute")} * phar_psncnt / nullif(an_hour, 0)
            ) AS excess_fen
        FROM n
        WHERE a_day > {setting("R32", "per_pharmacist_day")} * phar_psncnt
            OR an_hour > {60 * setting("R32", "per_pharmacist_minute")} * phar_psncnt
    """,
    measure="count(DISTINCT happened_at::DATE)",
    amount="round(sum(excess_fen))",
    unit="天",
    reason="触发规则R32超服务能力刷卡：近{window}天有{value}天刷卡量超过药师服务能力",
    innocent="药师登记人数未更新、唯一药店（N30）；到账日已剔除（N06）",
)

# A stay that began before the suspension has its `happened_at` before it (N16).
declare(
    COMMON,
    name="rule_r33",
    rule="R33",
    label=setting("R33", "name"),
    kind="hard",
    family="agreement",
    scheme="T10",
    needs=("agreement_periods",),
    exempt=("N16", "N30"),
    rows=f"""
        SELECT
            w.fixmedins_code AS entity_id, w.happened_at, 'settlements' AS row_table, w.setl_id AS row_id,
            w.psn_no, coalesce(g.stas, 'absent') AS stas, g.begndate, {paid("w")} AS fen
        FROM settlements w
        JOIN {WITHOUT_AGREEMENT} g ON g.fixmedins_code = w.fixmedins_code AND g.day = w.happened_at::DATE
        WHERE coalesce(w.manual_flag, '0') <> '1'
    """,
    measure="count(*)",
    unit="次",
    reason="触发规则R33暂停期间结算：近{window}天在协议暂停或解除期间结算{value}笔",
    innocent="暂停前入院的住院（按入院日已剔除，N16）；协议恢复日期登记滞后",
)

# Who used a unit in the 30 days before its suspension, and where he went first in the week after it.
declare(
    COMMON,
    name="rule_r33_moved",
    rule="R33",
    label="客流转移",
    family="agreement",
    scheme="T10",
    by="person",
    needs=("agreement_periods",),
    exempt=("N30",),
    rows=f"""
        WITH g AS (
            SELECT fixmedins_code, min(begndate) AS since
            FROM agreement_periods
            WHERE stas IN {SUSPENDED}
            GROUP BY 1
        ),
        c AS (
            SELECT DISTINCT w.psn_no, g.fixmedins_code AS closed_unit, g.since
            FROM swipes w
            JOIN g USING (fixmedins_code)
            WHERE w.happened_at::DATE >= g.since - 30 AND w.happened_at::DATE < g.since
        )
        SELECT
            c.closed_unit, c.psn_no, c.since, w.fixmedins_code AS entity_id,
            coalesce(w.happened_at, c.since::TIMESTAMP) AS happened_at,
            'settlements' AS row_table, w.setl_id AS row_id, {paid("w")} AS fen
        FROM c
        LEFT JOIN swipes w
            ON w.psn_no = c.psn_no
                AND w.fixmedins_code <> c.closed_unit
                AND w.happened_at::DATE >= c.since
                AND w.happened_at::DATE < c.since + {setting("R33", "within_days")}
        QUALIFY row_number() OVER (PARTITION BY c.psn_no, c.closed_unit ORDER BY w.happened_at, w.setl_id) = 1
    """,
    across=f"""
        SELECT *
        FROM (
            SELECT
                *,
                count(*) OVER (PARTITION BY closed_unit) AS customers,
                count(*) OVER (PARTITION BY closed_unit, entity_id) AS moved
            FROM gathered
        )
        WHERE entity_id IS NOT NULL
            AND customers >= {setting("R33", "min_customers")}
            AND moved > {setting("R33", "moved_share")} * customers
    """,
    measure="count(DISTINCT psn_no)",
    unit="人",
    reason="触发规则R33客流转移：一家机构被暂停协议后一周内，其过半顾客首先转到本机构，共{value}人",
    innocent="附近只剩这一家（N30）",
)
