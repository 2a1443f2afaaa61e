"""Is the simulated county hard? Yardsticks, printed and gated (exit code 1 when one is missed).

    python -m benchmarks.county [--persons 60000] [--months 15] [--seed 1] [--county DIR] [--features] [--json FILE]

1. plain LightGBM on a dozen simple aggregates, trained on the visible inspection labels, tested on the stays of the last 90 days: precision@100 ≤ 0.25;
2. the same trained on the truth of the earlier stays: ≤ 0.70;
3. share of fraudulent stays 1–2.6 %, in the tested window 1–2.4 %, share of empty beds at random moments 0.5–2 %;
4. no single obvious trace separates a scheme (≥ 15 planted) from everyone else with AUC > 0.9;
   with --features no single column of the whole feature catalogue does (see county_features.py; several minutes);
5. (reported) the traces together, trained on the truth: what a good detective could reach.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import duckdb
import lightgbm
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from benchmarks.county_features import LIMIT, feature_figures, show, single_features
from simulator import simulate

STAY = "('21','22','23','24','26','28','2105','2106','2107','52')"
SIMPLE = [
    "los",
    "cost",
    "cost_day",
    "fund",
    "n_lines",
    "drug_share",
    "test_share",
    "age",
    "n_stays",
    "n_visits",
    "inst_stays",
    "inst_cost",
    "inst_los",
]


def connect(county: Path) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("SET threads=1; SET memory_limit='3GB'")
    for path in sorted((county / "claims").iterdir()):
        source = path / "*.parquet" if path.is_dir() else path
        con.execute(f"CREATE VIEW {path.stem} AS SELECT * FROM '{source}'")
    for path in sorted((county / "truth").glob("*.parquet")):
        con.execute(f"CREATE VIEW truth_{path.stem} AS SELECT * FROM '{path}'")
    con.execute("CREATE TABLE moment AS SELECT max(setl_time) AS t FROM settlements")
    con.execute(f"""CREATE TABLE stay AS SELECT mdtrt_id, any_value(psn_no) AS psn_no, any_value(fixmedins_code) AS inst, any_value(atddr_no) AS dr, any_value(begntime) AS b,
        coalesce(any_value(endtime), (SELECT t FROM moment)) AS e, any_value(endtime) IS NULL AS open, any_value(dscg_maindiag_code) AS dx, any_value(adm_bed) AS bed, sum(medfee_sumamt)::DOUBLE AS cost,
        sum(fund_pay_sumamt)::DOUBLE AS fund, sum(psn_cash_pay)::DOUBLE AS cash, sum(act_pay_dedc)::DOUBLE AS dedc, any_value(adm_dept_codg) AS dept
        FROM settlements WHERE med_type IN {STAY} AND refd_setl_flag = '0' GROUP BY mdtrt_id""")
    con.execute(
        """CREATE TABLE line AS SELECT f.*, date_diff('day', b::DATE, fee_ocur_time::DATE) AS d, s.e FROM fee_details f JOIN stay s USING (mdtrt_id) WHERE cnt > 0"""
    )
    return con


def stays(con: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """One row a stay: simple aggregates, obvious traces, truth and visible labels."""
    con.execute("""CREATE TABLE bag AS SELECT mdtrt_id, count(*) AS n_lines, sum(det_item_fee_sumamt)::DOUBLE AS lines_fee,
        coalesce(sum(det_item_fee_sumamt) FILTER (med_chrgitm_type IN ('09','10','11')), 0)::DOUBLE AS drug_fee, coalesce(sum(det_item_fee_sumamt) FILTER (med_chrgitm_type IN ('03','04')), 0)::DOUBLE AS test_fee,
        count(*) FILTER (med_chrgitm_type IN ('03','04')) AS tests, count(*) FILTER (med_chrgitm_type IN ('03','04') AND d > 1) AS late_tests,
        count(*) FILTER (med_chrgitm_type IN ('09','11') AND infusion_flag = '0') AS oral, count(*) FILTER (infusion_flag = '1') AS inject, count(*) FILTER (hilist_name = '三级护理') AS low_care,
        mode(strftime(fee_ocur_time, '%H:%M')) AS minute, count(*) FILTER (med_chrgitm_type = '05') AS treat, sum(CASE WHEN pric > cap THEN 1 ELSE 0 END) / count(*) AS over_cap
        FROM line JOIN (SELECT med_list_codg, any_value(infusion_flag) AS infusion_flag, max(pric_uplmt_amt) AS cap FROM catalog GROUP BY 1) USING (med_list_codg) GROUP BY 1""")
    con.execute("""CREATE TABLE idle AS SELECT mdtrt_id, max(gap) AS idle_hours, stddev(g) AS spread FROM (SELECT mdtrt_id, date_diff('hour', lag(fee_ocur_time) OVER w, fee_ocur_time) AS gap, 1.0 AS g
        FROM line WHERE med_chrgitm_type NOT IN ('01','02','07') WINDOW w AS (PARTITION BY mdtrt_id ORDER BY fee_ocur_time)) GROUP BY 1""")
    con.execute(
        """CREATE TABLE flat AS SELECT mdtrt_id, stddev(x) / avg(x) AS flatness, count(*) FILTER (n <= 3) AS empty_days FROM (SELECT mdtrt_id, d, sum(det_item_fee_sumamt)::DOUBLE AS x, count(*) AS n FROM line GROUP BY 1, 2) GROUP BY 1"""
    )
    con.execute(
        """CREATE TABLE minute AS SELECT mdtrt_id, max(n) / sum(n) AS one_minute FROM (SELECT mdtrt_id, strftime(fee_ocur_time, '%H:%M') AS m, count(*) AS n FROM line WHERE med_chrgitm_type NOT IN ('01','02','07') GROUP BY 1, 2) GROUP BY 1"""
    )
    con.execute(f"""CREATE TABLE away AS SELECT s.mdtrt_id, count(DISTINCT x.begntime::DATE) AS outside_days, count(DISTINCT x.begntime::DATE) FILTER (x.fixmedins_code NOT LIKE 'P%') AS outside_clinic
        FROM stay s JOIN settlements x ON x.psn_no = s.psn_no AND x.begntime::DATE > s.b::DATE AND x.begntime::DATE < s.e::DATE AND x.med_type NOT IN {STAY} AND x.refd_setl_flag = '0' GROUP BY 1""")
    con.execute("""CREATE TABLE step AS SELECT s.mdtrt_id, count(*) - 1 AS step_mates, count(*) FILTER (p.curr_addr_code = q.curr_addr_code) - 1 AS village_mates
        FROM stay s JOIN stay o ON o.inst = s.inst AND abs(date_diff('day', s.b, o.b)) <= 1 AND abs(date_diff('day', s.e, o.e)) <= 1 JOIN persons p ON p.psn_no = s.psn_no JOIN persons q ON q.psn_no = o.psn_no GROUP BY 1""")
    con.execute("""CREATE TABLE village AS SELECT s.mdtrt_id, count(*) - 1 AS village_30d FROM stay s JOIN persons p USING (psn_no) JOIN (SELECT inst, curr_addr_code, b FROM stay JOIN persons USING (psn_no)) o
        ON o.inst = s.inst AND o.curr_addr_code = p.curr_addr_code AND abs(date_diff('day', s.b, o.b)) <= 30 GROUP BY 1""")
    con.execute("""CREATE TABLE twin AS WITH key AS (SELECT DISTINCT mdtrt_id, d * 1000000 + hash(med_list_codg) % 1000000 AS k FROM line WHERE med_chrgitm_type IN ('03','04','05','09','11') AND d < 6),
        n AS (SELECT mdtrt_id, count(*) AS n FROM key GROUP BY 1), pair AS (SELECT s.mdtrt_id AS a, o.mdtrt_id AS b FROM stay s JOIN stay o ON o.inst = s.inst AND o.mdtrt_id <> s.mdtrt_id AND abs(date_diff('day', s.b, o.b)) <= 45),
        hit AS (SELECT a, b, count(*) AS c FROM pair JOIN key x ON x.mdtrt_id = a JOIN key y ON y.mdtrt_id = b AND y.k = x.k GROUP BY 1, 2)
        SELECT a AS mdtrt_id, max(c / (na.n + nb.n - c)) AS twin_bag FROM hit JOIN n na ON na.mdtrt_id = a JOIN n nb ON nb.mdtrt_id = b GROUP BY 1""")
    con.execute(
        """CREATE TABLE shared AS SELECT s.mdtrt_id, count(*) AS bed_clash FROM stay s JOIN stay o ON o.inst = s.inst AND o.bed = s.bed AND o.mdtrt_id <> s.mdtrt_id AND o.b < s.e AND s.b < o.e GROUP BY 1"""
    )
    frame = con.execute("""
        SELECT s.mdtrt_id, s.psn_no, s.inst, s.dr, s.b, s.e, s.open, date_diff('day', s.b, s.e) AS los, coalesce(s.cost, lines_fee) AS cost, coalesce(s.cost, lines_fee) / greatest(1, date_diff('day', s.b, s.e)) AS cost_day,
            coalesce(s.fund, lines_fee * 0.75) AS fund, n_lines, drug_fee / lines_fee AS drug_share, test_fee / lines_fee AS test_share, date_diff('year', p.brdy, s.b) AS age,
            count(*) OVER (PARTITION BY s.psn_no) AS n_stays, v.n_visits, count(*) OVER (PARTITION BY s.inst) AS inst_stays, avg(s.cost) OVER (PARTITION BY s.inst) AS inst_cost, avg(date_diff('day', s.b, s.e)) OVER (PARTITION BY s.inst) AS inst_los,
            coalesce(outside_days, 0) AS outside_days, coalesce(outside_clinic, 0) AS outside_clinic, coalesce(idle_hours, 24) AS idle_hours, flatness, empty_days, oral / greatest(1, oral + inject) AS oral_share, tests, late_tests / greatest(1, date_diff('day', s.b, s.e)) AS late_tests,
            low_care / greatest(1, date_diff('day', s.b, s.e)) AS low_care, treat / greatest(1, date_diff('day', s.b, s.e)) AS treat_day, one_minute, step_mates, village_mates, village_30d, coalesce(twin_bag, 0) AS twin_bag, coalesce(bed_clash, 0) AS bed_clash, over_cap,
            coalesce(s.cash / nullif(s.cost, 0), 0.3) AS cash_share, count(*) OVER (PARTITION BY s.psn_no, s.inst) AS same_unit, count(*) OVER (PARTITION BY s.dr) / count(*) OVER (PARTITION BY s.inst) AS dr_share,
            coalesce(date_diff('day', lag(s.e) OVER (PARTITION BY s.psn_no ORDER BY s.b), s.b), 400) AS gap_back, coalesce(date_diff('day', s.e, lead(s.b) OVER (PARTITION BY s.psn_no ORDER BY s.b)), 400) AS gap_on,
            (lag(s.inst) OVER (PARTITION BY s.psn_no ORDER BY s.b) = s.inst)::INT AS back_same, (extract(dow FROM s.b) IN (0, 6))::INT AS weekend, extract(hour FROM s.b) AS adm_hour,
            hash(s.dx) % 97 AS dx_hash, t.scheme, i.good, i.bad
        FROM stay s JOIN persons p USING (psn_no) LEFT JOIN bag USING (mdtrt_id) LEFT JOIN idle USING (mdtrt_id) LEFT JOIN flat USING (mdtrt_id) LEFT JOIN minute USING (mdtrt_id) LEFT JOIN away USING (mdtrt_id) LEFT JOIN step USING (mdtrt_id)
        LEFT JOIN village USING (mdtrt_id) LEFT JOIN twin USING (mdtrt_id) LEFT JOIN shared USING (mdtrt_id) LEFT JOIN (SELECT psn_no, count(*) AS n_visits FROM settlements GROUP BY 1) v USING (psn_no)
        LEFT JOIN truth_admissions t USING (mdtrt_id) LEFT JOIN (SELECT entity_id AS mdtrt_id, max((outcome_code IN ('O6_CLEAR','O8_EXPLAINED','O4_ERROR'))::INT) AS good, max((outcome_code IN ('O1_FRAUD','O2_IRREGULAR'))::INT) AS bad
        FROM inspections WHERE entity_type = 'admission' GROUP BY 1) i USING (mdtrt_id) ORDER BY mdtrt_id""").df()
    for column in (
        "outside_days",
        "idle_hours",
        "oral_share",
        "twin_bag",
        "one_minute",
        "low_care",
        "late_tests",
        "village_30d",
        "step_mates",
        "cash_share",
    ):
        frame["inst_" + column] = frame.groupby("inst")[column].transform("mean")
        frame["dr_" + column] = frame.groupby("dr")[column].transform("mean").fillna(frame[column].mean())
    return frame


RICH_SKIP = {"mdtrt_id", "psn_no", "inst", "dr", "b", "e", "open", "scheme", "good", "bad"}


def precision_at(
    train: pd.DataFrame,
    y: np.ndarray,
    test: pd.DataFrame,
    columns: list[str],
    k: int = 100,
    rounds: int = 120,
    leaf: int = 20,
) -> float:
    """Mean precision@k of three LightGBM seeds (plain settings)."""
    truth = test["scheme"].notna().to_numpy()
    out = []
    for seed in range(3):
        model = lightgbm.train({"objective": "binary", "learning_rate": 0.05, "num_leaves": 15, "min_data_in_leaf": leaf, "feature_fraction": 0.8, "bagging_fraction": 0.8, "bagging_freq": 1, "verbose": -1, "seed": seed, "num_threads": 1},
                               lightgbm.Dataset(train[columns].astype(float), y), rounds)  # fmt: skip
        score = np.asarray(model.predict(test[columns].astype(float)))
        out.append(truth[np.argsort(-score)[:k]].mean())
    return float(np.mean(out))


def best_auc(y: pd.Series, x: pd.Series) -> float:
    auc = roc_auc_score(y, x.astype(float).fillna(x.astype(float).median()))
    return float(max(auc, 1 - auc))


def stay_traces(frame: pd.DataFrame) -> pd.DataFrame:
    """AUC of each obvious trace, per scheme of stays, against everyone else."""
    columns = [c for c in frame.columns if c not in RICH_SKIP | {"dx_hash"} and not c.startswith(("inst_", "dr_"))]
    rows = {}
    for scheme, n in frame["scheme"].value_counts().items():
        if n >= 15:
            rows[scheme] = {c: best_auc(frame["scheme"] == scheme, frame[c]) for c in columns}
    return pd.DataFrame(rows)


def person_traces(con: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    con.execute(
        """CREATE TABLE till AS SELECT psn_no, fixmedins_code AS inst, begntime AS t, acct_pay::DOUBLE AS a, medfee_sumamt::DOUBLE AS m, balc::DOUBLE AS balc FROM settlements WHERE refd_setl_flag = '0' AND med_type = '41' AND manual_flag = '0'"""
    )
    frame = con.execute("""
        WITH swipe AS (SELECT *, lag(t) OVER w AS before, lead(t) OVER w AS after, lag(psn_no) OVER w AS who FROM till WINDOW w AS (PARTITION BY inst ORDER BY t)),
        a AS (SELECT psn_no, count(*) AS swipes, avg((a > 0 AND a % 50 = 0)::INT) AS round_share, sum(a) AS account, max(a) AS biggest, avg((extract(hour FROM t) >= 20)::INT) AS night_share, avg((extract(day FROM t) IN (8, 9, 10, 11, 12))::INT) AS topup_share,
              avg((balc < 20)::INT) AS drained, count(*) FILTER (date_diff('second', before, t) < 120) AS bursts, avg((date_diff('second', before, t) < 120)::INT) AS burst_share FROM swipe GROUP BY 1),
        r AS (SELECT psn_no, count(*) AS refunds FROM settlements WHERE refd_setl_flag = '1' GROUP BY 1),
        u AS (SELECT psn_no, count(DISTINCT fixmedins_code) AS units, count(DISTINCT atddr_no) AS doctors, count(*) AS visits, sum(fund_pay_sumamt)::DOUBLE AS fund FROM settlements WHERE refd_setl_flag = '0' GROUP BY 1),
        d AS (SELECT psn_no, sum(prd_days)::DOUBLE AS supply, sum(det_item_fee_sumamt) FILTER (resale_risk_flag = '1')::DOUBLE AS resale, count(DISTINCT med_list_codg) AS kinds FROM fee_details JOIN (SELECT med_list_codg, any_value(resale_risk_flag) AS resale_risk_flag FROM catalog GROUP BY 1) USING (med_list_codg)
              WHERE med_chrgitm_type IN ('09','11') AND cnt > 0 GROUP BY 1)
        SELECT p.psn_no, coalesce(swipes, 0) AS swipes, coalesce(round_share, 0) AS round_share, coalesce(account, 0) AS account, coalesce(biggest, 0) AS biggest, coalesce(night_share, 0) AS night_share, coalesce(topup_share, 0) AS topup_share, coalesce(drained, 0) AS drained,
            coalesce(bursts, 0) AS bursts, coalesce(burst_share, 0) AS burst_share, coalesce(refunds, 0) AS refunds, coalesce(units, 0) AS units, coalesce(doctors, 0) AS doctors, coalesce(visits, 0) AS visits, coalesce(fund, 0) AS fund, coalesce(supply, 0) AS supply, coalesce(resale, 0) AS resale, coalesce(kinds, 0) AS kinds,
            t.scheme FROM persons p LEFT JOIN a USING (psn_no) LEFT JOIN r USING (psn_no) LEFT JOIN u USING (psn_no) LEFT JOIN d USING (psn_no) LEFT JOIN (SELECT psn_no, any_value(scheme) AS scheme FROM truth_persons GROUP BY 1) t USING (psn_no)""").df()
    columns = [c for c in frame.columns if c not in ("psn_no", "scheme")]
    return pd.DataFrame(
        {
            s: {c: best_auc(frame["scheme"] == s, frame[c]) for c in columns}
            for s, n in frame["scheme"].value_counts().items()
            if n >= 15
        }
    )


def institution_traces(con: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    frame = con.execute("""
        WITH l AS (SELECT fixmedins_code, avg((pric > cap)::INT) AS over_cap, avg((overlmt_amt > 0)::INT) AS over_share, avg((med_chrgitm_type IN ('03','04'))::INT) AS tests FROM fee_details JOIN (SELECT med_list_codg, max(pric_uplmt_amt) AS cap FROM catalog GROUP BY 1) USING (med_list_codg) WHERE cnt > 0 GROUP BY 1),
        t AS (SELECT fixmedins_code, avg((n > 1)::INT) AS twice FROM (SELECT fixmedins_code, mdtrt_id, d, med_list_codg, count(*) AS n FROM line WHERE med_chrgitm_type IN ('05','07') GROUP BY 1, 2, 3, 4) GROUP BY 1),
        s AS (SELECT fixmedins_code, avg((acct_pay > 0 AND acct_pay % 50 = 0)::INT) AS round_share, avg((extract(hour FROM begntime) >= 20)::INT) AS night, count(*) AS volume, avg(medfee_sumamt)::DOUBLE AS fee, avg((refd_setl_flag = '1')::INT) AS refunds FROM settlements GROUP BY 1)
        SELECT i.fixmedins_code, i.fixmedins_type, over_cap, over_share, tests, coalesce(twice, 0) AS twice, round_share, night, volume, fee, refunds, k.scheme FROM institutions i LEFT JOIN l USING (fixmedins_code) LEFT JOIN t USING (fixmedins_code) LEFT JOIN s USING (fixmedins_code)
        LEFT JOIN (SELECT fixmedins_code, list(DISTINCT scheme) AS scheme FROM truth_institutions GROUP BY 1) k USING (fixmedins_code)""").df()
    columns = [c for c in frame.columns if c not in ("fixmedins_code", "fixmedins_type", "scheme")]
    out = {}
    for scheme, kind in (
        ("T01", "1"),
        ("T02", "1"),
        ("T19", "1"),
        ("T20", "1"),
        ("T21", "1"),
        ("T08", "2"),
        ("T12", "2"),
    ):
        part = frame[frame["fixmedins_type"] == kind]
        y = part["scheme"].map(lambda x, s=scheme: isinstance(x, (list, np.ndarray)) and s in list(x))
        if 1 < y.sum() < len(y):
            out[scheme] = {c: best_auc(y, part[c].fillna(0)) for c in columns}
    return pd.DataFrame(out)


def empty_beds(con: duckdb.DuckDBPyConnection) -> float:
    """Share of stays whose bed is empty without excuse, over random evenings."""
    row = con.execute("""WITH m AS (SELECT range::TIMESTAMP + INTERVAL 21 HOUR AS t FROM range((SELECT min(b) + INTERVAL 40 DAY FROM stay)::DATE, (SELECT max(e) FROM stay)::DATE, INTERVAL 9 DAY)),
        h AS (SELECT t, mdtrt_id FROM m JOIN stay ON b <= t AND e > t) SELECT avg((a.mdtrt_id IS NOT NULL)::INT) FROM h LEFT JOIN truth_absences a ON a.mdtrt_id = h.mdtrt_id AND a."begin" <= h.t AND a."end" > h.t""").fetchall()
    return float(row[0][0])


def measure(county: Path) -> dict[str, float]:
    """All yardsticks of one county."""
    con = connect(county)
    frame = stays(con)
    stop = con.execute("SELECT t FROM moment").fetchall()[0][0]
    frame["recent"] = frame["e"] >= pd.Timestamp(stop) - pd.Timedelta(days=90)
    RICH_SKIP.add("recent")
    rich = [c for c in frame.columns if c not in RICH_SKIP]
    labelled = frame[((frame["good"] == 1) | (frame["bad"] == 1)) & ~frame["recent"]]
    test, early = frame[frame["recent"]], frame[~frame["recent"]]
    y_seen, y_true = (labelled["bad"] == 1).to_numpy().astype(int), early["scheme"].notna().to_numpy().astype(int)
    traces, people, units = stay_traces(frame), person_traces(con), institution_traces(con)
    pd.set_option("display.width", 220, "display.max_columns", 40)
    print(traces.round(2).to_string(), people.round(2).to_string(), units.round(2).to_string(), sep="\n\n")
    count = con.execute(
        "SELECT entity_type, count(*) FILTER (outcome_code IN ('O1_FRAUD','O2_IRREGULAR')) AS confirmed, count(*) FILTER (outcome_code IN ('O6_CLEAR','O8_EXPLAINED','O4_ERROR')) AS refuted FROM inspections GROUP BY 1 ORDER BY 1"
    ).df()
    print("\n", count.to_string(index=False), "\n")
    return {
        "stays": float(len(frame)), "stays in the last 90 days": float(len(test)), "frauds among them": float(test["scheme"].notna().sum()), "share of fraudulent stays": float(frame["scheme"].notna().mean()), "the same, last 90 days": float(test["scheme"].notna().mean()), "share of empty beds at 21:00": empty_beds(con),
        "labels known": float(len(labelled)), "confirmed among them": float(y_seen.sum()), "p@100 plain, visible labels": precision_at(labelled, y_seen, test, SIMPLE, leaf=10, rounds=60), "p@100 plain, truth": precision_at(early, y_true, test, SIMPLE),
        "p@100 rich, visible labels": precision_at(labelled, y_seen, test, rich, leaf=10, rounds=60), "p@100 rich, truth": precision_at(early, y_true, test, rich),
        "largest single-trace AUC, stays": float(traces.max().max()), "largest single-trace AUC, persons": float(people[[c for c in ("T08", "T09", "T14", "T15") if c in people]].max().max()), "largest single-trace AUC, units": float(units.max().max()),
    }  # fmt: skip


GATES = {
    "p@100 plain, visible labels": (0.0, 0.25),
    "p@100 plain, truth": (0.0, 0.70),
    "share of fraudulent stays": (0.01, 0.026),
    "the same, last 90 days": (0.01, 0.024),
    "share of empty beds at 21:00": (0.005, 0.02),
    "largest single-trace AUC, stays": (0.5, 0.9),
    "largest single-trace AUC, persons": (0.5, 0.9),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=60_000)
    parser.add_argument("--months", type=int, default=15)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--severity", type=float, default=1.0)
    parser.add_argument("--county", type=Path, help="a simulated county, or where to keep it")
    parser.add_argument("--features", action="store_true", help="also gate every column of the feature catalogue")
    parser.add_argument("--json", type=Path, help="write the figures there")
    args = parser.parse_args()
    gates = dict(GATES)
    with tempfile.TemporaryDirectory() as folder:
        county = args.county or Path(folder) / "county"
        if not (county / "county.json").exists():
            simulate(county, args.persons, args.months, args.seed, severity=args.severity)
        figures = measure(county)
        table = None
        if args.features:
            table = single_features(county, Path(folder) / "house")
            print("\n", show(table), "\n")
            singles = feature_figures(table)
            figures |= singles
            gates |= dict.fromkeys(singles, (0.5, LIMIT))
        if args.json:
            out: dict[str, object] = {
                "recipe": json.loads((county / "county.json").read_text())["recipe"],
                "figures": figures,
            }
            if table is not None:
                out["strongest"] = json.loads(
                    table.groupby(["grain", "scheme"]).head(1).round(4).to_json(orient="records")
                )
            args.json.write_text(json.dumps(out, ensure_ascii=False, indent=1))
    missed = 0
    for name, value in figures.items():
        low, high = gates.get(name, (-np.inf, np.inf))
        verdict = (
            "" if name not in gates else f"   [{low:g} … {high:g}] " + ("ok" if low <= value <= high else "MISSED")
        )
        missed += verdict.endswith("MISSED")
        print(f"{name:54s} {value:10.3f}{verdict}")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
