"""R34–R37: what a person's card does: after its holder's death, at home while he lies far away, too often, at one
shop.
"""

from features.catalog.ghost_bed_away import USUAL_DAYS
from features.catalog.identity_of_persons import AFTER_DEATH
from features.codes import DRUGSTORE, LIVING_ELSEWHERE, PHARMACY, TREATMENT, paid
from features.common_subqueries import once
from features.declare import Feature, Of, declare
from features.knowledge import diagnosed
from features.thresholds import setting

COMMON = Feature(
    by="person",
    windows=(365,),
    source="3.3 3.4",
    measure="count(*)",
    amount="sum(fen)",
    unit="次",
)

declare(
    COMMON,
    name="rule_r34",
    rule="R34",
    label=setting("R34", "name"),
    kind="hard",
    family="identity",
    scheme="T03",
    told_of={
        "person": Of("s.psn_no"),
        "institution": Of(
            "s.fixmedins_code",
            name="rule_r34_inst",
            by="institution",
            source="3.4 3.9",
            reason="触发规则R34死亡后就医：近{window}天为已故人员结算{value}次",
        ),
    },
    needs=("persons.death_date",),
    rows=AFTER_DEATH,
    reason="触发规则R34死亡后就医：近{window}天在登记死亡日期之后仍就医结算{value}次",
    innocent="死亡日期登记有误（转数据质量核对）",
)

declare(
    COMMON,
    name="rule_r35",
    rule="R35",
    label=setting("R35", "name"),
    kind="lead",
    family="identity",
    scheme="T03",
    told_of={
        "person": Of("w.psn_no"),
        "admission": Of(
            "s.mdtrt_id",
            name="rule_r35_admission",
            family="stay",
            scheme="T01",
            windows=(0,),
            source="3.3",
            reason="触发规则R35：本次异地住院期间在本地刷卡{value}次",
            innocent="家属代取慢病药；常去药店、共济与手工报销已剔除（N18）",
        ),
    },
    needs=("settlements.out_flag",),
    exempt=("N05", "N18", "N20", "N32"),
    rows=f"""
        SELECT
            $entity AS entity_id, w.happened_at, 'settlements' AS row_table, w.setl_id AS row_id,
            w.fixmedins_code, s.mdtrt_id AS stay_id, {paid("w")} AS fen
        FROM swipes w
        JOIN settlements s
            ON s.psn_no = w.psn_no
                AND s.is_inpatient
                AND s.out_flag = '1'
                AND coalesce(s.manual_flag, '0') <> '1'
                AND w.happened_at::DATE > s.begntime::DATE
                AND w.happened_at::DATE < s.endtime::DATE
                AND NOT EXISTS (
                    FROM filings f
                    WHERE f.psn_no = w.psn_no
                        AND regexp_matches(f.kind, {LIVING_ELSEWHERE})
                        AND f.begndate <= w.happened_at::DATE
                        AND coalesce(f.enddate, w.happened_at::DATE) >= w.happened_at::DATE
                )
        WHERE coalesce(w.out_flag, '0') <> '1'
            AND coalesce(w.acct_mulaid_pay_fen, 0) = 0
            AND NOT (
                w.visit_class IN {PHARMACY}
                AND EXISTS (
                    FROM swipes e
                    WHERE e.psn_no = w.psn_no
                        AND e.fixmedins_code = w.fixmedins_code
                        AND e.happened_at < s.begntime
                        AND e.happened_at > s.begntime - INTERVAL {USUAL_DAYS} DAY
                )
            )
    """,
    reason="触发规则R35异地住院同日本地刷卡：近{window}天异地住院期间在本地刷卡{value}次",
    innocent="家属代取慢病药（N18）；异地长期居住备案、共济与手工报销已剔除（N20、N05、N32）",
)

#: Visits of a course at one unit: the same treatment, infusion, dressing, vaccination as a few days before. The first
#: visit of a course is a visit; one day's bills are one.
COURSE_GAP_DAYS = 3
COURSES = once(
    "courses",
    f"""
        SELECT DISTINCT mdtrt_id
        FROM (
            SELECT
                mdtrt_id,
                date_diff(
                    'day',
                    lag(day) OVER (
                        PARTITION BY psn_no, fixmedins_code, med_list_codg ORDER BY day, happened_at, mdtrt_id
                    ),
                    day
                ) AS gap
            FROM lines
            WHERE NOT is_inpatient
                AND (
                    med_chrgitm_type = {TREATMENT}
                        OR regexp_matches(coalesce(hilist_name, ''), '疫苗|换药')
                )
        )
        WHERE gap <= {COURSE_GAP_DAYS}
    """,
)

