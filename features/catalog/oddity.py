"""T22 超限定范围用药 and T28 高套分组 from the other side: does what was billed belong to the diagnosis that was
written?

How it works: a drug is paid only for some disease, a group only for some severity; so a diagnosis is added that fits,
and the treatment stays that of the disease the patient has.
What it leaves: drugs that hardly any other stay with this diagnosis gets, and missing among the items nearly all of
them get.
Honest cases: a second disease treated in the same stay (N29), mother and infant (N12), emergency windows (N25), a
referral centre's rare cases (N21).
"""

from features.codes import DRUGS, ORDERED
from features.declare import Feature, declare
from features.knowledge import diagnosed
from features.thresholds import setting
from features.wording import above, below

#: One row a stay and item; `drug` tells drugs from tests and treatments.
_ITEMS = f"""
    SELECT
        s.mdtrt_id AS entity_id, s.happened_at, 'fee_details' AS row_table,
        s.mdtrt_id || '|' || min(l.feedetl_sn) AS row_id,
        s.dx3, l.med_list_codg, any_value(l.hilist_name) AS hilist_name,
        l.med_chrgitm_type IN {DRUGS} AS drug,
        {diagnosed("s.dx", "grave")} AS grave,
        sum(l.fen)::BIGINT AS fen
    FROM lines l
    JOIN stays s ON s.mdtrt_id = l.mdtrt_id
    WHERE l.is_inpatient
        AND NOT s."open"
        AND s.dx3 IS NOT NULL
        AND l.med_chrgitm_type IN {ORDERED}
    GROUP BY s.mdtrt_id, s.happened_at, s.dx3, s.dx, l.med_list_codg, l.med_chrgitm_type
"""
#: An item is a staple of a diagnosis when more than this share of its stays has it.
STAPLE = 0.5
#: `usual`: share of all stays with that diagnosis that have the item; `staples`: how many items more than half of
#: them have.
_USUAL = f"""
    WITH n AS (
        SELECT dx3, count(DISTINCT entity_id) AS stays
        FROM gathered
        GROUP BY 1
        HAVING count(DISTINCT entity_id) >= {setting("sets", "usual_stays")}
    ),
    k AS (
        SELECT dx3, med_list_codg, count(DISTINCT entity_id) / any_value(n.stays) AS usual
        FROM gathered
        JOIN n USING (dx3)
        GROUP BY ALL
    ),
    p AS (
        SELECT dx3, count(*) FILTER (usual > {STAPLE}) AS staples FROM k GROUP BY 1
    )
    SELECT g.*, k.usual, p.staples, coalesce(g.drug AND k.usual < {setting("sets", "usual_share")}, false) AS hit
    FROM gathered g
    JOIN k USING (dx3, med_list_codg)
    JOIN p USING (dx3)
"""

item = Feature(
    grain="admission",
    by="institution",
    windows=(0,),
    rows=_ITEMS,
    across=_USUAL,
    family="structure",
    empty=None,
    source="3.10 4.8",
)
_SECOND = "同时治疗另一种疾病、病情罕见（N21、N29）；主诊断写得笼统"
declare(
    item,
    name="odd_drug_share",
    label="与诊断不相称的药费占比",
    unit="%",
    scheme="T22",
    measure="coalesce(sum(fen) FILTER (hit), 0) / nullif(sum(fen) FILTER (drug), 0)",
    reason="药费的{value}花在同诊断住院很少使用的药上" + above(),
    innocent=_SECOND,
)
declare(
    item,
    name="odd_drug_yuan",
    label="与诊断不相称的药费",
    unit="元",
    scheme="T22",
    measure="coalesce(sum(fen) FILTER (hit), 0) / 100.0",
    reason="有{value}元药费花在同诊断住院很少使用的药上" + above("元"),
    innocent=_SECOND,
)
declare(
    item,
    name="odd_drug_surprise",
    label="用药与诊断的生疏程度",
    unit="",
    scheme="T22",
    # In the order of rows: a sum of fractions depends on it in its last digit.
    measure="sum(fen * -ln(usual) ORDER BY row_id) FILTER (drug) / nullif(sum(fen) FILTER (drug), 0)",
    reason="用药与主诊断的生疏程度{value}" + above(),
    innocent=_SECOND,
)
declare(
    item,
    name="staple_share",
    label="同诊断常规项目齐备率",
    unit="%",
    scheme="T28",
    worse="low",
    measure=f"count(*) FILTER (usual > {STAPLE}) / nullif(max(staples), 0)",
    reason="同诊断住院的常规检查、治疗和用药只做了{value}" + below(),
    innocent="入院不久即好转、转院或保守治疗（N16、N21）",
)
declare(
    item,
    name="grave_odd_drug_share",
    label="危重诊断用药不相称占比",
    unit="%",
    scheme="T28",
    measure="sum(fen) FILTER (hit AND grave) / nullif(sum(fen) FILTER (drug AND grave), 0)",
    reason="危重诊断，药费的{value}却花在同诊断很少使用的药上" + above(),
    innocent=_SECOND,
)
