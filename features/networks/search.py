"""The `ring` partition: events of the whole county, bucket by bucket, then one ring search over all of them.

Collusion is visible only between cards, so this is the one grain that is not bucketed by entity; the events it needs
are narrow.
"""

import re
from datetime import date, datetime
from pathlib import Path

import duckdb
import pandas as pd

from claims.schema.outcomes import findings
from claims.store.executor import Executor
from claims.store.warehouse import Warehouse
from features.asof import moment_of, open_views
from features.networks.pairs.bucket_pairs import bucket_pairs
from features.networks.rings.graph import write_graphs
from features.networks.rings.partition import ring_tables
from features.networks.rings.rings import search_rings
from features.networks.scores.network_scores import bond_tables

_EVENTS = """
    SELECT
        setl_id, psn_no, fixmedins_code, happened_at, med_type, visit_class, is_inpatient,
        atddr_no AS dr_codg, opt_diag_code AS dx, dise_codg, medfee_sumamt_fen AS fen,
        fund_pay_sumamt_fen AS fund_fen, acct_pay_fen AS acct_fen, acct_mulaid_pay_fen AS mulaid_fen,
        clock_collapsed
    FROM net.swipes
    WHERE happened_at > (SELECT t FROM main.asof) - INTERVAL {days} DAY
"""
_STAYS = """
    SELECT
        mdtrt_id, psn_no, fixmedins_code, adm_date, end_date, "open", dx, dx3, visit_class, atddr_no,
        medfee_fen, fund_fen, begntime, end_at
    FROM net.stays
    WHERE NOT "open" AND happened_at > (SELECT t FROM main.asof) - INTERVAL {days} DAY
"""
_LINES = """
    SELECT
        l.mdtrt_id, l.setl_id, l.psn_no, l.fixmedins_code, l.med_list_codg, c.name AS hilist_name,
        c.resale_risk_flag, l.med_chrgitm_type, l.fen, l.happened_at
    FROM net.lines l
    LEFT JOIN (
        SELECT med_list_codg, any_value(name) AS name, max(resale_risk_flag) AS resale_risk_flag
        FROM main.catalog
        GROUP BY 1
    ) c USING (med_list_codg)
    WHERE NOT l.is_inpatient
        AND l.med_chrgitm_type IN ('09', '10', '11')
        AND l.happened_at > (SELECT t FROM main.asof) - INTERVAL {days} DAY
"""
#: persons confirmed by the as-of, on their own or through a stay, with the place of the stay
_CASES = """
    SELECT s.psn_no, s.fixmedins_code
    FROM net.stays s
    JOIN confirmed c ON c.entity_id::VARCHAR = s.mdtrt_id
    WHERE c.grain::VARCHAR = 'admission'
    UNION
    SELECT entity_id::VARCHAR, ''
    FROM confirmed
    WHERE grain::VARCHAR = 'person'
"""
_WORDS = frozenset(re.findall(r"\w+", _EVENTS + _STAYS + _LINES + _CASES)) | {"inspections", "presence_checks"}


def build_rings(
    warehouse: Warehouse, as_of: date | datetime, window_days: int, out: Path, executor: Executor | None = None
) -> None:
    """Write values, entities and rows of all rings with a meeting in the window to `out`, and what they say of
    persons, institutions and doctors.

    With an executor (Spark), pairs are counted per institution bucket there; the rings are the same.
    """
    edges = None if executor is None else bucket_pairs(warehouse, as_of, window_days, executor)
    parts: dict[str, list[pd.DataFrame]] = {"events": [], "stays": [], "lines": [], "persons": [], "cases": []}
    institutions = pd.DataFrame()
    for bucket in range(warehouse.buckets):
        con = open_views(warehouse, as_of, "person", bucket, temp=out, words=_WORDS)
        try:
            for name, sql in (("events", _EVENTS), ("stays", _STAYS), ("lines", _LINES)):
                parts[name].append(con.execute(sql.format(days=window_days)).df())
            parts["cases"].append(cases_of(con))
            parts["persons"].append(con.execute("FROM main.persons").df())
            institutions = con.execute("FROM main.institutions").df()
        finally:
            con.close()
    frames = {name: pd.concat(found, ignore_index=True) for name, found in parts.items()}
    events, lines, moment = frames["events"], frames["lines"], moment_of(as_of)
    rings, pairs = search_rings(
        events, frames["persons"], institutions, frames["stays"], as_of=moment, lines=lines, edges=edges
    )
    values, entities, rows = ring_tables(rings, events, institutions, lines, moment)
    write_graphs(rings, out)
    bonds = bond_tables(events, institutions, pairs, rings, frames["cases"].drop_duplicates())
    for name, table in bonds.items():
        table = table if name == "meetings" else table.sort_index().reset_index()
        table.to_parquet(out / f"bonds_{name}.parquet", index=False)
    customers = events[~events["is_inpatient"].fillna(False).astype(bool)].groupby(["psn_no", "fixmedins_code"]).size()
    customers.rename("visits").sort_index().reset_index().to_parquet(out / "customers.parquet", index=False)
    entities["innocent"] = entities["sentence"].where(entities["explanation"].notna(), "")
    values = values.rename_axis("entity_id").sort_index()
    values.reset_index().to_parquet(out / "values.parquet", index=False)
    entities.set_index("entity_id").reindex(values.index).reset_index().to_parquet(
        out / "entities.parquet", index=False
    )
    rows.sort_values(["entity_id", "happened_at", "row_id"], kind="stable").to_parquet(
        out / "rows.parquet", index=False
    )


def cases_of(con: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """psn_no, fixmedins_code ('' = none) of the persons whom a finding in force at the as-of confirms, from as-of
    views."""
    found = findings(con.execute("FROM main.inspections").df(), con.execute("FROM main.presence_checks").df())
    confirmed = found.loc[found["outcome"] == "confirmed", ["grain", "entity_id"]].astype(str)
    con.register("confirmed", confirmed)
    return con.execute(_CASES).df()
