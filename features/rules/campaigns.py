"""R10, R58, R63: what the campaigns of 2025–26 look for: a ward full of the house's own people, tests that another unit
had just done, two benefits for one disease.

Which results are recognised elsewhere, and for how many days, is the bureau's list (`catalog.mutual_days`); without it
the rule is 不可评估.
"""

from features.codes import REGISTERED_CHRONIC, paid
from features.declare import Feature, Of, declare
from features.knowledge import LINE_ID, VERSIONS, in_force
from features.thresholds import setting

LEAD = Feature(kind="lead", windows=(365,), by="person")

#: Stays, whose they are, and beside them which numbers are the staff of which unit: a relative's number may lie in
#: another bucket. The employer is the unit where the two names agree.
OWN_PEOPLE = """
    SELECT
        $entity AS entity_id, s.begntime AS happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id, s.psn_no,
        s.fixmedins_code, coalesce(s.fund_fen, 0) AS fen, h.kin,
        NULL::VARCHAR AS staff_of,
        coalesce(p.emp_name = i.fixmedins_name, false) AS employed
    FROM stays s
    JOIN persons p USING (psn_no)
    LEFT JOIN institutions i ON i.fixmedins_code = s.fixmedins_code
    LEFT JOIN (
        SELECT psn_no, rel_psn_no AS kin
        FROM household_links
        UNION
        SELECT rel_psn_no, psn_no
        FROM household_links
    ) h ON h.psn_no = s.psn_no
    UNION ALL
    SELECT
        NULL, (SELECT t FROM main.asof), 'persons', p.psn_no, p.psn_no, d.fixmedins_code, 0, NULL, d.fixmedins_code,
        false
    FROM persons p
    JOIN main.doctors d ON d.certno = p.certno
"""
ENOUGH = f"""
    count(DISTINCT row_id) FILTER (hit)
        >= greatest({setting("R10", "kin_min_stays")}, {setting("R10", "kin_share")} * count(DISTINCT row_id))
"""

declare(
    LEAD,
    name="rule_r10_kin",
    rule="R10",
    label="职工与家属住院占比高",
    family="R10",
    scheme="T02",
    told_of={"institution": Of("s.fixmedins_code")},
    needs=("persons.certno", "doctors.certno"),
    exempt=("N31", "N35"),
    source="3.2",
    rows=OWN_PEOPLE,
    across="""
        SELECT g.* EXCLUDE (kin, staff_of), g.employed OR k.psn_no IS NOT NULL AS hit
        FROM gathered g
        LEFT JOIN (
            SELECT DISTINCT psn_no, staff_of
            FROM gathered
            WHERE staff_of IS NOT NULL
        ) k ON k.psn_no = g.kin AND k.staff_of = g.fixmedins_code
        WHERE g.entity_id IS NOT NULL
    """,
    measure=f"CASE WHEN {ENOUGH} THEN count(DISTINCT row_id) FILTER (hit) ELSE 0 END",
    amount=f"CASE WHEN {ENOUGH} THEN sum(fen) FILTER (hit) ELSE 0 END",
    unit="次",
    reason="近{window}天有{value}次住院的患者是本院职工或本院医师的家属，占本院住院一成以上",
    innocent="单位医院、唯一医院，职工及家属就近治疗（N31）",
)

