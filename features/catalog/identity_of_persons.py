"""T03 冒名就医, T26 虚假享受优惠身份, T27 重复参保重复享受.

How it works: somebody without insurance, or with a poorer scheme, is treated on another's card; a card lives on after
its holder; one human draws from two schemes or two areas, or the same bill is settled on line and again by hand; a
lapsed poverty status still opens assistance.
What it leaves: diagnoses the holder's sex or age cannot have, visits after death, two places in one hour, overlapping
stays, a set of diseases that changes from one quarter to the next, assistance without a status.
Honest cases: family purchase (N05: shared accounts are left out), mothers and infants (N12), transfers with hours of
overlap (N16), people living elsewhere (N20), manual reimbursement and late entry (N32, N33), defects of the data
(N35).
"""

from dataclasses import replace

from features.codes import BASIC_SCHEMES, TRANSFERRED, kilometres, paid
from features.common_subqueries import once
from features.declare import Feature, Of, declare
from features.knowledge import impossible, impossible_operation, telling_diagnosis, telling_operation
from features.thresholds import setting
from features.wording import above, below

#: Visits that carry a diagnosis: outpatient settlements and stays.
_DX = f"""
    (
        SELECT
            psn_no, fixmedins_code, happened_at, 'settlements' AS row_table, setl_id AS row_id,
            upper(opt_diag_code) AS dx, {paid()} AS fen
        FROM swipes
        WHERE opt_diag_code IS NOT NULL
        UNION ALL
        SELECT psn_no, fixmedins_code, happened_at, 'visits', mdtrt_id, dx, coalesce(fund_fen, 0)
        FROM stays
        WHERE dx IS NOT NULL
    )
"""

#: Diagnoses that contradict the patient's sex or age; the chapters that can are looked at only.
CLASH = f"""
    SELECT
        $entity AS entity_id, v.psn_no, v.fixmedins_code, v.happened_at, v.row_table, v.row_id,
        v.dx, v.fen, p.gend, p.brdy
    FROM (
        SELECT *
        FROM {_DX}
        WHERE substr(dx, 1, 1) IN ('C', 'D', 'F', 'G', 'M', 'N', 'O', 'P', 'Z')
    ) v
    JOIN persons p USING (psn_no)
    WHERE {impossible("v.dx", "p.gend", "p.brdy", "v.happened_at::DATE")}
"""

STAY_CLASH = f"""
    SELECT
        s.mdtrt_id AS entity_id, s.happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id, s.dx,
        p.gend, p.brdy, coalesce(s.fund_fen, 0) AS fen
    FROM stays s
    JOIN persons p USING (psn_no)
    WHERE {impossible("s.dx", "p.gend", "p.brdy", "s.adm_date")}
"""

#: Stays and visits whose diagnosis or operation is one sex's or one age's: `clash` contradicts the patient, the others
#: say whether the column can be believed at all. `kind` is diagnosis or operation.
TELLING = f"""
    SELECT
        $entity AS entity_id, v.psn_no, v.fixmedins_code, v.happened_at, v.row_table, v.row_id,
        'diagnosis' AS kind, v.dx AS code, v.fen,
        {impossible("v.dx", "p.gend", "p.brdy", "v.happened_at::DATE")} AS clash
    FROM {_DX} v
    JOIN persons p USING (psn_no)
    WHERE {telling_diagnosis("v.dx")} OR {impossible("v.dx", "p.gend", "p.brdy", "v.happened_at::DATE")}
    UNION ALL
    SELECT
        $entity, v.psn_no, v.fixmedins_code, v.happened_at, 'visits', v.mdtrt_id,
        'operation', string_agg(DISTINCT o.code, ',' ORDER BY o.code), coalesce(any_value(v.fund_fen), 0),
        bool_or({impossible_operation("o.code", "p.gend", "p.brdy", "v.adm_date")})
    FROM (SELECT *, mdtrt_id AS row_id FROM stays) v
    JOIN persons p USING (psn_no)
    JOIN (
        SELECT mdtrt_id, oprn_oprt_code AS code
        FROM operations
        UNION ALL
        SELECT mdtrt_id, oprn_oprt_code
        FROM stays
    ) o ON o.mdtrt_id = v.mdtrt_id
    WHERE {telling_operation("o.code")}
    GROUP BY $entity, v.psn_no, v.fixmedins_code, v.happened_at, v.mdtrt_id
"""
_LIMIT = setting("R60", "max_contradictions")
_ENOUGH = setting("R60", "min_telling")
#: Whether a kind of code is believed: in the unit, where it has enough of them, else in the county, no more than errors
#: of entry explain contradict the patient. Chance alone makes half of them do so.
BELIEVED = f"""
    SELECT
        *,
        CASE WHEN of_unit >= {_ENOUGH} THEN wrong_in_unit <= {_LIMIT} * of_unit
            ELSE of_county < {_ENOUGH} OR wrong_in_county <= {_LIMIT} * of_county
        END AS believed
    FROM (
        SELECT
            *,
            count(*) OVER (PARTITION BY kind, fixmedins_code) AS of_unit,
            count(*) FILTER (clash) OVER (PARTITION BY kind, fixmedins_code) AS wrong_in_unit,
            count(*) OVER (PARTITION BY kind) AS of_county,
            count(*) FILTER (clash) OVER (PARTITION BY kind) AS wrong_in_county
        FROM gathered
    )
"""
#: What contradicts the patient by a code that is believed, each visit once (R60).
CONTRADICTED = f"""
    SELECT
        entity_id, psn_no, fixmedins_code, happened_at, row_table, row_id,
        string_agg(code, ',' ORDER BY kind, code) AS codes,
        max(fen) AS fen
    FROM ({BELIEVED})
    WHERE clash AND believed
    GROUP BY ALL
"""
#: What contradicts the patient by a code that is not: a defect of the data (R61).
NOT_BELIEVED = f"SELECT * FROM ({BELIEVED}) WHERE clash AND NOT believed"

