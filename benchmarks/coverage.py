"""Is a scheme covered? Its planted cases must rank above its own innocents better than plain aggregates rank them.

    python -m benchmarks.coverage --county DIR --house WAREHOUSE --json FILE [--plain-from DEVELOPED.json]
    python -m benchmarks.coverage --page REPORT.json [DEVELOPED.json] > docs/figures/coverage.md

Both sides are fixed beforehand. Every column becomes its tail share: the share of its peers (the product's own peer groups, all where a group is
small) that are at least as bad, in the declared direction; an entity's score is the mean of −log(tail share) over its numbers (of one
feature's windows the largest).
*Ours* are the scheme's own features and rules at that grain, as declared, and for a stay those of its hospital, doctor and patient; whoever the data
shows to be one of the scheme's innocents (features that `excuses` N01 … N34) scores nothing. No label is used.
*Plain* are thirteen simple aggregates of the same grain. They have no direction, so both ends count. Beside this score the plain side may use the one
column and direction that separated best, with the truth in hand, on the county we developed on; the better of the two is what ours must beat. What it
would reach if it saw the truth of this very county is shown as `oracle`.
Judged are the planted cases against the innocents that schemes.md names for the scheme, of those active in the window; an interval is the 90 % bootstrap
of both, over 400 draws. `covered`: the interval of the difference lies above 0; `ahead`: only the difference itself does.
"""

import argparse
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from scipy.stats import rankdata

from benchmarks.county_features import TRUTH, WINDOW
from claims.intake import intake
from features.build import Partition, build
from features.declare import REGISTRY, load_catalog
from features.grains import LABEL, SCHEMES, Grain
from features.peers import choose_groups

GRAINS: tuple[Grain, ...] = ("admission", "person", "institution", "doctor")
#: schemes.md §2: who looks the same without guilt.
INNOCENTS = {
    "T01": "N03 N05 N07 N09 N18 N19 N34", "T02": "N01 N02 N04 N10 N12 N13 N14 N15", "T03": "N05 N12 N16 N20 N32 N35", "T04": "N01 N02 N03 N11 N12 N16",
    "T05": "N03 N14 N16 N21 N29", "T06": "N03 N27 N34", "T07": "N10 N14 N21 N24 N25 N34", "T08": "N05 N06 N23 N24 N30 N31",
    "T09": "N01 N04 N05 N06 N07 N14 N15 N25 N30", "T10": "N06 N07 N30", "T11": "N22 N30", "T12": "N24 N25", "T13": "N05 N08 N25 N28 N29",
    "T14": "N01 N02 N08 N20 N28 N29 N30", "T15": "N01 N04 N05 N13 N14", "T16": "N22 N24", "T17": "N07 N10 N31 N32 N35", "T18": "N14 N29", "T19": "N31 N21 N22",
    "T20": "N24 N25", "T21": "N13 N21 N22", "T22": "N05 N12 N25", "T23": "N22 N24", "T24": "N08 N18 N28 N33", "T25": "N27 N03 N20 N29", "T26": "N26 N33",
    "T27": "N12 N20 N32 N33", "T28": "N21 N29 N16", "T29": "N04 N14 N15 N26", "T30": "N01 N05 N20 N29", "T31": "N01 N02 N08 N28", "T32": "N31",
}  # fmt: skip
FEWEST = {"admission": 7, "person": 7, "institution": 3, "doctor": 3}
FEWEST_INNOCENTS = 15
DRAWS = 400
PARENTS: tuple[tuple[Grain, str], ...] = (
    ("institution", "fixmedins_code"),
    ("person", "psn_no"),
    ("doctor", "dr_codg"),
)


