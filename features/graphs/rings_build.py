"""The `ring` partition: events of the whole county, bucket by bucket, then one ring search over all of them.

Collusion is visible only between cards, so this is the one grain that is not bucketed by entity; the events it needs are narrow.
"""

import re
from datetime import date, datetime
from pathlib import Path

import pandas as pd

from claims.warehouse import Warehouse
from features.asof import moment_of, open_views
from features.graphs.ring_partition import ring_tables

_EVENTS = """SELECT setl_id, psn_no, fixmedins_code, happened_at, med_type, visit_class, is_inpatient, atddr_no AS dr_codg, opt_diag_code AS dx, dise_codg,
    medfee_sumamt_fen AS fen, fund_pay_sumamt_fen AS fund_fen, acct_pay_fen AS acct_fen, acct_mulaid_pay_fen AS mulaid_fen, clock_collapsed
    FROM net.swipes WHERE happened_at > (SELECT t FROM main.asof) - INTERVAL {days} DAY"""
_STAYS = """SELECT mdtrt_id, psn_no, fixmedins_code, adm_date, end_date, "open", dx, dx3, visit_class, atddr_no, medfee_fen, fund_fen, begntime, end_at FROM net.stays
    WHERE NOT "open" AND happened_at > (SELECT t FROM main.asof) - INTERVAL {days} DAY"""
_LINES = """SELECT l.mdtrt_id, l.setl_id, l.psn_no, l.fixmedins_code, l.med_list_codg, c.name AS hilist_name, c.resale_risk_flag, l.med_chrgitm_type, l.fen, l.happened_at
    FROM net.lines l LEFT JOIN (SELECT med_list_codg, any_value(name) AS name, max(resale_risk_flag) AS resale_risk_flag FROM main.catalog GROUP BY 1) c USING (med_list_codg)
    WHERE NOT l.is_inpatient AND l.med_chrgitm_type IN ('09', '10', '11') AND l.happened_at > (SELECT t FROM main.asof) - INTERVAL {days} DAY"""
_WORDS = frozenset(re.findall(r"\w+", _EVENTS + _STAYS + _LINES))


def build_rings(warehouse: Warehouse, as_of: date | datetime, window_days: int, out: Path) -> None:
    """Write values, entities and rows of all rings with a meeting in the window to `out`."""
    parts: dict[str, list[pd.DataFrame]] = {"events": [], "stays": [], "lines": [], "persons": []}
    institutions = pd.DataFrame()
    for bucket in range(warehouse.buckets):
        con = open_views(warehouse, as_of, "person", bucket, temp=out, words=_WORDS)
        try:
            for name, sql in (("events", _EVENTS), ("stays", _STAYS), ("lines", _LINES)):
                parts[name].append(con.execute(sql.format(days=window_days)).df())
            parts["persons"].append(con.execute("FROM main.persons").df())
            institutions = con.execute("FROM main.institutions").df()
        finally:
            con.close()
    frames = {name: pd.concat(found, ignore_index=True) for name, found in parts.items()}
    values, entities, rows = ring_tables(
        frames["events"], frames["persons"], institutions, frames["stays"], frames["lines"], moment_of(as_of)
    )
    entities["innocent"] = entities["sentence"].where(entities["explanation"].notna(), "")
    values = values.rename_axis("entity_id").sort_index()
    values.reset_index().to_parquet(out / "values.parquet", index=False)
    entities.set_index("entity_id").reindex(values.index).reset_index().to_parquet(
        out / "entities.parquet", index=False
    )
    rows.sort_values(["entity_id", "happened_at", "row_id"], kind="stable").to_parquet(
        out / "rows.parquet", index=False
    )