DISEASES = f"""
    SELECT
        v.psn_no AS entity_id, v.happened_at, v.row_table, v.row_id, v.fixmedins_code,
        substr(v.dx, 1, 3) AS dx3,
        date_diff('day', v.happened_at::DATE, a.d) < 90 AS recent
    FROM {_DX} v
    CROSS JOIN main.asof a
"""

#: Two places within so many minutes are looked at; a speed is told from so many kilometres on, below it is a walk.
MOVE_MINUTES, WALK_KM = 240, 3

#: A swipe within four hours of one elsewhere; shared family accounts are left out (N05).
MOVES = once(
    "moves",
    f"""
        WITH w AS (
            SELECT w.psn_no, w.setl_id, w.fixmedins_code, w.happened_at, {paid("w")} AS fen, i.lnt, i.lat
            FROM swipes w
            LEFT JOIN institutions i USING (fixmedins_code)
            WHERE NOT w.clock_collapsed AND coalesce(w.acct_mulaid_pay_fen, 0) = 0
        ),
        n AS (
            SELECT
                *, lag(fixmedins_code) OVER p AS before,
                date_diff('second', lag(happened_at) OVER p, happened_at) / 60.0 AS minutes,
                {kilometres("lnt", "lat", "lag(lnt) OVER p", "lag(lat) OVER p")} AS km
            FROM w
            WINDOW p AS (PARTITION BY psn_no ORDER BY happened_at, setl_id)
        )
        SELECT
            psn_no AS entity_id, happened_at, 'settlements' AS row_table, setl_id AS row_id,
            fixmedins_code, before, minutes, km,
            CASE WHEN km > {WALK_KM} THEN km * 60 / greatest(minutes, 1) END AS kmh,
            fen
        FROM n
        WHERE before <> fixmedins_code AND minutes < {MOVE_MINUTES}
    """,
)

#: Settlements some days after a registered death, or of a stay that ran on until then.
AFTER_DEATH = f"""
    SELECT
        $entity AS entity_id, s.psn_no, s.fixmedins_code, s.happened_at,
        'settlements' AS row_table, s.setl_id AS row_id, p.death_date, {paid("s")} AS fen
    FROM settlements s
    JOIN persons p USING (psn_no)
    WHERE p.death_date IS NOT NULL
        AND greatest(s.happened_at, CASE WHEN s.is_inpatient THEN s.endtime ELSE s.happened_at END)::DATE
            > p.death_date + {setting("R34", "grace_days")}
        AND coalesce(s.manual_flag, '0') <> '1'
"""

