"""T05 低标准入院 low-threshold admission and T06 压床 bed blocking: a bed for whoever does not need one, or no longer.

How they work: outpatient cases are admitted because the fund pays a ward better than a clinic: check-up stays, "free"
fatigue cures; and those who have recovered stay on, for comfort or to fill a quota.
What they leave: a diagnosis a clinic could treat, no operation, no infusion, no close nursing; tests make up most of
the fee; many short stays a year; outpatient visits for the same complaint replaced by stays; at the other end a long
flat tail without tests, a length far beyond peers.
Honest cases: psychiatric, rehabilitation and nursing wards (N03), epidemics (N14), referrals for a work-up (N16, N21),
old people with many diseases (N29), retired cadres with a right to their stay (N27), home beds (N34).
"""

from features.catalog.stay_rows import LET_OFF, PROFILES, STAY, STAY_DAYS, STAYS, hospital_and_doctor
from features.codes import CLOSE_NURSING, DRUGS, NURSING, SURGERY, TESTS, TREATMENT, by_needle
from features.declare import Feature, Of, declare
from features.knowledge import LINE_ID, diagnosed

_OUTPATIENT = diagnosed("s.dx", "outpatient_ok")

#: Lines of a stay with what shows need: operation, infusion, close nursing, tests.
NEED = f"""
    SELECT
        s.mdtrt_id AS entity_id, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id,
        l.fen, l.med_chrgitm_type, l.hilist_name, s.nights, s.bed_days, {_OUTPATIENT} AS mild,
        l.med_chrgitm_type IN {TESTS} AS test, l.med_chrgitm_type = {SURGERY} AS surgery,
        l.med_chrgitm_type = {TREATMENT} AS treatment,
        l.med_chrgitm_type IN {DRUGS} AS drug,
        {by_needle("l")} AS infusion,
        l.med_chrgitm_type = {NURSING}
            AND regexp_matches(coalesce(l.hilist_name, ''), {CLOSE_NURSING}) AS close_nursing,
        l.day = s.adm_date AS first_day
    FROM lines l
    JOIN stays s ON s.mdtrt_id = l.mdtrt_id
    WHERE l.is_inpatient AND NOT s.day_surgery
"""
need = Feature(grain="admission", scheme="T05", by="institution", windows=(0,), rows=NEED, empty=None)
_MILD = "病情有门诊难以处理的情况、转诊检查或流行期收治（N14、N16、N29）"
declare(
    need,
    name="test_fee_share",
    label="检查化验费占比",
    unit="%",
    measure="sum(fen) FILTER (test) / nullif(sum(fen), 0)",
    reason="检查化验占住院费用的{value}（同类中位{peer}，高于{percentile}的同类）",
    innocent="转来查明病因，或区域医疗中心（N16、N21）",
)
declare(
    need,
    name="treatment_fee_share",
    label="治疗手术费占比",
    unit="%",
    measure="coalesce(sum(fen) FILTER (treatment OR surgery), 0) / nullif(sum(fen), 0)",
    worse="low",
    reason="治疗和手术只占住院费用的{value}（同类中位{peer}，低于{percentile}的同类）",
    innocent="以药物治疗为主的内科疾病",
)
declare(
    need,
    name="infusion_lines_per_day",
    label="每日输液注射条数",
    unit="条",
    measure="count(*) FILTER (infusion) / max(bed_days)::DOUBLE",
    worse="low",
    reason="平均每天只有{value}条输液或注射收费（同类中位{peer}条，低于{percentile}的同类）",
    innocent="口服药治疗的慢性病、康复治疗（N03）",
)
declare(
    need,
    name="mild_without_need",
    label="轻症且无手术输液重护理",
    unit="次",
    measure="CASE WHEN bool_or(mild) AND NOT bool_or(surgery OR infusion OR close_nursing) THEN 1 ELSE 0 END",
    reason="门诊可处理的诊断，住院中没有手术、输液和一级以上护理（命中{value}，同类中位{peer}）",
    innocent=_MILD,
)
declare(
    need,
    name="first_day_test_share",
    label="入院当日检查占全部检查",
    unit="%",
    measure="sum(fen) FILTER (test AND first_day) / nullif(sum(fen) FILTER (test), 0)",
    reason="{value}的检查化验在入院当日一次做完（同类中位{peer}，高于{percentile}的同类）",
    innocent="入院常规检查",
)
declare(
    need,
    name="item_kinds_per_day",
    scheme="T01",
    label="每日收费项目种类",
    unit="种",
    measure="count(DISTINCT hilist_name) / max(bed_days)::DOUBLE",
    worse="low",
    reason="平均每住院日只有{value}种收费项目（同类中位{peer}种，低于{percentile}的同类）",
    innocent="病情平稳的长期住院（N03）",
)
declare(
    need,
    name="mild_stay_fee_yuan",
    label="轻症住院总费用",
    unit="元",
    measure="CASE WHEN bool_or(mild) THEN sum(fen) / 100.0 END",
    reason="门诊可处理的诊断，住院共收费{value}元（同类中位{peer}元，高于{percentile}的同类）",
    innocent=_MILD,
)
declare(
    need,
    name="mild_daily_fee_yuan",
    label="轻症住院日均费用",
    unit="元",
    measure="CASE WHEN bool_or(mild) THEN sum(fen) / 100.0 / max(bed_days) END",
    reason="门诊可处理的诊断，住院日均收费{value}元（同类中位{peer}元，高于{percentile}的同类）",
    innocent=_MILD,
)
declare(
    need,
    name="mild_test_fee_yuan",
    label="轻症住院检查化验费",
    unit="元",
    measure="CASE WHEN bool_or(mild) THEN coalesce(sum(fen) FILTER (test), 0) / 100.0 END",
    reason="门诊可处理的诊断，住院检查化验收费{value}元（同类中位{peer}元，高于{percentile}的同类）",
    innocent=_MILD,
)