def tail_scores(
    values: pd.DataFrame, groups: pd.DataFrame, worse: Sequence[str], names: Sequence[str] = ()
) -> pd.Series:
    """Mean of −log(share of peers at least as bad); missing values say nothing. Of columns with the same name the largest counts.

    Shapes: `values` n × m, `groups` n × 2, `worse` and `names` m.
    """
    group, _ = choose_groups(groups["peer_group"].fillna("?"), groups["peer_group_coarse"].fillna("?"))
    data = values.to_numpy("float64")
    surprise = np.zeros_like(data)
    for _, rows in pd.Series(np.arange(len(values))).groupby(group.to_numpy()):
        for j, side in enumerate(worse):
            surprise[rows.to_numpy(), j] = _surprise(data[rows.to_numpy(), j], side)
    frame = pd.DataFrame(surprise, index=values.index, columns=list(names) or list(values.columns))
    return frame.T.groupby(level=0).max().mean(axis=0)


def _surprise(x: np.ndarray, side: str) -> np.ndarray:
    known = np.sort(x[~np.isnan(x)])
    out = np.zeros(len(x))
    if not len(known):
        return out
    high = (len(known) - np.searchsorted(known, x, "left")) / len(known)
    low = np.searchsorted(known, x, "right") / len(known)
    share = {"high": high, "low": low}.get(side, np.minimum(1.0, 2 * np.minimum(high, low)))
    there = ~np.isnan(x)
    out[there] = -np.log(np.maximum(share[there], 1 / (len(known) + 1)))
    return out


def auc(bad: np.ndarray, good: np.ndarray) -> float:
    """Chance that a planted case scores above an innocent, ties half."""
    ranks = rankdata(np.concatenate([bad, good]))
    n, m = len(bad), len(good)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def compare(
    ours: pd.Series, plain: pd.DataFrame, bad: pd.Index, good: pd.Index, chosen: tuple[str, float] | None
) -> dict[str, Any]:
    """AUC of ours and of the plain side, and the bootstrap interval of each and of their difference. `plain` has the column `together`.

    `chosen` is the plain column and direction (1 or −1) picked elsewhere; without it the one that is best here.
    """
    aucs = {c: auc(plain.loc[bad, c].to_numpy(), plain.loc[good, c].to_numpy()) for c in plain if c != "together"}
    oracle = max(aucs, key=lambda c: max(aucs[c], 1 - aucs[c]))
    column, sign = chosen or (oracle, 1.0 if aucs[oracle] >= 0.5 else -1.0)
    sides = {"together": plain["together"], column: sign * plain[column]}
    reached = {name: auc(x.loc[bad].to_numpy(), x.loc[good].to_numpy()) for name, x in sides.items()}
    best = max(reached, key=lambda name: reached[name])
    a, b = (ours.loc[i].to_numpy() for i in (bad, good))
    c, d = (sides[best].loc[i].to_numpy() for i in (bad, good))
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(DRAWS):
        i, j = rng.integers(0, len(a), len(a)), rng.integers(0, len(b), len(b))
        draws.append((auc(a[i], b[j]), auc(c[i], d[j])))
    us, them = np.array(draws).T
    spans = {
        k: np.quantile(v, [0.05, 0.95]).round(3).tolist()
        for k, v in (("ours", us), ("plain", them), ("gain", us - them))
    }
    return {
        "ours": auc(a, b), "plain": reached[best], "plain_by": best, "together": reached["together"], "column": column, "sign": sign,
        "oracle": max(aucs[oracle], 1 - aucs[oracle]), "oracle_by": oracle, "interval": spans,
    }  # fmt: skip


