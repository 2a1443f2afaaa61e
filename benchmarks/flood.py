"""Whom every rule hits on worlds with a truth: rule × grain × (hits, guilty, innocent), so that no rule floods the desk.

    python -m benchmarks.flood --shared SHARED                      second, pilot and an own county, then docs/figures/flood.md and flood.json
    python -m benchmarks.flood --shared SHARED --world second       a part; what is counted is kept and not counted again
    python -m benchmarks.flood --page                               the page from what is there

Each world is cut at one evening as its bureau held it then and goes through `xiezhi intake` and `xiezhi features`. The truth is opened for counting only: guilty is
whoever took part in anything up to that evening, and of stays and doctors those of a guilty person or unit. Exit 1 where a rule hits more innocents than it may and its declaration does not say why (`widely`).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any, Final

import pandas as pd

from benchmarks.accuracy_county import County, Referee, shared_county
from benchmarks.accuracy_own import own_county
from benchmarks.accuracy_product import ROOT, Product, commit
from benchmarks.flood_page import Record, page, too_wide
from features.build import build
from features.checking.hits import rules_of
from features.grains import GRAINS, Grain

EVENING: Final = {"second": "2025-10-01", "pilot": "2025-09-27"}
WORLDS: Final = (*EVENING, "own")
COUNTED: Final[tuple[Grain, ...]] = ("admission", "person", "institution", "doctor")


def count(referee: Referee, county: County, run: str) -> Record:
    """Hits of every rule declaration among guilty and innocent entities of the partition."""
    product = Product(county.folder / run, f"{county.world} {county.day}")
    if "intake" not in product.done:
        product.take_in(county.source(), county.mapping)
    product.step("features", "features", "--as-of", county.day, "--warehouse", str(product.warehouse.resolve()))
    truth = referee.truth.Truth(county.claims, county.truth)
    told: Record = {"world": county.world, "date": county.day, "grains": {}, "rules": {}, "absent": {}}
    known_guilty = {
        "psn_no": accused(truth, county, "person"),
        "fixmedins_code": accused(truth, county, "institution"),
    }
    for grain in COUNTED:
        partition = build(product.warehouse, pd.Timestamp(county.day).date(), grain)
        active = truth.active(grain, county.moment, GRAINS[grain].window_days)
        told["absent"] |= {f.name: partition.absent[f.name] for f in rules_of() if f.name in partition.absent}
        own = [f for f in rules_of() if f.grain == grain and f.name not in partition.absent and f.by != "county"]
        columns = {f.name: f.columns() for f in own}
        values = partition.read("values", ["entity_id", *sorted({c for cs in columns.values() for c in cs})])
        values = values.set_index(values["entity_id"].astype(str))
        guilty = active.set_index(active["id"].astype(str))["y_any"].reindex(values.index).dropna().astype(bool)
        who = partition.read("entities").set_index("entity_id").reindex(guilty.index)
        for column in ("psn_no", "fixmedins_code"):
            if column in who and grain in ("admission", "doctor"):
                guilty |= who[column].astype(str).isin(known_guilty[column])
        told["grains"][grain] = {"guilty": int(guilty.sum()), "innocent": int((~guilty).sum())}
        for name, cells in columns.items():
            hit = (values.loc[guilty.index, cells] > 0).any(axis=1)
            told["rules"][name] = {"guilty": int((hit & guilty).sum()), "innocent": int((hit & ~guilty).sum())}
    return told


def accused(truth: Any, county: County, grain: Grain) -> set[str]:
    """Whoever of a grain took part in anything, active in its window."""
    active = truth.active(grain, county.moment, GRAINS[grain].window_days)
    return set(active.loc[active["y_any"] > 0, "id"].astype(str))


def counted(given: argparse.Namespace) -> list[Record]:
    """The record of every world asked for, made where it is not there yet."""
    found = []
    for world in given.world or WORLDS:
        known = sorted((given.work / world).glob(f"*/{given.run}/flood.json"))
        if not known and not given.page:
            referee = Referee.of(given.shared)
            if world == "own":
                county = own_county(given.work, given.persons, given.months, given.seed)
            else:
                county = shared_county(referee, given.shared, given.work, world, EVENING[world])
            record: dict[str, Any] = count(referee, county, given.run) | {"commit": commit()}
            file = county.folder / given.run / "flood.json"
            file.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", "utf-8")
            known = [file]
        found += [json.loads(file.read_text("utf-8")) for file in known]
    return found


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    home = Path(os.environ.get("XIEZHI_SHARED", ROOT.parent / "shared"))
    parser.add_argument("--shared", type=Path, default=home, help="folder with referee/ and data/")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "flood", help="where done steps are kept")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "figures", help="folder of flood.md and flood.json")
    parser.add_argument("--world", action="append", default=[], choices=WORLDS, help="only this world; may be repeated")
    parser.add_argument("--persons", type=int, default=8000, help="insured persons of the own county")
    parser.add_argument("--months", type=int, default=15, help="months of the own county")
    parser.add_argument("--seed", type=int, default=1, help="seed of the own county")
    parser.add_argument("--run", default="", help="name of this run (default: the commit)")
    parser.add_argument("--page", action="store_true", help="only write the page from what is there")
    given = parser.parse_args()
    given.run = given.run or commit()
    records = counted(given)
    if not records:
        raise SystemExit(f"nothing counted in {given.work} yet: run without --page first")
    if given.page or not given.world:
        (given.out / "flood.md").write_text(page(records), "utf-8")
        (given.out / "flood.json").write_text(json.dumps(records, ensure_ascii=False, indent=1) + "\n", "utf-8")
    wide = too_wide(records)
    for line in wide:
        print(line)
    print(f"{len(records)} worlds, {len(wide)} numbers above their limit without a word why", file=sys.stderr)
    return 1 if wide else 0


if __name__ == "__main__":
    sys.exit(main())
