"""T24 门诊慢特病滥用, T31 冲顶消费与年底突击.

How it works: a chronic status is granted by favour and kept for life, its drugs go to others, and the limit is drained
before it lapses; the unit that grants the status is the unit that earns from it.
What it leaves: chronic settlements without a valid registry, years of drugs without one laboratory test, chronic
purchases while the holder lies in a ward, ever shorter intervals, several units, November and December heavier than
the rest, sums exactly at the limit.
Honest cases: long prescriptions (N08), purchase by the family during a stay (N18), year-end refills (N28), late entry
of a true status (N33), dialysis and chemotherapy with regular high cost (N01, N02).
"""

from features.codes import CHRONIC, DRUGS, REGISTERED_CHRONIC, TESTS, paid
from features.declare import Feature, Of, declare
from features.knowledge import LINE_ID
from features.wording import above, below

#: Months in which a yearly limit is used up before it lapses.
YEAR_END = "(11, 12)"


#: The kind of a chronic disease (national list: M039 高血压, M016 糖尿病; the digits after it are stages).
def disease_kind(code: str) -> str:
    """SQL: the kind of disease of a code of the chronic list; NULL where none is written."""
    return f"nullif(substr({code}, 1, 4), '')"


#: Chronic settlements beside what of the person's registry is in force that day for that kind of disease, or for any
#: where one of them does not name its own (a gap between two registrations is one; of yearly ones the year's own limit
#: counts): `registered` is NULL for the two diseases, which need none;
#: `fund_fen` is what counts into the limit, own account money does not;
#: `registered_here`: the unit that granted the status treats; `after_days`: since the last one for the same disease.
CHRONIC_VISITS = f"""
    SELECT
        $entity AS entity_id, w.psn_no, w.fixmedins_code, w.happened_at,
        'settlements' AS row_table, w.setl_id AS row_id,
        w.dise_codg, w.visit_class, w.happened_at::DATE AS day, {paid("w")} AS fen, w.medfee_sumamt_fen AS medfee_fen,
        coalesce(w.fund_pay_sumamt_fen, 0) AS fund_fen,
        CASE WHEN w.visit_class IN {REGISTERED_CHRONIC} THEN r.setl_id IS NOT NULL END AS registered,
        coalesce(r.limit_fen, 0) AS limit_fen,
        coalesce(r.own_org, '') = w.fixmedins_code AS registered_here,
        extract(month FROM w.happened_at) IN {YEAR_END} AS year_end,
        date_diff('day', lag(w.happened_at::DATE) OVER same, w.happened_at::DATE) AS after_days
    FROM swipes w
    LEFT JOIN (
        SELECT v.setl_id, sum(c.annual_limit_fen)::BIGINT AS limit_fen, min(c.reg_org) AS own_org
        FROM swipes v
        JOIN chronic_registry c
            ON c.psn_no = v.psn_no
            AND coalesce(c.opsp_begndate, DATE '1900-01-01') <= v.happened_at::DATE
            AND coalesce(c.opsp_enddate, DATE '9999-12-31') >= v.happened_at::DATE
            AND coalesce({disease_kind("c.opsp_dise_code")} = {disease_kind("v.dise_codg")}, true)
        WHERE v.visit_class IN {CHRONIC}
        GROUP BY 1
    ) r
        ON r.setl_id = w.setl_id
    WHERE w.visit_class IN {CHRONIC}
    WINDOW same AS (PARTITION BY w.psn_no, w.dise_codg ORDER BY w.happened_at, w.setl_id)
"""
OF_HOLDER, OF_UNIT = Of("w.psn_no"), Of("w.fixmedins_code")

#: Chronic settlements on inner days of the holder's own stay.
IN_WARD = f"""
    SELECT
        w.psn_no AS entity_id, w.happened_at, 'settlements' AS row_table, w.setl_id AS row_id,
        w.fixmedins_code, s.mdtrt_id AS stay_id, {paid("w")} AS fen
    FROM swipes w
    JOIN stays s ON s.psn_no = w.psn_no AND w.happened_at::DATE > s.adm_date AND w.happened_at::DATE < s.end_date
    WHERE w.visit_class IN {CHRONIC}
"""