stay = Feature(told_of={"admission": Of(STAY)}, by="institution", windows=(0,), rows=STAYS)
declare(
    stay,
    name="stay_nights",
    label="住院夜数",
    unit="夜",
    scheme="T06",
    measure="max(nights)",
    worse="either",
    reason="住院{value}夜（同类中位{peer}夜，高于{percentile}的同类）",
    innocent="病情需要；精神、康复、护理长期住院（N03）",
)
declare(
    stay,
    name="stay_fee_yuan",
    label="住院总费用",
    unit="元",
    scheme="T07",
    measure="max(fee_fen) / 100.0",
    worse="either",
    reason="住院总费用{value}元（同类中位{peer}元，高于{percentile}的同类）",
    innocent="病情复杂、手术或耗材较多（N21）",
)
declare(
    stay,
    name="short_mild_stay",
    label="短住院（三夜以内）",
    unit="次",
    scheme="T05",
    measure='count(*) FILTER (NOT "open" AND nights <= 3)',
    reason="三夜以内即出院{value}次（同类中位{peer}）",
    innocent="急性轻症观察、短程化疗（N02）",
)
declare(
    stay,
    name="no_self_pay",
    also=("T02",),
    label="应付起付线却零自付",
    unit="次",
    scheme="T29",
    measure="count(*) FILTER (settled AND zero_cash AND NOT waived AND NOT course)",
    reason="没有优惠身份，本人现金支付却为零（命中{value}，同类中位{peer}）",
    innocent="个人账户抵付、年度起付线已满、救助待遇未录入（N26、N27）",
)
declare(
    stay,
    name="deductible_waived",
    also=("T02",),
    label="应付起付线却未付",
    unit="次",
    scheme="T29",
    measure=f"count(*) FILTER ({LET_OFF})",
    needs=("settlements.act_pay_dedc_fen",),
    reason="没有减免身份，本次住院却未承担起付线（命中{value}，同类中位{peer}）",
    innocent="转院连续计算起付线（N16）、救助身份未录入（N26）、慢病年度内免计",
)
declare(
    stay,
    name="own_cash_share",
    also=("T02",),
    label="本人现金负担比例",
    unit="%",
    scheme="T29",
    measure="max(cash_fen) / nullif(max(medfee_fen), 0)::DOUBLE",
    worse="low",
    empty=None,
    reason="本人现金只负担了{value}（同类中位{peer}，低于{percentile}的同类）",
    innocent="困难群体、离休人员待遇（N26、N27）",
)

