"""R24, R26: many cards at one till, one card at two.

The ring half of R24 lies at the ring grain. Exemptions are filters where the data can show them, each named where
it stands.
"""

from statistics import NormalDist

from features.catalog.identity_of_persons import MOVES
from features.codes import DRUGSTORE, paid
from features.declare import Feature, declare
from features.knowledge import in_emergency
from features.rules.parts import HOMES, ORDINARY_DAY
from features.thresholds import setting

WITHIN = setting("R24", "within_minutes")
#: Of a Poisson count: so many standard deviations above what the hour usually brings.
BEYOND = NormalDist().inv_cdf(setting("R24", "quantile"))

#: Pharmacy days with a collapsed clock on which each swipe came so long after the one before that a hand did it: a
#: machine that hands up a day's bills (N07) is faster, or tells one time for all.
BY_HAND = f"""
    SELECT fixmedins_code, day
    FROM (
        SELECT
            fixmedins_code, happened_at::DATE AS day,
            happened_at - lag(happened_at) OVER (
                PARTITION BY fixmedins_code, happened_at::DATE ORDER BY happened_at
            ) AS after
        FROM swipes
        WHERE clock_collapsed AND fixmedins_type = {DRUGSTORE}
    )
    GROUP BY ALL
    HAVING min(after) >= INTERVAL {setting("R24", "hand_seconds")} SECOND
"""

# N06 calendar days, N07 collapsed clocks, N01 dialysis and N05 shared accounts are left out before counting; a home's
# cards (N04, N05) count as one.
declare(
    Feature(
        name="rule_r24",
        rule="R24",
        label=setting("R24", "name"),
        kind="lead",
        family="swipe",
        scheme="T09",
        grain="institution",
        by="institution",
        reversed="kept",
        windows=(365,),
        exempt=("N01", "N04", "N05", "N06", "N07", "N14", "N15", "N25", "N30"),
        source="3.4 3.9",
        rows=f"""
            WITH w AS (
                SELECT
                    w.fixmedins_code, w.psn_no, w.happened_at, w.setl_id, {paid("w")} AS fen,
                    w.happened_at::DATE AS day,
                    extract(hour FROM w.happened_at) AS hour
                FROM swipes w
                WHERE (NOT w.clock_collapsed OR (w.fixmedins_code, w.happened_at::DATE) IN ({BY_HAND}))
                    AND w.visit_class <> 'dialysis'
                    AND coalesce(w.acct_mulaid_pay_fen, 0) = 0
                    AND {ORDINARY_DAY}
                    AND NOT {in_emergency("w.happened_at::DATE")}
            ),
            usual AS (
                SELECT fixmedins_code, hour, count(*) * {WITHIN} / 60.0 / greatest(1, count(DISTINCT day)) AS rate
                FROM w
                GROUP BY ALL
            ),
            near AS (
                SELECT *
                FROM w
                WINDOW one AS (PARTITION BY fixmedins_code ORDER BY happened_at)
                QUALIFY happened_at - lag(happened_at) OVER one <= INTERVAL {WITHIN} MINUTE
                    OR lead(happened_at) OVER one - happened_at <= INTERVAL {WITHIN} MINUTE
            ),
            n AS (
                SELECT
                    near.*,
                    count(DISTINCT coalesce(h.home, psn_no)) OVER (
                        PARTITION BY fixmedins_code
                        ORDER BY happened_at
                        RANGE BETWEEN INTERVAL {WITHIN} MINUTE PRECEDING AND CURRENT ROW
                    ) AS persons
                FROM near
                LEFT JOIN {HOMES} h USING (psn_no)
            ),
            c AS (
                SELECT
                    n.*,
                    n.persons >= {setting("R24", "min_persons")}
                        AND n.persons > u.rate + {BEYOND:.4f} * sqrt(u.rate) + 1 AS crowd
                FROM n
                JOIN usual u USING (fixmedins_code, hour)
            ),
            b AS (
                SELECT
                    *,
                    crowd
                        AND NOT coalesce(
                            lag(crowd) OVER till
                                AND happened_at - lag(happened_at) OVER till <= INTERVAL {WITHIN} MINUTE,
                            false
                        ) AS begins
                FROM c
                WINDOW till AS (PARTITION BY fixmedins_code ORDER BY happened_at, setl_id)
            ),
            m AS (
                SELECT
                    *,
                    count(*) FILTER (WHERE begins) OVER (
                        PARTITION BY fixmedins_code, date_trunc('month', happened_at)
                    ) AS bursts
                FROM b
            )
            SELECT
                fixmedins_code AS entity_id, happened_at, 'settlements' AS row_table, setl_id AS row_id, psn_no,
                persons, begins, fen
            FROM m
            WHERE crowd AND bursts >= {setting("R24", "bursts_a_month")}
        """,
        measure="count(*) FILTER (WHERE begins)",
        amount="sum(fen)",
        unit="次",
        reason="触发规则R24集中刷卡：近{window}天有{value}次五分钟内多人集中刷卡且超出本机构常态",
        innocent="义诊、唯一药店（N15、N30）；到账日与批量上传已剔除，同户、同一养老机构只计一张卡（N04、N05）",
    )
)

# The neighbour's door does not count (N30), nor a way nobody knows the length of, nor the ordinary way from the doctor
# to the pharmacy unless it was too fast; shared accounts (N05) are left out already.
declare(
    Feature(
        name="rule_r26",
        widely="按定义一年一次即命中，同日两处就近看病购药的巧合在内",
        rule="R26",
        label=setting("R26", "name"),
        kind="lead",
        family="swipe",
        scheme="T03",
        grain="person",
        by="person",
        windows=(365,),
        exempt=("N05", "N07", "N32"),
        source="3.3 3.4",
        rows=f"""
            SELECT m.*
            FROM {MOVES} m
            JOIN institutions f ON f.fixmedins_code = m.before
            JOIN institutions t ON t.fixmedins_code = m.fixmedins_code
            WHERE m.fen > 0
                AND (
                    m.kmh > {setting("R26", "speed_kmh")}
                    OR (
                        m.minutes < {setting("R26", "within_minutes")}
                        AND m.km > 1
                        AND NOT (f.fixmedins_type <> {DRUGSTORE} AND t.fixmedins_type = {DRUGSTORE})
                    )
                )
        """,
        measure="count(*)",
        amount="sum(fen)",
        unit="次",
        reason="触发规则R26两地同时刷卡：近{window}天有{value}次在相距一公里以上的两家机构短时间内先后刷卡",
        innocent="家属持卡代购（N05，共济支付已剔除）",
    )
)
