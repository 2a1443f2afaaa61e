"""Own simulated counties beside worlds nobody here made: what the claims, the findings and the truth look like, and what simple opponents find.

    python -m benchmarks.worlds_compare                                     all, then docs/figures/worlds_compare.md (make worlds-compare)
    python -m benchmarks.worlds_compare --own build/…/county-12000-15-1     an own county that is there already; may be repeated

A simulator is worth what is measured on it only as far as it is like other counties. Where a figure of every own county lies outside what the others span by more
than half, it is marked; a reason stands beside it or it is to be mended. SHARED as in benchmarks.accuracy.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pandas as pd

from benchmarks.accuracy_county import Referee
from benchmarks.accuracy_own import COUNTIES, LIKE_OTHERS, MONTHS, PERSONS, last_day, own_county, referee_form
from benchmarks.accuracy_page import table
from benchmarks.accuracy_product import ROOT, commit

SHARED_WORLDS: Final = ("pilot", "second")
STAY: Final = "med_type LIKE '2%'"
FIGURES: Final[tuple[tuple[str, str, str], ...]] = (
    ("insured", "persons", "SELECT count(*) FROM persons"),
    ("of whom sixty and older", "share", "SELECT avg((date_diff('year', brdy, DATE '2025-06-30') >= 60)::INT) FROM persons"),
    ("of whom on the chronic registry", "share", "SELECT avg((opsp_dise_code IS NOT NULL)::INT) FROM persons"),
    ("of whom employees", "share", "SELECT avg((insutype = '310')::INT) FROM persons"),
    ("insured with a settlement in a year", "share", "SELECT (SELECT count(DISTINCT psn_no) FROM last_year) / (SELECT count(*) FROM persons)"),
    ("outpatient visits a person and year", "visits", f"SELECT count(*) FILTER (NOT {STAY} AND med_type <> '41') / (SELECT count(*) FROM persons) FROM last_year"),
    ("of them on chronic benefits", "share", f"SELECT avg((med_type = '14')::INT) FROM last_year WHERE NOT {STAY} AND med_type <> '41'"),
    ("pharmacy swipes a person and year", "swipes", "SELECT count(*) FILTER (med_type = '41') / (SELECT count(*) FROM persons) FROM last_year"),
    ("visits and swipes of a user, median", "a year", f"SELECT median(n) FROM (SELECT count(*) n FROM last_year WHERE NOT {STAY} GROUP BY psn_no)"),
    ("the same, 99th percentile", "a year", f"SELECT quantile_cont(n, 0.99) FROM (SELECT count(*) n FROM last_year WHERE NOT {STAY} GROUP BY psn_no)"),
    ("units a user goes to, median", "a year", f"SELECT median(n) FROM (SELECT count(DISTINCT fixmedins_code) n FROM last_year WHERE NOT {STAY} GROUP BY psn_no)"),
    ("yuan of an outpatient visit, median", "yuan", f"SELECT median(medfee_sumamt) FROM last_year WHERE NOT {STAY} AND med_type NOT IN ('41', '14')"),
    ("yuan of a pharmacy swipe, median", "yuan", "SELECT median(medfee_sumamt) FROM last_year WHERE med_type = '41'"),
    ("yuan on the personal account, share of swipes", "share", "SELECT sum(acct_pay) / sum(medfee_sumamt) FROM last_year WHERE med_type = '41'"),
    ("stays a thousand and year", "stays", f"SELECT 1000.0 * count(DISTINCT mdtrt_id) / (SELECT count(*) FROM persons) FROM last_year WHERE {STAY}"),
    ("days of a stay, median", "days", "SELECT median(days) FROM stays"),
    ("the same, 90th percentile", "days", "SELECT quantile_cont(days, 0.9) FROM stays"),
    ("yuan of a stay, median", "yuan", "SELECT median(fee) FROM stays"),
    ("yuan of a stay a day, median", "yuan", "SELECT median(fee / greatest(days, 1)) FROM stays"),
    ("of it paid by the fund", "share", "SELECT sum(fund) / sum(fee) FROM stays"),
    ("stays again at the same unit within 15 days", "share", "SELECT avg((date_diff('day', before, begin) BETWEEN 0 AND 15)::INT) FROM (SELECT begin, lag(till) OVER (PARTITION BY psn_no, unit ORDER BY begin) before FROM stays)"),
    ("units ten thousand insured", "units", "SELECT 1e4 * count(*) / (SELECT count(*) FROM persons) FROM institutions"),
    ("of them pharmacies", "share", "SELECT avg((fixmedins_type = '2')::INT) FROM institutions"),
    ("of them with stays", "share", "SELECT (SELECT count(DISTINCT unit) FROM stays) / count(*) FROM institutions"),
    ("refunds a thousand settlements", "refunds", "SELECT 1000 * avg((refd_setl_flag = '1')::INT) FROM last_year"),
    ("fee lines a day of stay, median", "lines", "SELECT median(n / greatest(days, 1)) FROM (SELECT mdtrt_id, count(*) n FROM fee_details GROUP BY 1) JOIN stays USING (mdtrt_id)"),
    *((f"{word} inspected a year and ten thousand", "cases", f"SELECT 1e4 * count(*) / (SELECT count(*) FROM persons) * 365.25 / (SELECT date_diff('day', min(insp_time), max(insp_time)) + 1 FROM inspections) FROM inspections WHERE entity_type = '{grain}'") for grain, word in (("admission", "stays"), ("person", "persons"), ("institution", "units"))),
    *((f"{word}: confirmed of conclusive", "share", f"SELECT avg((finding = 'confirmed')::INT) FROM inspections WHERE entity_type = '{grain}' AND finding <> 'inconclusive'") for grain, word in (("admission", "stays"), ("person", "persons"), ("institution", "units"))),
    *((f"{word}: of those drawn by chance", "share", f"SELECT avg((finding = 'confirmed')::INT) FROM inspections WHERE entity_type = '{grain}' AND lead_source = 'random' AND finding <> 'inconclusive'") for grain, word in (("admission", "stays"), ("person", "persons"))),
)  # fmt: skip
"""What a figure is called, its unit, and the query over a world's claims that makes it."""
SIZE: Final = 100


