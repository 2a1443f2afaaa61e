"""T04 分解住院 split admission: one stay billed as two.

How it works: under a fee quota per stay, or points per case, a stay that becomes too dear is closed on paper and
opened again, the same or next day or after a pause at home on self-pay; the second stay continues the plan of the
first.
What it leaves: the same unit, diagnosis and department within a fortnight; discharge and admission on one day; the
second stay without the tests of a beginning; lengths and costs massed just under the quota; a readmission rate far
above peers.
Honest cases: dialysis and chemotherapy cycles (N01, N02), psychiatric and rehabilitation courses (N03), planned second
steps (N11), deliveries (N12), transfers (N16). The flag of a planned readmission is shown, not trusted: the unit
writes it itself.
"""

from features.catalog.stay_rows import (
    COURSE,
    HOSPITAL,
    LONG_CARE,
    STAY,
    STAYS,
    continues,
    course,
    hospital_and_doctor,
    long_care,
)
from features.codes import TRANSFERRED, TRANSFERS
from features.declare import Feature, Of, declare

#: Stays further apart have nothing to do with one another.
LINK_DAYS = 60
#: A stay `s` and an earlier one `o` of the same person; `cut`: one stay on two papers. `hit`: neither that nor
#: planned nor a course nor a transfer, and the same disease.
_LINKED = f"""s.mdtrt_id AS stay_id, o.mdtrt_id AS other_id, o.mdtrt_id AS earlier_id,
    o.end_date < s.adm_date AS apart,
    date_diff('day', o.end_date, s.adm_date) AS gap_days,
    date_diff('minute', o.end_at, s.begntime) / 60.0 AS gap_hours,
    o.fixmedins_code = s.fixmedins_code AS same_unit,
    s.dx3, o.dx3 = s.dx3 AS same_dx3, o.dept = s.dept AS same_dept,
    coalesce(o.atddr_no = s.atddr_no, false) AS same_doctor,
    o.planned, o.dscg_way, o.nights AS earlier_nights, s.nights,
    o.dscg_way IN {TRANSFERS} AS transfer, {COURSE} OR {LONG_CARE} AS course,
    coalesce(s.fund_fen, 0) AS fen, coalesce(o.fund_fen, 0) AS earlier_fen,
    {continues("o", "s")} AS cut,
    NOT o.planned
        AND NOT {continues("o", "s")}
        AND NOT {COURSE}
        AND NOT {LONG_CARE}
        AND o.dscg_way IS DISTINCT FROM {TRANSFERRED}
        AND (o.dx3 = s.dx3 OR s."open") AS hit
FROM stays s
JOIN stays o
    ON o.psn_no = s.psn_no
    AND o.mdtrt_id <> s.mdtrt_id
    AND NOT o."open"
    AND o.end_at <= s.begntime
    AND date_diff('day', o.end_date, s.adm_date) <= {LINK_DAYS}
WHERE NOT s.day_surgery AND NOT o.day_surgery"""
#: Told of the later stay, an earlier one a row; and of the earlier stay, a later one a row.
BEFORE = f"""
    SELECT s.mdtrt_id AS entity_id, o.end_at AS happened_at, 'visits' AS row_table, o.mdtrt_id AS row_id, {_LINKED}
"""
AFTER = f"""
    SELECT o.mdtrt_id AS entity_id, s.begntime AS happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id, {_LINKED}
"""