# The same item at another unit while the first result still counts; emergencies are left out.
declare(
    LEAD,
    name="rule_r58_again",
    rule="R58",
    label="检查检验结果未互认",
    family="structure",
    scheme="T21",
    told_of={
        "person": Of("l.psn_no"),
        "institution": Of(
            "l.fixmedins_code",
            name="rule_r58_again_inst",
            reason="近{window}天有{value}项检查检验，他院结果尚在互认期内而重做",
        ),
    },
    needs=("catalog.mutual_days",),
    exempt=("N16", "N21"),
    source="3.10",
    rows=f"""
        WITH l AS (
            SELECT
                l.*, c.mutual_days,
                lag(l.fixmedins_code) OVER same AS first_unit,
                lag(l.day) OVER same AS first_day
            FROM lines l
            JOIN {VERSIONS} c ON {in_force("c")}
            WHERE c.mutual_days > 0
            WINDOW same AS (PARTITION BY l.psn_no, l.med_list_codg ORDER BY l.happened_at, l.feedetl_sn)
        )
        SELECT
            $entity AS entity_id, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id, l.psn_no,
            l.fixmedins_code, l.first_unit AS last_unit, l.hilist_name,
            date_diff('day', l.first_day, l.day) AS gap_days,
            l.scope_fen AS fen
        FROM l
        WHERE l.first_unit <> l.fixmedins_code
            AND date_diff('day', l.first_day, l.day) <= l.mutual_days
            AND l.visit_class NOT IN ('emergency', 'inpatient_emergency')
    """,
    measure="count(*)",
    amount="sum(fen)",
    unit="项",
    reason="近{window}天有{value}项检查检验，他院结果尚在互认期内而重做",
    innocent="病情变化、术前复查、上级医院复核（N16、N21）；急诊已剔除",
)

#: What disease a benefit is for, by the diagnosis, else by the registry's national code (M039 高血压, M016 糖尿病);
#: NULL where neither says.
FAMILY = """
    CASE
        WHEN regexp_matches({dx}, '^I1[0-5]') OR {code} LIKE 'M039%' THEN '高血压'
        WHEN regexp_matches({dx}, '^E1[0-4]') OR {code} LIKE 'M016%' THEN '糖尿病'
    END
"""

declare(
    LEAD,
    name="rule_r63_benefits",
    rule="R63",
    label="两病与慢特病同时享受",
    family="identity",
    scheme="T27",
    told_of={"person": Of("t.psn_no")},
    needs=("chronic_registry",),
    exempt=("N33",),
    source="5.13",
    rows=f"""
        WITH t AS (
            SELECT
                w.psn_no, w.happened_at, w.setl_id, w.fixmedins_code, {paid("w")} AS fen,
                {FAMILY.format(dx="coalesce(w.opt_diag_code, '')", code="coalesce(w.dise_codg, '')")} AS disease
            FROM swipes w
            WHERE w.visit_class = 'two_disease'
        ),
        c AS (
            SELECT
                w.psn_no,
                {FAMILY.format(dx="coalesce(w.opt_diag_code, '')", code="coalesce(w.dise_codg, '')")} AS disease
            FROM swipes w
            WHERE w.visit_class IN {REGISTERED_CHRONIC}
        ),
        r AS (
            SELECT
                k.psn_no, k.opsp_begndate, k.opsp_enddate,
                {FAMILY.format(dx="''", code="coalesce(k.opsp_dise_code, '')")} AS disease
            FROM chronic_registry k
            UNION ALL
            SELECT k.psn_no, k.opsp_begndate, k.opsp_enddate, c.disease
            FROM chronic_registry k
            JOIN c USING (psn_no)
        )
        SELECT DISTINCT
            $entity AS entity_id, t.happened_at, 'settlements' AS row_table, t.setl_id AS row_id, t.fixmedins_code,
            t.disease, t.fen
        FROM t
        JOIN r
            ON r.psn_no = t.psn_no
                AND coalesce(t.disease, r.disease) = r.disease
                AND coalesce(r.opsp_begndate, DATE '1900-01-01') <= t.happened_at::DATE
                AND coalesce(r.opsp_enddate, DATE '9999-12-31') >= t.happened_at::DATE
    """,
    measure="count(*)",
    amount="sum(fen)",
    unit="次",
    reason="近{window}天在同病种慢特病待遇有效期内另按两病门诊结算{value}次",
    innocent="慢特病资格当月取得、两病资格尚未停用（N33）",
)
