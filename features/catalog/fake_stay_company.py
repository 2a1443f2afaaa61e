"""T02 虚假住院 fictitious admission: whom a stay has for company.

How it works: a broker brings cards from a village, a factory or a nursing home; the unit writes two to eight days with
a chronic diagnosis, copies one order set, invents a few thousand yuan each.
What it leaves: bags of items nearly identical to other stays of the unit; admitted and discharged in step with others,
of the same village or employer.
Honest cases: dialysis and chemotherapy (N01, N02: same bag, same day), nursing-home rounds (N04), day surgery and
packages (N10, N12), clinical pathways (N13), influenza season (N14), free clinics (N15). Camouflage varies the items,
so likeness is a matter of degree.
"""

from claims.store.sql import quote
from features.catalog.stay_rows import (
    course,
    long_care,
    waived,
)
from features.codes import ROUTINE
from features.common_subqueries import once
from features.declare import Feature, declare
from features.knowledge import diagnosed
from features.thresholds import setting

_COMMON = setting("R09", "common_share")

_DAYS = setting("R09", "window_days")

#: Two bags are alike from this share of common items on (the Jaccard index), nearly the same from the second on.
LIKE, ALIKE = 0.7, 0.8

#: Min-hash: so many bands of so many rows. A pair at 0.7 shares a band with 1−(1−0.7³)^14 > 99.7 %.
_ROWS, _BANDS = 3, 14

_HASHES = ", ".join(
    f"(md5_number_lower(code || {quote(f'|{k}')}) % 2147483647)::INTEGER AS h{k}" for k in range(_ROWS * _BANDS)
)

_LEAST = ", ".join(f"min(h{k}) AS h{k}" for k in range(_ROWS * _BANDS))

_KEYS = ", ".join(f"hash({', '.join(f'h{k}' for k in range(_ROWS * b, _ROWS * b + _ROWS))})" for b in range(_BANDS))