#: A person's stays at two units at once, transfers left out.
OVERLAP = f"""
    SELECT
        $entity AS entity_id, a.happened_at, 'visits' AS row_table, a.mdtrt_id AS row_id,
        a.fixmedins_code, b.fixmedins_code AS other, a.adm_date, a.end_date,
        date_diff('day', greatest(a.adm_date, b.adm_date), least(a.end_date, b.end_date)) AS days
    FROM stays a
    JOIN stays b ON b.psn_no = a.psn_no AND b.mdtrt_id <> a.mdtrt_id AND b.fixmedins_code <> a.fixmedins_code
    WHERE a.adm_date < b.end_date
        AND b.adm_date < a.end_date
        AND coalesce(b.dscg_way, '') <> {TRANSFERRED}
        AND coalesce(a.dscg_way, '') <> {TRANSFERRED}
"""

#: Medical assistance paid to somebody without a status.
ASSISTED = """
    SELECT
        $entity AS entity_id, s.psn_no, s.fixmedins_code, s.happened_at,
        'settlements' AS row_table, s.setl_id AS row_id, s.maf_pay_fen AS fen, p.psn_idet_type,
        date_diff('day', s.happened_at::DATE, a.d) AS days_ago
    FROM settlements s
    CROSS JOIN main.asof a
    JOIN persons p USING (psn_no)
    WHERE s.maf_pay_fen > 0 AND p.psn_idet_type IS NULL
"""

#: Whom visits `v` and settlements `s` are told of.
OF_PATIENT, OF_DESK = Of("v.psn_no"), Of("v.fixmedins_code")

OF_HOLDER, OF_UNIT = Of("s.psn_no"), Of("s.fixmedins_code")

#: Settlements of one number under two basic schemes within 30 days (employees and residents exclude one another).
SCHEMES_OF_ONE = f"""
    WITH s AS (
        SELECT
            psn_no, happened_at, setl_id, fixmedins_code, insutype,
            coalesce(fund_pay_sumamt_fen, 0) AS fen, lag(insutype) OVER p AS before,
            lag(happened_at) OVER p AS last_at, lead(insutype) OVER p AS after,
            lead(happened_at) OVER p AS next_at
        FROM settlements
        SEMI JOIN (
            SELECT psn_no
            FROM settlements
            WHERE insutype IN {BASIC_SCHEMES}
            GROUP BY 1
            HAVING min(insutype) < max(insutype)
        ) both_ USING (psn_no)
        WHERE insutype IN {BASIC_SCHEMES}
        WINDOW p AS (PARTITION BY psn_no ORDER BY happened_at, setl_id)
    )
    SELECT
        psn_no AS entity_id, happened_at, 'settlements' AS row_table, setl_id AS row_id,
        fixmedins_code, insutype, before, fen
    FROM s
    WHERE before <> insutype
        AND happened_at - last_at < INTERVAL 30 DAY
        AND after = before
        AND next_at - happened_at < INTERVAL 30 DAY
"""

#: Care on one day under two basic schemes: a settlement on an inner day of a stay under the other, or two visits of one
#: day; the later one is the second. What was claimed by hand (N32) or elsewhere (N20) has dates of its own.
AT_ONCE = f"""
    SELECT
        b.psn_no AS entity_id, b.happened_at, 'settlements' AS row_table, b.setl_id AS row_id, b.fixmedins_code,
        coalesce(b.fund_pay_sumamt_fen, 0) AS fen
    FROM settlements b
    WHERE b.insutype IN {BASIC_SCHEMES}
        AND coalesce(b.manual_flag, '0') <> '1'
        AND coalesce(b.out_flag, '0') <> '1'
        AND EXISTS (
            FROM settlements a
            WHERE a.psn_no = b.psn_no
                AND a.insutype IN {BASIC_SCHEMES}
                AND a.insutype <> b.insutype
                AND coalesce(a.manual_flag, '0') <> '1'
                AND coalesce(a.out_flag, '0') <> '1'
                AND (a.happened_at, a.setl_id) < (b.happened_at, b.setl_id)
                AND (
                    (
                        a.is_inpatient
                        AND b.happened_at::DATE > a.happened_at::DATE
                        AND b.happened_at::DATE < a.endtime::DATE
                    )
                    OR (
                        NOT a.is_inpatient
                        AND NOT b.is_inpatient
                        AND a.happened_at::DATE = b.happened_at::DATE
                        AND coalesce(a.fund_pay_sumamt_fen, 0) > 0
                        AND coalesce(b.fund_pay_sumamt_fen, 0) > 0
                    )
                )
        )
"""

