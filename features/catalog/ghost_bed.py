"""T01 挂床住院 ghost bed: the bed is billed, the patient sleeps at home.

How it works: a unit admits a mild or willing patient; bed, nursing and some tablets are billed daily, tests are done
once at the start. The patient comes for the infusion or not at all, and gets cheap drugs or cash.
What it leaves: card use elsewhere on inner days of the stay; days without any examination, test or treatment; only bed
and oral drugs; a low, flat daily fee; a bed number two people share; leave without limit; one doctor and one unit
behind most of them.
Honest cases: families who fetch the usual tablets with the patient's card (N05, N18), an MRI at the bigger hospital
(N09), approved leave (N19), psychiatric, rehabilitation and nursing wards where nothing happens for days (N03), home
beds (N34), clinics that upload at night (N07).
"""

from features.catalog.stay_rows import HOSPITAL, LONG_CARE, PROFILES, STAY, STAY_DAYS, hospital_and_doctor
from features.codes import (
    AWAY_WITH_LEAVE,
    BED,
    LEAVE,
    NO_BED,
    PHARMACY,
    ROUTINE_BESIDE_BED,
    TESTS_AND_VISIT_FEES,
    kilometres_flat,
    paid,
)
from features.declare import Feature, Of, declare
from features.knowledge import LINE_ID
from features.thresholds import setting

#: Where somebody bought within so many days before the stay is where the family goes on buying (N18).
USUAL_DAYS = 180
#: Card use elsewhere on inner days. `usual`: a shop used before; `referred`: nothing but tests at a higher unit
#: (N09); `km` away; `hit`: none of these, no shared account, no leave.
OUTSIDE = f"""
    WITH pairs_ AS (
        SELECT
            s.mdtrt_id AS stay_id, s.fixmedins_code AS ward_unit, s.atddr_no, s.begntime AS stay_begin,
            s.fund_fen AS stay_fund_fen, s.level AS ward_level, s.nights, s.bed_days, w.setl_id,
            w.mdtrt_id AS swipe_visit, w.psn_no, w.fixmedins_code, w.happened_at, w.visit_class,
            w.level AS swipe_level,
            coalesce(w.acct_mulaid_pay_fen, 0) > 0 AS family,
            {paid("w")} AS fen, w.medfee_sumamt_fen
        FROM stays s
        JOIN swipes w
            ON w.psn_no = s.psn_no
            AND w.happened_at::DATE > s.adm_date
            AND w.happened_at::DATE < CASE WHEN s."open" THEN s.end_date + 1 ELSE s.end_date END
            AND w.fixmedins_code <> s.fixmedins_code
        WHERE NOT s.day_surgery
    ),
    kinds_ AS (
        SELECT mdtrt_id AS swipe_visit, bool_and(med_chrgitm_type IN {TESTS_AND_VISIT_FEES}) AS tests
        FROM lines
        SEMI JOIN (SELECT swipe_visit AS mdtrt_id FROM pairs_) USING (mdtrt_id)
        GROUP BY 1
    ),
    before_ AS (
        SELECT p.stay_id, p.setl_id, max(e.happened_at) AS last_there
        FROM pairs_ p
        JOIN swipes e
            ON e.psn_no = p.psn_no
            AND e.fixmedins_code = p.fixmedins_code
            AND e.happened_at < p.stay_begin
            AND e.happened_at > p.stay_begin - INTERVAL {USUAL_DAYS} DAY
        GROUP BY 1, 2
    ),
    excused_ AS (
        SELECT DISTINCT p.setl_id
        FROM pairs_ p
        JOIN main.filings f
            ON f.psn_no = p.psn_no
            AND f.kind IN {AWAY_WITH_LEAVE}
            AND p.happened_at::DATE BETWEEN f.begndate AND coalesce(f.enddate, p.happened_at::DATE)
    )
    SELECT
        $entity AS entity_id, 'settlements' AS row_table, p.setl_id AS row_id, p.*,
        p.happened_at::DATE AS day, p.visit_class IN {PHARMACY} AS shop,
        b.last_there IS NOT NULL AND p.visit_class IN {PHARMACY} AS usual,
        coalesce(k.tests, false) AND p.swipe_level > p.ward_level AS referred,
        extract(hour FROM p.happened_at) AS hour,
        {kilometres_flat("i.lnt", "i.lat", "h.lnt", "h.lat")} AS km,
        NOT (
            p.family
            OR (b.last_there IS NOT NULL AND p.visit_class IN {PHARMACY})
            OR (coalesce(k.tests, false) AND p.swipe_level > p.ward_level)
            OR x.setl_id IS NOT NULL
        ) AS hit
    FROM pairs_ p
    LEFT JOIN kinds_ k USING (swipe_visit)
    LEFT JOIN before_ b ON b.stay_id = p.stay_id AND b.setl_id = p.setl_id
    LEFT JOIN excused_ x ON x.setl_id = p.setl_id
    LEFT JOIN main.institutions i ON i.fixmedins_code = p.fixmedins_code
    LEFT JOIN main.institutions h ON h.fixmedins_code = p.ward_unit
"""
OF_STAY, OF_PATIENT = Of("p.stay_id"), Of("p.psn_no")

