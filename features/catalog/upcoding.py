"""T28 高套分组 DRG/DIP upcoding: a grave diagnosis or a heavy group on paper, light care in the ward.

How it works: under payment by group the principal or a secondary diagnosis is made graver than the patient was, and
the fund pays the heavier group.
What it leaves: a grave diagnosis without the tests, injections, close nursing or antibiotics that it asks for; a fee
far below the norm of the group (fee ÷ weight); in a hospital more and more grave cases, and heavier ones, than a
half-year before.
Honest cases: palliative care of the hopelessly ill, a referral centre with truly grave cases (N21), coders who were
trained to code completely: weight rises then, and care fits it.
"""

from features.catalog.stay_rows import STAY, hospital_and_doctor
from features.codes import INJECTED, PACKED_DRUGS, SURGERY, TESTS
from features.common_subqueries import once
from features.declare import Feature, Of, declare
from features.knowledge import diagnosed
from features.wording import above, below

GRAVE = diagnosed("s.dx", "grave")

_LINES = once(
    "care",
    f"""
        SELECT
            l.mdtrt_id AS of_stay, sum(l.fen)::BIGINT AS fen,
            count(*) FILTER (l.med_chrgitm_type IN {TESTS}) AS tests,
            count(*) FILTER (
                l.med_chrgitm_type IN {PACKED_DRUGS} AND regexp_matches(coalesce(l.hilist_name, ''), {INJECTED})
            ) AS needles,
            coalesce(
                bool_or(
                    l.med_chrgitm_type = {SURGERY}
                    OR regexp_matches(
                        coalesce(l.hilist_name, ''),
                        '重症|监护|特级|Ⅰ级|一级|I级|吸氧|头孢|西林|沙星|培南|霉素'
                    )
                ),
                false
            ) AS close_care
        FROM lines l
        WHERE l.is_inpatient
        GROUP BY 1
    """,
)

#: One row a finished stay with what a grave case would show; `weight` is NULL where the bureau sends no groups.
CARE = f"""
    SELECT
        $entity AS entity_id, s.happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id,
        s.psn_no, s.dx, s.bed_days, {GRAVE} AS grave, s.drg_weight AS weight, c.*,
        coalesce(s.fund_fen, 0) AS fund_fen,
        s.happened_at > (SELECT t FROM main.asof) - INTERVAL 180 DAY AS recent,
        coalesce({GRAVE} AND NOT c.close_care AND c.needles + c.tests < s.bed_days, false) AS hit
    FROM stays s
    JOIN {_LINES} c ON c.of_stay = s.mdtrt_id
    WHERE NOT s."open" AND NOT s.day_surgery AND $entity IS NOT NULL
"""

stay = Feature(
    told_of={"admission": Of(STAY)},
    scheme="T28",
    by="institution",
    family="structure",
    windows=(0,),
    rows=CARE,
    empty=None,
    source="4.8",
)
_PALLIATIVE = "保守、姑息治疗，或入院不久即好转、转院（N16、N21）"
declare(
    stay,
    name="grave_light_care",
    label="重诊断轻治疗",
    unit="次",
    measure="count(*) FILTER (hit)",
    empty=0.0,
    reason="诊断危重，却没有重症监护、一级护理、手术和抗感染，检查注射平均每天不到一条（命中{value}）",
    innocent=_PALLIATIVE,
)
declare(
    stay,
    name="grave_daily_fee_yuan",
    label="危重诊断日均费用",
    unit="元",
    measure="sum(fen) FILTER (grave) / 100.0 / max(bed_days)",
    worse="low",
    reason="危重诊断，日均费用却只有{value}元" + below("元"),
    innocent=_PALLIATIVE,
)
declare(
    stay,
    name="grave_fee_yuan",
    label="危重诊断总费用",
    unit="元",
    measure="sum(fen) FILTER (grave) / 100.0",
    worse="low",
    reason="危重诊断，总费用却只有{value}元" + below("元"),
    innocent=_PALLIATIVE,
)
declare(
    stay,
    name="grave_tests_per_day",
    label="危重诊断每日检查化验",
    unit="条",
    measure="sum(tests) FILTER (grave) / max(bed_days)::DOUBLE",
    worse="low",
    reason="危重诊断，每天只有{value}条检查化验" + below("条"),
    innocent=_PALLIATIVE,
)
declare(
    stay,
    name="grave_needles_per_day",
    label="危重诊断每日注射输液",
    unit="条",
    measure="sum(needles) FILTER (grave) / max(bed_days)::DOUBLE",
    worse="low",
    reason="危重诊断，每天只有{value}条注射输液" + below("条"),
    innocent=_PALLIATIVE,
)
declare(
    stay,
    name="fee_per_weight_yuan",
    label="每权重费用",
    unit="元",
    measure="sum(fen) / 100.0 / nullif(max(weight), 0)",
    worse="low",
    needs=("discharges.drg_weight",),
    reason="入组权重对应的费用每单位只有{value}元" + below("元"),
    innocent=_PALLIATIVE,
)
declare(
    stay,
    name="group_weight",
    label="入组权重",
    unit="权重",
    measure="max(weight)",
    needs=("discharges.drg_weight",),
    reason="同类诊断中入组权重达{value}" + above(),
    innocent="合并症真实存在、编码完整（N21）",
)

