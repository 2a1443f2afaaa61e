"""T02 虚假住院 fictitious admission: a stay and the life of its patient.

How it works: nobody is treated, the papers are. Some of the "patients" are the unit's own staff.
What it leaves: days alike, orders entered in minutes; admitted at night or over the holidays; a patient never seen
before and never seen again, living far away, on the unit's own payroll.
Honest cases: urgent cases keep no hours (N14, N17), units that upload at night (N07), transfers and people living
elsewhere (N16, N20), staff who are ill (N31).
"""

from features.catalog.stay_rows import (
    HOSPITAL,
    STAY,
    STAY_DAYS,
    STAYS,
)
from features.codes import kilometres_flat
from features.declare import Feature, Of, declare

day = Feature(grain="admission", scheme="T02", by="institution", windows=(0,), rows=STAY_DAYS, empty=None)

declare(
    day,
    name="repeated_day_share",
    label="逐日项目完全相同占比",
    unit="%",
    measure="1 - count(DISTINCT bag) / count(*)::DOUBLE",
    reason="有收费的住院日中{value}与另一天项目完全相同（同类中位{peer}，高于{percentile}的同类）",
    innocent="长期医嘱平稳执行，康复或精神科（N03）",
)

declare(
    day,
    name="entry_minutes",
    label="每日记账时间跨度",
    unit="分钟",
    measure="median(span_minutes) FILTER (n >= 3 AND NOT collapsed)",
    worse="low",
    reason="每天的收费都在{value}分钟内记完（同类中位{peer}分钟，低于{percentile}的同类）",
    innocent="机构按日集中上传（N07）",
)

declare(
    day,
    name="entry_clock_spread",
    label="每日记账时刻波动",
    unit="小时",
    measure="stddev_pop(clock_hour) FILTER (NOT collapsed)",
    worse="low",
    reason="每天第一笔收费的时刻只差{value}小时（同类中位{peer}小时，低于{percentile}的同类）",
    innocent="信息系统每日定时记账（N07）",
)

declare(
    day,
    name="night_entry_share",
    label="夜间记账的住院日占比",
    unit="%",
    measure="count(*) FILTER (clock_hour >= 20 AND NOT collapsed) / count(*)::DOUBLE",
    reason="{value}的住院日当天第一笔收费在晚八点以后（同类中位{peer}，高于{percentile}的同类）",
    innocent="机构按日集中上传（N07）",
)

stay = Feature(told_of={"admission": Of(STAY)}, scheme="T02", by="institution", windows=(0,), rows=STAYS)

declare(
    stay,
    name="admitted_at_night",
    label="夜间入院",
    unit="次",
    measure="count(*) FILTER (adm_hour >= 20 OR adm_hour < 6)",
    reason="夜间二十时至次日六时入院{value}次（同类中位{peer}）",
    innocent="急诊转住院、分娩（N12、N17）",
)

declare(
    stay,
    name="admitted_on_weekend",
    label="周末入院",
    unit="次",
    measure="count(*) FILTER (adm_dow >= 6)",
    reason="周末入院{value}次（同类中位{peer}）",
    innocent="急症不分时日",
)

declare(
    stay,
    name="admitted_on_holiday",
    label="长假入院",
    unit="次",
    measure="count(*) FILTER (adm_holiday)",
    reason="春节或国庆长假当中入院{value}次（同类中位{peer}）",
    innocent="急症不分时日（N14）",
)

declare(
    stay,
    name="discharged_late",
    label="出院时刻",
    unit="时",
    measure='max(extract(hour FROM happened_at)) FILTER (NOT "open")',
    worse="either",
    empty=None,
    reason="出院登记在{value}时（同类中位{peer}时）",
    innocent="医院集中办理出院",
)

#: Earlier contacts of the patient with the same unit within a year before the stay.
PRIOR_HERE = """
    SELECT
        s.mdtrt_id AS entity_id, w.happened_at, 'settlements' AS row_table, w.setl_id AS row_id,
        w.visit_class, w.is_inpatient, w.medfee_sumamt_fen AS fen
    FROM stays s
    JOIN settlements w
        ON w.psn_no = s.psn_no
        AND w.fixmedins_code = s.fixmedins_code
        AND w.mdtrt_id <> s.mdtrt_id
        AND w.happened_at < s.begntime - INTERVAL 1 DAY
        AND w.happened_at > s.begntime - INTERVAL 365 DAY
    WHERE NOT s.day_surgery
"""

