"""Empty beds found on many evenings, by the product's own ranking and by simple opponents, pooled.

    python -m benchmarks.evenings                       every county-date, then docs/figures/evenings.md (make evenings)
    python -m benchmarks.evenings --world "own 21"      a part; every evening is kept by itself and not done again
    python -m benchmarks.evenings --page                the page from what is there

As an office would: one fit, then the bed check of every evening of the month that follows at 20:00 (`serving.lists.bedcheck.rank_beds`, what `xiezhi bedcheck` lists). What came in
since the fit is taken in as one more delivery, and each evening sees what was known then. Opponents are the referee's and are fitted anew on every evening. Own counties are
this project's simulator's, eight months of 8,000 insured. SHARED as in benchmarks.accuracy.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import duckdb
import pandas as pd

from benchmarks.accuracy_county import HOUR, County, Referee, evening, shared_county
from benchmarks.accuracy_judge import PRODUCT, judged
from benchmarks.accuracy_own import own_county
from benchmarks.accuracy_product import ROOT, Product
from benchmarks.evenings_page import Evening, page

FITTED: Final = {"second": "2025-08-01", "pilot": "2025-07-01"}
OWN: Final = {f"own {seed}": seed for seed in (21, 22, 23, 24, 25)}
WORLDS: Final = (*FITTED, *OWN)
OWN_PERSONS: Final = 8_000
OWN_MONTHS: Final = 8
INSURED: Final = {"second": 24_000, "pilot": 24_000} | dict.fromkeys(OWN, OWN_PERSONS)
EVENINGS: Final = 30
"""Evenings after one fit, every night."""
DEPTH: Final = 60
"""Places of each list that are kept."""


@dataclass(frozen=True)
class Place:
    """A world with the day of its fit."""

    world: str
    day: str
    folder: Path

    @property
    def house(self) -> Path:
        return self.folder / "warehouse"

    def kept(self, part: str, moment: str) -> Path:
        """Where one evening's ranked stays, opponents or judgement lie."""
        return self.folder / part / f"{moment[:10]}.json"


def evenings_of(day: str, count: int = EVENINGS) -> list[str]:
    """The moments looked at after a fit of `day`."""
    return [f"{(pd.Timestamp(day) + pd.Timedelta(days=k + 1)).date()} {HOUR}" for k in range(count)]


def county_of(given: argparse.Namespace, referee: Referee, world: str) -> County:
    """The world at the day of its fit; an own county at its last day."""
    if world not in OWN:
        return shared_county(referee, given.shared, given.work, world, FITTED[world])
    return own_county(given.work, OWN_PERSONS, OWN_MONTHS, OWN[world])


def place_of(given: argparse.Namespace, county: County) -> Place:
    """Where a county's evenings lie; an own county is fitted so long before its last day that all evenings lie between."""
    day = county.day
    if county.world in OWN:
        day = str((pd.Timestamp(day) - pd.Timedelta(days=EVENINGS)).date())
    return Place(county.world, day, given.work / "evenings" / f"{county.world} {day}")


def prepare(referee: Referee, county: County, place: Place) -> Product:
    """A warehouse with a model fitted on the day and all that came in until the last evening."""
    product = Product(place.folder, f"{place.world} {place.day}")
    if "intake" not in product.done:
        product.take_in(county.source(), county.mapping)
    product.fit(place.day)
    if county.world not in OWN and "intake later" not in product.done:  # an own county was taken in whole
        later = place.folder / "later"
        referee.cut.cut(county.claims, evenings_of(place.day)[-1], later)
        product.step("intake later", "intake", str(later.resolve()), "--mapping", "pilot", "--warehouse", product.house)
    return product


def play(product: Product, place: Place, moments: list[str]) -> None:
    """The product's ranking of every evening."""
    lacking = [m[:16] for m in moments if not place.kept("ranked", m).exists()]
    if lacking:
        where = (product.house, str((place.folder / "ranked").resolve()))
        product.step(f"evenings from {lacking[0]}", *where, *lacking, module="benchmarks.evenings_run")