outside = Feature(
    told_of={"admission": OF_STAY}, scheme="T01", by="person", reversed="kept", windows=(0,), rows=OUTSIDE
)
_FAMILY = "家属持卡代取常用药、经批准外出检查或请假离院（N05、N09、N18、N19）"
declare(
    outside,
    name="outside_swipe_days",
    label="住院期间院外刷卡天数",
    unit="天",
    measure="count(DISTINCT day)",
    reason="住院期间有{value}天在院外刷卡（同类中位{peer}天，高于{percentile}的同类）",
    innocent=_FAMILY,
)
declare(
    outside,
    name="outside_swipes",
    label="住院期间院外刷卡次数",
    unit="次",
    measure="count(*)",
    reason="住院期间在院外刷卡{value}次（同类中位{peer}次，高于{percentile}的同类）",
    innocent=_FAMILY,
)
declare(
    outside,
    name="outside_unexplained_days",
    also=("T02", "T03"),
    label="住院期间无合理缘由的院外刷卡天数",
    unit="天",
    measure="count(DISTINCT day) FILTER (hit)",
    reason="剔除共济账户、常去药店取药和上级医院检查后，住院期间仍有{value}天在院外刷卡（同类中位{peer}天）",
    innocent="请假离院，或家属首次到别的药店代购",
)
declare(
    outside,
    name="outside_visit_days",
    also=("T02", "T03"),
    label="住院期间院外门诊天数",
    unit="天",
    measure="count(DISTINCT day) FILTER (NOT shop AND NOT referred)",
    reason="住院期间有{value}天在别的医疗机构门诊就诊，须本人到场（同类中位{peer}天，高于{percentile}的同类）",
    innocent="本院无相应科室，经同意到外院门诊",
)
declare(
    outside,
    name="outside_units",
    label="住院期间院外刷卡机构数",
    unit="家",
    measure="count(DISTINCT fixmedins_code)",
    reason="住院期间在{value}家其他定点机构刷卡（同类中位{peer}家，高于{percentile}的同类）",
    innocent=_FAMILY,
)
declare(
    outside,
    name="outside_money",
    label="住院期间院外医保支付",
    unit="元",
    measure="sum(fen) / 100.0",
    reason="住院期间院外刷卡由统筹和账户支付{value}元（同类中位{peer}元）",
    innocent=_FAMILY,
)
declare(
    outside,
    name="outside_farthest_km",
    label="住院期间院外刷卡最远距离",
    unit="公里",
    measure="max(km)",
    needs=("institutions.lnt", "institutions.lat"),
    reason="住院期间曾在距病房{value}公里处刷卡（同类中位{peer}公里，高于{percentile}的同类）",
    innocent="家属在居住地附近代购，或转上级医院检查",
)
declare(
    outside,
    name="outside_day_share",
    label="住院天数中院外刷卡占比",
    unit="%",
    measure="count(DISTINCT day) / greatest(1, max(bed_days))",
    reason="住院天数中有{value}的日子在院外刷卡（同类中位{peer}，高于{percentile}的同类）",
    innocent=_FAMILY,
)

#: Hours between consecutive lines other than the bed (rule R02) and to now while the stay is open.
GAPS = f"""
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
"""

