"""R17–R19: a bed for a clinic's case, a bed for a check-up, a bed long after recovery."""

from features.catalog.stay_rows import HOME_BEDS, LONG_CARE, STAY_DAYS
from features.codes import CLOSE_NURSING, NURSING, SURGERY, TESTS, TRANSFERRED, TREATMENT, by_needle
from features.declare import Feature, Of, PeerTest, declare
from features.knowledge import diagnosed
from features.rules.parts import judged_rows
from features.thresholds import setting

COMMON = Feature(
    kind="lead",
    by="institution",
    windows=(0,),
    unit="次",
)

#: Stays with what the lines say about need; `r17` and `r18` mark the hits.
LOW_STAYS = f"""
    SELECT
        $entity AS entity_id, s.happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id, s.nights,
        coalesce(s.fund_fen, 0) AS fen,
        f.fee_fen, f.test_fen,
        {diagnosed("s.dx", "outpatient_ok")}
            AND NOT f.surgery
            AND NOT f.infusion
            AND NOT f.close_nursing
            AND coalesce(s.lv1_nurscare_days, 0) = 0
            AND coalesce(s.spga_nurscare_days, 0) = 0
            AND NOT {LONG_CARE}
            AND NOT s."open" AS r17,
        CASE WHEN NOT s."open" THEN coalesce(s.medfee_fen, f.fee_fen) END AS whole_fen,
        f.test_fen >= {setting("R18", "test_share")} * f.fee_fen
            AND s.nights <= {setting("R18", "max_nights")}
            AND NOT f.treated
            AND NOT f.surgery
            AND NOT s."open"
            AND s.dscg_way IS DISTINCT FROM {TRANSFERRED}
            AND r.psn_no IS NULL AS r18
    FROM stays s
    JOIN (
        SELECT
            l.mdtrt_id,
            sum(l.fen) AS fee_fen,
            coalesce(sum(l.fen) FILTER (l.med_chrgitm_type IN {TESTS}), 0) AS test_fen,
            bool_or(l.med_chrgitm_type = {TREATMENT}) AS treated,
            bool_or(l.med_chrgitm_type = {SURGERY}) AS surgery,
            bool_or(
                coalesce(c.infusion_flag = '1', false)
                    OR {by_needle("l")}
            ) AS infusion,
            bool_or(
                l.med_chrgitm_type = {NURSING} AND regexp_matches(coalesce(l.hilist_name, ''), {CLOSE_NURSING})
            ) AS close_nursing
        FROM lines l
        LEFT JOIN (
            SELECT DISTINCT med_list_codg, infusion_flag
            FROM main.catalog
            WHERE infusion_flag = '1'
        ) c USING (med_list_codg)
        WHERE l.is_inpatient
        GROUP BY 1
    ) f ON f.mdtrt_id = s.mdtrt_id
    LEFT JOIN (
        SELECT DISTINCT g.psn_no, t.mdtrt_id
        FROM main.filings g
        JOIN stays t ON t.psn_no = g.psn_no
        WHERE g.kind = '转诊' AND g.begndate BETWEEN t.adm_date - 30 AND t.end_date
    ) r ON r.mdtrt_id = s.mdtrt_id
    WHERE NOT s.day_surgery AND $entity IS NOT NULL
"""

declare(
    COMMON,
    name="rule_r17",
    rule="R17",
    label=f"R17 {setting('R17', 'name')}",
    family="R17",
    scheme="T05",
    told_of={"admission": Of("s.mdtrt_id")},
    exempt=("N03",),
    source="rules.md R17",
    rows=LOW_STAYS,
    measure="count(*) FILTER (r17)",
    amount="coalesce(sum(fen) FILTER (r17), 0)",
    peers=PeerTest(statistic="max(whole_fen)", side="low", times=setting("R17", "fee_share")),
    reason="门诊可处理的诊断，无手术、输液和重护理，费用不到同类住院中位数的一半（命中{value}）",
    innocent="病情确需住院、流行期收治或转诊检查（N14、N16、N21、N29）",
)

