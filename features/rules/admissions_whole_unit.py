"""R22, R23, R62, R64, R65: what a unit's stays cost, how many come back, who pays nothing, injuries nobody asked
about, retired cadres.
"""

from features.catalog.injury import INJURIES, INJURIES_OF_CLINIC
from features.catalog.stay_rows import DUE, HOSPITAL, LONG_CARE, STAY, STAYS
from features.codes import retired_cadre
from features.declare import Feature, Of, PeerTest, declare
from features.thresholds import setting

COMMON = Feature(
    kind="lead",
    by="institution",
    unit="次",
)

#: Beyond what a stay may cost: the unit's own quota a visit where it has one, else growth over the same half-year a
#: year before, or the half-year before this one where that is too small to say.
BASE = f"""
    CASE WHEN count(*) FILTER (span = 'year ago') >= {setting("R22", "min_stays")}
        THEN avg(medfee_fen) FILTER (span = 'year ago')
    WHEN count(*) FILTER (span = 'before') >= {setting("R22", "min_stays")}
        THEN avg(medfee_fen) FILTER (span = 'before')
    END
"""
RISE = f"""
    (avg(medfee_fen) FILTER (span = 'now') - coalesce(max(quota_fen), {BASE} * (1 + {setting("R22", "growth_cap")})))
"""
DEARER = f"""
    count(*) FILTER (span = 'now') >= {setting("R22", "min_stays")}
    AND coalesce({RISE}, 0) > 0
"""

declare(
    COMMON,
    name="rule_r22",
    rule="R22",
    label=f"R22 {setting('R22', 'name')}",
    kind="KPI",
    family="R22",
    scheme="T07",
    told_of={"institution": Of(HOSPITAL)},
    windows=(0,),
    exempt=("N21", "N24"),
    source="rules.md R22",
    rows=f"""
        SELECT
            s.*,
            nullif(q.cap_per_visit_fen, 0) AS quota_fen,
            CASE
                WHEN s.happened_at > a.t - INTERVAL 180 DAY THEN 'now'
                WHEN s.happened_at > a.t - INTERVAL 360 DAY THEN 'before'
                WHEN s.happened_at BETWEEN a.t - INTERVAL 545 DAY AND a.t - INTERVAL 365 DAY THEN 'year ago'
            END AS span
        FROM ({STAYS}) s
        CROSS JOIN main.asof a
        LEFT JOIN main.quota q ON q.fixmedins_code = s.entity_id AND q.year = extract(year FROM a.d)::VARCHAR
        WHERE s.settled
    """,
    measure=f"CASE WHEN {DEARER} THEN 1 ELSE 0 END",
    amount=f"CASE WHEN {DEARER} THEN {RISE} * count(*) FILTER (span = 'now') ELSE 0 END",
    reason="近半年次均住院费用超过人次定额，或比上年同期（不足30例时比前半年）增长超过控制线（命中{value}）",
    innocent="病种变重、调价（N21、N24）",
)

declare(
    COMMON,
    name="rule_r23",
    rule="R23",
    label=f"R23 {setting('R23', 'name')}",
    kind="KPI",
    family="split",
    scheme="T04",
    told_of={"institution": Of(HOSPITAL)},
    windows=(180,),
    exempt=("N02", "N11"),
    source="rules.md R23",
    rows=f"""
        SELECT
            r.*,
            coalesce(
                gap_days BETWEEN 0 AND {setting("R23", "window_days")}
                    AND NOT was_planned AND NOT course AND NOT long_care,
                false
            ) AS hit
        FROM (
            SELECT
                r.*,
                date_diff('day', max(r.end_date) OVER w, r.adm_date) AS gap_days,
                coalesce(lag(r.planned) OVER v, false)
                    OR (lag(r.end_date) OVER v = r.adm_date AND lag(r.dept) OVER v <> r.dept) AS was_planned
            FROM ({STAYS}) r
            WINDOW
                w AS (
                    PARTITION BY r.entity_id, r.psn_no
                    ORDER BY r.begntime, r.row_id
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ),
                v AS (PARTITION BY r.entity_id, r.psn_no ORDER BY r.begntime, r.row_id)
        ) r
    """,
    measure="count(*) FILTER (hit)",
    peers=PeerTest(
        statistic=f"CASE WHEN count(*) >= {setting('R23', 'min_stays')} THEN avg(hit::INT) END",
        side="high",
        z=setting("R23", "z"),
    ),
    reason="近{window}天三十一天内非计划再入院{value}次，再入院率远高于同级同类机构",
    innocent="收治重症慢病较多（N02、N21）",
)

# Every injury is asked about.
declare(
    COMMON,
    name="rule_r62",
    widely="外伤逐案核查：规定每一例都问",
    rule="R62",
    label=f"R62 {setting('R62', 'name')}",
    family="R62",
    scheme="T18",
    told_of={"admission": Of(STAY)},
    windows=(0,),
    source="rules.md R62",
    rows=INJURIES,
    measure="count(*) FILTER (NOT closed)",
    amount="coalesce(sum(fen) FILTER (NOT closed), 0)",
    reason="外伤住院{value}次，尚无受伤原因调查结论",
    innocent="多数外伤确系自行跌伤，须逐案询问",
)