unit = Feature(
    scheme="T28",
    by="institution",
    family="structure",
    windows=(365,),
    rows=CARE,
    empty=None,
    source="4.8",
)
declare(
    unit,
    told_of=hospital_and_doctor("grave_share", "近{window}天住院中危重诊断占{value}" + above()),
    label="危重诊断占比",
    unit="%",
    measure="CASE WHEN count(*) >= 10 THEN avg(grave::INT) END",
    innocent="接收转诊的区域中心（N21）",
)
declare(
    unit,
    told_of=hospital_and_doctor("grave_light_share", "近{window}天危重诊断的住院有{value}几乎没有重症治疗" + above()),
    label="重诊断轻治疗占比",
    unit="%",
    measure="CASE WHEN count(*) FILTER (grave) >= 5 THEN count(*) FILTER (hit) / count(*) FILTER (grave) END",
    innocent="保守治疗为主的老年病院（N03）",
)
declare(
    unit,
    told_of=hospital_and_doctor("grave_daily_fee_yuan", "近{window}天危重诊断住院日均只花{value}元" + below("元")),
    label="危重诊断日均费用",
    unit="元",
    measure="""
        CASE
            WHEN count(*) FILTER (grave) >= 5 THEN sum(fen) FILTER (grave) / 100.0 / sum(bed_days) FILTER (grave)
        END
    """,
    worse="low",
    innocent="基层医院病情较轻、执行集采药价",
)
declare(
    unit,
    told_of=hospital_and_doctor(
        "grave_fee_ratio", "近{window}天危重诊断的日均费用只有其他诊断的{value}倍" + below("倍")
    ),
    label="危重诊断与其他诊断日均费用之比",
    unit="倍",
    worse="low",
    measure="""
        CASE
            WHEN count(*) FILTER (grave) >= 5
                THEN sum(fen) FILTER (grave)
                    / sum(bed_days) FILTER (grave)
                    / nullif(sum(fen) FILTER (NOT grave) / sum(bed_days) FILTER (NOT grave), 0)
        END
    """,
    innocent="手术、介入集中在非危重病种（N22）",
)
declare(
    unit,
    told_of=hospital_and_doctor(
        "grave_short_stays", "近{window}天有{value}例危重诊断五天以内出院，须逐份核对病案首页" + above("例")
    ),
    label="危重诊断短住院例数",
    unit="例",
    empty=0.0,
    measure="count(*) FILTER (grave AND bed_days <= 5)",
    innocent="转上级医院（N16）、放弃治疗或死亡；接诊量大的医院例数自多",
)
declare(
    unit,
    told_of=hospital_and_doctor("grave_growth", "近半年危重诊断占比较此前上升{value}" + above()),
    label="危重诊断占比变化",
    unit="%",
    measure="""
        CASE
            WHEN count(*) FILTER (recent) >= 10 AND count(*) FILTER (NOT recent) >= 10
                THEN avg(grave::INT) FILTER (recent) - avg(grave::INT) FILTER (NOT recent)
        END
    """,
    innocent="编码培训后书写完整、新设重症科室（N21）",
)
declare(
    unit,
    told_of=hospital_and_doctor("weight_growth", "近半年平均入组权重较此前上升{value}" + above()),
    label="平均权重变化",
    unit="权重",
    needs=("discharges.drg_weight",),
    measure="""
        CASE
            WHEN count(weight) FILTER (recent) >= 10 AND count(weight) FILTER (NOT recent) >= 10
                THEN avg(weight) FILTER (recent) - avg(weight) FILTER (NOT recent)
        END
    """,
    innocent="编码培训、新设手术科室（N21）",
)
