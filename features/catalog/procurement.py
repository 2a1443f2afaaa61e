"""T12 unselected drugs: what the state has bought in bulk, and what a unit sells instead.

How it works: of a generic that was bought in bulk (集采) a unit keeps selling the dearer product that was not selected.
What it leaves: a share of unselected packs far above the peers', rising after the start of a batch.
Honest cases: reported quantities are used up, a product is out of stock, patients who do not tolerate the selected one.
"""

from features.codes import PACKED_DRUGS
from features.declare import Feature, Of, declare
from features.knowledge import LINE_ID, VERSIONS, in_force

# Only generics of which a selected product is in force on the day; which one is selected says `catalog.centproc_flag`.
declare(
    Feature(
        name="unselected_share",
        label="集采品种中非中选产品占比",
        unit="%",
        scheme="T12",
        told_of={"institution": Of("l.fixmedins_code")},
        by="institution",
        windows=(90,),
        empty=None,
        needs=("catalog.centproc_flag", "catalog.generic_code"),
        source="4.10",
        rows=f"""
            SELECT
                $entity AS entity_id, l.happened_at, 'fee_details' AS row_table, {LINE_ID} AS row_id, l.psn_no,
                l.hilist_name, l.cnt, l.fen,
                coalesce(c.centproc_flag, '0') <> '1' AS hit
            FROM lines l
            JOIN {VERSIONS} c ON {in_force("c")}
            JOIN (
                SELECT generic_code, min(since) AS since
                FROM {VERSIONS}
                WHERE centproc_flag = '1' AND generic_code IS NOT NULL
                GROUP BY 1
            ) g ON g.generic_code = c.generic_code AND l.day >= g.since
            WHERE l.med_chrgitm_type IN {PACKED_DRUGS}
        """,
        measure="sum(cnt) FILTER (hit) / nullif(sum(cnt), 0)",
        reason="近{window}天集采品种中有{value}是非中选产品（同类中位{peer}，高于{percentile}的同类）",
        innocent="约定采购量已完成、中选产品短缺、患者不耐受",
    )
)
