"""T01 挂床住院 ghost bed: nothing is done.

How it works: bed, nursing and some tablets are billed daily, tests are done once at the start. The patient comes for
the infusion or not at all, and gets cheap drugs or cash.
What it leaves: days without any examination, test or treatment; only bed and oral drugs; a low, flat daily fee; one
doctor and one unit behind most of them.
Honest cases: psychiatric, rehabilitation and nursing wards where nothing happens for days (N03), home beds (N34),
clinics that upload at night (N07), leave (N19).
"""

from features.catalog.stay_rows import LONG_CARE, PROFILES, STAY_DAYS, hospital_and_doctor
from features.codes import (
    BED,
    ROUTINE_BESIDE_BED,
)
from features.common_subqueries import once
from features.declare import Feature, declare
from features.knowledge import LINE_ID
from features.thresholds import setting

#: Hours between consecutive lines other than the bed (rule R02) and to now while the stay is open.
GAPS = once(
    "gaps",
    f"""
    SELECT
        *,
        coalesce(gap_hours >= {setting("R02", "gap_hours")} AND NOT long_care AND NOT clock_collapsed, false) AS hit
    FROM (
        SELECT
            l.mdtrt_id AS entity_id, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id,
            l.fen, l.hilist_name,
            date_diff(
                'second',
                lag(l.happened_at) OVER (PARTITION BY l.mdtrt_id ORDER BY l.happened_at, l.feedetl_sn),
                l.happened_at
            ) / 3600.0 AS gap_hours,
            CASE
                WHEN s."open" THEN date_diff('second', l.happened_at, (SELECT t FROM main.asof)) / 3600.0
            END AS hours_ago,
            l.med_chrgitm_type NOT IN {ROUTINE_BESIDE_BED} AS active,
            s.nights, coalesce(s.fund_fen, 0) AS stay_fund_fen, {LONG_CARE} AS long_care,
            l.clock_collapsed
        FROM lines l
        JOIN stays s ON s.mdtrt_id = l.mdtrt_id
        WHERE l.is_inpatient
            AND NOT s.day_surgery
            AND l.med_chrgitm_type <> {BED}
            AND l.happened_at::DATE BETWEEN s.adm_date AND s.end_date
    )
    """,
)

gap = Feature(
    grain="admission",
    scheme="T01",
    by="institution",
    windows=(0,),
    rows=f"FROM {GAPS}",
    empty=None,
)

declare(
    gap,
    name="longest_gap_hours",
    label="最长无服务间隔",
    unit="小时",
    measure="max(gap_hours)",
    reason="住院中有{value}小时没有床位费以外的任何收费（同类中位{peer}小时，高于{percentile}的同类）",
    innocent="精神、康复和护理病区收费稀疏，或机构按日集中上传（N03、N07）",
)

declare(
    gap,
    name="silent_hours",
    label="在院患者距最近一次服务",
    unit="小时",
    measure="min(hours_ago) FILTER (active)",
    reason="仍登记在院，但已{value}小时没有检查、化验、治疗或用药收费（同类中位{peer}小时）",
    innocent="周末不开新医嘱，或费用当晚才记账",
)

day = Feature(grain="admission", scheme="T01", by="institution", windows=(0,), rows=STAY_DAYS, empty=None)

_WARD = "精神、康复、护理病区病情平稳，诊疗本来就少（N03）；家庭病床（N34）"

declare(
    day,
    name="service_day_share",
    label="有诊疗项目的住院日占比",
    unit="%",
    measure="count(*) FILTER (service) / max(bed_days)",
    worse="low",
    reason="住院日中只有{value}有检查、化验、治疗或手术（同类中位{peer}，低于{percentile}的同类）",
    innocent=_WARD,
)

declare(
    day,
    name="test_day_share",
    label="有检查化验的住院日占比",
    unit="%",
    measure="count(*) FILTER (test) / max(bed_days)",
    worse="low",
    reason="住院日中只有{value}做过检查或化验（同类中位{peer}，低于{percentile}的同类）",
    innocent=_WARD,
)

declare(
    day,
    name="idle_days",
    label="只有床位护理诊察费的天数",
    unit="天",
    measure="max(bed_days) - count(*) FILTER (active)",
    reason="住院期间有{value}天除床位、护理、诊察费外没有任何项目（同类中位{peer}天，高于{percentile}的同类）",
    innocent=_WARD,
)

declare(
    day,
    name="longest_idle_run",
    label="连续无诊疗用药天数",
    unit="天",
    measure="greatest(coalesce(max(idle_before), 0), max(idle_after))",
    reason="连续{value}天没有诊疗和用药（同类中位{peer}天，高于{percentile}的同类）",
    innocent=_WARD,
)