#: The same person, day and amount once at the counter and once by hand.
TWICE = """
    SELECT
        m.psn_no AS entity_id, m.happened_at, 'settlements' AS row_table, m.setl_id AS row_id,
        m.fixmedins_code, s.setl_id AS direct_setl_id, coalesce(m.fund_pay_sumamt_fen, 0) AS fen
    FROM settlements m
    JOIN settlements s
        ON s.psn_no = m.psn_no
        AND s.medfee_sumamt_fen = m.medfee_sumamt_fen
        AND s.happened_at::DATE = m.happened_at::DATE
    WHERE m.manual_flag = '1' AND coalesce(s.manual_flag, '0') <> '1' AND m.medfee_sumamt_fen > 0
"""

#: What each number of a human (certificate) last settled; across all buckets, since another number may lie in another
#: one.
NUMBERS = """
    SELECT
        s.psn_no AS entity_id, max(s.happened_at) AS happened_at, 'settlements' AS row_table,
        last(s.setl_id ORDER BY s.happened_at, s.setl_id) AS row_id,
        p.certno, s.psn_no AS number,
        sum(coalesce(s.fund_pay_sumamt_fen, 0))::BIGINT AS fen
    FROM settlements s
    JOIN persons p USING (psn_no)
    WHERE p.certno IS NOT NULL
    GROUP BY s.psn_no, p.certno
"""

OTHER_NUMBERS = """
    SELECT a.entity_id, b.happened_at, b.row_table, b.row_id, b.number, b.fen
    FROM gathered a
    JOIN gathered b ON b.certno = a.certno AND b.entity_id <> a.entity_id
"""

person = Feature(scheme="T03", by="person", family="identity", source="3.3")

stay = Feature(
    scheme="T03",
    by="person",
    family="identity",
    source="3.3",
    windows=(0,),
)

declare(
    person,
    told_of={"person": OF_PATIENT},
    name="dx_impossible_times",
    label="诊断与性别年龄不符次数",
    unit="次",
    windows=(90, 365),
    rows=CLASH,
    measure="count(*)",
    reason="近{window}天有{value}次诊断与本人性别或年龄不符" + above("次"),
    innocent="新生儿费用记在母亲名下（N12）；诊断编码录错（N35）",
)

declare(
    person,
    grain="person",
    name="two_places_times",
    label="半小时内两地刷卡次数",
    unit="次",
    windows=(90, 365),
    rows=f"FROM {MOVES}",
    measure="count(*) FILTER (WHERE minutes < 30 AND (km IS NULL OR km > 1))",
    reason="近{window}天有{value}次在半小时内先后在两家机构刷卡" + above("次"),
    innocent="看完病到旁边药店取药；家属代购（N05）",
)

declare(
    person,
    grain="person",
    name="two_places_gap",
    label="跨机构最短间隔",
    unit="分钟",
    windows=(90, 365),
    rows=f"FROM {MOVES}",
    measure=f"min(minutes) FILTER (WHERE km > {WALK_KM})",
    worse="low",
    empty=None,
    reason="近{window}天在相距3公里以上的两家机构刷卡，最短间隔{value}分钟" + below("分钟"),
    innocent="家属持卡代购（N05）、乘车往返",
)

declare(
    person,
    grain="person",
    name="two_places_kmh",
    label="跨机构最快折算时速",
    unit="公里/小时",
    windows=(90, 365),
    rows=f"FROM {MOVES}",
    measure="max(kmh)",
    empty=0.0,
    reason="近{window}天两次刷卡之间折算时速最高{value}公里" + above("公里"),
    innocent="家属持卡代购（N05）；机构坐标登记有误（N35）",
)

declare(
    person,
    told_of={"person": OF_HOLDER},
    name="after_death_times",
    label="死亡后就医次数",
    unit="次",
    windows=(365,),
    rows=AFTER_DEATH,
    measure="count(*)",
    needs=("persons.death_date",),
    reason="近{window}天在登记死亡3天之后仍有{value}次结算" + above("次"),
    innocent="死亡日期登记有误（N35）；住院费用死后结算已按就诊日剔除",
)

declare(
    person,
    told_of={"person": Of("a.psn_no")},
    name="stays_overlap_days",
    label="两院同时住院天数",
    unit="天",
    windows=(365,),
    rows=OVERLAP,
    measure="max(days)",
    reason="近{window}天有两次不同机构的住院重叠{value}天" + above("天"),
    innocent="转院当日交叉（N16，转院离院已剔除）、家庭病床（N34）",
)

