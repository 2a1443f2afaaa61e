"""R49–R51: an item charged twice, too often, undiscounted.

Time words are read literally (D16): 每日 = per day across visits of the person, no time word = the same visit; the
catalogue's time word is `freq_window_days` (none = no word). Knowledge that is not there makes a rule 不可评估. Over
several days R50 judges any such span of days of the person, wherever he was.
"""

from features.codes import SURGERY
from features.common_subqueries import once
from features.declare import Feature, Of, declare
from features.knowledge import CAPS, VERSIONS, in_force
from features.rules.parts import KEPT, LINE
from features.thresholds import setting

COMMON = Feature(
    kind="hard",
    family="charge",
    by="person",
    windows=(0,),
    source="1.5 3.10",
    measure="count(*)",
    unit="条",
)

#: Item B beside the item A that includes it, in the same visit, or on the same day where A is one of a day; of an
#: exclusive group all but the dearest of the day (a patient may pass from one grade of nursing to the next).
CHARGED_TWICE = once(
    "charged_twice",
    f"""
        WITH k AS (
            SELECT
                med_list_codg, mutex_group, since, until,
                freq_window_days >= 1 AS of_a_day,
                trim(unnest(regexp_split_to_array(coalesce(includes_item, ''), '[,;|]'))) AS part
            FROM {VERSIONS}
        ),
        l AS MATERIALIZED (
            SELECT {KEPT}, l.day, l.pric, l.scope_fen
            FROM lines l
            WHERE l.med_list_codg IN (
                SELECT med_list_codg
                FROM k
                WHERE part <> '' OR mutex_group IS NOT NULL
                UNION
                SELECT part
                FROM k
            )
                AND (coalesce(l.list_type, '2') LIKE '2%' OR l.list_type LIKE '3%')
        ),
        inc AS (
            SELECT DISTINCT b.mdtrt_id, b.feedetl_sn
            FROM l a
            JOIN k
                ON k.med_list_codg = a.med_list_codg AND k.part <> '' AND a.day >= k.since AND a.day < k.until
            JOIN l b
                ON b.mdtrt_id = a.mdtrt_id
                    AND b.med_list_codg = k.part
                    AND b.med_list_codg <> a.med_list_codg
            WHERE b.day = a.day OR NOT coalesce(k.of_a_day, false)
        ),
        mut AS (
            SELECT mdtrt_id, feedetl_sn
            FROM (
                SELECT
                    l.mdtrt_id, l.feedetl_sn, l.med_list_codg,
                    dense_rank() OVER (
                        PARTITION BY l.mdtrt_id, l.day, m.mutex_group
                        ORDER BY l.pric DESC, l.med_list_codg
                    ) AS place
                FROM l
                JOIN (
                    SELECT DISTINCT med_list_codg, mutex_group, since, until
                    FROM k
                    WHERE mutex_group IS NOT NULL
                ) m ON m.med_list_codg = l.med_list_codg AND l.day >= m.since AND l.day < m.until
            )
            WHERE place > 1
        )
        SELECT {KEPT}, l.scope_fen AS fen
        FROM l
        SEMI JOIN (FROM inc UNION FROM mut) x USING (mdtrt_id, feedetl_sn)
    """,
)

declare(
    COMMON,
    name="rule_r49",
    rule="R49",
    label=setting("R49", "name"),
    scheme="T19",
    told_of={
        "admission": Of("l.mdtrt_id"),
        "institution": Of(
            "l.fixmedins_code",
            name="rule_r49_inst",
            by="institution",
            windows=(365,),
            reason="触发规则R49重复/分解收费：近{window}天有{value}条与已含或互斥项目同时收取",
        ),
    },
    needs=("catalog.includes_item|mutex_group",),
    exempt=("N31",),
    rows=f"""
        SELECT $entity AS entity_id, {LINE}, l.fen
        FROM {CHARGED_TWICE} l
    """,
    amount="sum(fen)",
    reason="触发规则R49重复/分解收费：本次住院有{value}条与已含或互斥项目同时收取",
    innocent="更正重记（N31，退费已冲减）",
)


