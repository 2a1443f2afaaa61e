"""Rule R52: one birth paid twice, by the maternity fund and by the medical fund.

The maternity settlement (insurance 510) and a medical settlement with a diagnosis of pregnancy or delivery lie within one leave of each other (98 days).
Residents without maternity insurance rightly bill births to the medical fund: nothing is compared without a settlement under 510. Infants' own stays (N12)
carry P codes and are left out.
"""

from features.declare import declare
from features.rules.stays import rule
from features.thresholds import setting

R52_ROWS = f"""SELECT {{entity}} AS entity_id, b.happened_at, 'settlements' AS row_table, b.setl_id AS row_id, m.setl_id AS maternity_setl_id, coalesce(b.fund_pay_sumamt_fen, 0) + coalesce(b.acct_pay_fen, 0) AS fen
FROM settlements b LEFT JOIN stays s ON s.mdtrt_id = b.mdtrt_id
JOIN (SELECT psn_no, setl_id, happened_at, row_number() OVER (PARTITION BY psn_no ORDER BY happened_at, setl_id) AS ordinal FROM settlements WHERE insutype = '510' AND coalesce(fund_pay_sumamt_fen, 0) > 0) m
    ON m.psn_no = b.psn_no AND abs(date_diff('day', m.happened_at, b.happened_at)) <= {setting("R52", "episode_days")}
WHERE b.insutype IN ('310', '390') AND regexp_matches(coalesce(s.dx, b.opt_diag_code, ''), '^(O|Z3[4-9])') AND coalesce(b.fund_pay_sumamt_fen, 0) > 0 {{only}}
QUALIFY row_number() OVER (PARTITION BY b.setl_id ORDER BY abs(date_diff('day', m.happened_at, b.happened_at)), m.setl_id) = 1"""

for _grain, _entity, _roll, _only in (
    ("person", "b.psn_no", "", ""),
    ("admission", "b.mdtrt_id", "admission", "AND b.is_inpatient"),
):
    declare(rule("R52", _grain, "T27", R52_ROWS.format(entity=_entity, only=_only), "count(*)", amount="sum(fen)", by="person", roll=_roll, exempt="N12",  # type: ignore[arg-type]
        windows=(365,) if _grain == "person" else (0,),
        reason="同一次生育既由生育保险支付，又由基本医保支付{value}笔", innocent="与生育无关的并发疾病、新生儿自身费用（N12）"))  # type: ignore[arg-type]  # fmt: skip