declare(
    COMMON,
    name="rule_r62_person",
    widely="外伤逐案核查：规定每一例都问，门诊在内",
    rule="R62",
    label=f"R62 门诊{setting('R62', 'name')}",
    family="R62",
    scheme="T18",
    grain="person",
    by="person",
    windows=(365,),
    source="rules.md R62",
    rows=INJURIES_OF_CLINIC,
    measure="count(*) FILTER (NOT closed)",
    amount="coalesce(sum(fen) FILTER (NOT closed), 0)",
    reason="近{window}天外伤门诊{value}次，尚无受伤原因调查结论",
    innocent="多数外伤确系自行跌伤，须逐案询问",
)

#: A stay that owes a deductible (no status, no yearly course, no long care).
#: Something is due and nothing was paid of one's own: the account is the patient's own money too; deliveries owe
#: nothing.
NOTHING = f"{DUE} AND zero_cash AND coalesce(acct_fen, 0) = 0"
NOBODY_PAYS = f"""
    count(*) FILTER ({DUE}) >= {setting("R64", "min_stays")}
    AND count(*) FILTER ({NOTHING}) >= {setting("R64", "share")} * count(*) FILTER ({DUE})
"""

declare(
    COMMON,
    name="rule_r64",
    rule="R64",
    label=f"R64 {setting('R64', 'name')}",
    family="R64",
    scheme="T29",
    told_of={"institution": Of(HOSPITAL)},
    windows=(180,),
    exempt=("N01", "N02", "N03", "N26", "N27"),
    source="rules.md R64",
    rows=f"SELECT *, {NOTHING} AS hit FROM ({STAYS})",
    measure=f"CASE WHEN {NOBODY_PAYS} THEN count(*) FILTER ({NOTHING}) ELSE 0 END",
    amount=f"CASE WHEN {NOBODY_PAYS} THEN sum(fen) FILTER ({NOTHING}) ELSE 0 END",
    reason="近{window}天应付起付线的住院几乎都零自付（{value}次）",
    innocent="个人账户抵付、救助待遇未录入（N26、N27）",
)

# Retired cadres: a stay beyond twenty days, or a month dearer than 99 % of cadres have.
declare(
    COMMON,
    name="rule_r65",
    rule="R65",
    label=f"R65 {setting('R65', 'name')}",
    family="R65",
    scheme="T25",
    grain="person",
    by="person",
    windows=(365,),
    exempt=("N03",),
    source="rules.md R65",
    rows=f"""
        SELECT
            s.psn_no AS entity_id, s.happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id,
            coalesce(s.fund_fen, 0) * (s.nights - {setting("R65", "max_nights")}) / s.nights AS fen
        FROM stays s
        WHERE {retired_cadre("s")} AND s.nights > {setting("R65", "max_nights")} AND NOT {LONG_CARE}
    """,
    measure="count(*)",
    amount="sum(fen)",
    reason=f"离休人员近{{window}}天有{{value}}次住院超过{setting('R65', 'max_nights')}天",
    innocent="高龄多病；零自付是离休待遇（N03、N27）",
)

declare(
    COMMON,
    name="rule_r65_month",
    rule="R65",
    label=f"R65 {setting('R65', 'name')}",
    family="R65",
    scheme="T25",
    grain="person",
    by="person",
    windows=(365,),
    exempt=("N03",),
    source="rules.md R65",
    rows=f"""
        SELECT
            entity_id, happened_at, 'settlements' AS row_table, row_id, fen, of_month,
            of_month = max(of_month) OVER (PARTITION BY entity_id) AS hit
        FROM (
            SELECT
                s.psn_no AS entity_id, s.happened_at, s.setl_id AS row_id,
                coalesce(s.fund_pay_sumamt_fen, 0) AS fen,
                sum(coalesce(s.fund_pay_sumamt_fen, 0)) OVER (
                    PARTITION BY s.psn_no, date_trunc('month', s.happened_at)
                ) AS of_month
            FROM settlements s
            WHERE {retired_cadre("s")} AND s.happened_at > (SELECT t FROM main.asof) - INTERVAL 365 DAY
        )
    """,
    measure="count(*) FILTER (hit)",
    amount="coalesce(sum(fen) FILTER (hit), 0)",
    peers=PeerTest(
        statistic="max(of_month)", side="high", quantile=setting("R65", "quantile"), excess=setting("R65", "quantile")
    ),
    unit="笔",
    reason="离休人员近{window}天最高一月的基金支付超过99%的离休人员，涉及{value}笔",
    innocent="高龄多病、手术；零自付是离休待遇（N03、N27）",
)