_COURSE = "放化疗、透析、康复等按疗程再入院，或计划内二次手术（N01、N02、N03、N11）"
before = Feature(grain="admission", scheme="T04", by="person", windows=(0,), rows=BEFORE)
declare(
    before,
    name="days_since_same_unit",
    label="距本院上次出院天数",
    unit="天",
    measure="min(gap_days) FILTER (same_unit)",
    worse="low",
    empty=None,
    reason="距上次从同一医院出院仅{value}天（同类中位{peer}天，低于{percentile}的同类）",
    innocent=_COURSE,
)
declare(
    before,
    name="days_since_same_disease",
    label="距同院同病上次出院天数",
    unit="天",
    measure="min(gap_days) FILTER (same_unit AND same_dx3)",
    worse="low",
    empty=None,
    reason="因同一疾病从同一医院出院后仅{value}天再入院（同类中位{peer}天，低于{percentile}的同类）",
    innocent=_COURSE,
)
declare(
    before,
    name="returns_fortnight",
    label="十五天内同院同病再入院",
    unit="次",
    measure="count(*) FILTER (same_unit AND same_dx3 AND gap_days <= 15)",
    reason="此前十五天内因同一疾病在同一医院出院{value}次（同类中位{peer}次）",
    innocent=_COURSE,
)
declare(
    before,
    name="returns_unplanned",
    label="十五天内非计划同病再入院",
    unit="次",
    measure="count(*) FILTER (same_unit AND hit AND gap_days <= 15)",
    reason="此前十五天内从同一医院出院又因同病入院{value}次，且非疗程、非计划、非转院（同类中位{peer}次）",
    innocent="病情反复，确需再次住院",
)
declare(
    before,
    name="same_day_return",
    label="当日出院当日再入院",
    unit="次",
    measure="count(*) FILTER (same_unit AND gap_days = 0)",
    reason="在同一医院当日出院、当日又入院{value}次（同类中位{peer}次）",
    innocent="更换医保类型、转科或跨年结算（N31）",
)
declare(
    before,
    name="same_doctor_return",
    label="同医师三十天内再收治",
    unit="次",
    measure="count(*) FILTER (same_doctor AND gap_days <= 30)",
    reason="同一医师三十天内再次收治，此前出院{value}次（同类中位{peer}次）",
    innocent=_COURSE,
)
declare(
    before,
    name="nights_before_linked",
    label="六十天内前次住院夜数",
    unit="夜",
    measure="sum(earlier_nights) FILTER (same_unit)",
    reason="此前六十天内已在本院住过{value}夜（同类中位{peer}夜，高于{percentile}的同类）",
    innocent=_COURSE,
)
after = Feature(grain="admission", scheme="T04", by="person", windows=(0,), rows=AFTER)
declare(
    after,
    name="days_to_next_stay",
    label="出院到下次入院天数",
    unit="天",
    measure="min(gap_days) FILTER (same_unit)",
    worse="low",
    empty=None,
    reason="出院{value}天后又在同一医院入院（同类中位{peer}天，低于{percentile}的同类）",
    innocent=_COURSE,
)
declare(
    after,
    name="next_stays_unplanned",
    label="十五天内被续接的住院",
    unit="次",
    measure="count(*) FILTER (same_unit AND hit AND gap_days <= 15)",
    reason="出院十五天内又因同病在同一医院入院{value}次，且非疗程、非计划（同类中位{peer}次）",
    innocent="病情反复，确需再次住院",
)

#: The person's stays within a year before this one's end, itself included.
HISTORY = f"""
    SELECT
        $entity AS entity_id, o.happened_at, 'visits' AS row_table, o.mdtrt_id AS row_id,
        o.nights,
        o.fixmedins_code = s.fixmedins_code AS same_unit,
        o.fixmedins_code, o.dx3, o.dx3 = s.dx3 AS same_dx3, coalesce(o.fund_fen, 0) AS fen,
        {course("o")} OR {long_care("o")} AS course
    FROM stays s
    JOIN stays o ON o.psn_no = s.psn_no AND o.end_at <= s.end_at AND o.end_at > s.end_at - INTERVAL 365 DAY
    WHERE NOT s.day_surgery AND NOT o.day_surgery
"""
history = Feature(
    told_of={"admission": Of(STAY)},
    scheme="T04",
    by="person",
    windows=(0,),
    rows=HISTORY,
)
declare(
    history,
    name="stays_in_year",
    label="一年内住院次数",
    unit="次",
    measure="count(*)",
    reason="连同本次，一年内住院{value}次（同类中位{peer}次，高于{percentile}的同类）",
    innocent=_COURSE,
)
declare(
    history,
    name="stays_in_year_here",
    label="一年内在本院住院次数",
    unit="次",
    measure="count(*) FILTER (same_unit)",
    reason="连同本次，一年内在本院住院{value}次（同类中位{peer}次，高于{percentile}的同类）",
    innocent=_COURSE,
)
declare(
    history,
    name="nights_in_year",
    label="一年内住院夜数",
    unit="夜",
    measure="sum(nights)",
    reason="连同本次，一年内住院{value}夜（同类中位{peer}夜，高于{percentile}的同类）",
    innocent="精神、康复、护理长期住院（N03）",
)