#: Other stays of the unit within 30 days whose bag of items is alike (items in most of its stays dropped: R09).
#: Candidates come from the min-hash bands, so no pair of the unit is compared without cause. `fee_gap` is the
#: relative gap of totals.
_PAIRS = once(
    "twins",
    f"""
        WITH items_ AS (
            SELECT DISTINCT l.mdtrt_id, l.fixmedins_code, l.med_list_codg AS code
            FROM lines l
            JOIN stays s ON s.mdtrt_id = l.mdtrt_id
            WHERE l.is_inpatient AND NOT s.day_surgery AND l.med_chrgitm_type NOT IN {ROUTINE}
        ),
        codes_ AS (
            SELECT code, (row_number() OVER (ORDER BY code))::INTEGER AS id
            FROM (SELECT DISTINCT code FROM items_)
        ),
        stays_ AS (
            SELECT fixmedins_code, count(DISTINCT mdtrt_id) AS n FROM items_ GROUP BY 1
        ),
        common_ AS (
            SELECT fixmedins_code, code
            FROM items_
            JOIN stays_ USING (fixmedins_code)
            GROUP BY fixmedins_code, code, n
            HAVING count(*) > {_COMMON} * n AND n >= 10
        ),
        rare_ AS (
            SELECT i.mdtrt_id, c.id
            FROM items_ i
            JOIN codes_ c USING (code)
            ANTI JOIN common_ x ON x.fixmedins_code = i.fixmedins_code AND x.code = i.code
        ),
        bags_ AS (
            SELECT
                r.mdtrt_id,
                list(id ORDER BY id) AS bag,
                any_value(s.fixmedins_code) AS fixmedins_code,
                any_value(s.adm_date) AS adm_date, any_value(s.psn_no) AS psn_no,
                any_value(coalesce(s.medfee_fen, s.lines_fen)) AS fee_fen,
                any_value(coalesce(s.fund_fen, 0)) AS fund_fen,
                any_value(s.happened_at) AS happened_at, any_value(s.dx3) AS dx3,
                any_value(s.nights) AS nights, any_value(s.atddr_no) AS atddr_no
            FROM rare_ r
            JOIN stays s USING (mdtrt_id)
            GROUP BY 1
            HAVING count(*) >= 5
        ),
        hashes_ AS (
            SELECT id, {_HASHES}
            FROM codes_
        ),
        sketch_ AS (
            SELECT mdtrt_id, {_LEAST}
            FROM rare_
            JOIN hashes_ USING (id)
            GROUP BY 1
        ),
        bands_ AS (
            SELECT b.fixmedins_code, b.adm_date, mdtrt_id, unnest(range({_BANDS})) AS band, unnest([{_KEYS}]) AS key
            FROM sketch_
            JOIN bags_ b USING (mdtrt_id)
        ),
        pairs_ AS (
            SELECT DISTINCT a.mdtrt_id AS a, b.mdtrt_id AS b
            FROM bands_ a
            JOIN bands_ b
                ON a.fixmedins_code = b.fixmedins_code
                AND a.band = b.band
                AND a.key = b.key
                AND a.mdtrt_id <> b.mdtrt_id
                AND abs(date_diff('day', a.adm_date, b.adm_date)) <= {_DAYS}
        ),
        alike_ AS (
            SELECT p.a, p.b, len(list_intersect(x.bag, y.bag)) AS shared
            FROM pairs_ p
            JOIN bags_ x ON x.mdtrt_id = p.a
            JOIN bags_ y ON y.mdtrt_id = p.b
            WHERE p.a < p.b
                AND x.psn_no <> y.psn_no
                AND 10 * least(len(x.bag), len(y.bag)) >= {round(10 * LIKE)} * greatest(len(x.bag), len(y.bag))
        ),
        close_ AS (
            SELECT
                x.fixmedins_code, x.mdtrt_id AS a, y.mdtrt_id AS b, x.fund_fen AS own_fund_fen,
                y.fund_fen AS fen, x.happened_at AS own_at, y.happened_at, x.atddr_no,
                x.dx3, x.dx3 = y.dx3 AS same_dx3, x.nights = y.nights AS same_nights, len(x.bag) AS codes,
                len(y.bag) AS other_codes, p.shared,
                abs(x.fee_fen - y.fee_fen) / nullif(greatest(x.fee_fen, y.fee_fen), 0) AS fee_gap
            FROM (
                SELECT a, b, shared
                FROM alike_
                UNION ALL
                SELECT b, a, shared
                FROM alike_
            ) p
            JOIN bags_ x ON x.mdtrt_id = p.a
            JOIN bags_ y ON y.mdtrt_id = p.b
        )
        SELECT *, shared / (codes + other_codes - shared)::DOUBLE AS likeness
        FROM close_
        WHERE shared / (codes + other_codes - shared)::DOUBLE >= {LIKE}
    """,
)

TWINS = f"SELECT a AS entity_id, 'visits' AS row_table, b AS row_id, *, likeness >= {ALIKE} AS hit FROM {_PAIRS}"

_R09 = f"likeness >= {setting('R09', 'similarity')} AND codes >= {setting('R09', 'min_codes')}"

_EQUALS = f"count(*) FILTER ({_R09}) OVER (PARTITION BY a)"

#: The pairs told of the hospital or the doctor; `twins` counts how many equals a stay has by rule R09, `first` marks
#: one row per stay.
UNIT_TWINS = f"""
    SELECT
        $entity AS entity_id, own_at AS happened_at, 'visits' AS row_table, a AS row_id,
        s.* EXCLUDE (happened_at),
        {_R09} AND {_EQUALS} >= {setting("R09", "min_stays") - 1} AS hit,
        {_EQUALS} AS twins,
        row_number() OVER (PARTITION BY a ORDER BY b) = 1 AS first
    FROM {_PAIRS} s
    WHERE $entity IS NOT NULL
"""

