"""Counties nobody tuned to: visible inspections only, four dates each, everything judged against the truth.

    python -m benchmarks.counties prepare --seed 31 --work DIR     county, warehouse, features of one more snapshot; repeat until it says "ready"
    python -m benchmarks.counties judge --seed 31 --work DIR       lists as of four dates, figures into DIR/figures/31-GRAIN.json (done ones are kept)
    python -m benchmarks.counties page --work DIR --out docs/figures/counties.md

Snapshots lie 90 days apart, like those the models train on, so a county costs six feature passes. Each step can be stopped and run again.
On a list date everybody already decided by then (confirmed or cleared) is left out of every list alike: finding what is known is no finding.
Competitors: a random draw (the base rate), rules, isolation forest, graph, rules + outliers + graph, the largest first, LightGBM on simple
aggregates of the same labelled rows, the product's model, and a ceiling: the same ranker taught with the truth of the earlier snapshots.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.counties_page import load, page
from benchmarks.counties_plan import (
    BED_SHARE,
    CAPACITY,
    DATES,
    GRAINS,
    MONTHS,
    OTHERS,
    PERSONS,
    SEVERITY,
    SNAPSHOTS,
)
from claims.intake.pipeline import intake
from features.build import build
from features.grains import Grain
from features.matrix import Matrix, load_matrix
from models.beds import bed_contributions, bed_evidence
from models.ensemble import place, ranker_input
from models.parity import OLD
from models.ranker import Ranker
from models.score import risk_by
from simulator import simulate
from training.dataset import drawn_by_chance
from training.evaluation.against_truth import absent_at, home_stays, is_open
from training.evaluation.baselines import Dated, dated
from training.evaluation.truth import Truth, load_truth
from training.labels import decided
from training.metrics import best

# ------------------------------------------------------------------ preparation


def prepare(seed: int, work: Path) -> str:
    """Do the next missing piece of a county and say what it was; 'ready' when nothing is missing."""
    county, house = work / f"s{seed}", work / f"w{seed}"
    if not (county / "truth").exists():
        simulate(county, PERSONS, MONTHS, seed, severity=SEVERITY.get(seed, 1.0))
        return "county"
    if not (house / "CURRENT").exists():
        intake(str(county), house)
        return "intake"
    for day in SNAPSHOTS:
        if not (house / "features" / f"{day}" / "doctor" / "manifest.json").exists():
            build(house, day, "admission")
            build(house, day, "ring")
            return f"features {day}"
    return "ready"


class Shelf:
    """Matrices of one grain and one county, kept while its four dates need them."""

    def __init__(self) -> None:
        self.kept: dict[date, Matrix] = {}

    def __call__(self, root: Path | str, day: date, grain: Grain, *_: Any) -> Matrix:
        if day not in self.kept:
            made = load_matrix(root, day, grain)
            nothing = pd.DataFrame(index=made.X.index)
            self.kept[day] = replace(made, peer=nothing, n=nothing)
        return self.kept[day]


# ------------------------------------------------------------------ judging


def judge(seed: int, work: Path, grain: Grain) -> dict[str, Any]:
    """Figures of one grain of one county: a record per list date, and for stays the evenings' beds."""
    truth, house = load_truth(work / f"s{seed}"), work / f"w{seed}"
    out: dict[str, Any] = {"seed": seed, "severity": SEVERITY.get(seed, 1.0), "grain": grain, "lists": [], "beds": []}
    weak, shelf, started = weak_people(house), Shelf(), time.process_time()
    for day in DATES:
        made = dated(house, day, grain, seed=seed, load=shelf)
        out["lists"].append(record(made, truth, taught_by_truth(house, day, grain, truth, shelf, seed), weak))
        if grain == "admission":
            out["beds"].append(beds(made, truth))
    return out | {"seconds": round(time.process_time() - started, 1)}


def record(
    made: Dated,
    truth: Truth,
    ceiling: pd.Series | None,
    weak: dict[str, pd.Series],
) -> dict[str, Any]:
    """Hits, money and false flags of every competitor on one list date."""
    grain = made.matrix.grain
    ids = made.matrix.X.index
    guilty = pd.Series(ids.isin(truth.schemes(grain).index), index=ids)
    fen = truth.amounts(grain).reindex(ids).fillna(0.0)
    scores = {n: s for n, s in made.scores.items() if n != "random"}
    for order in ("expected", "blend"):
        money = made.frame["amount_fen"].to_numpy()
        risk = risk_by(made.model, made.frame["placed"].to_numpy(), money, order)  # type: ignore[arg-type]
        scores[f"full by {order}"] = pd.Series(risk, index=made.frame.index)
    scores["full, levelled"] = pd.Series(
        place(made.model, made.matrix.entities, made.frame["raw"].to_numpy()), index=made.frame.index
    )
    if ceiling is not None:
        scores["ceiling"] = ceiling
    out: dict[str, Any] = {
        "grain": grain, "day": f"{made.day}", "n": len(ids), "guilty": int(guilty.sum()), "ranker": made.ranker, "money": float(fen.sum()) / 100,
        "labels": len(decided(made.labels, grain)), "scorers": {},
    }  # fmt: skip
    for name, score in scores.items():
        for k in CAPACITY[grain]:
            top = best(score.reindex(ids), k)
            row = out["scorers"].setdefault(name, {})
            row[str(k)] = {"hits": int(guilty[top].sum()), "listed": len(top), "yuan": float(fen[top].sum()) / 100}
    for field, score in (("weak", scores["full, levelled"]), ("weak_unlevelled", made.frame["raw"])):
        out[field] = false_flags(made, guilty, score, weak, CAPACITY[grain][0])
    return out


