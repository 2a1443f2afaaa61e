"""R55–R57: operations without a trace, doctors beyond their hours, implants without an operation."""

from features.catalog.fees_of_stays import IMPLANTS
from features.codes import EXAM, MATERIAL, SURGERY
from features.common_subqueries import once
from features.declare import Feature, Of, declare
from features.knowledge import LINE_ID, VERSIONS, in_force
from features.rules.parts import KEPT, LINE
from features.thresholds import setting

COMMON = Feature(
    family="charge",
    source="2.16",
    measure="count(*)",
    amount="sum(fen)",
    unit="条",
)

#: An examination that nobody can do without the machine, by its name, and the machine's name in the register.
MACHINE = f"""
    CASE
        WHEN l.med_chrgitm_type <> {EXAM} THEN NULL
        WHEN regexp_matches(l.hilist_name, '磁共振|核磁|MRI') THEN '磁共振|核磁|MR'
        WHEN regexp_matches(l.hilist_name, '(^|[^A-Za-z])CT') THEN 'CT'
    END
"""
#: Operations without anaesthesia, material or a row in the register of operations, each of which counts as evidence;
#: day surgery (N10) is left out. Examinations by a machine that the unit's register of equipment lacks that day; a unit
#: without a register is not judged.
WITHOUT_A_TRACE = f"""
    WITH k AS (
        SELECT
            mdtrt_id,
            bool_or(hilist_name LIKE '%麻醉%') AS asleep,
            bool_or(med_chrgitm_type = {MATERIAL}) AS material,
            bool_or(med_chrgitm_type = {SURGERY}) AS surgery
        FROM lines
        WHERE is_inpatient
        GROUP BY 1
    )
    SELECT $entity AS entity_id, {LINE}, l.scope_fen AS fen
    FROM lines l
    JOIN k USING (mdtrt_id)
    ANTI JOIN operations o ON o.mdtrt_id = l.mdtrt_id
    WHERE l.is_inpatient
        AND l.med_chrgitm_type = {SURGERY}
        AND l.visit_class <> 'day_surgery'
        AND k.surgery
        AND NOT coalesce(k.asleep, false)
        AND NOT coalesce(k.material, false)
    UNION ALL
    SELECT $entity, {LINE}, l.scope_fen
    FROM (
        SELECT *, {MACHINE} AS machine
        FROM lines l
        SEMI JOIN equipment e ON e.fixmedins_code = l.fixmedins_code
    ) l
    WHERE l.machine IS NOT NULL
        AND NOT EXISTS (
            FROM equipment e
            WHERE e.fixmedins_code = l.fixmedins_code
                AND regexp_matches(e.kind, l.machine)
                AND coalesce(e."count", 1) > 0
                AND coalesce(e.begndate, l.day) <= l.day
        )
"""

declare(
    COMMON,
    name="rule_r55",
    rule="R55",
    label=setting("R55", "name"),
    kind="lead",
    scheme="T17",
    told_of={
        "admission": Of("l.mdtrt_id"),
        "institution": Of(
            "l.fixmedins_code",
            name="rule_r55_inst",
            by="institution",
            windows=(365,),
            reason="触发规则R55手术证据链缺失：近{window}天有{value}条手术收费无麻醉、无材料、无手术记录，或检查所需设备未登记",
        ),
    },
    by="person",
    windows=(0,),
    needs=("fee_details.hilist_name",),
    exempt=("N10",),
    source="1.5 3.10",
    rows=WITHOUT_A_TRACE,
    reason="触发规则R55手术证据链缺失：本次住院有{value}条手术收费无麻醉、无材料、无手术记录，或检查所需设备未登记",
    innocent="局麻小手术材料打包计价、设备登记未更新或送外院检查；日间手术已剔除（N10）",
)

#: Over the hours of a day at one unit; a blank doctor is nobody (N35), collapsed days are left out (N07), registered
#: multi-site doctors are counted per unit.
TOO_MANY_HOURS = once(
    "too_many_hours",
    f"""
        WITH l AS (
            SELECT l.*, c.std_minutes * l.cnt / 60.0 AS hours
            FROM lines l
            JOIN {VERSIONS} c ON {in_force("c")}
            WHERE l.dr_codg IS NOT NULL AND c.std_minutes > 0 AND NOT l.clock_collapsed
        ),
        t AS (
            SELECT dr_codg, fixmedins_code, day, sum(hours) AS total
            FROM l
            GROUP BY ALL
            HAVING sum(hours) > {setting("R56", "hours")}
        )
        SELECT
            {KEPT}, l.dr_codg, l.day, t.total,
            l.scope_fen * (t.total - {setting("R56", "hours")}) / t.total AS excess_fen
        FROM l
        JOIN t USING (dr_codg, fixmedins_code, day)
    """,
)