gap = Feature(
    grain="admission",
    scheme="T01",
    by="institution",
    windows=(0,),
    rows=GAPS,
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

#: Somebody else in the same bed of the same department for a night. Infants beside their mothers (N12) and blank bed
#: codes (N35) are left out.
SHARED_BED = f"""
    SELECT
        $entity AS entity_id, greatest(s.begntime, o.begntime) AS happened_at,
        'visits' AS row_table, o.mdtrt_id AS row_id, s.bed, s.dept, o.psn_no, s.mdtrt_id AS stay_id,
        coalesce(s.fund_fen, 0) AS own_fund_fen,
        date_diff('day', greatest(s.adm_date, o.adm_date), least(s.end_date, o.end_date)) AS nights_shared,
        coalesce(o.fund_fen, 0) AS fen
    FROM stays s
    JOIN stays o
        ON o.fixmedins_code = s.fixmedins_code
        AND o.bed = s.bed
        AND coalesce(o.dept, '') = coalesce(s.dept, '')
        AND o.psn_no <> s.psn_no
        AND o.adm_date < s.end_date
        AND s.adm_date < o.end_date
    LEFT JOIN main.persons a ON a.psn_no = s.psn_no
    LEFT JOIN main.persons b ON b.psn_no = o.psn_no
    WHERE s.bed IS NOT NULL
        AND s.bed NOT IN {NO_BED}
        AND coalesce(a.age, 99) > 0
        AND coalesce(b.age, 99) > 0
        AND NOT s.day_surgery
        AND NOT o.day_surgery
"""

bed = Feature(
    told_of={"admission": Of(STAY)},
    scheme="T01",
    by="institution",
    windows=(0,),
    rows=SHARED_BED,
    needs=("visits.adm_bed",),
)
declare(
    bed,
    name="shared_bed_nights",
    label="与他人同床重叠夜数",
    unit="夜",
    measure="sum(nights_shared)",
    reason="同一科室同一床号与别人重叠{value}夜（同类中位{peer}夜，高于{percentile}的同类）",
    innocent="换床未登记、加床共用床号、母婴同室（N12、N35）",
)
declare(
    bed,
    name="shared_bed_persons",
    label="同床重叠人数",
    unit="人",
    measure="count(DISTINCT psn_no)",
    reason="住院期间同一床位还登记着{value}人（同类中位{peer}人，高于{percentile}的同类）",
    innocent="换床未登记、加床共用床号（N35）",
)

#: Leaves on file during the stay (R20 judges their number; here they are shown as they are).
LEAVES = f"""
    SELECT
        s.mdtrt_id AS entity_id, f.begndate::TIMESTAMP AS happened_at, 'filings' AS row_table,
        f.psn_no || '|' || f.kind || '|' || f.begndate AS row_id,
        date_diff(
            'day',
            greatest(f.begndate, s.adm_date),
            least(coalesce(f.enddate, s.end_date), s.end_date)
        ) AS days,
        s.bed_days
    FROM stays s
    JOIN main.filings f
        ON f.psn_no = s.psn_no
        AND f.kind = {LEAVE}
        AND f.begndate <= s.end_date
        AND coalesce(f.enddate, s.end_date) >= s.adm_date
"""
declare(
    name="leave_day_share",
    label="请假天数占比",
    unit="%",
    grain="admission",
    scheme="T01",
    by="person",
    windows=(0,),
    rows=LEAVES,
    measure="sum(days) / max(bed_days)",
    needs=("filings",),
    reason="住院天数中{value}在请假（同类中位{peer}，高于{percentile}的同类）",
    innocent="经批准的短暂离院（N19）",
)

person = Feature(
    told_of={"person": OF_PATIENT},
    scheme="T01",
    by="person",
    reversed="kept",
    windows=(365,),
    rows=OUTSIDE,
)
declare(
    person,
    name="person_outside_days",
    label="历次住院期间院外刷卡天数",
    unit="天",
    measure="count(DISTINCT day)",
    reason="近{window}天历次住院期间有{value}天在院外刷卡（同类中位{peer}天，高于{percentile}的同类）",
    innocent=_FAMILY,
)
declare(
    person,
    name="person_outside_stays",
    label="有院外刷卡的住院次数",
    unit="次",
    measure="count(DISTINCT stay_id) FILTER (hit)",
    reason="近{window}天有{value}次住院期间在院外刷卡且缘由不明（同类中位{peer}次）",
    innocent="家属首次到别的药店代购，或请假离院",
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
declare(
    name="inst_shared_bed_nights",
    label="一床多人重叠夜数",
    unit="夜",
    told_of={"institution": Of(HOSPITAL)},
    scheme="T01",
    by="institution",
    windows=(180,),
    rows=SHARED_BED,
    measure="sum(nights_shared) / 2.0",
    needs=("visits.adm_bed",),
    reason="近{window}天同科同床两人重叠共{value}夜（同类中位{peer}夜，高于{percentile}的同类）",
    innocent="换床未登记、走廊加床、床号复用（N35）",
)
