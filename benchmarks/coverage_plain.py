"""The plain side of benchmarks/coverage.py: thirteen simple aggregates a grain, over what was settled and billed by the as-of."""

from datetime import date
from pathlib import Path

import duckdb
import pandas as pd

from benchmarks.coverage_scores import tail_scores
from features.grains import Grain

#: Stays: aggregates of the stay, its patient and its hospital, as in benchmarks/county.py.
_STAY = "('21','22','23','24','26','28','2105','2106','2107','52')"
_PLAIN: dict[str, str] = {
    "admission": f"""WITH stay AS (SELECT mdtrt_id, any_value(psn_no) AS psn_no, any_value(fixmedins_code) AS inst, any_value(begntime) AS b, coalesce(any_value(endtime), (SELECT max(setl_time) FROM settlements)) AS e,
            sum(medfee_sumamt)::DOUBLE AS cost, sum(fund_pay_sumamt)::DOUBLE AS fund FROM settlements WHERE med_type IN {_STAY} AND refd_setl_flag = '0' GROUP BY 1),
        bag AS (SELECT mdtrt_id, count(*) AS n_lines, sum(det_item_fee_sumamt)::DOUBLE AS fee, coalesce(sum(det_item_fee_sumamt) FILTER (med_chrgitm_type IN ('09','10','11')), 0)::DOUBLE AS drug,
            coalesce(sum(det_item_fee_sumamt) FILTER (med_chrgitm_type IN ('03','04')), 0)::DOUBLE AS test FROM fee_details WHERE cnt > 0 GROUP BY 1)
        SELECT s.mdtrt_id AS entity_id, date_diff('day', b, e) AS los, coalesce(cost, fee) AS cost, coalesce(cost, fee) / greatest(1, date_diff('day', b, e)) AS cost_day, fund, n_lines, drug / fee AS drug_share, test / fee AS test_share,
            date_diff('year', p.brdy, b) AS age, count(*) OVER (PARTITION BY s.psn_no) AS n_stays, v.n AS n_visits, count(*) OVER (PARTITION BY inst) AS inst_stays, avg(cost) OVER (PARTITION BY inst) AS inst_cost,
            avg(date_diff('day', b, e)) OVER (PARTITION BY inst) AS inst_los
        FROM stay s LEFT JOIN bag USING (mdtrt_id) LEFT JOIN persons p USING (psn_no) LEFT JOIN (SELECT psn_no, count(*) AS n FROM settlements GROUP BY 1) v USING (psn_no)""",
    "person": f"""WITH l AS (SELECT psn_no, count(*) AS n_lines, coalesce(sum(det_item_fee_sumamt) FILTER (med_chrgitm_type IN ('09','10','11')), 0)::DOUBLE / sum(det_item_fee_sumamt)::DOUBLE AS drug_share
            FROM fee_details WHERE cnt > 0 GROUP BY 1)
        SELECT s.psn_no AS entity_id, count(*) AS visits, count(*) FILTER (s.med_type = '41') AS purchases, count(*) FILTER (s.med_type IN {_STAY}) AS stays, sum(medfee_sumamt)::DOUBLE AS cost, sum(fund_pay_sumamt)::DOUBLE AS fund, sum(acct_pay)::DOUBLE AS account,
            sum(psn_cash_pay)::DOUBLE AS cash, avg(medfee_sumamt)::DOUBLE AS cost_visit, max(medfee_sumamt)::DOUBLE AS dearest, count(DISTINCT fixmedins_code) AS units, any_value(n_lines) AS n_lines, any_value(drug_share) AS drug_share,
            any_value(date_diff('year', p.brdy, s.begntime)) AS age FROM settlements s LEFT JOIN l USING (psn_no) LEFT JOIN persons p USING (psn_no) WHERE refd_setl_flag = '0' GROUP BY 1""",
    "institution": f"""WITH l AS (SELECT fixmedins_code, count(*) / count(DISTINCT mdtrt_id) AS lines_visit, coalesce(sum(det_item_fee_sumamt) FILTER (med_chrgitm_type IN ('09','10','11')), 0)::DOUBLE / sum(det_item_fee_sumamt)::DOUBLE AS drug_share,
            coalesce(sum(det_item_fee_sumamt) FILTER (med_chrgitm_type IN ('03','04')), 0)::DOUBLE / sum(det_item_fee_sumamt)::DOUBLE AS test_share FROM fee_details WHERE cnt > 0 GROUP BY 1)
        SELECT s.fixmedins_code AS entity_id, count(*) AS visits, count(*) FILTER (med_type IN {_STAY}) AS stays, count(DISTINCT psn_no) AS persons, count(*) / count(DISTINCT psn_no) AS visits_person, sum(medfee_sumamt)::DOUBLE AS cost, sum(fund_pay_sumamt)::DOUBLE AS fund,
            sum(acct_pay)::DOUBLE AS account, avg(medfee_sumamt)::DOUBLE AS cost_visit, avg(medfee_sumamt) FILTER (med_type IN {_STAY})::DOUBLE AS cost_stay, avg(date_diff('day', begntime, endtime)) FILTER (med_type IN {_STAY}) AS los,
            any_value(lines_visit) AS lines_visit, any_value(drug_share) AS drug_share, any_value(test_share) AS test_share FROM settlements s LEFT JOIN l USING (fixmedins_code) WHERE refd_setl_flag = '0' GROUP BY 1""",
    "doctor": """SELECT bilg_dr_codg AS entity_id, count(*) AS n_lines, count(DISTINCT mdtrt_id) AS visits, count(DISTINCT psn_no) AS persons, count(DISTINCT mdtrt_id) / count(DISTINCT psn_no) AS visits_person, sum(det_item_fee_sumamt)::DOUBLE AS cost,
            count(*) / count(DISTINCT mdtrt_id) AS lines_visit, sum(det_item_fee_sumamt)::DOUBLE / count(DISTINCT mdtrt_id) AS cost_visit, max(det_item_fee_sumamt)::DOUBLE AS dearest, count(DISTINCT fee_ocur_time::DATE) AS days,
            count(DISTINCT mdtrt_id) / count(DISTINCT fee_ocur_time::DATE) AS visits_day, coalesce(sum(det_item_fee_sumamt) FILTER (med_chrgitm_type IN ('09','10','11')), 0)::DOUBLE / sum(det_item_fee_sumamt)::DOUBLE AS drug_share,
            coalesce(sum(det_item_fee_sumamt) FILTER (med_chrgitm_type IN ('03','04')), 0)::DOUBLE / sum(det_item_fee_sumamt)::DOUBLE AS test_share, count(DISTINCT med_list_codg) AS kinds
        FROM fee_details WHERE cnt > 0 AND bilg_dr_codg IS NOT NULL GROUP BY 1""",
}  # fmt: skip


_CLOCK = {"settlements": "setl_time", "fee_details": "fee_ocur_time"}


def open_claims(county: Path, as_of: date) -> duckdb.DuckDBPyConnection:
    """A connection with a view a table of the export, rows up to the end of `as_of`."""
    con = duckdb.connect()
    con.execute("SET threads = 1")
    for path in sorted((county / "claims").iterdir()):
        until = f"WHERE {clock}::DATE <= DATE '{as_of}'" if (clock := _CLOCK.get(path.stem)) else ""
        con.execute(f"CREATE VIEW {path.stem} AS FROM '{path / '*.parquet' if path.is_dir() else path}' {until}")
    return con


def plain_scores(con: duckdb.DuckDBPyConnection, grain: Grain, entities: pd.DataFrame) -> pd.DataFrame:
    """The thirteen aggregates of every entity (missing → median) and `together`, their score by the rule that ours are scored by."""
    frame = con.execute(_PLAIN[grain]).df().set_index("entity_id").reindex(entities.index).astype("float64")
    assert frame.shape[1] == 13
    together = tail_scores(frame, entities, ["either"] * frame.shape[1])
    return frame.fillna(frame.median()).fillna(0.0).assign(together=together)
