"""Counties with a truth in the referee's form: the cut of a date through the product's commands, the referee's opponents beside it.

The referee (`SHARED/referee`) says who stands open at a date, who of them is guilty, and what simple opponents list. As there, the opponents see the
whole export and keep to rows before the date themselves. Their lists depend on world and date only and are kept as JSON beside the cut.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from benchmarks.accuracy_judge import PRODUCT, Record, judged
from benchmarks.accuracy_product import Product, ids
from benchmarks.accuracy_said import NAMED, chances, schemes

DATES: Final = {
    "second": ("2025-04-01", "2025-07-01", "2025-10-01"),
    "pilot": ("2025-04-01", "2025-07-01", "2025-09-27"),
}
"""Cheating changes its ways on 2025-07-01 in `second`, on 2025-05-01 in `pilot`."""
BETWEEN: Final = {"second": ("2025-08-01", "2025-09-01"), "pilot": ("2025-06-01", "2025-08-01")}
"""Further dates after the drift: stays and persons only, for the table of the drift and no other."""
HOUR: Final = "20:00:00"
WINDOW: Final = {"admission": 90, "person": 90, "institution": 180, "doctor": 90, "live": 90}
KEPT: Final = 200
"""Places of an opponent's list that are kept: those still open, so that the first hundred are there whatever was decided."""


@dataclass(frozen=True)
class Referee:
    """The referee's modules, loaded from its folder."""

    cut: Any
    truth: Any
    opponents: Any

    @classmethod
    def of(cls, shared: Path) -> Referee:
        """Raises SystemExit with a sentence where the folder is absent."""
        folder = shared / "referee"
        if not (folder / "referee.py").exists():
            raise SystemExit(
                f"no referee in {folder}: give --shared FOLDER (or set XIEZHI_SHARED) with referee/ and data/ in it"
            )
        sys.path.insert(0, str(folder))
        return cls(*(importlib.import_module(name) for name in ("cut", "truth", "opponents")))


@dataclass(frozen=True)
class County:
    """A world at one date. claims, truth: in the referee's form. source: what the product takes in, made when it is asked for."""

    world: str
    day: str
    claims: Path
    truth: Path
    folder: Path
    source: Callable[[], Path]
    mapping: str | None

    @property
    def moment(self) -> str:
        return f"{self.day} {HOUR}"


def shared_county(referee: Referee, shared: Path, work: Path, world: str, day: str) -> County:
    """`second` or `pilot`, cut at the evening of `day`."""
    data, folder = shared / "data" / world, work / world / day
    if not (data / "truth").is_dir():
        raise SystemExit(f"no world {world!r} in {shared / 'data'}: it needs claims/ and truth/")

    def source() -> Path:
        view = folder / "view"
        if not (folder / "view.done").exists():
            referee.cut.cut(data / "claims", f"{day} {HOUR}", view)
            (folder / "view.done").touch()
        return view

    return County(world, day, data / "claims", data / "truth", folder, source, "pilot")


def run_county(referee: Referee, county: County, run: str) -> Record:
    """Product and opponents of a world at a date, judged. The truth is opened to judge only."""
    product = Product(county.folder / run, f"{county.world} {county.day}")
    if "intake" not in product.done:
        product.take_in(county.source(), county.mapping)
    product.fit(county.day)
    product.card()
    brief = county.day in BETWEEN.get(county.world, ())
    grains = ("admission", "person") if brief else ("admission", "person", "institution", "doctor")
    lists = {g: product.rank(county.day, g) for g in grains}
    truth = referee.truth.Truth(county.claims, county.truth)
    others = opponents(referee, county, truth)
    drift = bool(pd.Timestamp(county.moment) > truth.drift + pd.Timedelta(days=31))
    record: Record = {"world": county.world, "date": county.day, "brief": brief, "drift": drift, "grains": {}}
    record |= {"since_drift": (pd.Timestamp(county.day) - truth.drift).days, "schemes": {}, "chances": {}}
    for grain in grains:
        record["grains"][grain] = judged(
            open_ones(truth, county, grain), {PRODUCT: ids(lists[grain])} | others["lists"].get(grain, {})
        )
        told = truth.universe(grain, county.moment, WINDOW[grain]).astype({"id": str})
        record["schemes"][grain] = schemes(lists[grain], told, NAMED[grain])
        record["chances"][grain] = chances(lists[grain], told)
    if not brief:
        beds = {PRODUCT: ids(product.bedcheck(county.moment[:-3]))} | others["lists"]["live"]
        record["grains"]["bedcheck"] = judged(open_ones(truth, county, "live"), beds)
        parts = product.parts(county.day)
        record["parts"] = {g: judged(open_ones(truth, county, g), found)["hits"] for g, found in parts.items()}
        record["rings"] = rings(referee, truth, county.moment, product.rank(county.day, "ring"))
    return record | {"cpu": product.cpu | {"opponents": others["cpu"]}, "refused": refused(product)}


