"""R43, R44, R47: prescriptions of too many kinds, for somebody else, all alike.

No table says which drugs belong to a disease: of R44 only the drug that its holder cannot take is judged.
"""

from features.catalog.drugs import LIMITED, OF_DOCTOR, RX
from features.codes import DRUGS, PACKED_DRUGS
from features.declare import Feature, Of, PeerTest, declare
from features.thresholds import setting

COMMON = Feature(
    kind="lead",
    family="drug",
    by="institution",
    windows=(365,),
    source="3.8 3.9 3.10",
    measure="count(*)",
    unit="张",
)

declare(
    COMMON,
    name="rule_r43",
    widely="一张处方超过5种即命中，多病共存老人的处方在内；列出的是处方，不是对医师的判断",
    told_of={"doctor": OF_DOCTOR},
    rule="R43",
    label=setting("R43", "name"),
    scheme="T13",
    needs=("fee_details.bilg_dr_codg",),
    exempt=("N29",),
    rows=f"""
        SELECT *, (fen * (kinds - {setting("R43", "max_kinds")}) / kinds)::BIGINT AS excess_fen
        FROM ({RX})
        WHERE kinds > {setting("R43", "max_kinds")}
    """,
    amount="sum(excess_fen)",
    reason="触发规则R43药品种类超标：近{window}天有{value}张门诊处方超过5种药品",
    innocent="多病共存老人（N29）",
)

# Told of the person: only visits with that many lines are counted at all.
declare(
    COMMON,
    name="rule_r43_person",
    rule="R43",
    label=setting("R43", "name"),
    scheme="T13",
    grain="person",
    by="person",
    needs=("fee_details.bilg_dr_codg",),
    exempt=("N29",),
    rows=f"""
        SELECT *, (fen * (kinds - {setting("R43", "max_kinds")}) / kinds)::BIGINT AS excess_fen
        FROM (
            SELECT
                any_value(l.psn_no) AS entity_id,
                l.dr_codg,
                any_value(l.fixmedins_code) AS fixmedins_code,
                min(l.happened_at) AS happened_at, 'visits' AS row_table, l.mdtrt_id AS row_id,
                sum(l.fen)::BIGINT AS fen,
                count(DISTINCT l.med_list_codg) FILTER (WHERE l.med_chrgitm_type IN {PACKED_DRUGS}) AS kinds
            FROM lines l
            SEMI JOIN (
                SELECT mdtrt_id
                FROM lines
                WHERE NOT is_inpatient
                GROUP BY 1
                HAVING count(*) > {setting("R43", "max_kinds")}
            ) m USING (mdtrt_id)
            WHERE NOT l.is_inpatient AND l.dr_codg IS NOT NULL AND l.med_chrgitm_type IN {DRUGS}
            GROUP BY l.dr_codg, l.mdtrt_id, coalesce(l.rxno, '')
        )
        WHERE kinds > {setting("R43", "max_kinds")}
    """,
    amount="sum(excess_fen)",
    reason="触发规则R43药品种类超标：近{window}天有{value}张门诊处方超过5种药品",
    innocent="多病共存老人（N29）",
)

#: A drug that does not fit the holder while somebody of the household could take it.
FOR_ANOTHER = f"""
    SELECT *
    FROM ({LIMITED})
    WHERE NOT is_inpatient AND unfit AND psn_no IN (SELECT psn_no FROM household_links)
"""

declare(
    COMMON,
    name="rule_r44",
    rule="R44",
    label=setting("R44", "name"),
    scheme="T13",
    told_of={
        "person": Of("l.psn_no", by="person", needs=("household_links", "catalog.lmt_gend")),
        "doctor": Of(
            "l.dr_codg",
            name="rule_r44_doctor",
            reason="触发规则R44搭车开药：近{window}天所开{value}条为患者本人不宜的药品",
        ),
    },
    needs=("household_links", "catalog.lmt_gend", "fee_details.bilg_dr_codg"),
    exempt=("N05",),
    rows=FOR_ANOTHER,
    amount="sum(fen)",
    unit="条",
    reason="触发规则R44搭车开药：近{window}天有{value}条本人不宜而家庭成员可用的药品",
    innocent="家庭共济代购（N05）",
)

declare(
    COMMON,
    name="rule_r47",
    told_of={"doctor": OF_DOCTOR},
    rule="R47",
    label=setting("R47", "name"),
    scheme="T15",
    needs=("fee_details.bilg_dr_codg",),
    exempt=("N01", "N04", "N13", "N14"),
    rows=f"""
        SELECT *
        FROM ({RX})
        WHERE same_bag >= {setting("R47", "patients_a_day")} AND kinds >= 2
    """,
    amount="sum(fen)",
    reason="触发规则R47医师集中开药：近{window}天有{value}张处方与同日另7名以上患者完全相同",
    innocent="流感季（N14）、养老机构集中配药（N04）、协定处方（N13）",
)

declare(
    COMMON,
    name="rule_r47_share",
    told_of={"doctor": OF_DOCTOR},
    rule="R47",
    label="易倒卖药占比异常",
    scheme="T15",
    windows=(180,),
    needs=("fee_details.bilg_dr_codg", "catalog.resale_risk_flag"),
    exempt=("N01", "N04", "N13", "N14"),
    rows=RX,
    measure="count(*) FILTER (WHERE resale_fen > 0)",
    amount="sum(resale_fen)",
    peers=PeerTest(
        statistic="CASE WHEN count(*) >= 20 THEN sum(resale_fen) / nullif(sum(fen), 0)::DOUBLE END",
        side="high",
        z=setting("R47", "z"),
    ),
    reason="触发规则R47医师集中开倒卖药：近{window}天{value}张处方含易倒卖药品，金额占比远高于同科同级医师",
    innocent="专科用药结构使然（N22）、透析中心（N01）",
)
