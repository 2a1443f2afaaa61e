"""R08–R10: patients who come in groups: in and out together, treated alike, on the unit's own payroll."""

from features.catalog.fake_stay_company import UNIT_TWINS
from features.catalog.stay_rows import HOSPITAL, STAY, STAYS
from features.declare import Feature, Of, declare
from features.knowledge import diagnosed
from features.thresholds import setting

COMMON = Feature(
    kind="lead",
    by="institution",
    unit="次",
)

# Five in, five out, three of them neighbours.
declare(
    COMMON,
    name="rule_r08",
    rule="R08",
    label=f"R08 {setting('R08', 'name')}",
    family="R08",
    scheme="T02",
    told_of={"institution": Of(HOSPITAL)},
    windows=(365,),
    exempt=("N01", "N02", "N10", "N12", "N14"),
    source="rules.md R08",
    rows=f"""
        SELECT *
        FROM (
            SELECT
                *,
                max(greatest(coalesce(of_village, 0), coalesce(of_employer, 0)))
                    OVER (PARTITION BY entity_id, adm_date, end_date) AS of_origin
            FROM (
                SELECT
                    *,
                    count(*) OVER (PARTITION BY entity_id, adm_date, end_date) AS in_step,
                    CASE WHEN village IS NOT NULL
                        THEN count(*) OVER (PARTITION BY entity_id, adm_date, end_date, village)
                    END AS of_village,
                    CASE WHEN employer IS NOT NULL
                        THEN count(*) OVER (PARTITION BY entity_id, adm_date, end_date, employer)
                    END AS of_employer
                FROM ({STAYS})
                WHERE NOT "open"
                    AND NOT course
                    AND NOT long_care
                    AND nights > 0
                    AND NOT {diagnosed("dx3", "epidemic")}
                    AND NOT {diagnosed("dx3", "newborn")}
            )
        )
        WHERE in_step >= {setting("R08", "min_persons")} AND of_origin >= {setting("R08", "min_same_origin")}
    """,
    measure="count(DISTINCT (adm_date, end_date))",
    amount="sum(fen)",
    unit="批",
    reason="近{window}天有{value}批人同日入院又同日出院，且多为同村或同单位",
    innocent="养老机构批量就诊、义诊（N04、N15）；食物中毒等群体事件与新生儿已剔除（N12、N14）",
)

#: Dialysis, chemotherapy and deliveries follow one path (N01, N02, N12).
ON_A_PATH = f"({diagnosed('dx3', 'dialysis')} OR {diagnosed('dx3', 'chemo')} OR {diagnosed('dx3', 'delivery')})"
MANY_TWINS = f"twins >= {setting('R09', 'min_stays') - 1}"
ALIKE = f"""
    {MANY_TWINS}
    AND NOT {ON_A_PATH}
    AND likeness >= {setting("R09", "similarity")}
    AND codes >= {setting("R09", "min_codes")}
"""

declare(
    COMMON,
    name="rule_r09",
    rule="R09",
    label=f"R09 {setting('R09', 'name')}",
    family="R09",
    scheme="T02",
    told_of={"institution": Of(HOSPITAL)},
    windows=(180,),
    exempt=("N01", "N02", "N10", "N12"),
    source="rules.md R09",
    rows=UNIT_TWINS,
    measure=f"count(DISTINCT a) FILTER ({ALIKE})",
    amount=f"coalesce(sum(own_fund_fen) FILTER (first AND {MANY_TWINS} AND NOT {ON_A_PATH}), 0)",
    reason="近{window}天有{value}次住院各与四次以上他人住院项目雷同",
    innocent="临床路径、透析放化疗、产科套餐（N01、N02、N12、N13）",
)

#: Stays of persons who are doctors, by certificate, and the days on which doctors bill.
DOCTORS_AS_PATIENTS = """
    SELECT
        $entity AS entity_id, s.begntime AS happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id, d.certno,
        d.fixmedins_code = s.fixmedins_code AS own_unit, s.adm_date, s.end_date, NULL::DATE AS billed_on,
        coalesce(s.fund_fen, 0) AS fen
    FROM stays s
    JOIN main.persons p ON p.psn_no = s.psn_no
    JOIN main.doctors d ON d.certno = p.certno
    UNION ALL
    SELECT DISTINCT
        NULL, l.day::TIMESTAMP, 'fee_details', NULL, d.certno, false, NULL::DATE, NULL::DATE, l.day, 0
    FROM lines l
    JOIN main.doctors d ON d.dr_codg = l.dr_codg AND d.fixmedins_code = l.fixmedins_code
    WHERE d.certno IS NOT NULL
"""
#: In a bed of the own unit, or billing on inner days of the own stay.
STAFF_IN_BED = """
    SELECT
        s.entity_id, s.happened_at, s.row_table, s.row_id,
        bool_or(s.own_unit) AS own_unit,
        count(DISTINCT b.billed_on) AS days_billing,
        max(s.fen) AS fen
    FROM gathered s
    LEFT JOIN gathered b ON b.certno = s.certno AND b.billed_on > s.adm_date AND b.billed_on < s.end_date
    WHERE s.adm_date IS NOT NULL AND s.entity_id IS NOT NULL
    GROUP BY 1, 2, 3, 4
    HAVING bool_or(s.own_unit) OR count(b.billed_on) > 0
"""

declare(
    COMMON,
    name="rule_r10",
    widely="本人住院期间以其工号开单一日即命中，多人共用工号的科室也在内",
    rule="R10",
    label=f"R10 {setting('R10', 'name')}",
    family="R10",
    scheme="T02",
    told_of={
        "admission": Of(STAY, windows=(0,), amount="max(fen)"),
        "doctor": Of("d.dr_codg", name="rule_r10_doctor"),
        "institution": Of(HOSPITAL, name="rule_r10_inst"),
    },
    windows=(365,),
    needs=("doctors.certno", "persons.certno"),
    exempt=("N31", "N35"),
    source="rules.md R10",
    rows=DOCTORS_AS_PATIENTS,
    across=STAFF_IN_BED,
    at_counter=False,
    measure="count(DISTINCT row_id)",
    amount="sum(fen)",
    reason="医师在本院住院或本人住院期间仍开单，{value}次",
    innocent="职工确实患病、就近治疗（N31），多人共用工号（N35）",
)