def refused(product: Product) -> dict[str, str]:
    """{step: why the product made no such list}."""
    return {step: d["refused"] for step, d in product.done.items() if d["refused"]}


def open_ones(truth: Any, county: County, grain: str) -> pd.Series:
    """0/1 by id: everybody active in the window and not yet decided (of an evening: all open stays), guilty or not, by the referee."""
    universe = truth.universe(grain, county.moment, WINDOW[grain])
    return pd.Series(universe["y"].to_numpy(dtype=float), index=universe["id"].astype(str))


def rings(referee: Referee, truth: Any, moment: str, listed: list[dict[str, str]]) -> dict[str, Any]:
    """Rings with a listed group like them (Jaccard ≥ 0.4), and the share of ring members in the first ten groups."""
    groups = pd.DataFrame({"rank": range(1, len(listed) + 1), "members": [r.get("members", "") for r in listed]})
    found = referee.truth.score_rings(truth, moment, groups)
    known = truth.ring[pd.to_datetime(truth.ring["begin"]) < pd.Timestamp(moment)].groupby("ring_id")
    each = [
        {"ring": str(ring), "scheme": str(rows["scheme"].iloc[0]), "cards": len(rows), "found": ring in found["found"]}
        for ring, rows in known
    ]
    return {
        "each": each,
        "rings": found["rings"],
        "found": len(found["found"]),
        "listed": found["listed"],
        "members": found["member_precision_top10"],
        "unexplained": sum(share == 0 for _, _, share in found["detail"]),
    }


def opponents(referee: Referee, county: County, truth: Any) -> dict[str, Any]:
    """{"lists": {grain: {who: ids still open, best first}}, "cpu"}, computed once for a world and date."""
    file = county.folder / "opponents.json"
    known: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.exists() else {"lists": {}, "cpu": 0.0}
    if {"admission", "person", "institution", "live"} <= set(known["lists"]):
        return known
    print(f"{county.world} {county.day}: opponents", file=sys.stderr, flush=True)
    before = time.process_time()
    if "admission" not in known["lists"]:
        for who, frame in referee.opponents.run(county.claims, truth, [county.moment], log=lambda *_: None).items():
            for grain, rows in frame[frame["as_of"] == county.moment].groupby("grain"):
                inside = open_ones(truth, county, str(grain)).index
                best = [str(i) for i in rows.sort_values("rank")["entity_id"] if str(i) in inside]
                known["lists"].setdefault(str(grain), {})[who] = best[:KEPT]
    known["lists"]["live"] = evening(referee.opponents, referee.opponents.Data(county.claims), county.moment)
    known["cpu"] = round(known["cpu"] + time.process_time() - before, 1)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(known) + "\n", "utf-8")
    return known


def evening(tools: Any, data: Any, moment: str) -> dict[str, list[str]]:
    """The referee's opponents on the stays open at `moment`, as `opponents.run` makes them for evenings of its own choice. data: its Data of a world."""
    stays = data.stays(moment)
    tonight = stays[stays["te"] >= pd.Timestamp(moment)]
    columns = [c for c in tools.SIMPLE if c != "cash0"]
    taught = stays.merge(data.labels("admission", moment), on="id")
    scores = {
        "largest": tonight["fee"].fillna(0),
        "rules10": tools.stay_rules(stays.assign(cash0=0)).loc[tonight.index],
        "iforest": tools.iso(tonight[columns]),
        "lightgbm": tools.fit(taught[columns], taught["y"], tonight[columns]),
    }
    by_id = {who: pd.Series(list(s), index=tonight["id"].astype(str)) for who, s in scores.items()}
    return {who: list(s.sort_values(ascending=False, kind="stable").index[:KEPT]) for who, s in by_id.items()}
