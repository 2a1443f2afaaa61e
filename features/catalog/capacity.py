"""T07 超床位/超次均 over capacity, over cost, and T29 诱导住院 inducement.

How they work: a unit "treats" more patients than it has beds, or lets the cost per stay climb above the agreed cap; it
fetches old people by bus, waives the deductible, gives gifts.
What they leave: more people in house at night than licensed beds; growth without new capacity; nobody pays anything;
weekly waves on one weekday; short stays of equal length; first-time patients from few villages.
Honest cases: day surgery (N10), an epidemic (N14), home beds (N34), referral centres with dearer cases (N21), new
prices (N24), poverty relief and retired cadres who rightly pay nothing (N26, N27), courses with one deductible a year
(N01, N02, N03).
"""

from features.catalog.stay_rows import DOCTOR, DUE, HOME_BEDS, HOSPITAL, LET_OFF, STAYS
from features.declare import Feature, Of, declare

#: One row per stay and night in house over the last half year, beside the unit's count of that night and its licensed
#: beds; beds at home (N34) are not the unit's.
NIGHTS = f"""
    SELECT n.*, count(*) OVER (PARTITION BY entity_id, night) AS inhouse
    FROM (
        SELECT
            s.fixmedins_code AS entity_id, s.night::TIMESTAMP AS happened_at, 'visits' AS row_table,
            s.mdtrt_id AS row_id, s.night, s.level,
            coalesce(s.fund_fen, 0) / greatest(1, s.bed_days) AS fen,
            nullif(i.aprv_bed_cnt, 0) AS beds, isodow(s.night) AS dow
        FROM (
            SELECT
                *,
                unnest(
                    generate_series(greatest(adm_date, (SELECT d FROM main.asof) - 365), end_date - 1, INTERVAL 1 DAY)
                )::DATE AS night
            FROM stays
            ANTI JOIN ({HOME_BEDS}) USING (mdtrt_id)
            WHERE NOT day_surgery
        ) s
        LEFT JOIN main.institutions i ON i.fixmedins_code = s.fixmedins_code
    ) n
"""
night = Feature(
    grain="institution",
    scheme="T07",
    by="institution",
    windows=(90,),
    rows=NIGHTS,
)
_BEDS = "走廊加床获批、日间手术、家庭病床（N10、N25、N34）"
declare(
    night,
    name="inst_occupancy",
    label="床位使用率",
    unit="%",
    measure="count(*) / (90.0 * max(beds))",
    empty=None,
    needs=("institutions.aprv_bed_cnt",),
    reason="近{window}天床位使用率{value}（同类中位{peer}，高于{percentile}的同类）",
    innocent=_BEDS,
)
declare(
    night,
    name="inst_peak_occupancy",
    label="最高在院人数与床位之比",
    unit="倍",
    measure="max(inhouse) / max(beds)::DOUBLE",
    empty=None,
    needs=("institutions.aprv_bed_cnt",),
    reason="近{window}天在院人数最高达批准床位的{value}倍（同类中位{peer}倍，高于{percentile}的同类）",
    innocent=_BEDS,
)
declare(
    night,
    name="inst_nights_over_beds",
    label="在院超过批准床位的夜数",
    unit="夜",
    measure="count(DISTINCT night) FILTER (inhouse > beds)",
    needs=("institutions.aprv_bed_cnt",),
    reason="近{window}天有{value}夜在院人数超过批准床位（同类中位{peer}夜）",
    innocent=_BEDS,
)
declare(
    night,
    name="inst_inhouse_mean",
    label="日均在院人数",
    unit="人",
    measure="count(*) / 90.0",
    reason="近{window}天日均在院{value}人（同类中位{peer}人，高于{percentile}的同类）",
    innocent="服务人口多的医院",
)
declare(
    night,
    name="inst_weekend_ratio",
    label="周末与平日在院人数之比",
    unit="倍",
    empty=None,
    measure="""
        (count(*) FILTER (dow >= 6) / nullif(count(DISTINCT night) FILTER (dow >= 6), 0))
        / nullif(count(*) FILTER (dow < 6) / nullif(count(DISTINCT night) FILTER (dow < 6), 0), 0)
    """,
    reason="近{window}天周末夜间在院人数是平日的{value}倍（同类中位{peer}倍，高于{percentile}的同类）",
    innocent="长期住院为主的病区（N03）",
)

