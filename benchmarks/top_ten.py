"""The first ten of each list of one world and date with the truth beside them, and the card of the model that made them.

    python -m benchmarks.top_ten --work build/accuracy --run RUN       after `python -m benchmarks.accuracy --world second --date 2025-07-01 --run RUN`

Writes docs/figures/top_ten.md and docs/figures/model_card.md. No number of a person, stay or unit is printed. SHARED as in benchmarks.accuracy.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd

from benchmarks.accuracy_county import WINDOW, Referee, shared_county
from benchmarks.accuracy_page import NAMES, table
from benchmarks.accuracy_product import ROOT, ranked
from benchmarks.accuracy_said import CODES

PLACES: Final = 10
GRAINS: Final = ("admission", "person", "institution", "doctor")
_NUMBER: Final = re.compile(r"[A-Za-z]{0,3}\d{8,}")


def masked(text: str) -> str:
    """A reason without the numbers of persons, stays and units."""
    return _NUMBER.sub("…", text).replace("|", "/")


def first_places(rows: Sequence[Mapping[str, str]], truth: pd.DataFrame) -> list[tuple[str, ...]]:
    """rank, chance, scheme (and the second), the first reason, what it truly is. truth: id, y, scheme joined by '|'."""
    guilty = truth.set_index(truth["id"].astype(str))
    out = []
    for row in [r for r in rows if r["entity_id"].removeprefix("'") in guilty.index][:PLACES]:
        told = guilty.loc[row["entity_id"].removeprefix("'")]
        own = [s for s in str(told["scheme"]).split("|") if s]
        right = {code for s in own for code in CODES.get(s, (s,))}
        named = [row["scheme"], row.get("scheme_2", "")]
        verdict = ", ".join(own) if own else "innocent"
        if own and not told["y"]:
            verdict += " (charges alone)"
        shown = [f"**{s}**" if s in right else s for s in named if s]
        chance = f"{float(row['probability']):.2f}" if row.get("probability") else ""
        out.append((str(len(out) + 1), chance, " / ".join(shown), masked(row["reason_1"]), verdict))
    return out


def page(
    world: str, day: str, run: str, lists: Mapping[str, list[tuple[str, ...]]], rings: list[tuple[str, ...]]
) -> str:
    """The page of top tens."""
    lines = [
        f"# The first ten of each list of `{world}` on {day}, with the truth beside",
        "",
        f"    python -m benchmarks.accuracy --world {world} --date {day} --run {run}",
        f"    python -m benchmarks.top_ten --run {run}",
        "",
        "Among those without a finding, as the lists show them. A scheme in bold is (or fits) one of the truth; where nothing stands under *truth* but a word, the referee's word for it.",
        "Numbers of persons, stays and units are left out.",
        "",
    ]  # fmt: skip
    for grain, cells in lists.items():
        guilty = sum(c[-1] != "innocent" and "charges alone" not in c[-1] for c in cells)
        lines += [f"## {NAMES[grain].capitalize()}: {guilty} of {len(cells)}", ""]
        lines += table(("place", "chance", "scheme / second", "first reason", "truth"), cells, left=5)
    lines += ["## Groups", "", *table(("place", "members", "of them in a ring of the truth"), rings)]
    return "\n".join(lines)


def groups(rows: Sequence[Mapping[str, str]], ring: pd.DataFrame) -> list[tuple[str, ...]]:
    """place, members, how many of them belong to any ring."""
    known = set(ring["psn_no"].astype(str))
    told = [[m for m in r.get("members", "").split(";") if m] for r in rows[:PLACES]]
    return [(str(k), str(len(m)), str(sum(i in known for i in m))) for k, m in enumerate(told, start=1)]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    home = Path(os.environ.get("XIEZHI_SHARED", ROOT.parent / "shared"))
    parser.add_argument("--shared", type=Path, default=home, help="folder with referee/ and data/")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "accuracy", help="where done steps are kept")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "figures")
    parser.add_argument("--world", default="second", choices=("second", "pilot"))
    parser.add_argument("--date", default="2025-07-01")
    parser.add_argument("--run", required=True, help="name of the run whose lists are shown")
    given = parser.parse_args()
    county = shared_county(Referee.of(given.shared), given.shared, given.work, given.world, given.date)
    made = county.folder / given.run / "lists"
    if not (made / "person.csv").exists():
        raise SystemExit(f"no lists in {made}: run benchmarks.accuracy with --world, --date and --run first")
    truth: Any = Referee.of(given.shared).truth.Truth(county.claims, county.truth)
    lists = {
        grain: first_places(ranked(made / f"{grain}.csv"), truth.universe(grain, county.moment, WINDOW[grain]))
        for grain in GRAINS
    }
    rings = groups(ranked(made / "ring.csv"), truth.ring)
    (given.out / "top_ten.md").write_text(page(given.world, given.date, given.run, lists, rings), "utf-8")
    if (made / "card.md").exists():
        head = f"<!-- python -m benchmarks.top_ten --world {given.world} --date {given.date} --run {given.run}: `xiezhi models card` of that fit -->\n\n"
        (given.out / "model_card.md").write_text(head + (made / "card.md").read_text("utf-8").rstrip() + "\n", "utf-8")


if __name__ == "__main__":
    main()