def marginals(claims: Path) -> dict[str, float]:
    """{figure: value} of a world's claims in the referee's form; NaN where the world does not say."""
    con = duckdb.connect()
    for name in ("settlements", "persons", "institutions", "fee_details", "inspections"):
        con.execute(f"CREATE VIEW {name} AS SELECT * FROM '{claims}/{name}.parquet'")
    con.execute(
        "CREATE TABLE last_year AS SELECT * FROM settlements WHERE setl_time > (SELECT max(setl_time) FROM settlements) - INTERVAL 365 DAY"
    )
    con.execute(
        f"""CREATE TABLE stays AS SELECT mdtrt_id, any_value(psn_no) psn_no, any_value(fixmedins_code) AS unit, min(begntime) AS begin, max(endtime) AS till,
            date_diff('day', min(begntime), max(endtime)) AS days, sum(medfee_sumamt)::DOUBLE AS fee, sum(fund_pay_sumamt)::DOUBLE AS fund
        FROM settlements WHERE {STAY} AND refd_setl_flag = '0' GROUP BY 1"""
    )
    out = {}
    for name, _, query in FIGURES:
        (value,) = con.execute(query).fetchall()[0]
        out[name] = float("nan") if value is None else float(value)
    return out


def found(referee: Referee, claims: Path, truth: Path, moment: str) -> dict[str, float]:
    """Guilty shares at a moment, and the guilty in the first hundred of each simple opponent, over their share among all."""
    told = referee.truth.Truth(claims, truth)
    out: dict[str, float] = {}
    universes = {}
    for grain, word, window in (("admission", "stays", 90), ("person", "persons", 90), ("institution", "units", 180)):
        universes[grain] = universe = told.universe(grain, moment, window)
        out[f"{word}: guilty among the open"] = float(universe["y"].mean())
    lists = referee.opponents.run(claims, told, [moment], log=lambda *_: None)
    for who in ("largest", "rules10", "iforest", "lightgbm"):
        for grain, word in (("admission", "stays"), ("person", "persons")):
            rows = lists[who] if who in lists else pd.DataFrame(columns=["grain", "as_of", "entity_id", "rank"])
            rows = rows[(rows["grain"] == grain) & (rows["as_of"] == moment)].sort_values("rank")
            y = universes[grain].astype({"id": str}).set_index("id")["y"]
            best = [str(i) for i in rows["entity_id"] if str(i) in y.index][:SIZE]
            out[f"{word}: {who}, first {SIZE}"] = float(y[best].mean()) if best else float("nan")
    return out


