"""Doctors' and pharmacists' work: T17 虚构服务, T21 过度检查诊疗, T15 医药合谋 seen from the one who signs.

How it works: lent signatures and invented services need hours nobody has; templates need no thought. What it leaves:
patients a day and active hours beyond a working day, two units in one hour, one sum or one set of items for all, tests
for everyone, a few patients again and again.
Honest cases: village uploads (N07: hours of collapsed clocks are left out), multi-site practice (`mul_prac_flag`),
screening days (N15), referral centres (N21), specialists (N22); a blank doctor is nobody (N35).
"""

from features.codes import CARE, DRUGS, MATERIAL, TESTS
from features.declare import Feature, declare
from features.knowledge import CATALOG, LINE_ID, counts_of, most_of
from features.wording import above

#: One row a doctor, visit and day: what was ordered.
WORK = f"""
    SELECT
        l.dr_codg AS entity_id,
        any_value(l.fixmedins_code) AS fixmedins_code,
        any_value(l.psn_no) AS psn_no, min(l.happened_at) AS happened_at, 'visits' AS row_table,
        l.mdtrt_id AS row_id, l.day, bool_or(l.is_inpatient) AS ward,
        CASE WHEN NOT bool_or(l.clock_collapsed) THEN extract(hour FROM min(l.happened_at)) END AS hour,
        sum(l.fen)::BIGINT AS fen,
        coalesce(sum(l.fen) FILTER (WHERE l.med_chrgitm_type IN {DRUGS}), 0)::BIGINT AS drug_fen,
        coalesce(sum(l.fen) FILTER (WHERE l.med_chrgitm_type IN {TESTS}), 0)::BIGINT AS test_fen,
        coalesce(sum(l.fen) FILTER (WHERE l.med_chrgitm_type IN {CARE}), 0)::BIGINT AS care_fen,
        coalesce(sum(l.fen) FILTER (WHERE l.med_chrgitm_type = {MATERIAL}), 0)::BIGINT AS material_fen
    FROM lines l
    WHERE l.dr_codg IS NOT NULL
    GROUP BY l.dr_codg, l.mdtrt_id, l.day
"""

#: Minutes of service signed for a day at one unit (knowledge catalogue); days at another unit count there. Days of
#: less than four hours say nothing.
MINUTES = f"""
    SELECT
        l.dr_codg AS entity_id, l.fixmedins_code, l.happened_at, 'fee_details' AS row_table,
        {LINE_ID} AS row_id, l.psn_no, l.hilist_name, l.cnt, l.day, c.std_minutes * l.cnt AS minutes,
        sum(c.std_minutes * l.cnt) OVER (PARTITION BY l.dr_codg, l.fixmedins_code, l.day) / 60.0 AS day_hours
    FROM lines l
    JOIN {CATALOG} c USING (med_list_codg)
    JOIN (
        SELECT dr_codg, fixmedins_code, day
        FROM lines
        JOIN {CATALOG} c USING (med_list_codg)
        WHERE dr_codg IS NOT NULL AND c.std_minutes > 0
        GROUP BY ALL
        HAVING sum(c.std_minutes * cnt) >= 240
    ) d USING (dr_codg, fixmedins_code, day)
    WHERE c.std_minutes > 0
"""

_HOURS_A_DAY = most_of("day", "hour")
_PATIENTS_A_DAY = most_of("day", "psn_no")
_HOURS_AT_TWO = (
    f"len(list_filter({counts_of('day + INTERVAL 1 HOUR * hour', 'fixmedins_code', 'NOT ward')}, lambda n: n >= 2))"
)

doctor = Feature(
    grain="doctor",
    scheme="T17",
    by="institution",
    family="doctor",
    windows=(90, 180),
    rows=WORK,
    needs=("fee_details.bilg_dr_codg",),
    source="3.8 6.14",
)

