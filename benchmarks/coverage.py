"""Is a scheme covered? Its planted cases must rank above its own innocents better than plain aggregates rank them.

    python -m benchmarks.coverage judge --county DIR --house WAREHOUSE --out FILE.parquet [--as-of DAY …] [--stay-days N]
    python -m benchmarks.coverage page [FILE …] --developed FILE … > docs/figures/coverage.md

Both sides are fixed beforehand. Every column becomes its tail share: the share of its peers (the product's own peer groups, all where a group is
small) that are at least as bad, in the declared direction; an entity's score is the mean of its three largest −log(tail share), of one
feature's windows the largest: a plain trace is not drowned by columns that say nothing.
*Ours* are the scheme's own features, rules and graph scores at that grain, those of other schemes that declare to be a trace of it too, and for a stay half of
what its hospital, doctor and patient reach on average. Whoever the data shows to be one of the scheme's innocents (features that `excuses` N01 … N34) keeps a
quarter of the score: a mark is no proof, and the guilty bear some. A hospital's or shop's mark lowers only the numbers whose declarations name it as their
honest explanation: a licence to open at night explains night swipes, not round sums. No label is used.
*Plain* are thirteen simple aggregates of the same grain, scored by the same rule. They have no direction, so both ends count. Beside this score the plain side
may use the one column and direction that separated best, with the truth in hand, on the counties we developed on; the better of the two is what
ours must beat. What it would reach if it saw the truth of these very counties is shown as `oracle`.
Judged are the planted cases against the innocents that codes.md names for the scheme, of those active in the window. Scores are made, and cases compared,
within one county and as-of only; a figure is the share of its own county's innocents that a planted case outranks, over the cases of all counties.
Stays are those of the window before each day given (90 days unless --stay-days says otherwise), each as of the first day given after its discharge; the
others as of the last day. An interval is the 90 % bootstrap over 400 draws: of the planted cases, and within each county of its innocents. `covered`: the interval of the difference lies above 0;
`ahead`: only the difference itself does.
"""

import argparse
import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from benchmarks.county_features import TRUTH
from benchmarks.coverage_page import page
from benchmarks.coverage_plain import open_claims, plain_scores
from benchmarks.coverage_scores import INNOCENTS, Sheet, open_sheets, own_scores
from claims.intake.pipeline import intake
from features.declarations import load_catalog
from features.grains import GRAINS, Grain

FEWEST_NAMED = 15
"""Where a county names fewer innocents of a scheme, everybody else of the kind is kept beside them: the page decides over all counties."""


def judge(county: Path, house: Path, days: Sequence[date], stay_days: int) -> pd.DataFrame:
    """One row a planted case or innocent: scheme, grain, role, seed, as_of, `ours`, `together` and the plain columns of its grain."""
    load_catalog()
    if not (house / "CURRENT").exists():
        intake(str(county), house)
    tables = []
    for day in days:
        sheets = open_sheets(house, day, stay_days)
        con = open_claims(county, day)
        for grain, sheet in sheets.items():
            if grain == "admission" or day == max(days):
                plain = plain_scores(con, grain, sheet.entities)
                tables += [t.assign(as_of=str(day)) for t in _cases(county, sheets, grain, plain)]
    seed = json.loads((county / "county.json").read_text("utf-8"))["recipe"]["seed"]
    return pd.concat(tables, ignore_index=True).assign(seed=seed)


def _cases(county: Path, sheets: dict[Grain, Sheet], grain: Grain, plain: pd.DataFrame) -> list[pd.DataFrame]:
    table, key = TRUTH[grain]
    truth = pd.read_parquet(county / "truth" / f"{table}.parquet")
    innocents = pd.read_parquet(county / "truth" / "innocents.parquet")
    innocents = innocents[innocents["grain"] == grain]
    entities = sheets[grain].entities
    kinds = entities["peer_group_coarse"]
    honest = entities.index.difference(pd.Index(truth[key].unique()))
    tables = []
    for scheme, planted in truth.groupby("scheme"):
        bad = entities.index.intersection(pd.Index(planted[key].unique()))
        if not len(bad):
            continue
        alike = honest[kinds.reindex(honest).isin(set(kinds.reindex(bad)))]
        named = innocents.loc[innocents["innocent"].isin(INNOCENTS[str(scheme)].split()), "entity_id"]
        good = (alike if grain == "institution" else honest).intersection(
            pd.Index(named.unique())
        )  # a pharmacy is not like a hospital
        roles = {"planted": bad, "innocent": good}
        if len(good) < FEWEST_NAMED or grain in ("institution", "doctor"):
            roles["other"] = alike
        own = own_scores(sheets, grain, str(scheme))
        scores = plain.assign(ours=own.score)
        for role, ids in roles.items():
            tables.append(
                scores.loc[ids]
                .astype("float32")
                .assign(scheme=scheme, grain=grain, role=role, features=own.features, rules=own.rules)
            )
    return tables


def days_found(house: Path) -> list[date]:
    """As-ofs of the last year whose partitions lie in the warehouse."""
    days = sorted(date.fromisoformat(p.parent.parent.name) for p in house.glob("features/*-*-*/doctor/manifest.json"))
    return [d for d in days if d > days[-1] - timedelta(days=360)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("judge")
    one.add_argument("--county", type=Path, required=True)
    one.add_argument("--house", type=Path, required=True)
    one.add_argument("--out", type=Path, required=True)
    one.add_argument("--as-of", type=date.fromisoformat, nargs="*", default=[])
    one.add_argument("--stay-days", type=int, default=GRAINS["admission"].window_days)
    several = commands.add_parser("page")
    several.add_argument("reported", type=Path, nargs="*")
    several.add_argument("--developed", type=Path, nargs="+", required=True)
    args = parser.parse_args()
    if args.command == "judge":
        judge(args.county, args.house, args.as_of or days_found(args.house), args.stay_days).to_parquet(args.out)
        return
    developed, reported = ([pd.read_parquet(p) for p in paths] for paths in (args.developed, args.reported))
    print(page(pd.concat(developed), pd.concat(reported) if reported else None, __doc__ or ""))


if __name__ == "__main__":
    main()