def measure(county: Path, house: Path, plain_from: Sequence[dict[str, Any]] = ()) -> list[dict[str, Any]]:
    """One row a scheme and grain at which it is planted; `plain_from` are the rows of the county the plain column is picked on."""
    picked = {(r["scheme"], r["grain"]): (str(r["column"]), float(r["sign"])) for r in plain_from if "column" in r}
    load_catalog()
    if not (house / "CURRENT").exists():
        intake(str(county), house)
    con = duckdb.connect()
    files = county / "claims" / "settlements"
    source = f"{files}/*.parquet" if files.is_dir() else f"{files}.parquet"
    last: date = con.execute(f"SELECT max(setl_time)::DATE FROM '{source}'").fetchall()[0][0]
    innocents = pd.read_parquet(county / "truth" / "innocents.parquet")
    parts = {g: build(house, last, g, WINDOW.get(g)) for g in GRAINS}
    rows: list[dict[str, Any]] = []
    for grain in GRAINS:
        table, key = TRUTH[grain]
        truth = pd.read_parquet(county / "truth" / f"{table}.parquet")
        entities = parts[grain].entities()
        plain = plain_scores(con, county, grain, entities)
        guilty = pd.Index(truth[key].unique())
        for scheme, planted in truth.groupby("scheme"):
            named = innocents[
                (innocents["grain"] == grain) & innocents["innocent"].isin(INNOCENTS[str(scheme)].split())
            ]
            bad = entities.index.intersection(pd.Index(planted[key].unique()))
            good = entities.index.intersection(pd.Index(named["entity_id"].unique())).difference(guilty)
            ours, columns, rules = own_scores(parts, grain, str(scheme))
            row = {
                "scheme": scheme,
                "grain": grain,
                "features": columns - rules,
                "rules": rules,
                "planted": len(bad),
                "innocents": len(good),
            }
            if grain == "institution":  # a pharmacy is not like a hospital
                kinds = entities["peer_group_coarse"]
                good = good[kinds.reindex(good).isin(set(kinds.reindex(bad)))]
                row["innocents"] = len(good)
            if len(good) < FEWEST_INNOCENTS:  # too few named: everybody else of the kind
                others = entities.index.difference(guilty)
                kinds = entities["peer_group_coarse"]
                good = others[kinds.reindex(others).isin(set(kinds.reindex(bad)))]
                row |= {"innocents": len(good), "against": "others"}
            enough = len(bad) >= FEWEST[grain] and len(good) >= FEWEST_INNOCENTS and columns
            found = compare(ours, plain, bad, good, picked.get((str(scheme), grain))) if enough else {}
            rows.append(row | found)
            print(json.dumps(rows[-1], ensure_ascii=False), flush=True)
    return rows


def own_scores(parts: dict[Grain, Partition], grain: Grain, scheme: str) -> tuple[pd.Series, int, int]:
    """Score by the scheme's own columns; how many of them, how many rules. A stay hears of its hospital, doctor and patient."""
    own, columns, rules = _score(parts[grain], scheme)
    if grain == "admission":
        entities = parts[grain].entities()
        for about, key in PARENTS:
            score, n, r = _score(parts[about], scheme)
            if n:
                own = own * columns + entities[key].map(score).fillna(0.0) * n
                columns, rules = columns + n, rules + r
                own = own / columns
    return own.where(~excused(parts[grain], scheme), 0.0), columns, rules


def excused(part: Partition, scheme: str) -> pd.Series:
    """Who the data shows to be one of the scheme's innocents."""
    codes = INNOCENTS[scheme].split()
    columns = [f.columns()[0] for f in REGISTRY.of(part.grain) if f.excuses in codes]
    values = pd.read_parquet(part.path / "values.parquet", columns=["entity_id", *columns]).set_index("entity_id")
    return (values.fillna(0.0) > 0).any(axis=1)


def _score(part: Partition, scheme: str) -> tuple[pd.Series, int, int]:
    found = [(c, *REGISTRY.column(c)) for c in part.columns if not c.endswith("_fen")]
    chosen = [
        (c, f) for c, f, _ in found if f.scheme == scheme and not f.excuses and f.rule != "R21"
    ]  # a bed check is an outcome
    entities = part.entities()
    if not chosen:
        return pd.Series(0.0, index=entities.index), 0, 0
    values = pd.read_parquet(part.path / "values.parquet", columns=["entity_id", *(c for c, _ in chosen)]).set_index(
        "entity_id"
    )
    score = tail_scores(
        values, entities.reindex(values.index), [f.worse for _, f in chosen], [f.name for _, f in chosen]
    )
    declared = {f.name: f for _, f in chosen}
    return score, len(declared), sum(f.rule is not None for f in declared.values())


#: Thirteen simple aggregates a grain, over what the county's tables hold (stays: of the stay, its patient and its hospital, as in benchmarks/county.py).
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