#: What a chronic patient gets: drug lines of chronic visits, and every exam or test outside wards.
FOLLOW_UP = f"""
    SELECT
        l.psn_no AS entity_id, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id,
        l.fixmedins_code, l.hilist_name, l.med_list_codg, l.day, l.fen,
        l.visit_class IN {CHRONIC} AS chronic, l.med_chrgitm_type IN {TESTS} AS test,
        l.med_chrgitm_type IN {DRUGS} AS drug
    FROM lines l
    SEMI JOIN (SELECT psn_no FROM swipes WHERE visit_class IN {CHRONIC}) c USING (psn_no)
    WHERE NOT l.is_inpatient AND (l.visit_class IN {CHRONIC} OR l.med_chrgitm_type IN {TESTS})
"""

#: Everything the fund paid for one person, by the calendar year of T.
YEAR = f"""
    SELECT
        s.psn_no AS entity_id, s.happened_at, 'settlements' AS row_table, s.setl_id AS row_id,
        s.fixmedins_code, coalesce(s.fund_pay_sumamt_fen, 0) AS fen,
        coalesce(s.acct_pay_fen, 0) AS acct_fen,
        extract(year FROM s.happened_at) = extract(year FROM a.d) AS this_year,
        date_diff('day', s.happened_at::DATE, a.d) AS days_ago,
        extract(month FROM s.happened_at) IN {YEAR_END} AS year_end
    FROM settlements s
    CROSS JOIN main.asof a
"""

person = Feature(
    scheme="T24",
    by="person",
    family="chronic",
    source="2.16 3.16",
    rows=CHRONIC_VISITS,
)
unit = Feature(
    told_of={"institution": OF_UNIT},
    scheme="T24",
    by="institution",
    family="chronic",
    source="2.16 5.2",
    rows=CHRONIC_VISITS,
)

