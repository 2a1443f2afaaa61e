"""Indicators of institutions: T07 超次均费用, T16/T21 费用结构异常, T10 growth and new customers (seeds 4.3, 4.6).

How it works: no single claim is wrong, the whole drifts: cost per visit over the agreed cap, a structure unlike the
department's, patients paying more themselves, transfers of those who cost too much, growth nobody can explain.
What it leaves: rates and shares of a unit in a window, to be read beside its peers only.
Honest cases: referral centres (N21), specialists (N22), price regimes (N24), emergency windows (N25), the only unit of
a town (N30).
"""

from features.codes import CARE, DRUGS, HERBS, MATERIAL, TESTS, TRANSFERRED
from features.declare import Feature, declare
from features.wording import above, below

#: Every settlement of a unit.
BOOK = """
    SELECT
        s.fixmedins_code AS entity_id, s.happened_at, 'settlements' AS row_table,
        s.setl_id AS row_id, s.psn_no, s.is_inpatient AS ward, s.happened_at::DATE AS day,
        s.medfee_sumamt_fen AS fen, s.visit_class,
        coalesce(s.fund_pay_sumamt_fen, 0) AS fund_fen,
        coalesce(s.acct_pay_fen, 0) AS acct_fen, coalesce(s.psn_cash_pay_fen, 0) AS cash_fen,
        coalesce(s.fulamt_ownpay_amt_fen, 0) AS own_fen,
        coalesce(s.out_flag, '0') = '1' AS away,
        date_diff('day', s.happened_at::DATE, a.d) AS days_ago,
        p.age
    FROM settlements s
    CROSS JOIN main.asof a
    LEFT JOIN persons p USING (psn_no)
"""

#: One row a visit: its fee by kind (R59).
MIX = f"""
    SELECT
        any_value(l.fixmedins_code) AS entity_id, max(l.happened_at) AS happened_at,
        'visits' AS row_table, l.mdtrt_id AS row_id, any_value(l.psn_no) AS psn_no,
        bool_or(l.is_inpatient) AS ward, sum(l.fen)::BIGINT AS fen,
        coalesce(sum(l.fen) FILTER (WHERE l.med_chrgitm_type IN {DRUGS}), 0)::BIGINT AS drug_fen,
        coalesce(sum(l.fen) FILTER (WHERE l.med_chrgitm_type = {HERBS}), 0)::BIGINT AS herb_fen,
        coalesce(sum(l.fen) FILTER (WHERE l.med_chrgitm_type IN {TESTS}), 0)::BIGINT AS test_fen,
        coalesce(sum(l.fen) FILTER (WHERE l.med_chrgitm_type = {MATERIAL}), 0)::BIGINT AS material_fen,
        coalesce(sum(l.fen) FILTER (WHERE l.med_chrgitm_type IN {CARE}), 0)::BIGINT AS care_fen,
        count(*) AS lines,
        max(date_diff('day', l.day, a.d)) < 30 AS recent
    FROM lines l
    CROSS JOIN main.asof a
    GROUP BY l.mdtrt_id
"""

DISCHARGED = """
    SELECT
        s.fixmedins_code AS entity_id, s.happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id,
        s.psn_no, s.dscg_way, s.medfee_fen AS fen, s.fund_fen, s.nights, s.atddr_no, s.dx3, s.oprn_oprt_code,
        s.dedc_fen, date_diff('day', s.happened_at::DATE, a.d) AS days_ago, p.age
    FROM stays s
    CROSS JOIN main.asof a
    LEFT JOIN persons p USING (psn_no)
    WHERE NOT s."open"
"""

unit = Feature(
    grain="institution",
    scheme="T07",
    by="institution",
    family="structure",
    windows=(90, 180),
    rows=BOOK,
    source="4.3",
    empty=None,
)


def _jump(column: str) -> str:
    """SQL: the share of `column` in all fees, of the last month less that of the time before."""
    return f"""
        CASE
            WHEN count(*) FILTER (WHERE recent) >= 30 AND count(*) FILTER (WHERE NOT recent) >= 30
                THEN sum({column}) FILTER (WHERE recent) / nullif(sum(fen) FILTER (WHERE recent), 0)
                    - sum({column}) FILTER (WHERE NOT recent) / nullif(sum(fen) FILTER (WHERE NOT recent), 0)
        END
    """