declare(
    person,
    grain="person",
    name="disease_change",
    label="病种突变程度",
    unit="%",
    windows=(365,),
    rows=DISEASES,
    empty=None,
    measure="""
        CASE
            WHEN count(*) FILTER (WHERE recent) >= 3 AND count(*) FILTER (WHERE NOT recent) >= 3
                THEN 1
                    - len(
                        list_intersect(
                            list(DISTINCT dx3) FILTER (WHERE recent),
                            list(DISTINCT dx3) FILTER (WHERE NOT recent)
                        )
                    ) / count(DISTINCT dx3)
        END
    """,
    reason="近90天的诊断与此前相比有{value}不重合" + above(),
    innocent="新发疾病、妊娠或外伤",
)

declare(
    person,
    grain="person",
    name="disease_chapters",
    label="诊断跨系统数",
    unit="类",
    windows=(180,),
    rows=DISEASES,
    measure="count(DISTINCT substr(dx3, 1, 1))",
    reason="近{window}天的诊断涉及{value}个疾病大类" + above("类"),
    innocent="多病共存老人（N29）",
)

declare(
    person,
    told_of={"person": OF_HOLDER},
    name="assisted_without_status_yuan",
    label="无身份享受医疗救助金额",
    unit="元",
    windows=(365,),
    rows=ASSISTED,
    measure="sum(fen) / 100.0",
    scheme="T26",
    source="3.15",
    needs=("persons.psn_idet_type", "settlements.maf_pay_fen"),
    reason="近{window}天未登记困难身份却享受医疗救助{value}元" + above("元"),
    innocent="身份认定补录（N33）、当年已退出但待遇延续（N26）",
)

declare(
    person,
    told_of={"person": OF_HOLDER},
    name="assisted_without_status_times",
    label="无身份享受医疗救助次数",
    unit="次",
    windows=(365,),
    rows=ASSISTED,
    measure="count(*)",
    scheme="T26",
    source="3.15",
    needs=("persons.psn_idet_type", "settlements.maf_pay_fen"),
    reason="近{window}天未登记困难身份却有{value}次医疗救助支付" + above("次"),
    innocent="身份认定补录（N33）",
)

declare(
    person,
    grain="person",
    name="two_schemes_times",
    label="职工居民待遇交替次数",
    unit="次",
    windows=(365,),
    rows=SCHEMES_OF_ONE,
    measure="count(*)",
    scheme="T27",
    source="3.14",
    reason="近{window}天同一人30天内在职工与居民两种医保间来回结算{value}次" + above("次"),
    innocent="参保关系当月转换（N33）",
)

declare(
    person,
    grain="person",
    name="paid_twice_yuan",
    label="联网与手工重复报销金额",
    unit="元",
    windows=(365,),
    rows=TWICE,
    measure="sum(fen) / 100.0",
    scheme="T27",
    source="3.11 3.14",
    needs=("settlements.manual_flag",),
    reason="近{window}天同日同额费用既联网结算又手工报销，涉及{value}元" + above("元"),
    innocent="联网结算已退费后改手工报销（N32）",
)

number = replace(
    person,
    grain="person",
    windows=(365,),
    rows=NUMBERS,
    across=OTHER_NUMBERS,
    scheme="T27",
    source="3.11 3.14",
    needs=("persons.certno",),
)

_MOVED = "参保关系转移、险种变更后编号更换，原编号当年仍有结算（N33）"

declare(
    number,
    name="other_numbers",
    label="同一证件号的其他在用参保编号",
    unit="个",
    measure="count(DISTINCT number)",
    reason="近{window}天同一证件号另有{value}个参保编号在结算" + above("个"),
    innocent=_MOVED,
)

declare(
    number,
    name="other_numbers_yuan",
    label="同一证件号其他编号的统筹支出",
    unit="元",
    measure="sum(fen) / 100.0",
    reason="同一证件号的其他参保编号由统筹支付{value}元" + above("元"),
    innocent=_MOVED,
)

declare(
    stay,
    grain="admission",
    name="stay_dx_impossible",
    label="本次住院诊断与性别年龄不符",
    unit="次",
    rows=STAY_CLASH,
    measure="count(*)",
    reason="本次住院主诊断与本人性别或年龄不符（{value}次）",
    innocent="新生儿费用记在母亲名下（N12）",
)

declare(
    stay,
    told_of={"admission": Of("a.mdtrt_id")},
    name="stay_overlap_elsewhere",
    label="与他院住院重叠天数",
    unit="天",
    rows=OVERLAP,
    measure="max(days)",
    reason="本次住院与本人在另一机构的住院重叠{value}天" + above("天"),
    innocent="转院当日交叉（N16）、家庭病床（N34）",
)