tail = Feature(grain="admission", scheme="T06", by="institution", windows=(0,), rows=STAY_DAYS, empty=None)
declare(
    tail,
    name="last_third_fee_ratio",
    label="后段与前段日费用之比",
    unit="倍",
    worse="low",
    measure="""
        CASE
            WHEN max(bed_days) >= 6
                THEN coalesce(sum(fen) FILTER (position >= bed_days * 2 / 3.0), 0)
                    / nullif(sum(fen) FILTER (position < bed_days / 3.0), 0)
        END
    """,
    reason="后三分之一时间的费用只有前三分之一的{value}倍（同类中位{peer}倍，低于{percentile}的同类）",
    innocent="术后恢复期用药减少",
)
declare(
    tail,
    name="days_after_last_service",
    label="最后一次诊疗到出院天数",
    unit="天",
    measure="max(bed_days) - 1 - coalesce(max(position) FILTER (service), -1)",
    reason="最后一次检查、治疗之后又住了{value}天（同类中位{peer}天，高于{percentile}的同类）",
    innocent="等待床位转接、康复护理（N03）",
)
declare(
    tail,
    name="tail_without_tests",
    label="末次检查化验后的天数",
    unit="天",
    measure="max(bed_days) - 1 - coalesce(max(position) FILTER (test), -1)",
    reason="最后一次检查化验之后又住了{value}天（同类中位{peer}天，高于{percentile}的同类）",
    innocent="病情稳定的恢复期或长期住院（N03）",
)

profile = Feature(
    scheme="T05",
    by="institution",
    windows=(180,),
    rows=PROFILES,
    empty=None,
)
declare(
    profile,
    told_of=hospital_and_doctor(
        "test_fee_share", "近{window}天住院费用的{value}是检查化验（同类中位{peer}，高于{percentile}的同类）"
    ),
    label="住院检查化验费占比",
    unit="%",
    measure="sum(test_fen) / nullif(sum(lines_fen), 0)",
    innocent="区域医疗中心、以查明病因为主（N21）",
)
declare(
    profile,
    told_of=hospital_and_doctor(
        "untreated_share", "近{window}天有{value}的住院没有任何治疗和手术收费（同类中位{peer}，高于{percentile}的同类）"
    ),
    label="无治疗无手术的住院占比",
    unit="%",
    measure="count(*) FILTER (NOT treated) / count(*)::DOUBLE",
    innocent="以口服药治疗的专科（N03）",
)
#: By the first three characters only, which are all that peers share: E11.9 of the family is not among them.
MILD_STAYS = f"""
    SELECT
        *,
        regexp_matches(
            coalesce(dx3, ''), '^(I10|J0[0-6]|M51|K29|M54|M47|R42|J31|J20|H10|L30|G47|N76|I67)'
        ) AS mild
    FROM ({STAYS})
"""
stays = Feature(
    scheme="T05",
    by="institution",
    windows=(180,),
    rows=MILD_STAYS,
    empty=None,
)
declare(
    stays,
    told_of=hospital_and_doctor(
        "mild_share", "近{window}天住院中{value}是门诊可处理的诊断（同类中位{peer}，高于{percentile}的同类）"
    ),
    label="轻症诊断住院占比",
    unit="%",
    measure="count(*) FILTER (mild) / count(*)::DOUBLE",
    innocent="基层医院、流行期收治（N14）",
)
declare(
    stays,
    told_of=hospital_and_doctor(
        "mean_nights", "近{window}天平均住院{value}夜（同类中位{peer}夜，高于{percentile}的同类）"
    ),
    label="平均住院夜数",
    unit="夜",
    measure='avg(nights) FILTER (NOT "open")',
    worse="either",
    innocent="精神、康复、护理病区（N03）",
)
