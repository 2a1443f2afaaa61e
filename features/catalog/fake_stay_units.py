"""T02 虚假住院 fictitious admission: the hospital and the doctor behind many.

How it works: what is chance in one stay (features/catalog/fake_stay_company.py) is a business in a hundred.
What it leaves: one village or employer behind a large share of admissions; stays alike and in step; admissions at
night; wards that do not empty over the Spring Festival.
Honest cases: a township hospital serves few villages, nursing-home rounds (N04), clinical pathways (N13), influenza
season (N14), psychiatric and rehabilitation wards that keep open (N03).
"""

from features.catalog.fake_stay_company import ALIKE, IN_BATCHES, SAME_PATH, STAYS_IN_STEP, UNIT_TWINS
from features.catalog.stay_rows import (
    COURSE,
    HOLIDAYS,
    HOSPITAL,
    LONG_CARE,
    PROFILES,
    STAYS,
    hospital_and_doctor,
)
from features.declare import Feature, Of, declare

#: A stay of the unit beside how many of its stays came from the same village and employer in the window of a year.
ORIGIN = f"""
    SELECT
        *,
        count(*) OVER (PARTITION BY entity_id, village) AS of_village,
        count(*) OVER (PARTITION BY entity_id, employer) AS of_employer
    FROM ({STAYS})
    WHERE happened_at > (SELECT t FROM main.asof) - INTERVAL 365 DAY
"""

inst = Feature(
    told_of={"institution": Of(HOSPITAL)},
    scheme="T02",
    by="institution",
    windows=(365,),
    rows=ORIGIN,
    empty=None,
)

declare(
    inst,
    name="inst_village_concentration",
    label="住院患者同村集中度",
    unit="%",
    measure="sum(CASE WHEN village IS NOT NULL THEN of_village END) / pow(count(village), 2)",
    needs=("persons.curr_addr_code",),
    reason="近{window}天任取两名住院患者来自同一村的机会为{value}（同类中位{peer}，高于{percentile}的同类）",
    innocent="乡镇卫生院本来只服务几个村",
)

declare(
    inst,
    name="inst_employer_concentration",
    label="住院患者同单位集中度",
    unit="%",
    measure="sum(CASE WHEN employer IS NOT NULL THEN of_employer END) / nullif(pow(count(employer), 2), 0)",
    reason="近{window}天任取两名有单位的住院患者属同一单位的机会为{value}（同类中位{peer}，高于{percentile}的同类）",
    innocent="企业职工医院、厂区附近唯一医院",
)

declare(
    inst,
    name="inst_night_admission_share",
    scheme="T18",
    label="夜间入院占比",
    unit="%",
    measure="count(*) FILTER (adm_hour >= 20 OR adm_hour < 6) / count(*)::DOUBLE",
    reason="近{window}天住院中{value}是夜间办理入院（同类中位{peer}，高于{percentile}的同类）",
    innocent="有急诊、产科的医院（N17）",
)

declare(
    inst,
    name="inst_holiday_admission_share",
    label="长假入院占比",
    unit="%",
    measure="count(*) FILTER (adm_holiday) / count(*)::DOUBLE",
    reason="近{window}天住院中{value}在春节国庆长假入院（同类中位{peer}，高于{percentile}的同类）",
    innocent="急诊量大的医院、流感季（N14）",
)

of_unit = Feature(scheme="T02", by="institution", windows=(180,))

declare(
    of_unit,
    rows=UNIT_TWINS,
    told_of=hospital_and_doctor(
        "twin_stays",
        "近{window}天有{value}次住院与同院他人项目重合八成以上（同类中位{peer}次，高于{percentile}的同类）",
    ),
    label="项目雷同的住院数",
    unit="次",
    measure=f"count(DISTINCT a) FILTER (likeness >= {ALIKE})",
    innocent=SAME_PATH,
)

declare(
    of_unit,
    rows=PROFILES,
    empty=None,
    told_of=hospital_and_doctor(
        "repeated_day_share",
        "近{window}天住院日中{value}与同次住院另一天项目完全相同（同类中位{peer}，高于{percentile}的同类）",
    ),
    label="逐日项目相同占比",
    unit="%",
    measure="1 - sum(bags) / nullif(sum(billed_days), 0)::DOUBLE",
    innocent="长期医嘱平稳执行（N03）",
)

declare(
    of_unit,
    rows=STAYS_IN_STEP,
    told_of=hospital_and_doctor(
        "in_step_stays",
        "近{window}天有{value}次住院与同村或同单位的人同日进、同日出（同类中位{peer}次，高于{percentile}的同类）",
    ),
    label="同进同出住院数",
    unit="次",
    measure="count(DISTINCT stay_id) FILTER (together AND (same_village OR same_employer))",
    innocent=IN_BATCHES,
)

#: The unit's in-house nights over the core of a long holiday and the 14 days before it.
HOLIDAY_NIGHTS = f"""
    SELECT
        s.fixmedins_code AS entity_id, h.day::TIMESTAMP AS happened_at, 'visits' AS row_table,
        s.mdtrt_id AS row_id, h.phase, h.feast, h.day,
        coalesce(s.fund_fen, 0) / greatest(1, s.bed_days) AS fen,
        s.level,
        {LONG_CARE} OR {COURSE} AS no_holiday
    FROM (
        SELECT *, unnest(generate_series(adm_date, greatest(adm_date, end_date - 1), INTERVAL 1 DAY))::DATE AS night
        FROM stays
    ) s
    JOIN {HOLIDAYS} h ON h.day = s.night
    WHERE NOT s.day_surgery AND h.day <= (SELECT d FROM main.asof)
"""

declare(
    name="inst_holiday_ratio",
    label="长假在院人数与节前之比",
    unit="倍",
    grain="institution",
    scheme="T02",
    by="institution",
    windows=(365,),
    rows=HOLIDAY_NIGHTS,
    measure="""
        (count(*) FILTER (phase = 'core') / nullif(count(DISTINCT day) FILTER (phase = 'core'), 0))
        / nullif(count(*) FILTER (phase = 'before') / nullif(count(DISTINCT day) FILTER (phase = 'before'), 0), 0)
    """,
    empty=None,
    reason="长假期间日均在院人数是节前两周的{value}倍（同类中位{peer}倍，高于{percentile}的同类）",
    innocent="精神康复护理病区不放假，或节日流感高发（N03、N14）",
)
