"""The lists on worlds that nobody here made, and on our own, through the product's own commands, beside simple opponents.

    python -m benchmarks.accuracy                                      all worlds, then docs/figures/accuracy.md (make accuracy)
    python -m benchmarks.accuracy --world second --date 2025-07-01     a part; what is done is kept and not done again
    python -m benchmarks.accuracy --page                               the page from what is there

Worlds: `second` and `pilot`, each cut at three evenings as its bureau held it then (and at two more after the drift, stays and persons only); `medicare`, five folds by provider; `own`, counties of this project's
simulator. SHARED is --shared, $XIEZHI_SHARED or ../shared. The work folder keeps WORLD/DATE/view and opponents.json, and WORLD/DATE/RUN with lists, done.json,
log.txt and judged.json; RUN is the commit unless told otherwise, so another commit makes lists of its own beside the same opponents.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.accuracy_county import BETWEEN, DATES, Referee, run_county, shared_county
from benchmarks.accuracy_judge import PRODUCT, SIZES, Record
from benchmarks.accuracy_medicare import FOLDS, run_fold, whole_list
from benchmarks.accuracy_own import COUNTIES, MONTHS, PERSONS, own_county
from benchmarks.accuracy_page import page
from benchmarks.accuracy_product import ROOT, commit

WORLDS: Final = (*DATES, "medicare", "own")


def plan(given: argparse.Namespace) -> list[tuple[Path, Callable[[], Record]]]:
    """(folder of world and date, what makes its record), in the order of the page; SystemExit for a world or date that is not there."""
    shared, work, run = given.shared, given.work, given.run
    out: list[tuple[Path, Callable[[], Record]]] = []
    for world in given.world:
        if world == "medicare":
            out += [(work / world / f, partial(run_fold, shared, work, f, run)) for f in dated(given, FOLDS)]
            continue
        referee = Referee.of(shared)
        if world == "own":
            counties = [own_county(work, given.persons, given.months, seed + 1) for seed in range(given.counties)]
        else:
            counties = [
                shared_county(referee, shared, work, world, day)
                for day in given.date or (*DATES[world], *BETWEEN[world])
            ]
        out += [(county.folder, partial(run_county, referee, county, run)) for county in counties]
    return out


def dated(given: argparse.Namespace, known: tuple[str, ...]) -> list[str]:
    """The dates asked for, all unless told; SystemExit for one that this world does not have."""
    wrong = [d for d in given.date if d not in known]
    if wrong:
        raise SystemExit(f"--date {wrong[0]}: choose among {', '.join(known)}")
    return given.date or list(known)


def make(given: argparse.Namespace) -> None:
    """Every part of the plan that has no record yet; the warehouse goes once its lists are judged."""
    for folder, record in plan(given):
        file = folder / given.run / "judged.json"
        if not file.exists():
            told = record() | {"commit": commit()}
            file.write_text(json.dumps(told, ensure_ascii=False) + "\n", "utf-8")
            if not given.keep:
                shutil.rmtree(folder / given.run / "warehouse", ignore_errors=True)
                shutil.rmtree(folder / "view", ignore_errors=True)
                (folder / "view.done").unlink(missing_ok=True)
        tell(json.loads(file.read_text("utf-8")))


def tell(record: Record) -> None:
    """One line a list: what the first places hold."""
    for grain, found in record["grains"].items():
        for size in SIZES.get(grain, (10,)):
            shown = {who: sum(h[:size]) / max(1, len(h[:size])) for who, h in found["hits"].items()}
            line = ", ".join(f"{who} {p:.2f}" for who, p in sorted(shown.items(), key=lambda w: w[0] != PRODUCT))
            print(f"{record['world']} {record['date']} {grain} first {size}: {line}")
    if "providers" in record:
        whole = ", ".join(f"{r['who']} {r['auprc']:.3f} ({r['same_size']:.3f})" for r in whole_list([record], draws=1))
        print(f"{record['world']} {record['date']} AUPRC (within size quartiles): {whole}")
    print(f"{record['world']} {record['date']} CPU seconds: {record['cpu']}", flush=True)


def records(work: Path, run: str) -> list[Record]:
    """The judged records below `work`: of each world and date that of `run`, else the newest there is."""
    newest: dict[Path, Path] = {}
    for file in sorted(work.glob("*/*/*/judged.json"), key=lambda f: (f.parent.name == run, f.stat().st_mtime)):
        newest[file.parent.parent] = file
    order = {world: i for i, world in enumerate(WORLDS)}
    found = [json.loads(f.read_text("utf-8")) for f in newest.values()]
    return sorted(found, key=lambda r: (order.get(r["world"].split()[0], len(order)), r["world"], r["date"]))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    home = Path(os.environ.get("XIEZHI_SHARED", ROOT.parent / "shared"))
    parser.add_argument("--shared", type=Path, default=home, help="folder with referee/ and data/")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "accuracy", help="where done steps are kept")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "figures", help="folder of accuracy.md")
    parser.add_argument("--world", action="append", default=[], choices=WORLDS, help="only this world; may be repeated")
    parser.add_argument("--date", action="append", default=[], help="only this date (YYYY-MM-DD) or fold (fold-1)")
    parser.add_argument("--counties", type=int, default=COUNTIES, help="own counties, seeds 1, 2, …")
    parser.add_argument("--persons", type=int, default=PERSONS, help="insured persons of an own county")
    parser.add_argument("--months", type=int, default=MONTHS, help="months of an own county")
    parser.add_argument("--run", default="", help="name of this run's lists (default: the commit)")
    parser.add_argument("--keep", action="store_true", help="keep warehouses and cuts")
    parser.add_argument("--page", action="store_true", help="only write the page from what is there")
    given = parser.parse_args()
    given.run = given.run or commit()
    whole = not given.world
    if given.date and len(given.world) != 1:
        raise SystemExit("--date belongs to one --world")
    given.world = given.world or list(WORLDS)
    if not given.page:
        make(given)
    if given.page or whole:
        found = records(given.work, given.run)
        if not found:
            raise SystemExit(f"nothing judged in {given.work} yet: run without --page first")
        (given.out / "accuracy.md").write_text(page(found), "utf-8")
        print(f"{given.out / 'accuracy.md'}: {len(found)} worlds and dates", file=sys.stderr)


if __name__ == "__main__":
    main()
