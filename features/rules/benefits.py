"""R52: one birth paid twice, by the maternity fund and by the medical fund.

The maternity settlement (insurance 510) and a medical settlement with a diagnosis of pregnancy or delivery lie
within one leave of each other (98 days). Since the funds were merged a birth is a visit of its class (51, 52) under the
scheme of employees: there a stay after it and within the leave, billed as illness, is compared; visits before are care
that the scheme pays anyhow. Residents without maternity insurance rightly bill births to the medical fund: nothing is
compared without a maternity settlement. Infants' own stays (N12) carry P codes and are left out.
"""

from features.codes import paid
from features.declare import Feature, Of, declare
from features.thresholds import setting

#: Visits that the maternity benefit pays.
MATERNITY = "('maternity_ip', 'maternity_op')"


def paid_twice(only: str = "") -> str:
    """Medical settlements of a birth within a leave of the maternity settlement nearest to it."""
    return f"""
        SELECT
            $entity AS entity_id, b.happened_at, 'settlements' AS row_table, b.setl_id AS row_id,
            m.setl_id AS maternity_setl_id, {paid("b")} AS fen
        FROM settlements b
        LEFT JOIN stays s ON s.mdtrt_id = b.mdtrt_id
        JOIN (
            SELECT
                psn_no, setl_id, mdtrt_id, happened_at,
                insutype <> '510' AS merged,
                row_number() OVER (PARTITION BY psn_no ORDER BY happened_at, setl_id) AS ordinal
            FROM settlements
            WHERE (insutype = '510' OR visit_class IN {MATERNITY}) AND coalesce(fund_pay_sumamt_fen, 0) > 0
        ) m
            ON m.psn_no = b.psn_no
                AND abs(date_diff('day', m.happened_at, b.happened_at)) <= {setting("R52", "episode_days")}
        WHERE b.insutype IN ('310', '390')
            AND regexp_matches(coalesce(s.dx, b.opt_diag_code, ''), '^(O|Z3[4-9])')
            AND coalesce(b.fund_pay_sumamt_fen, 0) > 0
            AND b.mdtrt_id <> m.mdtrt_id
            AND (
                NOT m.merged
                OR (b.is_inpatient AND b.visit_class NOT IN {MATERNITY} AND b.happened_at > m.happened_at)
            ) {only}
        QUALIFY row_number() OVER (
            PARTITION BY b.setl_id
            ORDER BY abs(date_diff('day', m.happened_at, b.happened_at)), m.setl_id
        ) = 1
    """


declare(
    Feature(
        name="rule_r52",
        rule="R52",
        label=f"R52 {setting('R52', 'name')}",
        kind="lead",
        family="R52",
        scheme="T27",
        told_of={
            "person": Of("b.psn_no"),
            "admission": Of(
                "b.mdtrt_id", name="rule_r52_admission", windows=(0,), rows=paid_twice("AND b.is_inpatient")
            ),
        },
        by="person",
        windows=(365,),
        exempt=("N12",),
        source="rules.md R52",
        rows=paid_twice(),
        measure="count(*)",
        amount="sum(fen)",
        unit="次",
        reason="同一次生育既由生育保险支付，又由基本医保支付{value}笔",
        innocent="与生育无关的并发疾病、新生儿自身费用（N12）",
    )
)