declare(
    doctor,
    name="doctor_busiest_day",
    label="单日最多患者数",
    unit="人",
    windows=(30, 90),
    measure=_PATIENTS_A_DAY,
    reason="近{window}天单日最多为{value}名患者开单" + above("人"),
    innocent="义诊、集中随访（N15）；多人共用工号",
)
declare(
    doctor,
    name="doctor_active_hours",
    label="单日最长开单小时数",
    unit="小时",
    measure=_HOURS_A_DAY,
    windows=(30, 90),
    reason="近{window}天有一日在{value}个不同小时段开单" + above("小时"),
    innocent="值夜班、急诊连班",
)
declare(
    doctor,
    name="doctor_two_units_hours",
    label="同一小时两家机构开单次数",
    unit="次",
    measure=_HOURS_AT_TWO,
    reason="近{window}天有{value}个小时同时在两家机构开门诊单" + above("次"),
    innocent="登记多点执业、远程会诊",
)
declare(
    doctor,
    name="doctor_night_share",
    label="夜间开单占比",
    unit="%",
    measure="CASE WHEN count(hour) >= 20 THEN avg((hour NOT BETWEEN 6 AND 21)::INT) END",
    empty=None,
    reason="近{window}天22时至6时开单占{value}" + above(),
    innocent="急诊、值班医师（N23）",
)
declare(
    doctor,
    name="doctor_visit_yuan",
    label="门诊次均费用",
    unit="元",
    measure="avg(fen) FILTER (WHERE NOT ward) / 100.0",
    scheme="T21",
    empty=None,
    reason="近{window}天门诊次均开单{value}元" + above("元"),
    innocent="专科疑难病、特药（N22）",
)
declare(
    doctor,
    name="doctor_drug_share",
    label="药费占比",
    unit="%",
    measure="CASE WHEN count(*) >= 10 THEN sum(drug_fen) / nullif(sum(fen), 0) END",
    scheme="T13",
    empty=None,
    reason="近{window}天开单金额中药费占{value}" + above(),
    innocent="内科慢病门诊以用药为主（N29）",
)
declare(
    doctor,
    name="doctor_test_share",
    label="检查化验占比",
    unit="%",
    measure="CASE WHEN count(*) >= 10 THEN sum(test_fen) / nullif(sum(fen), 0) END",
    scheme="T21",
    empty=None,
    reason="近{window}天开单金额中检查化验占{value}" + above(),
    innocent="转诊中心、体检筛查岗位（N15、N21）",
)
declare(
    doctor,
    name="doctor_tested_share",
    label="开检查的就诊占比",
    unit="%",
    measure="""
        CASE WHEN count(*) FILTER (WHERE NOT ward) >= 10 THEN avg((test_fen > 0)::INT) FILTER (WHERE NOT ward) END
    """,
    scheme="T21",
    empty=None,
    reason="近{window}天有{value}的门诊患者被开检查化验" + above(),
    innocent="专科首诊多（N22）",
)
declare(
    doctor,
    name="doctor_material_share",
    label="材料费占比",
    unit="%",
    measure="CASE WHEN count(*) >= 10 THEN sum(material_fen) / nullif(sum(fen), 0) END",
    scheme="T23",
    source="2.16",
    empty=None,
    reason="近{window}天开单金额中材料占{value}" + above(),
    innocent="骨科、介入等手术科室（N22）",
)
declare(
    doctor,
    name="doctor_care_share",
    label="治疗手术费占比",
    unit="%",
    measure="CASE WHEN count(*) >= 10 THEN sum(care_fen) / nullif(sum(fen), 0) END",
    worse="either",
    empty=None,
    reason="近{window}天开单金额中治疗手术占{value}" + above(),
    innocent="康复理疗、口腔科（N22）",
)
declare(
    doctor,
    name="doctor_same_sum_share",
    label="同额开单占比",
    unit="%",
    measure="CASE WHEN count(*) >= 20 THEN list_max(map_values(histogram(fen))) / count(*) END",
    empty=None,
    reason="近{window}天有{value}的就诊开单金额分毫不差" + above(),
    innocent="一般诊疗费、固定收费（N13）",
)
declare(
    doctor,
    name="doctor_few_patients_share",
    label="最常见患者占比",
    unit="%",
    measure="CASE WHEN count(*) >= 20 THEN list_max(map_values(histogram(hash(psn_no)))) / count(*) END",
    empty=None,
    reason="近{window}天有{value}的开单集中于同一患者" + above(),
    innocent="只管少数长期住院患者（N03）",
)
declare(
    doctor,
    name="doctor_weekend_share",
    label="周末开单占比",
    unit="%",
    measure="CASE WHEN count(*) >= 20 THEN avg((isodow(day) >= 6)::INT) END",
    empty=None,
    reason="近{window}天周末开单占{value}" + above(),
    innocent="周末坐诊专家、值班",
)
declare(
    doctor,
    name="doctor_most_hours",
    label="单日服务工时",
    unit="小时",
    rows=MINUTES,
    measure="max(day_hours)",
    needs=("fee_details.bilg_dr_codg", "catalog.std_minutes"),
    reason="近{window}天按标准工时折算单日最多{value}小时" + above("小时"),
    innocent="多人共用工号、批量补录（N07、N35）",
)