def odd(own: Sequence[float], others: Sequence[float]) -> bool:
    """Whether every own county lies outside what the others span, widened by half."""
    told = [v for v in others if not np.isnan(v)]
    mine = [v for v in own if not np.isnan(v)]
    if not told or not mine:
        return False
    low, high = min(told) / 1.5, max(told) * 1.5
    return all(v < low for v in mine) or all(v > high for v in mine)


def page(worlds: dict[str, dict[str, float]], own: Sequence[str]) -> str:
    """The comparison as Markdown."""
    names = list(worlds)
    told = " ".join(f"--{name} {value}" for name, value in LIKE_OTHERS.items())
    told = f"--persons {PERSONS} --months {MONTHS} {told}"
    figures = list(dict.fromkeys(f for w in worlds.values() for f in w))
    cells = []
    marked = 0
    for figure in figures:
        values = [worlds[w].get(figure, float("nan")) for w in names]
        apart = odd(
            [worlds[w].get(figure, float("nan")) for w in own],
            [worlds[w].get(figure, float("nan")) for w in names if w not in own],
        )
        marked += apart
        cells.append(
            (
                figure,
                *("" if np.isnan(v) else f"{v:.3g}" if abs(v) < 1000 else f"{v:,.0f}" for v in values),
                "**apart**" if apart else "",
            )
        )
    return "\n".join(
        [
            "# Own counties beside others",
            "",
            "    make worlds-compare",
            "",
            f"Commit {commit()}. {marked} of {len(figures)} figures of all own counties lie outside what the others span, widened by half. Figures of the last year of each export; guilt",
            f"and opponents at its last day but one month, before which everything is settled. Own counties: `xiezhi simulate {told}`, seeds 1, 2, ….",
            "",
            *table(("figure", *names, ""), cells),
        ]
    )  # fmt: skip


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    home = Path(os.environ.get("XIEZHI_SHARED", ROOT.parent / "shared"))
    parser.add_argument("--shared", type=Path, default=home, help="folder with referee/ and data/")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "accuracy", help="where own counties are kept")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "figures" / "worlds_compare.md")
    parser.add_argument(
        "--own", type=Path, action="append", default=[], help="a simulated county's folder; else they are made"
    )
    parser.add_argument("--counties", type=int, default=COUNTIES, help="own counties, seeds 1, 2, …")
    parser.add_argument("--persons", type=int, default=PERSONS)
    parser.add_argument("--months", type=int, default=MONTHS)
    given = parser.parse_args()
    referee = Referee.of(given.shared)
    places: dict[str, tuple[Path, Path]] = {
        w: (given.shared / "data" / w / "claims", given.shared / "data" / w / "truth") for w in SHARED_WORLDS
    }
    own = []
    for seed, county in enumerate(given.own or [None] * given.counties, start=1):
        if county is None:
            made = own_county(given.work, given.persons, given.months, seed)
            places[made.world] = made.claims, made.truth
        else:
            form = given.work / "compare" / county.name
            if not (form / "truth" / "meta.json").exists():
                referee_form(county, form, f"{last_day(county)} 20:00:00")
            places[f"own {county.name}"] = form / "claims", form / "truth"
        own.append(list(places)[-1])
    worlds: dict[str, dict[str, float]] = {}
    for name, (claims, truth) in places.items():
        kept = given.work / "compare" / f"{name}.json"
        if not kept.exists():
            print(name, file=sys.stderr, flush=True)
            query = f"SELECT max(setl_time)::DATE - 30 FROM '{claims}/settlements.parquet'"
            (last,) = duckdb.connect().execute(query).fetchall()[0]
            told = marginals(claims) | found(referee, claims, truth, f"{last} 20:00:00")
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
        worlds[name] = json.loads(kept.read_text("utf-8"))
    given.out.write_text(page(worlds, own) + "\n", "utf-8")
    print(f"{given.out}: {len(worlds)} worlds", file=sys.stderr)


if __name__ == "__main__":
    main()