twin = Feature(grain="admission", scheme="T02", by="institution", windows=(0,), rows=TWINS)

SAME_PATH = "同病种临床路径、日间手术或透析放化疗本来同项（N01、N02、N10、N13）"

declare(
    twin,
    name="bag_likeness",
    label="与本院其他住院的项目重合度",
    unit="%",
    measure="max(likeness)",
    reason="收费项目与本院三十天内另一次住院重合{value}（同类中位{peer}，高于{percentile}的同类）",
    innocent=SAME_PATH,
)

declare(
    twin,
    name="near_twins",
    label="项目雷同的住院数",
    unit="次",
    measure=f"count(*) FILTER (likeness >= {ALIKE})",
    reason="本院三十天内有{value}次住院与其收费项目重合八成以上（同类中位{peer}次，高于{percentile}的同类）",
    innocent=SAME_PATH,
)

declare(
    twin,
    name="twin_same_fee",
    label="项目与总额都雷同的住院数",
    unit="次",
    measure=f"count(*) FILTER (likeness >= {LIKE} AND fee_gap <= 0.05)",
    reason="有{value}次他人住院不仅项目相近，总费用也只差百分之五以内（同类中位{peer}次）",
    innocent="按病种包干或固定套餐（N12、N13）",
)

declare(
    twin,
    name="twin_other_diagnosis",
    label="诊断不同而项目雷同的住院数",
    unit="次",
    measure=f"count(*) FILTER (likeness >= {LIKE} AND NOT coalesce(same_dx3, true))",
    reason="有{value}次诊断不同的他人住院，收费项目却与其基本相同（同类中位{peer}次）",
    innocent="入院常规检查加同类输液，病情相近",
)

#: Others admitted and discharged on the same two days at the same unit.
_IN_STEP = """o.mdtrt_id AS row_id, o.psn_no, coalesce(o.fund_fen, 0) AS fen, s.fund_fen AS own_fund_fen,
    o.dx3 = s.dx3 AS same_dx3, o.atddr_no = s.atddr_no AS same_doctor,
    p.curr_addr_code IS NOT NULL AND p.curr_addr_code = q.curr_addr_code AS same_village,
    coalesce(coalesce(p.emp_no, p.emp_name) = coalesce(q.emp_no, q.emp_name), false) AS same_employer,
    abs(date_diff('minute', o.begntime, s.begntime)) AS minutes_apart,
    o.end_date = s.end_date AND NOT s."open" AND NOT o."open" AS together
FROM stays s
JOIN stays o ON o.fixmedins_code = s.fixmedins_code AND o.adm_date = s.adm_date AND o.psn_no <> s.psn_no
LEFT JOIN main.persons p ON p.psn_no = s.psn_no
LEFT JOIN main.persons q ON q.psn_no = o.psn_no
WHERE NOT s.day_surgery AND NOT o.day_surgery"""

IN_STEP = f"""
    SELECT s.mdtrt_id AS entity_id, o.begntime AS happened_at, 'visits' AS row_table, {_IN_STEP}
"""

#: The same told of the hospital or the doctor of the stay, at its own time.
STAYS_IN_STEP = f"""
    SELECT
        $entity AS entity_id, s.begntime AS happened_at, 'visits' AS row_table, s.mdtrt_id AS stay_id, {_IN_STEP}
        AND $entity IS NOT NULL
"""

step = Feature(grain="admission", scheme="T02", by="institution", windows=(0,), rows=IN_STEP)

IN_BATCHES = "透析、放化疗、养老机构批量或义诊转入（N01、N02、N04、N15）"

declare(
    step,
    name="same_day_admissions",
    also=("T29",),
    label="同日入院人数",
    unit="人",
    measure="count(*)",
    reason="同日同院另有{value}人入院（同类中位{peer}人，高于{percentile}的同类）",
    innocent=IN_BATCHES,
)