declare(
    COMMON,
    name="rule_r17_inst",
    rule="R17",
    label=f"R17 {setting('R17', 'name')}",
    family="R17",
    scheme="T05",
    told_of={
        "institution": Of("fixmedins_code"),
        "doctor": Of("dr_codg", name="rule_r17_doctor", reason="该医师近半年门诊可处理而收住院，命中{value}次"),
    },
    by="judged",
    windows=(180,),
    exempt=("N03",),
    source="rules.md R17",
    rows=judged_rows("rule_r17"),
    measure="count(*)",
    amount="sum(fen)",
    reason="本院近半年门诊可处理而收住院，命中{value}次",
    innocent="病情确需住院、流行期收治或转诊检查（N14、N16、N21、N29）",
)

declare(
    COMMON,
    name="rule_r18",
    rule="R18",
    label=f"R18 {setting('R18', 'name')}",
    family="R18",
    scheme="T05",
    told_of={
        "admission": Of("s.mdtrt_id"),
        "institution": Of(
            "s.fixmedins_code",
            name="rule_r18_inst",
            windows=(180,),
            reason="本院近半年检查化验占六成以上的体检式短住院，命中{value}次",
        ),
    },
    exempt=("N16",),
    source="rules.md R18",
    rows=f"SELECT * FROM ({LOW_STAYS}) WHERE r18",
    measure="count(*)",
    amount="sum(fen)",
    reason="本次住院检查化验占六成以上的体检式短住院，命中{value}次",
    innocent="病情确需住院、流行期收治或转诊检查（N14、N16、N21、N29）",
)

LONG_STAYS = f"""
    SELECT r.*, {LONG_CARE} AS stay_long, coalesce(s.fund_fen, 0) AS stay_fund_fen
    FROM ({STAY_DAYS}) r
    JOIN stays s ON s.mdtrt_id = r.entity_id
    ANTI JOIN ({HOME_BEDS}) h ON h.mdtrt_id = s.mdtrt_id
"""
#: What the last and the first third of the days cost.
LATE_FEN = "coalesce(sum(fen) FILTER (position >= bed_days * 2 / 3.0), 0)"
EARLY_FEN = "sum(fen) FILTER (position < bed_days / 3.0)"
FADED = f"""
    NOT max(stay_long)
    AND max(nights) >= {setting("R19", "min_nights")}
    AND coalesce({LATE_FEN} / nullif({EARLY_FEN}, 0)::DOUBLE, 1) < {setting("R19", "tail_share")}
"""

declare(
    COMMON,
    name="rule_r19",
    rule="R19",
    label=f"R19 {setting('R19', 'name')}",
    family="R19",
    scheme="T06",
    grain="admission",
    exempt=("N03", "N34"),
    source="rules.md R19",
    rows=LONG_STAYS,
    measure="CASE WHEN NOT max(stay_long) THEN 1 ELSE 0 END",
    amount="max(stay_fund_fen)",
    peers=PeerTest(
        statistic="CASE WHEN NOT max(stay_long) THEN max(nights) END",
        side="high",
        quantile=setting("R19", "quantile"),
        excess=setting("R19", "excess_over_quantile"),
        least=setting("R19", "min_peers"),
    ),
    reason="住院天数超过同病种同级机构99%的住院（命中{value}）",
    innocent="恢复期等待转接、长期护理（N03、N34）",
)

declare(
    COMMON,
    name="rule_r19_tail",
    rule="R19",
    label=f"R19 {setting('R19', 'name')}",
    family="R19",
    scheme="T06",
    grain="admission",
    exempt=("N03", "N34"),
    source="rules.md R19",
    rows=LONG_STAYS,
    measure=f"CASE WHEN {FADED} THEN 1 ELSE 0 END",
    amount=f"CASE WHEN {FADED} THEN max(stay_fund_fen) * {LATE_FEN} / nullif(sum(fen), 0) ELSE 0 END",
    reason="住院半月以上，后段日费用不到前段四分之一（命中{value}）",
    innocent="恢复期等待转接、长期护理（N03、N34）",
)