def too_often(name: str, unit: str = "") -> str:
    """Σ cnt beyond the limit of the day (freq_window_days 1), of so many days up to this one, or of the visit (none).

    With `unit` (a further column) days are those of one unit.
    """
    hits = once(
        name,
        f"""
            WITH l AS (
                SELECT l.*, c.max_freq, coalesce(c.freq_window_days, 0) AS span
                FROM lines l
                JOIN {VERSIONS} c ON {in_force("c")}
                WHERE c.max_freq > 0
            ),
            d AS (
                SELECT psn_no, med_list_codg, day{unit}, sum(cnt) AS total
                FROM l
                WHERE span = 1
                GROUP BY ALL
                HAVING sum(cnt) > min(max_freq)
            ),
            v AS (
                SELECT mdtrt_id, med_list_codg, sum(cnt) AS total
                FROM l
                WHERE span = 0
                GROUP BY ALL
                HAVING sum(cnt) > min(max_freq)
            ),
            s AS (
                SELECT
                    *,
                    sum(cnt) OVER (
                        PARTITION BY psn_no, med_list_codg{unit}
                        ORDER BY epoch(day) / 86400
                        RANGE BETWEEN span - 1 PRECEDING AND CURRENT ROW
                    ) - coalesce(
                        sum(cnt) OVER (
                            PARTITION BY psn_no, med_list_codg, day{unit}
                            ORDER BY happened_at, mdtrt_id, feedetl_sn
                            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
                        ),
                        0
                    ) AS total
                FROM l
                WHERE span > 1
            )
            SELECT {KEPT}, l.max_freq, d.total, l.scope_fen * (d.total - l.max_freq) / d.total AS excess_fen
            FROM l
            JOIN d USING (psn_no, med_list_codg, day{unit})
            WHERE l.span = 1
            UNION ALL
            SELECT {KEPT}, l.max_freq, v.total, l.scope_fen * (v.total - l.max_freq) / v.total
            FROM l
            JOIN v USING (mdtrt_id, med_list_codg)
            WHERE l.span = 0
            UNION ALL
            SELECT {KEPT}, l.max_freq, l.total, l.scope_fen * least(1, (l.total - l.max_freq) / l.cnt)
            FROM s l
            WHERE l.total > l.max_freq
        """,
    )
    return f"SELECT $entity AS entity_id, {LINE}, l.max_freq, l.total, l.excess_fen FROM {hits} l"


declare(
    COMMON,
    name="rule_r50",
    widely="每一例都是字面违规：收费机构超频次，住院人与参保人本身无过",
    rule="R50",
    label=setting("R50", "name"),
    scheme="T19",
    told_of={
        "admission": Of("l.mdtrt_id"),
        "person": Of(
            "l.psn_no",
            name="rule_r50_person",
            windows=(365,),
            reason="触发规则R50超频次：近{window}天有{value}条超过限定频次",
        ),
        "institution": Of(
            "l.fixmedins_code",
            name="rule_r50_inst",
            by="institution",
            windows=(365,),
            rows=too_often("too_often_at_unit", ", fixmedins_code"),
            reason="触发规则R50超频次：近{window}天有{value}条超过限定频次",
        ),
    },
    needs=("catalog.max_freq",),
    rows=too_often("too_often"),
    amount="round(sum(excess_fen))",
    reason="触发规则R50超频次：本次住院有{value}条超过限定频次",
    innocent="病情需要并有医嘱记录（N21）",
)

# The second and later operations of a day above p/q of the cap; a count of two is two (both sides), a broken count is
# the discount itself.
declare(
    COMMON,
    name="rule_r51",
    rule="R51",
    label=setting("R51", "name"),
    scheme="T20",
    grain="admission",
    needs=("catalog.discount_p",),
    rows=f"""
        WITH l AS (
            SELECT
                l.*,
                k.discount_p / coalesce(nullif(k.discount_q, 0), 1) AS part,
                c.cap_e6 / 1e6 AS cap,
                row_number() OVER (PARTITION BY l.mdtrt_id, l.day ORDER BY l.pric DESC, l.feedetl_sn) AS place
            FROM lines l
            JOIN {VERSIONS} k ON {in_force("k")}
            JOIN {CAPS} c ON c.med_list_codg = l.med_list_codg AND l.day >= c.since AND l.day < c.until
            WHERE l.is_inpatient AND l.med_chrgitm_type = {SURGERY} AND k.discount_p > 0
        )
        SELECT *
        FROM (
            SELECT
                l.mdtrt_id AS entity_id, {LINE}, l.pric, l.cap, l.part,
                l.fen
                    * (floor(l.cnt) - (l.place = 1)::INT) / l.cnt
                    * (1 - l.part * l.cap / l.pric) AS excess_fen
            FROM l
            WHERE l.pric > l.part * l.cap
        )
        WHERE excess_fen > {setting("R51", "tolerance_fen")}
    """,
    amount="round(sum(excess_fen))",
    reason="触发规则R51手术未折价：本次住院有{value}条同日第二及以后手术未按规定折价",
    innocent="不同切口、不同日手术可不折价",
)