declare(
    step,
    name="in_step_persons",
    also=("T29",),
    label="同进同出人数",
    unit="人",
    measure="count(*) FILTER (together)",
    reason="与{value}人同日入院、同日出院（同类中位{peer}人，高于{percentile}的同类）",
    innocent=IN_BATCHES,
)

declare(
    step,
    name="in_step_same_origin",
    also=("T29",),
    label="同村同单位的同进人数",
    unit="人",
    measure="count(*) FILTER (same_village OR same_employer)",
    reason="同日入院者中{value}人与其同村或同单位（同类中位{peer}人，高于{percentile}的同类）",
    innocent="家庭成员同病、养老机构批量就诊、义诊（N04、N14、N15）",
)

declare(
    step,
    name="in_step_same_doctor",
    label="同医师同日收治人数",
    unit="人",
    measure="count(*) FILTER (same_doctor)",
    reason="其主治医师当日在本院另收治{value}人（同类中位{peer}人，高于{percentile}的同类）",
    innocent="当日值班医师集中收治",
)

declare(
    step,
    name="admitted_within_half_hour",
    label="半小时内同院入院人数",
    unit="人",
    measure="count(*) FILTER (minutes_apart <= 30)",
    reason="前后半小时内本院另有{value}人办理入院（同类中位{peer}人，高于{percentile}的同类）",
    innocent="上午集中办理入院",
)

#: Same village, same unit, admitted within nine days (the stay itself among them): a bus on its round. `near`: within
#: three; `let_off`: no deductible though one was due; `outbreak`: the same notifiable disease.
VILLAGE = f"""
    SELECT
        s.mdtrt_id AS entity_id, o.begntime AS happened_at, 'visits' AS row_table,
        o.mdtrt_id AS row_id, o.psn_no, o.dx3, coalesce(o.fund_fen, 0) AS fen,
        o.psn_no <> s.psn_no AS other,
        abs(date_diff('day', s.adm_date, o.adm_date)) <= 3 AS near,
        o.dx3 = s.dx3 AND {diagnosed("s.dx", "epidemic")} AS outbreak,
        coalesce(o.dedc_fen = 0 AND o.medfee_fen > 0, false)
            AND o.visit_class <> 'maternity_ip'
            AND NOT {waived("o", "q")}
            AND NOT {course("o")}
            AND NOT {long_care("o")} AS let_off
    FROM stays s
    JOIN main.persons p ON p.psn_no = s.psn_no
    JOIN stays o ON o.fixmedins_code = s.fixmedins_code
    JOIN main.persons q ON q.psn_no = o.psn_no AND q.curr_addr_code = p.curr_addr_code
    WHERE abs(date_diff('day', s.adm_date, o.adm_date)) <= 9 AND NOT s.day_surgery AND NOT o.day_surgery
"""

wave = Feature(grain="admission", by="institution", windows=(0,), rows=VILLAGE, needs=("persons.curr_addr_code",))

declare(
    wave,
    name="village_wave",
    scheme="T02",
    also=("T29",),
    label="同村三日内同院入院人数",
    unit="人",
    measure="count(DISTINCT psn_no) FILTER (other AND near)",
    reason="前后三天同村有{value}人在同一医院入院（同类中位{peer}人，高于{percentile}的同类）",
    innocent="就近就医的大村、流感季或义诊（N14、N15）",
)

declare(
    wave,
    name="wave_waived",
    scheme="T29",
    also=("T02",),
    label="同村同批免收起付线人数",
    unit="人",
    measure="count(DISTINCT psn_no) FILTER (let_off)",
    needs=("persons.curr_addr_code", "settlements.act_pay_dedc_fen"),
    reason="前后九天同村在同一医院住院者（含本人）有{value}人应付而未付起付线"
    "（同类中位{peer}人，高于{percentile}的同类）",
    innocent="转院连续计算起付线（N16）、救助身份未录入（N26）",
)