#: A doctor's lines beyond his hours, and each hour in which he bills outpatients of a unit, once; doctors registered
#: for several units are left out.
HOURS_OF_DOCTOR = f"""
    SELECT
        $entity AS entity_id, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id, l.hilist_name,
        l.fixmedins_code, l.day, l.total, l.excess_fen, NULL::TIMESTAMP AS hour
    FROM {TOO_MANY_HOURS} l
    UNION ALL
    SELECT
        $entity, min(l.happened_at), 'fee_details', min({LINE_ID}), any_value(l.hilist_name),
        l.fixmedins_code, l.day, NULL, 0, date_trunc('hour', l.happened_at)
    FROM lines l
    WHERE l.dr_codg IS NOT NULL
        AND NOT l.is_inpatient
        AND NOT l.clock_collapsed
        AND l.dr_codg NOT IN (SELECT dr_codg FROM doctors WHERE mul_prac_flag = '1')
    GROUP BY $entity, l.fixmedins_code, l.day, date_trunc('hour', l.happened_at)
"""
AT_TWO_UNITS = """
    SELECT *
    FROM (
        SELECT *, count(DISTINCT fixmedins_code) OVER (PARTITION BY entity_id, hour) AS units
        FROM gathered
    )
    WHERE hour IS NULL OR units > 1
"""

declare(
    COMMON,
    name="rule_r56",
    rule="R56",
    label=setting("R56", "name"),
    kind="lead",
    family="doctor",
    scheme="T17",
    told_of={
        "doctor": Of(
            "l.dr_codg",
            rows=HOURS_OF_DOCTOR,
            across=AT_TWO_UNITS,
            reason="触发规则R56医师工时超限：近{window}天有{value}天标准工时合计超过16小时，或同一小时在两家机构开单",
            innocent="多人共用工号（N35）；批量上传、登记多点执业已剔除（N07）",
        ),
        "institution": Of(
            "l.fixmedins_code",
            name="rule_r56_inst",
            measure="count(DISTINCT dr_codg || day::VARCHAR)",
            unit="人天",
            reason="触发规则R56医师工时超限：近{window}天有{value}个医师工作日标准工时超过16小时",
            innocent="多人共用工号（N35）",
        ),
    },
    by="institution",
    windows=(365,),
    needs=("catalog.std_minutes", "fee_details.bilg_dr_codg"),
    exempt=("N07", "N35"),
    source="1.5 3.10",
    rows=f"""
        SELECT $entity AS entity_id, {LINE}, l.dr_codg, l.day, l.total, l.excess_fen
        FROM {TOO_MANY_HOURS} l
    """,
    measure="count(DISTINCT day)",
    amount="round(sum(excess_fen))",
    unit="天",
    reason="触发规则R56医师工时超限：近{window}天有{value}天标准工时合计超过16小时",
    innocent="多人共用工号（N35）；批量上传已剔除（N07）",
)

declare(
    COMMON,
    name="rule_r57",
    rule="R57",
    label=setting("R57", "name"),
    kind="hard",
    scheme="T23",
    told_of={
        "admission": Of("l.mdtrt_id"),
        "institution": Of(
            "l.fixmedins_code",
            name="rule_r57_inst",
            by="institution",
            windows=(365,),
            reason="触发规则R57高值耗材不符：近{window}天有{value}条千元以上耗材无对应手术收费",
        ),
        "doctor": Of(
            "l.dr_codg",
            name="rule_r57_doctor",
            by="institution",
            windows=(365,),
            needs=("fee_details.bilg_dr_codg",),
            reason="触发规则R57高值耗材不符：近{window}天所开{value}条千元以上耗材无对应手术收费",
        ),
    },
    by="person",
    windows=(0,),
    needs=("fee_details",),
    exempt=("N22",),
    rows=f"SELECT * FROM ({IMPLANTS}) WHERE NOT surgery AND pric >= {setting('R57', 'min_price_yuan')}",
    reason="触发规则R57高值耗材不符：本次住院有{value}条千元以上耗材无对应手术收费",
    innocent="介入操作记在治疗费（N22）",
)

#: Parts that one operation needs several of, by nature: of them no usual number is known.
IN_SETS = "'钉|螺|棒|板|锚|夹|垫|缝线|吻合|连接|导丝'"

declare(
    COMMON,
    name="rule_r57_count",
    rule="R57",
    label="高值耗材数量超标",
    kind="lead",
    scheme="T23",
    told_of={"admission": Of("l.mdtrt_id")},
    by="person",
    windows=(0,),
    needs=("fee_details",),
    exempt=("N22",),
    rows=f"""
        SELECT *, fen * (n - {setting("R57", "max_count")}) / n AS excess_fen
        FROM (
            SELECT *, sum(cnt) OVER (PARTITION BY entity_id) AS n
            FROM ({IMPLANTS})
            WHERE NOT regexp_matches(coalesce(hilist_name, ''), {IN_SETS})
        )
        WHERE n > {setting("R57", "max_count")}
    """,
    amount="round(sum(excess_fen))",
    reason="触发规则R57高值耗材数量超标：本次住院有{value}条千元以上耗材，件数超过常规",
    innocent="多支病变、双侧手术（N22）；成组使用的钉、板、棒不计",
)
