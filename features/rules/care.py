"""R63: long-term care (长护险) paid for days on which its holder lay in hospital.

Medical rules do not see long-term care at all; this one reads its own view, `long_term_care`.
"""

from features.declare import Feature, Of, declare
from features.thresholds import setting

# A settlement covers the days from its begin to its end; the days of entry and leaving may rightly be both.
declare(
    Feature(
        name="rule_r63_care",
        rule="R63",
        label="长护与住院同时享受",
        kind="lead",
        family="identity",
        scheme="T27",
        told_of={
            "person": Of("c.psn_no"),
            "institution": Of(
                "c.fixmedins_code",
                name="rule_r63_care_inst",
                measure="count(DISTINCT psn_no)",
                unit="人",
                reason="近{window}天有{value}人住院期间仍由本机构按长护险结算照护费用",
            ),
        },
        by="person",
        windows=(365,),
        exempt=("N32",),
        source="5.9",
        rows=f"""
            SELECT
                $entity AS entity_id, c.happened_at, 'settlements' AS row_table, c.setl_id AS row_id, c.psn_no,
                c.fixmedins_code, s.fixmedins_code AS ward_unit,
                date_diff('day', greatest(c.begntime::DATE, s.adm_date), least(c.endtime::DATE, s.end_date)) - 1
                    AS nights,
                (
                    coalesce(c.fund_pay_sumamt_fen, 0)
                    * (date_diff('day', greatest(c.begntime::DATE, s.adm_date), least(c.endtime::DATE, s.end_date)) - 1)
                    / (date_diff('day', c.begntime::DATE, c.endtime::DATE) + 1)
                )::BIGINT AS fen
            FROM main.long_term_care c
            JOIN stays s ON s.psn_no = c.psn_no
            WHERE NOT s.day_surgery
                AND date_diff('day', greatest(c.begntime::DATE, s.adm_date), least(c.endtime::DATE, s.end_date)) - 1
                    >= {setting("R63", "care_days")}
        """,
        measure="count(*)",
        amount="sum(fen)",
        unit="笔",
        reason="近{window}天有{value}笔长护险结算所含日期内本人正在住院",
        innocent="按月包干而住院日已扣减、结算期登记过宽（N32）",
    )
)