PERSON_STAYS = f"""
    SELECT
        s.psn_no AS entity_id, s.happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id, s.nights,
        s.fixmedins_code, s.dx3, coalesce(s.fund_fen, 0) AS fen, {COURSE} OR {LONG_CARE} AS course,
        date_diff(
            'day',
            max(s.end_date) OVER (
                PARTITION BY s.psn_no, s.fixmedins_code
                ORDER BY s.begntime, s.mdtrt_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ),
            s.adm_date
        ) AS gap_days
    FROM stays s
    WHERE NOT s.day_surgery
"""
person = Feature(grain="person", scheme="T04", by="person", windows=(365,), rows=PERSON_STAYS)
declare(
    person,
    name="person_stays",
    also=("T30",),
    label="住院次数",
    unit="次",
    measure="count(*)",
    reason="近{window}天住院{value}次（同类中位{peer}次，高于{percentile}的同类）",
    innocent=_COURSE,
)
declare(
    person,
    name="person_short_returns",
    label="十五天内同院再入院次数",
    unit="次",
    measure="count(*) FILTER (gap_days BETWEEN 0 AND 15 AND NOT course)",
    reason="近{window}天有{value}次在同一医院出院十五天内再入院（同类中位{peer}次）",
    innocent=_COURSE,
)
declare(
    person,
    name="person_stay_units",
    label="住院机构数",
    unit="家",
    measure="count(DISTINCT fixmedins_code)",
    reason="近{window}天在{value}家医院住过院（同类中位{peer}家，高于{percentile}的同类）",
    innocent="逐级转诊（N16）",
)

