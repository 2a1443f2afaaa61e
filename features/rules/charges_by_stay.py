"""R54: more beds, nursing and hours than the stay has days."""

from features.codes import BED, NURSING
from features.common_subqueries import once
from features.declare import Feature, Of, declare
from features.rules.parts import KEPT, LINE
from features.thresholds import setting

#: The days of a stay, one at least.
DAYS = "greatest(1, date_diff('day', any_value(adm_date), any_value(end_date)))"
#: One bed a night, and one grade of nursing a day; what stands beside them (air conditioning, a companion's bed, mouth
#: care) is billed by itself.
BESIDE_BED = "'空调|取暖|暖气|降温|陪护|陪床|家属|被服|床上用品|婴儿|母婴|建床'"
NURSING_GRADE = "'级.{0,3}护理|护理.{0,4}级'"
#: Closed stays only; the tolerance of one day covers both ways of counting (D17: parts are merged). One row per line
#: of a charge that went over.
TOO_MANY_DAYS = once(
    "too_many_days",
    f"""
        WITH l AS (
            SELECT
                l.*,
                CASE WHEN l.hilist_name LIKE '%小时%' THEN 'h' ELSE l.med_chrgitm_type END AS what
            FROM lines l
            JOIN stays s USING (mdtrt_id)
            WHERE NOT s."open"
                AND (
                    l.hilist_name LIKE '%小时%'
                        OR (
                            l.med_chrgitm_type = {BED}
                            AND NOT regexp_matches(coalesce(l.hilist_name, ''), {BESIDE_BED})
                        )
                        OR (l.med_chrgitm_type = {NURSING} AND regexp_matches(l.hilist_name, {NURSING_GRADE}))
                )
        ),
        k AS (
            SELECT
                *,
                CASE WHEN what = 'h' THEN med_list_codg ELSE '' END AS code,
                CASE WHEN what = 'h' THEN day ELSE DATE '1900-01-01' END AS of_day
            FROM l
        ),
        t AS (
            SELECT
                mdtrt_id, what, code, of_day,
                sum(cnt) AS total,
                CASE what
                    WHEN 'h' THEN {setting("R54", "hours_a_day")}
                    WHEN {BED} THEN {DAYS} + {setting("R54", "bed_days_over")}
                    ELSE {DAYS} + {setting("R54", "nursing_days_over")}
                END AS most
            FROM k
            GROUP BY mdtrt_id, what, code, of_day
        )
        SELECT
            {KEPT}, l.what, t.total, t.most,
            l.scope_fen * (t.total - t.most) / t.total AS excess_fen
        FROM k l
        JOIN (FROM t WHERE total > most) t USING (mdtrt_id, what, code, of_day)
    """,
)

declare(
    Feature(
        name="rule_r54",
        rule="R54",
        label=setting("R54", "name"),
        kind="hard",
        family="charge",
        scheme="T20",
        told_of={
            "admission": Of("l.mdtrt_id"),
            "institution": Of(
                "l.fixmedins_code",
                name="rule_r54_inst",
                by="institution",
                windows=(365,),
                measure="count(DISTINCT mdtrt_id)",
                unit="例",
                reason="触发规则R54超天数：近{window}天有{value}例住院床位、护理或计时收费超出应计",
                innocent="母婴同室、补记前日费用",
            ),
        },
        by="person",
        windows=(0,),
        needs=("fee_details",),
        source="1.5 3.10",
        rows=f"""
            SELECT $entity AS entity_id, {LINE}, l.what, l.total, l.most, l.excess_fen
            FROM {TOO_MANY_DAYS} l
        """,
        measure="count(*)",
        amount="round(sum(excess_fen))",
        unit="条",
        reason="触发规则R54超天数：本次住院有{value}条床位、护理或计时收费超出应计天数或24小时",
        innocent="母婴同室、补记前日费用；在院病例不判",
    )
)