def false_flags(
    made: Dated, guilty: pd.Series, score: pd.Series, weak: dict[str, pd.Series], k: int
) -> dict[str, list[int]]:
    """{group: honest people of it among the first k, honest people of it, honest others among the first k, honest others}; of a stay its patient counts."""
    ids = guilty.index
    flagged, honest = ids.isin(best(score.reindex(ids), k)), ~guilty.to_numpy()
    who = ids if made.matrix.grain == "person" else made.matrix.entities.loc[ids, "psn_no"]
    out = {}
    for name, people in weak.items():
        inside = people.reindex(who).fillna(False).to_numpy(dtype=bool)
        out[name] = [int(x.sum()) for mine in (inside, ~inside) for x in (flagged & mine & honest, mine & honest)]
    return out


def weak_people(house: Path) -> dict[str, pd.Series]:
    """Whom a list must not single out for being ill or old: {name: True per psn_no}, read from the persons of the last snapshots."""
    groups = [pd.read_parquet(house / "features" / f"{d}" / "person" / "entities.parquet") for d in DATES]
    people = pd.concat(groups).drop_duplicates("entity_id").set_index("entity_id")
    return {"chronic": people["chronic"], "elderly": people["age_band"].isin(OLD)}


def taught_by_truth(house: Path, day: date, grain: Grain, truth: Truth, shelf: Shelf, seed: int) -> pd.Series | None:
    """The ceiling: the same kind of ranker, taught with the truth about the earlier snapshots; None where there is none earlier."""
    guilty = set(truth.schemes(grain).index)
    frames, answers = [], []
    for earlier in [d for d in SNAPSHOTS if d < day]:
        then = shelf(house, earlier, grain)
        bad = then.X.index[then.X.index.isin(list(guilty))]
        rest = drawn_by_chance(then.X.index.difference(bad), OTHERS, f"{seed}|{earlier}")
        part = then.only([*bad, *rest])
        frames.append(ranker_input(part).set_axis([f"{e}|{earlier}" for e in part.X.index]))
        answers.append(pd.Series(part.X.index.isin(list(guilty)).astype(float), index=frames[-1].index))
    y = pd.concat(answers) if answers else pd.Series(dtype=float)
    if y.nunique() < 2:
        return None
    X, now = pd.concat(frames), shelf(house, day, grain)
    ranker = Ranker(trees=200, leaves=15, min_leaf=20, seed=seed).fit(X, y)
    return ranker.risk(ranker_input(now))


def beds(made: Dated, truth: Truth) -> dict[str, Any]:
    """One evening: stays open at the end of the day, the empty beds among them, and how many lie in the first tenth by the bed score. Home beds are left
    out as the product leaves them out (it knows them by their filing and billing, the study by the truth)."""
    home = home_stays(truth)
    opened = made.matrix.entities.index[is_open(made.matrix.entities)]
    here = made.matrix.only([e for e in opened if e not in home])
    gone = here.X.index.isin(list(absent_at(truth, pd.Timestamp(made.day) + pd.Timedelta(hours=23, minutes=59))))
    k = max(1, round(len(here.X) * BED_SHARE))
    scores = {
        "bed list": bed_evidence(made.model, here, made.matrix)[0].sum(axis=1),
        "admission model": made.frame.loc[here.X.index, "raw"],
        "ghost-bed score, not fitted": bed_contributions(here).sum(axis=1),
        "plain": made.scores.get("plain_lightgbm", made.scores["largest"]).reindex(here.X.index),
    }
    found = {n: int(pd.Series(gone, index=here.X.index)[best(s, k)].sum()) for n, s in scores.items()}
    return {"day": f"{made.day}", "open": len(here.X), "empty": int(gone.sum()), "checked": k, "found": found}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("prepare", "judge", "page"))
    parser.add_argument("--seed", type=int)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--grain", action="append")
    parser.add_argument("--development", type=int, action="append", help="page: a development county, shown apart")
    parser.add_argument("--code", default="this commit", help="page: which commits made the figures")
    given = parser.parse_args()
    if given.step == "prepare":
        print(prepare(given.seed, given.work))
    elif given.step == "judge":
        for grain in given.grain or GRAINS:
            target = given.work / "figures" / f"{given.seed}-{grain}.json"
            if target.exists():
                continue
            found = judge(given.seed, given.work, grain)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(json.dumps(found, ensure_ascii=False, indent=1), "utf-8")
            print(f"{given.seed} {grain} {found['seconds']} s", file=sys.stderr, flush=True)
    else:
        text = page(given.work / "figures", sorted(SEVERITY), given.development or [], given.code)
        given.out.write_text(text, "utf-8")
        counties = load(given.work / "figures", sorted(SEVERITY))
        given.out.with_suffix(".json").write_text(json.dumps(counties, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