def opponents(referee: Referee, county: County, place: Place, moments: list[str]) -> None:
    """{who: open stays, emptiest first} of every evening; they depend on the county alone."""

    @cache
    def data() -> Any:
        return referee.opponents.Data(county.claims)

    for moment in moments:
        file = place.kept("opponents", moment)
        if not file.exists():
            put(file, evening(referee.opponents, data(), moment))
            print(f"{place.world} {moment}: opponents", file=sys.stderr, flush=True)


def judge(referee: Referee, county: County, place: Place, moments: list[str]) -> None:
    """Every evening that was played, judged. The truth is opened to judge only."""
    truth = referee.truth.Truth(county.claims, county.truth)
    for moment in moments:
        files = [place.kept(part, moment) for part in ("ranked", "opponents")]
        out = place.kept("judged", moment)
        if out.exists() or not all(f.exists() for f in files):
            continue
        told, rivals = (json.loads(f.read_text("utf-8")) for f in files)
        universe = truth.active("live", moment, 90)
        empty = pd.Series(universe["y"].to_numpy(dtype=float), index=universe["id"].astype(str))
        if county.world in OWN:
            gone = absent(county.source() / "truth", moment)
            empty = pd.Series([float(i in gone) for i in empty.index], index=empty.index)
        put(out, judgement(place, moment, told, rivals, empty))


def judgement(
    place: Place, moment: str, told: dict[str, Any], rivals: dict[str, list[str]], empty: pd.Series
) -> Evening:
    """One evening: open, guilty, hits by place, and of each open stay that the product ranked its chance, the chance before looks and whether the bed is empty."""
    stays = [s for s in told["stays"] if s["id"] in empty.index]
    return {
        "world": place.world,
        "fitted": place.day,
        "at": moment,
        "commit": told["commit"],
        "insured": INSURED[place.world],
        "looked": told.get("looked", 0),
        "way": told.get("way", ""),
        **judged(empty, {PRODUCT: [s["id"] for s in stays]} | rivals, DEPTH),
        "stays": [[s["id"], s["chance"], s["unseen"], int(empty[s["id"]])] for s in stays],
    }


def absent(truth: Path, moment: str) -> set[str]:
    """mdtrt_id of an own county's stays whose bed is empty at the moment."""
    query = f"""SELECT mdtrt_id FROM '{truth}/absences.parquet' WHERE "begin" <= TIMESTAMP '{moment}' AND "end" > TIMESTAMP '{moment}'"""
    return {str(row[0]) for row in duckdb.connect().execute(query).fetchall()}


def put(file: Path, told: Any) -> None:
    """Write JSON whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(json.dumps(told, ensure_ascii=False) + "\n", "utf-8")
    part.rename(file)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    home = Path(os.environ.get("XIEZHI_SHARED", ROOT.parent / "shared"))
    parser.add_argument("--shared", type=Path, default=home, help="folder with referee/ and data/")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "accuracy", help="where done steps are kept")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "figures", help="folder of evenings.md")
    parser.add_argument("--world", action="append", default=[], choices=WORLDS, help="only this world")
    parser.add_argument("--page", action="store_true", help="only judge what was played and write the page")
    given = parser.parse_args()
    referee = Referee.of(given.shared)
    for world in given.world or WORLDS:
        county = county_of(given, referee, world)
        place = place_of(given, county)
        moments = evenings_of(place.day)
        if not given.page:
            play(prepare(referee, county, place), place, moments)
            opponents(referee, county, place, moments)
        judge(referee, county, place, moments)
    if given.page or not given.world:
        told = [json.loads(f.read_text("utf-8")) for f in sorted(given.work.glob("evenings/*/judged/*.json"))]
        if not told:
            raise SystemExit(f"nothing played in {given.work / 'evenings'} yet: run without --page first")
        (given.out / "evenings.md").write_text(page(told), "utf-8")


if __name__ == "__main__":
    main()