#: A stay of the unit beside the gap to the person's previous stay here.
LINKED = f"""
    SELECT
        r.*,
        date_diff(
            'day',
            max(r.end_date) OVER (
                PARTITION BY r.entity_id, r.psn_no
                ORDER BY r.begntime, r.row_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ),
            r.adm_date
        ) AS gap_days,
        lag(r.dx3) OVER (PARTITION BY r.entity_id, r.psn_no ORDER BY r.begntime, r.row_id) = r.dx3 AS same_dx3,
        coalesce(
            lag(r.planned) OVER (PARTITION BY r.entity_id, r.psn_no ORDER BY r.begntime, r.row_id),
            false
        ) AS was_planned
    FROM ({STAYS}) r
"""
linked = Feature(
    scheme="T04",
    by="institution",
    windows=(180,),
    rows=LINKED,
    empty=None,
)
declare(
    linked,
    told_of=hospital_and_doctor(
        "return_share",
        "近{window}天的住院有{value}是十五天内同病再入院，疗程除外（同类中位{peer}，高于{percentile}的同类）",
    ),
    label="十五天内同病再入院占比",
    unit="%",
    measure="""
        count(*) FILTER (gap_days BETWEEN 0 AND 15 AND same_dx3 AND NOT course AND NOT long_care) / count(*)::DOUBLE
    """,
    innocent="收治重症慢病较多的医院（N21）",
)
declare(
    linked,
    told_of=hospital_and_doctor(
        "same_day_returns", "近{window}天有{value}次当日出院当日入院（同类中位{peer}次，高于{percentile}的同类）"
    ),
    label="当日出入院次数",
    unit="次",
    measure="count(*) FILTER (gap_days = 0)",
    innocent="更换医保类型或跨年结算（N31）",
)
declare(
    linked,
    told_of=hospital_and_doctor(
        "month_return_share", "近{window}天三十一天内非计划再入院率{value}（同类中位{peer}，高于{percentile}的同类）"
    ),
    label="三十一天内再入院率",
    unit="%",
    measure="count(*) FILTER (gap_days BETWEEN 0 AND 31 AND NOT was_planned AND NOT course) / count(*)::DOUBLE",
    innocent="收治重症慢病较多的医院（N21）",
)
#: A stay of the unit beside how many of its stays of the last year share its length, and lengths one and two nights
#: away.
BUNCHING = f"""
    WITH lengths_ AS (
        SELECT entity_id, nights, count(*) AS n, count(*) FILTER (NOT course AND NOT long_care) AS n_plain
        FROM ({STAYS})
        WHERE NOT "open" AND happened_at > (SELECT t FROM main.asof) - INTERVAL 365 DAY
        GROUP BY 1, 2
    ),
    sides_ AS (
        SELECT q.entity_id, q.nights, any_value(q.n) AS at_q, coalesce(sum(o.n), 0) / 4.0 AS beside
        FROM lengths_ q
        LEFT JOIN lengths_ o ON o.entity_id = q.entity_id AND o.nights <> q.nights AND abs(o.nights - q.nights) <= 2
        GROUP BY 1, 2
    )
    SELECT r.*, at_q, beside
    FROM ({STAYS}) r
    JOIN sides_ USING (entity_id, nights)
    WHERE NOT r."open" AND r.nights >= 3
"""
declare(
    name="inst_length_bunching",
    label="住院天数扎堆倍数",
    unit="倍",
    told_of={"institution": Of(HOSPITAL)},
    scheme="T04",
    by="institution",
    windows=(365,),
    rows=BUNCHING,
    measure="max(CASE WHEN at_q >= 10 THEN at_q / greatest(beside, 1) END)",
    reason="近{window}天某一住院天数的人次是相邻天数平均的{value}倍（同类中位{peer}倍，高于{percentile}的同类）",
    innocent="临床路径、日间手术或产科套餐天数固定（N02、N10、N13）",
)

#: Width of a bin of fees: a twentieth of the fee.
FEE_BIN = 0.05
#: Stays in bins of the fee, beside the next two bins above: a cliff shows a quota nobody dares to
#: cross.
CLIFF = f"""
    SELECT
        *,
        count(*) OVER (PARTITION BY entity_id, bin) AS in_bin,
        count(*) OVER (PARTITION BY entity_id ORDER BY bin RANGE BETWEEN 1 FOLLOWING AND 2 FOLLOWING) / 2.0 AS above,
        count(*) OVER (PARTITION BY entity_id) AS in_unit
    FROM (
        SELECT
            $entity AS entity_id, s.happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id,
            s.fixmedins_code, s.medfee_fen, coalesce(s.fund_fen, 0) AS fen,
            floor(ln(s.medfee_fen) / {FEE_BIN}) AS bin
        FROM stays s
        WHERE s.settled
            AND s.medfee_fen > 0
            AND NOT s.day_surgery
            AND s.happened_at > (SELECT t FROM main.asof) - INTERVAL 365 DAY
    )
"""
declare(
    name="inst_fee_cliff",
    label="总费用断崖倍数",
    unit="倍",
    told_of={"institution": Of(HOSPITAL)},
    scheme="T04",
    by="institution",
    windows=(365,),
    rows=CLIFF,
    measure="max(CASE WHEN in_bin >= 8 THEN in_bin / greatest(above, 1) END)",
    reason="近{window}天某一费用档的住院数是其上两档平均的{value}倍，像是压在限额之下（"
    "同类中位{peer}倍，高于{percentile}的同类）",
    innocent="单病种包干价相同（N13）",
)