def plain_scores(con: duckdb.DuckDBPyConnection, county: Path, grain: Grain, entities: pd.DataFrame) -> pd.DataFrame:
    """The thirteen aggregates of every entity (missing → median) and `together`, their score by the same fixed rule."""
    for path in sorted((county / "claims").iterdir()):
        con.execute(f"CREATE OR REPLACE VIEW {path.stem} AS FROM '{path / '*.parquet' if path.is_dir() else path}'")
    frame = con.execute(_PLAIN[grain]).df().set_index("entity_id").reindex(entities.index).astype("float64")
    assert frame.shape[1] == 13
    together = tail_scores(frame, entities, ["either"] * frame.shape[1])
    return frame.fillna(frame.median()).fillna(0.0).assign(together=together)


def verdict(row: dict[str, Any]) -> str:
    """covered, ahead, not covered, or too few."""
    if "ours" not in row:
        return "too few" if row["features"] + row["rules"] else "no declaration"
    if row["interval"]["gain"][0] > 0:
        return "**covered**"
    return "ahead" if row["ours"] > row["plain"] else "not covered"


def page(runs: Sequence[dict[str, Any]]) -> str:
    """Markdown, a table a county: the reported one first, beside it (if wanted) one developed on."""
    doc = (__doc__ or "").split("\n", 1)
    out = [f"# Coverage of the schemes\n\n{doc[0]}\n{doc[1]}"]
    for run in runs:
        recipe = run["recipe"]
        title = "developed on: no proof" if run.get("developed", True) else "reported; nothing was developed on it"
        counts = pd.Series([verdict(r) for r in run["rows"]]).value_counts()
        out.append(f"\n## Seed {recipe['seed']}: {recipe['persons']:,} insured, {recipe['months']} months ({title})\n")
        out.append("; ".join(f"{k.strip('*')} {n}" for k, n in counts.items()) + ".\n")
        out.append(
            "| scheme | grain | features | rules | planted | innocents | ours | plain | by | oracle | gain | verdict |\n|---|---|---:|---:|---:|---:|---|---|---|---|---|---|"
        )
        for r in sorted(run["rows"], key=lambda r: (r["scheme"], GRAINS.index(r["grain"]))):
            out.append(_line(r))
        missing = [f"{code} {name}" for code, name in SCHEMES.items() if code not in {r["scheme"] for r in run["rows"]}]
        out.append(f"\nNot planted in this county: {', '.join(missing) or 'none'}.")
    out.append(
        "\n\\* too few innocents of the scheme's own are named at this grain: everybody else of the same kind stands in for them."
    )
    return "\n".join(out)


def _line(r: dict[str, Any]) -> str:
    mark = "\\*" if r.get("against") else ""
    head = f"| {r['scheme']} {SCHEMES[r['scheme']]} | {LABEL[r['grain']]} | {r['features']} | {r['rules']} | {r['planted']} | {r['innocents']}{mark} |"
    if "ours" not in r:
        return f"{head} – | – | | | | {verdict(r)} |"
    low, high = zip(*(r["interval"][k] for k in ("ours", "plain", "gain")), strict=True)
    return (
        f"{head} {r['ours']:.2f} ({low[0]:.2f}–{high[0]:.2f}) | {r['plain']:.2f} ({low[1]:.2f}–{high[1]:.2f}) | {r['plain_by']} | {r['oracle']:.2f} {r['oracle_by']} |"
        f" {r['ours'] - r['plain']:+.2f} ({low[2]:+.2f} … {high[2]:+.2f}) | {verdict(r)} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--county", type=Path)
    parser.add_argument("--house", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plain-from", type=Path)
    parser.add_argument("--page", type=Path, nargs="+")
    args = parser.parse_args()
    if args.page:
        print(page([json.loads(p.read_text("utf-8")) for p in args.page]))
        return
    recipe = json.loads((args.county / "county.json").read_text("utf-8"))["recipe"]
    developed = json.loads(args.plain_from.read_text("utf-8"))["rows"] if args.plain_from else []
    found = {"recipe": recipe, "developed": not developed, "rows": measure(args.county, args.house, developed)}
    args.json.write_text(json.dumps(found, ensure_ascii=False, indent=1), "utf-8")


if __name__ == "__main__":
    main()