declare(
    unit,
    name="unit_visit_yuan",
    label="门诊次均费用",
    unit="元",
    windows=(30, 90, 180),
    measure="CASE WHEN count(*) FILTER (WHERE NOT ward) >= 10 THEN avg(fen) FILTER (WHERE NOT ward) / 100.0 END",
    reason="近{window}天门诊（购药）次均费用{value}元" + above("元"),
    innocent="专科或双通道药店（N22、N30）",
)
declare(
    unit,
    name="unit_visit_fund_yuan",
    label="门诊次均基金支付",
    unit="元",
    measure="CASE WHEN count(*) FILTER (WHERE NOT ward) >= 10 THEN avg(fund_fen) FILTER (WHERE NOT ward) / 100.0 END",
    reason="近{window}天门诊次均基金支付{value}元" + above("元"),
    innocent="慢特病患者集中（N01）",
)
declare(
    unit,
    name="unit_self_share",
    label="个人自付占比",
    unit="%",
    measure="CASE WHEN count(*) >= 20 THEN sum(cash_fen) / nullif(sum(fen), 0) END",
    worse="either",
    reason="近{window}天参保人现金自付占总费用{value}" + above(),
    innocent="病种结构、困难群体多则低（N26）",
)
declare(
    unit,
    name="unit_own_share",
    label="全自费占比",
    unit="%",
    measure="CASE WHEN count(*) >= 20 THEN sum(own_fen) / nullif(sum(fen), 0) END",
    needs=("settlements.fulamt_ownpay_amt_fen",),
    reason="近{window}天目录外全自费占总费用{value}" + above(),
    innocent="开展目录外新项目的专科（N22）",
)
declare(
    unit,
    name="unit_account_share",
    label="个人账户支付占比",
    unit="%",
    measure="CASE WHEN count(*) >= 20 THEN sum(acct_fen) / nullif(sum(fen), 0) END",
    scheme="T08",
    reason="近{window}天总费用中个人账户支付占{value}" + above(),
    innocent="药店以账户支付为主",
)
declare(
    unit,
    name="unit_cards_a_day",
    label="日均刷卡人次",
    unit="人次",
    windows=(30, 90),
    measure="count(*) FILTER (WHERE NOT ward) / greatest(1, count(DISTINCT day))",
    scheme="T10",
    reason="近{window}天日均刷卡{value}人次" + above("人次"),
    innocent="位置唯一、客流大（N30）",
)
declare(
    unit,
    name="unit_visits_per_person",
    label="人均就诊次数",
    unit="次",
    measure="CASE WHEN count(DISTINCT psn_no) >= 10 THEN count(*) / count(DISTINCT psn_no) END",
    scheme="T30",
    reason="近{window}天每名患者平均就诊{value}次" + above("次"),
    innocent="透析、理疗机构（N01）",
)
declare(
    unit,
    name="unit_person_yuan",
    label="人均基金账户支出",
    unit="元",
    measure="""
        CASE
            WHEN count(DISTINCT psn_no) >= 10 THEN (sum(fund_fen) + sum(acct_fen)) / 100.0 / count(DISTINCT psn_no)
        END
    """,
    reason="近{window}天每名患者平均花费基金和账户{value}元" + above("元"),
    innocent="收治重症（N21）",
)
declare(
    unit,
    name="unit_fund_growth",
    label="基金支出环比",
    unit="倍",
    windows=(180,),
    measure="""
        CASE
            WHEN sum(fund_fen + acct_fen) FILTER (WHERE days_ago >= 90) >= 1000000
                THEN sum(fund_fen + acct_fen) FILTER (WHERE days_ago < 90)
                    / sum(fund_fen + acct_fen) FILTER (WHERE days_ago >= 90)
        END
    """,
    reason="近90天基金和账户支出为前90天的{value}倍" + above("倍"),
    innocent="季节性疾病、新增科室、邻近机构停业（N14、N30）",
)
declare(
    unit,
    name="unit_person_growth",
    label="就诊人数环比",
    unit="倍",
    windows=(180,),
    measure="""
        CASE
            WHEN count(DISTINCT psn_no) FILTER (WHERE days_ago >= 90) >= 30
                THEN count(DISTINCT psn_no) FILTER (WHERE days_ago < 90)
                    / count(DISTINCT psn_no) FILTER (WHERE days_ago >= 90)
        END
    """,
    scheme="T10",
    reason="近90天就诊人数为前90天的{value}倍" + above("倍"),
    innocent="季节性疾病、邻近机构停业（N14、N30）",
)
declare(
    unit,
    name="unit_away_share",
    label="异地人员占比",
    unit="%",
    measure="CASE WHEN count(*) >= 20 THEN avg(away::INT) END",
    scheme="T10",
    needs=("settlements.out_flag",),
    reason="近{window}天异地人员结算占{value}" + above(),
    innocent="区域中心、外来务工集中地（N20、N21）",
)
declare(
    unit,
    name="unit_same_sum_share",
    label="同额结算占比",
    unit="%",
    measure="CASE WHEN count(*) >= 50 THEN list_max(map_values(histogram(fen))) / count(*) END",
    scheme="T17",
    reason="近{window}天有{value}的结算总额分毫不差" + above(),
    innocent="村卫生室一般诊疗费固定（N13）",
)
declare(
    unit,
    name="unit_weekend_ratio",
    label="周末就诊占比",
    unit="%",
    measure="CASE WHEN count(*) >= 50 THEN avg((isodow(day) >= 6)::INT) END",
    worse="either",
    scheme="T17",
    reason="近{window}天周末结算占{value}" + above(),
    innocent="药店、急诊周末营业；机关门诊部周末休息",
)
declare(
    unit,
    name="unit_mean_age",
    label="患者平均年龄",
    unit="岁",
    measure="CASE WHEN count(*) >= 20 THEN avg(age) END",
    worse="either",
    scheme="T29",
    reason="近{window}天患者平均年龄{value}岁" + above("岁"),
    innocent="老年病、儿科专科（N22）",
)
declare(
    unit,
    name="unit_drug_share",
    label="药占比",
    unit="%",
    rows=MIX,
    measure="CASE WHEN count(*) >= 20 THEN sum(drug_fen) / nullif(sum(fen), 0) END",
    scheme="T13",
    needs=("fee_details",),
    reason="近{window}天药占比{value}" + above(),
    innocent="慢病门诊、中医机构（N22）",
)
declare(
    unit,
    name="unit_herb_share",
    label="中药饮片占比",
    unit="%",
    rows=MIX,
    measure="CASE WHEN count(*) >= 20 THEN sum(herb_fen) / nullif(sum(fen), 0) END",
    scheme="T16",
    needs=("fee_details",),
    reason="近{window}天中药饮片占总费用{value}" + above(),
    innocent="中医机构（N22）",
)
declare(
    unit,
    name="unit_test_share",
    label="检查检验占比",
    unit="%",
    rows=MIX,
    measure="CASE WHEN count(*) >= 20 THEN sum(test_fen) / nullif(sum(fen), 0) END",
    scheme="T21",
    needs=("fee_details",),
    reason="近{window}天检查检验占比{value}" + above(),
    innocent="转诊中心（N21）",
)
declare(
    unit,
    name="unit_material_share",
    label="耗材占比",
    unit="%",
    rows=MIX,
    measure="CASE WHEN count(*) >= 20 THEN sum(material_fen) / nullif(sum(fen), 0) END",
    scheme="T23",
    needs=("fee_details",),
    source="2.16",
    reason="近{window}天耗材占比{value}" + above(),
    innocent="骨科、介入、眼科专科（N22）",
)
declare(
    unit,
    name="unit_care_share",
    label="治疗手术占比",
    unit="%",
    rows=MIX,
    measure="CASE WHEN count(*) >= 20 THEN sum(care_fen) / nullif(sum(fen), 0) END",
    worse="low",
    scheme="T16",
    needs=("fee_details",),
    reason="近{window}天治疗手术占比仅{value}" + below(),
    innocent="以用药、检查为主的门诊机构",
)
declare(
    unit,
    name="unit_drug_jump",
    label="药占比近月变化",
    unit="%",
    windows=(180,),
    rows=MIX,
    measure=_jump("drug_fen"),
    worse="either",
    scheme="T16",
    needs=("fee_details",),
    reason="近30天药占比较此前变化{value}" + above(),
    innocent="集采降价、季节变化（N24）",
)
declare(
    unit,
    name="unit_test_jump",
    label="检查检验占比近月变化",
    unit="%",
    windows=(180,),
    rows=MIX,
    measure=_jump("test_fen"),
    scheme="T21",
    needs=("fee_details",),
    reason="近30天检查检验占比较此前上升{value}" + above(),
    innocent="新购设备、新设科室",
)
declare(
    unit,
    name="unit_material_jump",
    label="耗材占比近月变化",
    unit="%",
    windows=(180,),
    rows=MIX,
    measure=_jump("material_fen"),
    scheme="T16",
    needs=("fee_details",),
    reason="近30天耗材占比较此前上升{value}" + above(),
    innocent="新开展手术（N22）",
)
declare(
    unit,
    name="unit_lines_per_visit",
    label="每次就诊明细条数",
    unit="条",
    rows=MIX,
    measure="CASE WHEN count(*) FILTER (WHERE NOT ward) >= 20 THEN avg(lines) FILTER (WHERE NOT ward) END",
    scheme="T13",
    needs=("fee_details",),
    reason="近{window}天每次门诊平均{value}条收费明细" + above("条"),
    innocent="中药饮片一味一条（N22）",
)
declare(
    unit,
    name="unit_transfer_share",
    label="转院率",
    unit="%",
    rows=DISCHARGED,
    windows=(180, 365),
    measure=f"CASE WHEN count(*) >= 10 THEN avg((dscg_way = {TRANSFERRED})::INT) END",
    reason="近{window}天出院患者转院占{value}" + above(),
    innocent="基层机构按规定上转重症（N16）",
)
declare(
    unit,
    name="unit_stay_yuan",
    label="住院次均费用",
    unit="元",
    rows=DISCHARGED,
    measure="CASE WHEN count(fen) >= 5 THEN avg(fen) / 100.0 END",
    reason="近{window}天住院次均费用{value}元" + above("元"),
    innocent="收治重症的区域中心（N21）",
)