declare(
    person,
    told_of={"person": OF_HOLDER},
    name="chronic_yuan",
    label="慢特病基金账户支出",
    unit="元",
    windows=(30, 90, 365),
    measure="sum(fen) / 100.0",
    reason="近{window}天门诊慢特病支出{value}元" + above("元"),
    innocent="透析、抗排异等本就费用高（N01、N02）",
)
declare(
    person,
    told_of={"person": OF_HOLDER},
    name="chronic_visits",
    label="慢特病结算次数",
    unit="次",
    windows=(30, 90),
    measure="count(*)",
    reason="近{window}天门诊慢特病结算{value}次" + above("次"),
    innocent="透析等按次治疗（N01）",
)
declare(
    person,
    told_of={"person": OF_HOLDER},
    name="chronic_units",
    label="慢特病就诊机构数",
    unit="家",
    windows=(90, 365),
    measure="count(DISTINCT fixmedins_code)",
    reason="近{window}天在{value}家机构享受门诊慢特病待遇" + above("家"),
    innocent="异地居住、更换定点（N20）",
)
declare(
    person,
    told_of={"person": OF_HOLDER},
    name="chronic_gap_days",
    label="慢特病取药间隔中位数",
    unit="天",
    windows=(365,),
    measure="CASE WHEN count(after_days) >= 5 THEN median(after_days) END",
    worse="low",
    empty=None,
    reason="近{window}天同一慢特病结算间隔中位仅{value}天" + below("天"),
    innocent="透析等按次治疗（N01）、多病种分次取药",
)
declare(
    person,
    told_of={"person": OF_HOLDER},
    name="chronic_unregistered_times",
    label="无有效备案享受慢特病次数",
    unit="次",
    windows=(90, 365),
    measure="count(*) FILTER (WHERE NOT registered)",
    needs=("chronic_registry",),
    reason="近{window}天无有效慢特病备案却按慢特病结算{value}次" + above("次"),
    innocent="资格补录、认定在前录入在后（N33）",
)
declare(
    person,
    told_of={"person": OF_HOLDER},
    name="chronic_limit_used",
    label="慢特病限额使用率",
    unit="%",
    windows=(365,),
    measure="CASE WHEN max(limit_fen) > 0 THEN sum(fund_fen) / max(limit_fen) END",
    empty=None,
    needs=("chronic_registry.annual_limit_fen",),
    scheme="T31",
    reason="近{window}天已用慢特病年度限额的{value}" + above(),
    innocent="病情需要、按月均衡使用（N28）",
)
declare(
    person,
    told_of={"person": OF_HOLDER},
    name="chronic_year_end_share",
    label="慢特病年末支出占比",
    unit="%",
    windows=(365,),
    measure="CASE WHEN count(*) >= 6 THEN coalesce(sum(fen) FILTER (WHERE year_end), 0) / nullif(sum(fen), 0) END",
    empty=None,
    scheme="T31",
    source="3.16",
    reason="近{window}天慢特病支出有{value}发生在11、12月" + above(),
    innocent="节前续方（N28）、长处方（N08）",
)
declare(
    person,
    told_of={"person": OF_HOLDER},
    name="chronic_same_sum_share",
    label="慢特病同额结算占比",
    unit="%",
    windows=(365,),
    measure="CASE WHEN count(*) >= 6 THEN list_max(map_values(histogram(medfee_fen))) / count(*) END",
    empty=None,
    reason="近{window}天慢特病结算有{value}金额分毫不差" + above(),
    innocent="方案固定的长期用药、透析（N01）",
)
declare(
    person,
    grain="person",
    name="chronic_in_ward_times",
    label="住院期间慢特病结算次数",
    unit="次",
    windows=(365,),
    rows=IN_WARD,
    measure="count(*)",
    reason="近{window}天本人住院期间仍有{value}次门诊慢特病结算" + above("次"),
    innocent="家属代取常用慢病药（N18）",
)
declare(
    person,
    grain="person",
    name="chronic_tests",
    label="慢特病患者检查化验次数",
    unit="次",
    windows=(365,),
    rows=FOLLOW_UP,
    needs=("fee_details",),
    worse="low",
    empty=None,
    measure="CASE WHEN count(DISTINCT day) FILTER (WHERE chronic) >= 6 THEN count(*) FILTER (WHERE test) END",
    reason="近{window}天长期按慢特病取药却只做过{value}次检查化验" + below("次"),
    innocent="在住院期间或外地做过检查（N20）",
)
declare(
    person,
    grain="person",
    name="chronic_drug_kinds",
    label="慢特病药品种数",
    unit="种",
    windows=(90, 365),
    rows=FOLLOW_UP,
    needs=("fee_details",),
    measure="count(DISTINCT med_list_codg) FILTER (WHERE chronic AND drug)",
    reason="近{window}天按慢特病取得{value}种药品" + above("种"),
    innocent="多病共存老人（N29）",
)
declare(
    person,
    grain="person",
    name="fund_year_yuan",
    label="本年度基金支付",
    unit="元",
    windows=(365,),
    rows=YEAR,
    measure="sum(fen) FILTER (WHERE this_year) / 100.0",
    scheme="T31",
    source="5.17",
    reason="本年度基金已支付{value}元" + above("元"),
    innocent="重病大病费用本就高（N01、N02）",
)
declare(
    person,
    grain="person",
    name="fund_rush_share",
    label="近60天基金支付占比",
    unit="%",
    windows=(365,),
    rows=YEAR,
    measure="CASE WHEN count(*) >= 6 THEN coalesce(sum(fen) FILTER (WHERE days_ago < 60), 0) / nullif(sum(fen), 0) END",
    scheme="T31",
    empty=None,
    source="5.17",
    reason="近{window}天的基金支付有{value}集中在最近60天" + above(),
    innocent="新发重病、手术",
)
declare(
    person,
    grain="person",
    name="fund_year_end_share",
    label="年末基金支付占比",
    unit="%",
    windows=(365,),
    rows=YEAR,
    measure="CASE WHEN count(*) >= 6 THEN coalesce(sum(fen) FILTER (WHERE year_end), 0) / nullif(sum(fen), 0) END",
    scheme="T31",
    empty=None,
    source="5.17",
    reason="近{window}天的基金支付有{value}发生在11、12月" + above(),
    innocent="冬季呼吸道疾病高发、年末续方（N28）",
)
declare(
    person,
    grain="person",
    name="year_end_times",
    label="年末结算次数",
    unit="次",
    windows=(365,),
    rows=YEAR,
    measure="count(*) FILTER (WHERE year_end)",
    scheme="T31",
    source="5.17",
    reason="近{window}天中11、12月结算{value}次" + above("次"),
    innocent="冬季呼吸道疾病高发、年末续方（N28）、规律透析放化疗（N01、N02）",
)
declare(
    person,
    grain="person",
    name="year_end_rise",
    label="年末月均支出较其余月份",
    unit="倍",
    windows=(365,),
    rows=YEAR,
    scheme="T31",
    empty=None,
    source="5.17",
    measure="""
        CASE
            WHEN count(*) >= 3
                THEN 5.0
                    * coalesce(sum(fen + acct_fen) FILTER (WHERE year_end), 0)
                    / nullif(sum(fen + acct_fen) FILTER (WHERE NOT year_end), 0)
        END
    """,
    reason="近{window}天中11、12月的基金和账户月均支出为其余月份的{value}倍" + above("倍"),
    innocent="冬季住院、年末续方（N28）、长处方（N08）",
)
declare(
    unit,
    name="chronic_unit_per_patient",
    label="慢特病人均支出",
    unit="元",
    windows=(90, 180),
    measure="CASE WHEN count(DISTINCT psn_no) >= 5 THEN sum(fen) / 100.0 / count(DISTINCT psn_no) END",
    empty=None,
    reason="近{window}天慢特病患者人均支出{value}元" + above("元"),
    innocent="承担透析等高费用病种（N01）",
)
declare(
    unit,
    name="chronic_unit_visits_per_patient",
    label="慢特病人均次数",
    unit="次",
    windows=(90, 180),
    measure="CASE WHEN count(DISTINCT psn_no) >= 5 THEN count(*) / count(DISTINCT psn_no) END",
    empty=None,
    reason="近{window}天慢特病患者人均结算{value}次" + above("次"),
    innocent="透析等按次治疗（N01）",
)
declare(
    unit,
    name="chronic_unit_unregistered_share",
    label="无有效备案结算占比",
    unit="%",
    windows=(90, 180),
    measure="CASE WHEN count(registered) >= 10 THEN avg((NOT registered)::INT) END",
    empty=None,
    needs=("chronic_registry",),
    reason="近{window}天慢特病结算中无有效备案的占{value}" + above(),
    innocent="资格补录（N33）",
)
declare(
    unit,
    name="chronic_unit_same_sum_share",
    label="慢特病同额结算占比",
    unit="%",
    windows=(90,),
    measure="CASE WHEN count(*) >= 20 THEN list_max(map_values(histogram(medfee_fen))) / count(*) END",
    empty=None,
    reason="近{window}天慢特病结算有{value}为同一金额" + above(),
    innocent="透析等固定收费（N01）",
)
declare(
    unit,
    name="chronic_unit_own_registry_share",
    label="自己认定自己治疗占比",
    unit="%",
    windows=(180,),
    measure="CASE WHEN count(*) >= 10 THEN avg(registered_here::INT) END",
    empty=None,
    needs=("chronic_registry.reg_org",),
    reason="近{window}天慢特病结算中由本机构认定资格的占{value}" + above(),
    innocent="政策下放由医联体认定（黄石、吉首）",
)
declare(
    unit,
    name="chronic_unit_year_end_share",
    label="慢特病年末支出占比",
    unit="%",
    windows=(365,),
    measure="CASE WHEN count(*) >= 20 THEN coalesce(sum(fen) FILTER (WHERE year_end), 0) / nullif(sum(fen), 0) END",
    empty=None,
    scheme="T31",
    reason="近{window}天慢特病支出有{value}发生在11、12月" + above(),
    innocent="年末续方（N28）",
)