declare(
    day,
    name="nursing_missing_days",
    label="缺护理收费的住院日",
    unit="天",
    measure="max(bed_days) - count(*) FILTER (nursing)",
    reason="有{value}个住院日没有护理收费（同类中位{peer}天，高于{percentile}的同类）",
    innocent="护理费按出院日一次记账，或该病区不单收护理费",
)

declare(
    day,
    name="hotel_fee_share",
    label="床位与口服药占比",
    unit="%",
    measure="sum(bed_fen + oral_fen) / nullif(sum(fen), 0)",
    reason="费用的{value}是床位费和口服药（同类中位{peer}，高于{percentile}的同类）",
    innocent="慢性病住院以口服药维持",
)

declare(
    day,
    name="daily_fee_spread",
    label="日费用波动系数",
    unit="倍",
    worse="low",
    measure="""
        sqrt(greatest(0, sum(fen * fen::DOUBLE) / max(bed_days) - pow(sum(fen) / max(bed_days), 2)))
        / nullif(sum(fen) / max(bed_days), 0)
    """,
    reason="每日费用几乎不变，波动系数仅{value}（同类中位{peer}，低于{percentile}的同类）",
    innocent="按床日付费或长期康复，费用本来平稳（N03）",
)

declare(
    day,
    name="daily_fee_yuan",
    label="日均费用",
    unit="元",
    measure="sum(fen) / 100.0 / max(bed_days)",
    worse="low",
    reason="日均费用{value}元（同类中位{peer}元，低于{percentile}的同类）",
    innocent="病情轻稳、使用集采药，或按床日付费",
)

declare(
    day,
    name="daily_fee_without_bed",
    label="日均费用（不含床位）",
    unit="元",
    measure="sum(fen - bed_fen) / 100.0 / max(bed_days)",
    worse="low",
    reason="除床位费外日均只有{value}元（同类中位{peer}元，低于{percentile}的同类）",
    innocent="病情轻稳、使用集采药，或按床日付费",
)

declare(
    day,
    name="first_two_days_share",
    also=("T05",),
    label="前两日费用占比",
    unit="%",
    measure="sum(fen) FILTER (position < 2) / nullif(sum(fen), 0)",
    reason="费用的{value}集中在入院头两天，其后很少（同类中位{peer}，高于{percentile}的同类）",
    innocent="短住院或入院即手术",
)

declare(
    day,
    name="unbilled_days",
    label="完全没有收费的住院日",
    unit="天",
    measure="max(bed_days) - count(*)",
    reason="有{value}个住院日没有任何收费记录（同类中位{peer}天，高于{percentile}的同类）",
    innocent="费用延迟上传，或请假期间停止计费（N19）",
)

profile = Feature(
    scheme="T01",
    by="institution",
    windows=(180,),
    rows=PROFILES,
    empty=None,
)

declare(
    profile,
    told_of=hospital_and_doctor(
        "service_day_share",
        "近{window}天的住院日只有{value}有检查、化验、治疗或手术（同类中位{peer}，低于{percentile}的同类）",
    ),
    label="住院日有诊疗项目占比",
    unit="%",
    measure="sum(service_days) / nullif(sum(bed_days), 0)",
    worse="low",
    innocent=_WARD,
)

declare(
    profile,
    told_of=hospital_and_doctor(
        "idle_stay_share", "近{window}天三夜以上的住院有{value}几乎没有诊疗（同类中位{peer}，高于{percentile}的同类）"
    ),
    label="几乎无诊疗的住院占比",
    unit="%",
    measure="count(*) FILTER (hit) / nullif(count(*) FILTER (nights >= 3), 0)",
    innocent=_WARD,
)

declare(
    profile,
    told_of=hospital_and_doctor(
        "hotel_fee_share", "近{window}天住院费用的{value}是床位费和口服药（同类中位{peer}，高于{percentile}的同类）"
    ),
    label="床位与口服药费用占比",
    unit="%",
    measure="sum(hotel_fen) / nullif(sum(lines_fen), 0)",
    innocent="慢性病、老年病为主的机构",
)

declare(
    profile,
    told_of=hospital_and_doctor(
        "daily_fee_yuan", "近{window}天住院日均费用{value}元（同类中位{peer}元，低于{percentile}的同类）"
    ),
    label="住院日均费用",
    unit="元",
    measure="sum(lines_fen) / 100.0 / nullif(sum(bed_days), 0)",
    worse="low",
    innocent="以护理、康复为主，或执行集采药价",
)