stay = Feature(told_of={"institution": Of(HOSPITAL)}, by="institution", windows=(180,), rows=STAYS, empty=None)
declare(
    stay,
    told_of={
        "institution": Of(HOSPITAL),
        "doctor": Of(
            DOCTOR,
            name="dr_stays",
            label="主治住院人次",
            scheme="T29",
            reason="近{window}天主治住院{value}人次（同类中位{peer}人次，高于{percentile}的同类）",
            innocent="科室骨干、基层唯一医师",
        ),
    },
    name="inst_stays",
    label="住院人次",
    unit="人次",
    scheme="T07",
    measure="count(*)",
    reason="近{window}天住院{value}人次（同类中位{peer}人次，高于{percentile}的同类）",
    innocent="服务人口多的医院",
)
declare(
    stay,
    name="inst_fee_per_stay",
    label="次均住院费用",
    unit="元",
    scheme="T07",
    measure="avg(medfee_fen) / 100.0",
    reason="近{window}天次均住院费用{value}元（同类中位{peer}元，高于{percentile}的同类）",
    innocent="重症、手术较多的区域中心（N21）",
)
declare(
    stay,
    told_of={
        "institution": Of(HOSPITAL),
        "doctor": Of(
            DOCTOR,
            name="dr_zero_cash_share",
            reason="近{window}天主治的住院有{value}本人一分未付（同类中位{peer}，高于{percentile}的同类）",
        ),
    },
    name="inst_zero_cash_share",
    label="零自付住院占比",
    unit="%",
    scheme="T29",
    measure="""
        count(*) FILTER (settled AND zero_cash AND NOT waived AND NOT course)
        / nullif(count(*) FILTER (settled AND NOT waived AND NOT course), 0)
    """,
    reason="近{window}天应付起付线的住院有{value}本人一分未付（同类中位{peer}，高于{percentile}的同类）",
    innocent="个人账户抵付、救助身份未录入（N26、N27）",
)
declare(
    stay,
    name="inst_cash_share",
    label="住院本人负担比例",
    unit="%",
    scheme="T29",
    measure="sum(cash_fen) / nullif(sum(medfee_fen), 0)::DOUBLE",
    worse="low",
    reason="近{window}天住院费用本人只负担{value}（同类中位{peer}，低于{percentile}的同类）",
    innocent="困难群体和长期住院较多（N03、N26）",
)
declare(
    stay,
    told_of={
        "institution": Of(HOSPITAL),
        "doctor": Of(
            DOCTOR,
            name="dr_deductible_waived_share",
            windows=(180,),
            reason="近{window}天主治的应付起付线住院有{value}未收起付线（同类中位{peer}，高于{percentile}的同类）",
        ),
    },
    name="inst_deductible_waived_share",
    also=("T02",),
    label="免收起付线住院占比",
    unit="%",
    scheme="T29",
    windows=(365,),
    measure=f"count(*) FILTER ({LET_OFF}) / nullif(count(*) FILTER ({DUE}), 0)",
    needs=("settlements.act_pay_dedc_fen",),
    reason="近{window}天应付起付线的住院有{value}未收起付线（同类中位{peer}，高于{percentile}的同类）",
    innocent="转院连续计算起付线（N16）、救助身份未录入（N26）",
)
declare(
    stay,
    name="inst_length_spread",
    label="住院天数离散程度",
    unit="夜",
    scheme="T29",
    measure='stddev_pop(nights) FILTER (NOT "open")',
    worse="low",
    reason="近{window}天各次住院天数只相差{value}夜（同类中位{peer}夜，低于{percentile}的同类）",
    innocent="单病种专科、临床路径（N13、N22）",
)
declare(
    stay,
    name="inst_elderly_short_share",
    label="短期轻付住院占比",
    unit="%",
    scheme="T29",
    measure="count(*) FILTER (nights BETWEEN 3 AND 8 AND zero_cash AND NOT course) / count(*)::DOUBLE",
    reason="近{window}天住院中{value}是三至八夜且本人一分未付（同类中位{peer}，高于{percentile}的同类）",
    innocent="救助对象较多的乡镇卫生院（N26）",
)

#: Two half-years beside one another: growth of stays, of cost per stay, of new patients.
GROWTH = f"""
    SELECT
        *,
        happened_at > (SELECT t FROM main.asof) - INTERVAL 180 DAY AS recent,
        row_number() OVER (PARTITION BY entity_id, psn_no ORDER BY begntime, row_id) = 1 AS first_here
    FROM ({STAYS})
    WHERE happened_at > (SELECT t FROM main.asof) - INTERVAL 360 DAY
"""
growth = Feature(told_of={"institution": Of(HOSPITAL)}, by="institution", windows=(0,), rows=GROWTH, empty=None)
declare(
    growth,
    name="inst_stay_growth",
    label="住院人次增长",
    unit="倍",
    scheme="T07",
    measure="count(*) FILTER (recent) / nullif(count(*) FILTER (NOT recent), 0)::DOUBLE",
    reason="近半年住院人次是前半年的{value}倍（同类中位{peer}倍，高于{percentile}的同类）",
    innocent="季节变化、流感季、新开病区（N14）",
)
declare(
    growth,
    name="inst_fee_growth",
    label="次均费用增长",
    unit="倍",
    scheme="T07",
    measure="avg(medfee_fen) FILTER (recent) / nullif(avg(medfee_fen) FILTER (NOT recent), 0)",
    reason="近半年次均住院费用是前半年的{value}倍（同类中位{peer}倍，高于{percentile}的同类）",
    innocent="病种变重、调价（N21、N24）",
)
declare(
    growth,
    name="inst_new_patient_share",
    label="首次住院患者占比",
    unit="%",
    scheme="T29",
    measure="count(*) FILTER (recent AND first_here) / nullif(count(*) FILTER (recent), 0)::DOUBLE",
    reason="近半年住院患者中{value}一年内首次在本院住院（同类中位{peer}，高于{percentile}的同类）",
    innocent="急诊、外伤、产科为主的医院",
)

#: A doctor's stays beside how many he took in that day.
DOCTOR_DAYS = f"SELECT *, count(*) OVER (PARTITION BY entity_id, adm_date) AS same_day FROM ({STAYS})"
declare(
    name="dr_busiest_day",
    label="单日最多收治人数",
    unit="人",
    told_of={"doctor": Of(DOCTOR)},
    scheme="T29",
    by="institution",
    windows=(180,),
    rows=DOCTOR_DAYS,
    measure="max(same_day)",
    reason="近{window}天单日最多收治入院{value}人（同类中位{peer}人，高于{percentile}的同类）",
    innocent="值班医师集中收治、群体事件（N14）",
)
