"""R58, R59: a unit's panels, tests and mix of fees beside its peers' and its own past."""

from features.catalog.fees_of_units import PANELS
from features.catalog.institutions import MIX
from features.declare import Feature, PeerTest, declare
from features.thresholds import setting

COMMON = Feature(
    kind="KPI",
    family="structure",
    grain="institution",
    by="institution",
    windows=(180,),
    needs=("fee_details",),
    source="1.5 3.10",
    unit="例",
)

#: Enough stays, most of them with the same panel on admission.
ONE_PANEL = f"""
    count(panel) >= {setting("R58", "min_stays")}
    AND list_max(map_values(histogram(panel) FILTER (WHERE panel IS NOT NULL)))
        >= {setting("R58", "panel_share")} * count(panel)
"""

declare(
    COMMON,
    name="rule_r58",
    rule="R58",
    label=setting("R58", "name"),
    scheme="T21",
    windows=(365,),
    exempt=("N13", "N21", "N22"),
    rows=PANELS,
    measure=f"CASE WHEN {ONE_PANEL} THEN count(panel) ELSE 0 END",
    amount=f"CASE WHEN {ONE_PANEL} THEN sum(test_fen) ELSE 0 END",
    reason="触发规则R58检查检验过度：近{window}天{value}例住院中八成以上入院检查组合完全相同",
    innocent="单病种路径、专科医院（N13、N22）",
)

declare(
    COMMON,
    name="rule_r58_ct",
    rule="R58",
    label="CT、磁共振过度",
    scheme="T21",
    exempt=("N13", "N21", "N22"),
    rows=PANELS,
    measure="count(*) FILTER (WHERE scans > 0)",
    amount="sum(test_fen)",
    peers=PeerTest(
        statistic=f"CASE WHEN count(*) >= {setting('R58', 'min_stays')} THEN avg(scans) END",
        side="high",
        z=setting("R58", "z"),
        excess=0.5,
    ),
    reason="触发规则R58检查检验过度：近{window}天{value}例住院有CT、磁共振，每次住院的用量远高于同级同类机构",
    innocent="转诊中心、专科医院（N21、N22）",
)

declare(
    COMMON,
    name="rule_r58_lab",
    rule="R58",
    label="化验过度",
    scheme="T21",
    exempt=("N13", "N21", "N22"),
    rows=PANELS,
    measure="count(*) FILTER (WHERE lab_fen > 0)",
    amount="sum(test_fen)",
    peers=PeerTest(
        statistic=f"CASE WHEN count(*) >= {setting('R58', 'min_stays')} THEN avg(lab_fen / nullif(fen, 0)::DOUBLE) END",
        side="high",
        z=setting("R58", "z"),
        excess=0.5,
    ),
    reason="触发规则R58检查检验过度：近{window}天{value}例住院有化验，每次住院的用量远高于同级同类机构",
    innocent="转诊中心、专科医院（N21、N22）",
)


def share_of(part: str) -> PeerTest:
    """A part of the fees too large beside the same of peers."""
    enough = f"count(*) >= {setting('R59', 'min_settlements')}"
    return PeerTest(
        statistic=f"CASE WHEN {enough} THEN sum({part}) / nullif(sum(fen), 0)::DOUBLE END",
        side="high",
        z=setting("R59", "z"),
    )


declare(
    COMMON,
    name="rule_r59_drug",
    rule="R59",
    label="药占比异常",
    scheme="T16",
    exempt=("N21", "N22", "N24"),
    rows=MIX,
    measure="count(*) FILTER (WHERE drug_fen > 0)",
    peers=share_of("drug_fen"),
    reason="触发规则R59费用结构异常：近{window}天药占比远高于同级同类机构（涉及{value}例就诊）",
    innocent="专科机构、转诊中心（N21、N22）",
)

declare(
    COMMON,
    name="rule_r59_test",
    rule="R59",
    label="检查检验占比异常",
    scheme="T21",
    exempt=("N21", "N22", "N24"),
    rows=MIX,
    measure="count(*) FILTER (WHERE test_fen > 0)",
    peers=share_of("test_fen"),
    reason="触发规则R59费用结构异常：近{window}天检查检验占比远高于同级同类机构（涉及{value}例就诊）",
    innocent="专科机构、转诊中心（N21、N22）",
)

declare(
    COMMON,
    name="rule_r59_material",
    rule="R59",
    label="耗材占比异常",
    scheme="T16",
    exempt=("N21", "N22", "N24"),
    rows=MIX,
    measure="count(*) FILTER (WHERE material_fen > 0)",
    peers=share_of("material_fen"),
    reason="触发规则R59费用结构异常：近{window}天耗材占比远高于同级同类机构（涉及{value}例就诊）",
    innocent="专科机构、转诊中心（N21、N22）",
)

declare(
    COMMON,
    name="rule_r59_care",
    rule="R59",
    label="治疗占比异常",
    scheme="T21",
    exempt=("N21", "N22", "N24"),
    rows=MIX,
    measure="count(*) FILTER (WHERE care_fen > 0)",
    peers=share_of("care_fen"),
    reason="触发规则R59费用结构异常：近{window}天治疗占比远高于同级同类机构（涉及{value}例就诊）",
    innocent="专科机构、转诊中心（N21、N22）",
)

#: How many parts of the fees moved by more points than they may, the last month against the five before.
JUMPED = " + ".join(
    f"""
    coalesce((abs(
        sum({part}) FILTER (WHERE recent) / nullif(sum(fen) FILTER (WHERE recent), 0)
        - sum({part}) FILTER (WHERE NOT recent) / nullif(sum(fen) FILTER (WHERE NOT recent), 0)
    ) > {setting("R59", "jump_points")})::INT, 0)
    """
    for part in ("drug_fen", "test_fen", "material_fen", "care_fen")
)
ENOUGH = f"""
    count(*) FILTER (WHERE recent) >= {setting("R59", "min_settlements")}
    AND count(*) FILTER (WHERE NOT recent) >= {setting("R59", "min_settlements")}
"""

declare(
    COMMON,
    name="rule_r59",
    rule="R59",
    label=setting("R59", "name"),
    scheme="T16",
    exempt=("N21", "N22", "N24"),
    rows=MIX,
    measure=f"CASE WHEN {ENOUGH} THEN {JUMPED} ELSE 0 END",
    unit="项",
    reason="触发规则R59费用结构异常：近30天有{value}项费用占比较此前5个月变化超过15个百分点",
    innocent="集采调价（N24）、新设科室（N22）",
)