declare(
    name="earlier_contacts_here",
    also=("T29",),
    label="入院前一年在本院就诊次数",
    unit="次",
    grain="admission",
    scheme="T02",
    by="institution",
    windows=(0,),
    rows=PRIOR_HERE,
    measure="count(*)",
    worse="low",
    reason="入院前一年只在本院就诊过{value}次（同类中位{peer}次）",
    innocent="首次患病、转诊或急诊",
)

#: What the person did in the half year before and the month after: disease trace, home ground, follow-up.
AROUND = """
    SELECT
        s.mdtrt_id AS entity_id, w.happened_at, 'settlements' AS row_table, w.setl_id AS row_id,
        w.fixmedins_code, w.medfee_sumamt_fen AS fen, w.happened_at < s.begntime AS before,
        w.happened_at > s.end_at AND NOT s."open" AS after,
        w.happened_at > s.end_at - INTERVAL 1 DAY AND w.happened_at <= s.end_at + INTERVAL 30 DAY AS month_after,
        substr(w.opt_diag_code, 1, 3) = s.dx3 AS same_disease,
        i.lnt, i.lat, h.lnt AS ward_lnt, h.lat AS ward_lat
    FROM stays s
    JOIN swipes w
        ON w.psn_no = s.psn_no
        AND w.happened_at > s.begntime - INTERVAL 180 DAY
        AND w.happened_at < s.end_at + INTERVAL 30 DAY
        AND (w.happened_at < s.begntime - INTERVAL 1 DAY OR (w.happened_at > s.end_at AND NOT s."open"))
    LEFT JOIN main.institutions i ON i.fixmedins_code = w.fixmedins_code
    LEFT JOIN main.institutions h ON h.fixmedins_code = s.fixmedins_code
    WHERE NOT s.day_surgery
"""

around = Feature(grain="admission", scheme="T02", by="person", windows=(0,), rows=AROUND)

declare(
    around,
    name="visits_before",
    also=("T29",),
    label="入院前半年门诊购药次数",
    unit="次",
    measure="count(*) FILTER (before)",
    worse="low",
    reason="入院前半年门诊和购药只有{value}次（同类中位{peer}次，低于{percentile}的同类）",
    innocent="平素健康，突发疾病",
)

declare(
    around,
    name="disease_trace_before",
    label="入院前半年同病就诊次数",
    unit="次",
    measure="count(*) FILTER (before AND same_disease)",
    worse="low",
    reason="入院前半年因同一疾病就诊{value}次（同类中位{peer}次）",
    innocent="首次发病或急症",
)

declare(
    around,
    name="follow_up_month",
    label="出院后三十天内门诊购药次数",
    unit="次",
    measure="count(*) FILTER (after)",
    worse="low",
    reason="出院后三十天内门诊和购药{value}次（同类中位{peer}次）",
    innocent="带药出院、痊愈，或出院不足三十天",
)

declare(
    around,
    name="home_to_ward_km",
    label="常去机构到病房距离",
    unit="公里",
    empty=None,
    needs=("institutions.lnt", "institutions.lat"),
    measure=kilometres_flat("median(lnt)", "median(lat)", "max(ward_lnt)", "max(ward_lat)"),
    reason="病房距其平时就诊购药地点{value}公里（同类中位{peer}公里，高于{percentile}的同类）",
    innocent="转上级医院，或随子女异地居住（N16、N20、N21）",
)

#: The patient is on the unit's own list of doctors.
STAFF = """
    SELECT
        $entity AS entity_id, s.begntime AS happened_at, 'visits' AS row_table,
        s.mdtrt_id AS row_id, d.dr_codg, coalesce(s.fund_fen, 0) AS fen
    FROM stays s
    JOIN main.persons p ON p.psn_no = s.psn_no
    JOIN (
        SELECT DISTINCT certno, fixmedins_code, dr_codg
        FROM main.doctors
        WHERE certno IS NOT NULL
    ) d ON d.certno = p.certno AND d.fixmedins_code = s.fixmedins_code
"""

declare(
    told_of={
        "admission": Of(STAY),
        "institution": Of(
            HOSPITAL,
            name="inst_staff_patients",
            label="本院职工住院次数",
            windows=(365,),
            measure="count(DISTINCT row_id)",
            reason="近{window}天有{value}次住院的患者是本院医师（同类中位{peer}次）",
            innocent="职工就近在本院看病（N31）",
        ),
    },
    name="staff_as_patient",
    label="本院职工住院",
    unit="次",
    scheme="T02",
    by="institution",
    windows=(0,),
    rows=STAFF,
    measure="count(*)",
    needs=("doctors.certno", "persons.certno"),
    reason="患者是本院登记的医师，命中{value}条（同类中位{peer}）",
    innocent="职工确实患病在本院治疗（N31）",
)