# N01 dialysis, N05 shared accounts and courses of treatment are left out. From the fifteenth visit of any thirty days
# on, each visit is a hit.
declare(
    COMMON,
    name="rule_r36",
    rule="R36",
    label=setting("R36", "name"),
    kind="lead",
    family="visits",
    scheme="T30",
    grain="person",
    exempt=("N01", "N05", "N29"),
    rows=f"""
        WITH w AS (
            SELECT
                w.psn_no, w.fixmedins_code, w.setl_id, w.happened_at, {paid("w")} AS fen,
                w.visit_class IN {PHARMACY} AS pharmacy
            FROM swipes w
            ANTI JOIN {COURSES} c ON c.mdtrt_id = w.mdtrt_id
            WHERE w.visit_class <> 'dialysis'
                AND NOT {diagnosed("w.opt_diag_code", "dialysis")}
                AND coalesce(w.acct_mulaid_pay_fen, 0) = 0
        ),
        n AS (
            SELECT
                *,
                count(*) OVER (
                    PARTITION BY psn_no, pharmacy
                    ORDER BY happened_at
                    RANGE BETWEEN INTERVAL {setting("R36", "window_days")} DAY PRECEDING AND CURRENT ROW
                ) AS n
            FROM w
        )
        SELECT
            psn_no AS entity_id, happened_at, 'settlements' AS row_table, setl_id AS row_id, fixmedins_code,
            pharmacy, n, fen
        FROM n
        WHERE n >= CASE WHEN pharmacy THEN {setting("R36", "purchases")} ELSE {setting("R36", "visits")} END
    """,
    reason="触发规则R36频繁门诊/购药：近{window}天有{value}次就诊或购药发生在30天内第15次及以后",
    innocent="多病共存老人（N29）；透析、疗程性治疗与共济支付已剔除（N01、N05）",
)

SEVERAL = f"count(DISTINCT psn_no) >= {setting('R37', 'unit_customers')}"

# What fund and account paid counts, not the cash beside it. N30: dual-channel pharmacies are left out; N05: shared
# accounts.
declare(
    COMMON,
    name="rule_r37",
    rule="R37",
    label=setting("R37", "name"),
    kind="lead",
    family="visits",
    scheme="T14",
    told_of={
        "person": Of("w.psn_no"),
        "institution": Of(
            "w.fixmedins_code",
            name="rule_r37_inst",
            by="institution",
            source="3.4 3.9",
            measure=f"CASE WHEN {SEVERAL} THEN count(DISTINCT psn_no) ELSE 0 END",
            amount=f"CASE WHEN {SEVERAL} THEN sum(fen) ELSE 0 END",
            unit="人",
            reason="触发规则R37单店高频高额：近{window}天有{value}名顾客在该店购药次数、均额或单笔超限",
            innocent="以慢病特药为主的药店（N29、N30）",
        ),
    },
    exempt=("N05", "N29", "N30"),
    rows=f"""
        WITH w AS (
            SELECT w.psn_no, w.fixmedins_code, w.setl_id, w.happened_at, {paid("w")} AS fen
            FROM swipes w
            JOIN institutions i USING (fixmedins_code)
            CROSS JOIN main.asof a
            WHERE i.fixmedins_type = {DRUGSTORE}
                AND coalesce(i.sp_drugstore_flag, '0') <> '1'
                AND coalesce(w.acct_mulaid_pay_fen, 0) = 0
                AND {paid("w")} > 0
                AND w.happened_at > a.t - INTERVAL 365 DAY
        ),
        g AS (
            SELECT
                psn_no, fixmedins_code,
                count(*) AS n,
                avg(fen) AS mean_fen,
                max(fen) AS max_fen
            FROM w
            GROUP BY ALL
            HAVING count(*) > {setting("R37", "count_a_year")}
                OR (
                    count(*) >= {setting("R37", "min_settlements")}
                        AND avg(fen) > {setting("R37", "mean_yuan") * 100}
                )
                OR max(fen) > {setting("R37", "max_yuan") * 100}
        )
        SELECT
            $entity AS entity_id, w.happened_at, 'settlements' AS row_table, w.setl_id AS row_id, w.psn_no,
            w.fixmedins_code, g.n,
            g.mean_fen / 100 AS mean_yuan,
            w.fen
        FROM w
        JOIN g USING (psn_no, fixmedins_code)
    """,
    unit="笔",
    reason="触发规则R37单店高频高额：近{window}天在次数、均额或单笔超限的药店合计购药{value}笔",
    innocent="慢病特药长期在一店购买（N29）；双通道药店与共济支付已剔除",
)
