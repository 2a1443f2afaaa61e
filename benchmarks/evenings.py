"""Empty beds found on many evenings, by the product's own command and by simple opponents, pooled.

    python -m benchmarks.evenings                     all worlds, then docs/figures/evenings.md (make evenings)
    python -m benchmarks.evenings --world second      a part; what is done is kept and not done again
    python -m benchmarks.evenings --page              the page from what is there

As an office would: one fit, then `xiezhi bedcheck` on an evening every third day of the month that follows. What came in since the fit is taken in as one more delivery,
and each evening sees what was known at 20:00. Opponents are the referee's and are fitted anew on every evening. SHARED as in benchmarks.accuracy.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import duckdb
import pandas as pd

from benchmarks.accuracy_county import HOUR, County, Referee, evening, shared_county
from benchmarks.accuracy_judge import PRODUCT, judged
from benchmarks.accuracy_own import MONTHS, PERSONS, own_county
from benchmarks.accuracy_product import ROOT, Product, commit, ids
from benchmarks.evenings_page import Evening, page

FITTED: Final = {"second": "2025-08-01", "pilot": "2025-07-01"}
WORLDS: Final = (*FITTED, "own")
APART: Final = 3
"""Days from one evening to the next: on neighbouring evenings the same stays lie open."""
EVENINGS: Final = 10
DEPTH: Final = 10


def evenings_of(day: str) -> list[str]:
    """The moments looked at after a fit of `day`."""
    return [f"{(pd.Timestamp(day) + pd.Timedelta(days=APART * (k + 1))).date()} {HOUR}" for k in range(EVENINGS)]


def county_of(given: argparse.Namespace, referee: Referee, world: str) -> County:
    """The world at the day of its fit; an own county a month before its last day."""
    if world != "own":
        return shared_county(referee, given.shared, given.work, world, FITTED[world])
    county = own_county(given.work, PERSONS, MONTHS, 1)
    day = str((pd.Timestamp(county.day) - pd.Timedelta(days=APART * EVENINGS + 1)).date())
    return replace(county, day=day, folder=county.folder.with_name(f"{county.folder.name}-evenings"))


def run_world(given: argparse.Namespace, referee: Referee, world: str) -> list[Evening]:
    """Every evening of a world, judged. The truth is opened to judge only."""
    county = county_of(given, referee, world)
    product = Product(county.folder / given.run, f"{county.world} {county.day}")
    if not product.warehouse.exists():
        product.done.clear()
        product.take_in(county.source(), county.mapping)
    product.fit(county.day)
    moments = evenings_of(county.day)
    if world != "own":  # an own county was taken in whole
        last = county.folder / "view-evenings"
        if "intake later" not in product.done:
            referee.cut.cut(county.claims, moments[-1], last)
        product.step("intake later", "intake", str(last.resolve()), "--mapping", "pilot", "--warehouse", product.house)
    truth = referee.truth.Truth(county.claims, county.truth)
    rivals = opponents(referee, county, moments)
    found: list[Evening] = []
    for moment in moments:
        listed = ids(product.bedcheck(moment[:-3], f"bedcheck {moment[:10]}"))
        told = truth.active("live", moment, 90)
        empty = pd.Series(told["y"].to_numpy(dtype=float), index=told["id"].astype(str))
        if world == "own":
            gone = absent(county.source() / "truth", moment)
            empty = pd.Series([float(i in gone) for i in empty.index], index=empty.index)
        found.append({"world": county.world, "at": moment, **judged(empty, {PRODUCT: listed} | rivals[moment], DEPTH)})
    return found


def absent(truth: Path, moment: str) -> set[str]:
    """mdtrt_id of an own county's stays whose bed is empty at the moment."""
    query = f"""SELECT mdtrt_id FROM '{truth}/absences.parquet' WHERE "begin" <= TIMESTAMP '{moment}' AND "end" > TIMESTAMP '{moment}'"""
    return {str(row[0]) for row in duckdb.connect().execute(query).fetchall()}


def opponents(referee: Referee, county: County, moments: list[str]) -> dict[str, dict[str, list[str]]]:
    """{moment: {who: open stays, emptiest first}}, computed once for a world."""
    file = county.folder / "evenings.json"
    known: dict[str, dict[str, list[str]]] = json.loads(file.read_text("utf-8")) if file.exists() else {}

    @cache
    def data() -> Any:
        return referee.opponents.Data(county.claims)

    for moment in moments:
        if moment not in known:
            print(f"{county.world} {moment}: opponents", file=sys.stderr, flush=True)
            known[moment] = evening(referee.opponents, data(), moment)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(known) + "\n", "utf-8")
    return known


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    home = Path(os.environ.get("XIEZHI_SHARED", ROOT.parent / "shared"))
    parser.add_argument("--shared", type=Path, default=home, help="folder with referee/ and data/")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "accuracy", help="where done steps are kept")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "figures", help="folder of evenings.md")
    parser.add_argument("--world", action="append", default=[], choices=WORLDS, help="only this world")
    parser.add_argument("--run", default="", help="name of this run's lists (default: the commit)")
    parser.add_argument("--page", action="store_true", help="only write the page from what is there")
    given = parser.parse_args()
    given.run = given.run or commit()
    kept = given.work / "evenings" / given.run
    if not given.page:
        referee = Referee.of(given.shared)
        for world in given.world or WORLDS:
            file = kept / f"{world}.json"
            if not file.exists():
                found = run_world(given, referee, world)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(json.dumps({"commit": commit(), "evenings": found}) + "\n", "utf-8")
    if given.page or not given.world:
        told = [json.loads(f.read_text("utf-8")) for f in sorted(kept.glob("*.json"))]
        if not told:
            raise SystemExit(f"nothing judged in {kept} yet: run without --page first")
        commits = sorted({t["commit"] for t in told})
        (given.out / "evenings.md").write_text(page([e for t in told for e in t["evenings"]], commits), "utf-8")


if __name__ == "__main__":
    main()
