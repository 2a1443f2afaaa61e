"""Whether the draw's intervals cover, whether plans are near the best possible, what ranking by money brings, and when exploring pays.

    python -m benchmarks.inspection cover --world second=DIR --world pilot=DIR --work build/inspection
    python -m benchmarks.inspection cover --own 21 … --own 40 --redraws 200 --work build/inspection
    python -m benchmarks.inspection tails --work build/inspection
    python -m benchmarks.inspection routes --work build/inspection
    python -m benchmarks.inspection rivals --work build/inspection        (PyVRP and OR-Tools on the same weeks: benchmarks/route_rivals.py)
    python -m benchmarks.inspection money --warehouse W --as-of DATE --truth DIR --work build/inspection        (repeat per world)
    python -m benchmarks.inspection normal --warehouse W --as-of DATE --truth DIR --work build/inspection       (repeat per world)
    python -m benchmarks.inspection year --work build/inspection
    python -m benchmarks.inspection page --work build/inspection --out docs/figures

A world is a folder with claims/ and truth/. Truth is read here alone, to measure. `--own SEED` simulates a county of 8,000 insured. What is done is kept and not done again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.inspection_cover import KINDS, REDRAWS, cover, own, population
from benchmarks.inspection_cover import section as cover_section
from benchmarks.inspection_drawn import amounts, counties, rates
from benchmarks.inspection_drawn import section as drawn_section
from benchmarks.inspection_year import picture as year_picture
from benchmarks.inspection_year import run as run_year
from benchmarks.inspection_year import section as year_section
from inspection.routes import Problem, Shift, solve, timed
from inspection.seed import random_for


def a_week(n: int, teams: int, days: int, seed: int, most: int = 3, bases: int = 1) -> Problem:
    """Units around one or several bases, worth lognormal, half of them small; every team avoids a seventh of them."""
    rng = random_for("week", n, teams, days, seed)
    place = rng.normal(0, 12, (n + bases, 2))
    far = np.hypot(*(place[:, None] - place[None]).transpose(2, 0, 1))
    travel = (np.ceil((10 + far * 1.35 / 35 * 60) / 5) * 5).astype(np.int64)
    service = rng.choice([60, 90, 120, 180, 240, 360], n, p=[0.25, 0.25, 0.2, 0.15, 0.1, 0.05]).astype(np.int64)
    shifts = tuple(
        Shift(
            f"{t}-{d}",
            450,
            1110,
            travel[n + t % bases, :n].copy(),
            travel[:n, n + t % bases].copy(),
            np.arange(n) % 7 != t,
            most,
        )
        for t in range(teams)
        for d in range(days)
    )
    return Problem(np.exp(rng.normal(8, 1.5, n)), service, np.full(n, 510), np.full(n, 1050), travel[:n, :n].copy(), shifts, tuple(range(0, n, 25)) if n > 25 else ())  # fmt: skip


def exact(problem: Problem) -> float:
    """The best worth, by trying every day of every shift."""
    best: dict[frozenset[int], float] = {frozenset(): 0.0}
    for shift in problem.shifts:
        days = {
            frozenset(path): float(problem.value[list(path)].sum())
            for k in range(1, shift.most + 1)
            for path in itertools.permutations(range(len(problem.value)), k)
            if timed(problem, shift, path) is not None
        }
        for chosen, worth in list(best.items()):
            for day, gain in days.items():
                if not day & chosen and worth + gain > best.get(chosen | day, -1.0):
                    best[chosen | day] = worth + gain
    return max(best.values())


def routes(small: int = 30, large: int = 4) -> dict[str, Any]:
    """Regret on small weeks against the exact optimum; seconds, gap to the bound on 300 units × 5 teams × 5 days."""
    regrets, bounds = [], []
    for seed in range(small):
        problem = a_week(9, 2, 1, seed)
        best, found = exact(problem), solve(problem)
        regrets.append(1 - found.value / best)
        bounds.append(found.gap)
    big = []
    for seed in range(large):
        problem = a_week(300, 5, 5, seed, bases=5 if seed % 2 else 1)
        wall, cpu = time.monotonic(), time.process_time()
        found = solve(problem)
        big.append({"bases": 5 if seed % 2 else 1, "wall": time.monotonic() - wall, "cpu": time.process_time() - cpu, "gap": found.gap, "visits": sum(map(len, found.routes.values()))})  # fmt: skip
    return {
        "small": small,
        "regret_max": max(regrets),
        "regret_mean": float(np.mean(regrets)),
        "gap_small": float(np.mean(bounds)),
        "big": big,
    }


def rivals(seeds: int = 2) -> list[dict[str, Any]]:
    """The large weeks of `routes` by ours and by what others have, a minute each: worth as a share of our bound, by our own clock."""
    from benchmarks.route_rivals import RIVALS, measured

    rows = []
    for seed in range(seeds):
        problem = a_week(300, 5, 5, seed, bases=5 if seed % 2 else 1)
        wall, cpu = time.monotonic(), time.process_time()
        found = solve(problem)
        served = {i for route in found.routes.values() for i, _, _ in route}
        mine = {"what": "inspection/routes.py", "visits": len(served), "broken": 0, "worth": found.value, "musts": len(served & set(problem.must)), "wall": time.monotonic() - wall, "cpu": time.process_time() - cpu}  # fmt: skip
        rows += [{"bases": 5 if seed % 2 else 1, "asked": len(problem.must), "share": r["worth"] / found.bound, **r} for r in (mine, *(measured(n, problem) for n in RIVALS))]  # fmt: skip
    return rows


def money(warehouse: Path, as_of: str, truth: Path) -> dict[str, Any]:
    """Money truly wrong at the units visited in four weeks: planned for amount, for the amount of the list of units alone, for cases, for size; each by the
    product's own scores."""
    from datetime import date, timedelta

    from inspection.plan import Expected, make_plan
    from inspection.settings import Settings, with_teams
    from inspection.sites import load_sites
    from serving.lists.money import supposed
    from serving.lists.source import scored_matrix
    from serving.lists.worth import worth_of_units

    day = date.fromisoformat(as_of)
    sites = [s for s in load_sites(warehouse, day) if s.last_claim]
    found = worth_of_units(warehouse, day)
    _, scored = scored_matrix(warehouse, day, "institution")
    listed = {str(e): Expected(found[str(e)].chance, supposed(row).amount / 100) for e, row in scored.frame.iterrows()}
    ours = (truth / "institutions.parquet").exists()
    guilty = pd.read_parquet(truth / ("institutions.parquet" if ours else "truth_institution.parquet"))
    if ours:  # ours says what is wrong of stays alone: units are guilty by scheme, their yuan those of their stays
        stays = pd.read_parquet(truth / "admissions.parquet").astype({"mdtrt_id": str})
        where = pd.read_parquet(truth.parent / "claims" / "settlements.parquet", columns=["mdtrt_id", "fixmedins_code"])
        at = where.drop_duplicates("mdtrt_id").astype(str).set_index("mdtrt_id")["fixmedins_code"]
        true = (stays["amount_fen"] / 100).groupby(stays["mdtrt_id"].map(at)).sum()
        true = true.reindex(sorted(set(guilty["fixmedins_code"].astype(str)) | set(true.index))).fillna(0.0)
    else:
        true = guilty["excess_amt"].groupby(guilty["fixmedins_code"].astype(str)).sum()
    ways = {"amount": found, "list": listed, "cases": found, "size": {s.id: Expected(1.0, s.fen / 100) for s in sites}}
    got: dict[str, Any] = {
        "warehouse": warehouse.name,
        "as_of": as_of,
        "units": len(sites),
        "guilty": int(true.reindex([s.id for s in sites]).notna().sum()),
    }
    for days in DAYS:
        for way, expected in ways.items():
            asked = with_teams(Settings(objective="cases" if way == "cases" else "amount", every_unit_yearly=False), 1)
            monday = day + timedelta(days=7 - day.weekday())
            plan = make_plan(
                sites, expected, asked, week=f"{monday.isocalendar().year}-W{monday.isocalendar().week:02d}", days=days
            )
            visited = [v.site for v in plan.visits]
            got[f"{way} {days}"] = {"visits": len(visited), "guilty": int(true.reindex(visited).notna().sum()), "yuan": float(true.reindex(visited).fillna(0).sum())}  # fmt: skip
    return got


DAYS = (1, 2, 3, 5)


def pooled(worlds: Sequence[dict[str, Any]], losses: list[str]) -> list[str]:
    """Rows of all worlds together, by days and over all; one world more or less is luck, all of them are less of it."""
    out = []
    for days in ((d,) for d in DAYS) if len(worlds) > 1 else ():
        out.append(_pooled(worlds, days, losses))
    return [*out, _pooled(worlds, DAYS, losses)] if out else []


def _pooled(worlds: Sequence[dict[str, Any]], days: Sequence[int], losses: list[str]) -> str:
    name = "all days" if len(days) > 1 else f"{days[0]} days"
    ways = ("amount", "list", "cases", "size")
    yuan = {way: sum(w[f"{way} {d}"]["yuan"] for w in worlds for d in days) for way in ways}
    guilty = {way: sum(w[f"{way} {d}"]["guilty"] for w in worlds for d in days) for way in ways}
    visits = sum(w[f"amount {d}"]["visits"] for w in worlds for d in days)
    ratio = yuan["amount"] / yuan["cases"] if yuan["cases"] else float("inf")
    if ratio < 1.3:
        losses.append(f"{len(worlds)} worlds, {name}: planned for amount {ratio:.2f} of the money of planned for cases, wanted 1.3")  # fmt: skip
    if yuan["size"] >= 0.995 * yuan["amount"]:
        losses.append(f"{len(worlds)} worlds, {name}: largest first meets {yuan['size'] / max(yuan['amount'], 1):.2f} of the money of the plan for amount")  # fmt: skip
    return f"| **{len(worlds)} worlds** | {name} | {visits} | {' | '.join(f'{yuan[w]:,.0f} ({guilty[w]})' for w in ways)} | **{ratio:.2f}** |"


def normal(warehouse: Path, as_of: str, truth: Path) -> dict[str, Any]:
    """Gaps of hospitals that no scheme is about, as they are and with an excess planted on half of their stays."""
    from datetime import date

    from scipy.stats import norm

    from inspection.normal import load_earlier, load_stays, normals

    ours = (truth / "institutions.parquet").exists()
    guilty = set(
        pd.read_parquet(truth / ("institutions.parquet" if ours else "truth_institution.parquet"))[
            "fixmedins_code"
        ].astype(str)
    )
    day = date.fromisoformat(as_of)
    stays = load_stays(warehouse, day)
    found = [n for n in normals(stays) if n.cost]
    clean = [n for n in found if n.unit not in guilty and n.cost]
    got: dict[str, Any] = {"warehouse": warehouse.name, "as_of": as_of, "hospitals": len(found), "silent": stays["unit"].nunique() - len(found), "clean": len(clean)}  # fmt: skip
    got["share"] = [n.cost.gap / n.cost.expected for n in clean if n.cost]
    got["holds_nothing"] = int(sum(n.cost.low <= 0 <= n.cost.high for n in clean if n.cost))
    got["half_width"] = [(n.cost.high - n.cost.low) / 2 / n.cost.expected for n in clean if n.cost]
    luck = [_luck(stays[stays["unit"] == n.unit]) for n in clean]
    for size in SIZES:
        got[f"planted {size}"] = [_recovered(stays, n.unit, size, None) for n in clean]
        got[f"within reach {size}"] = float(sum(2 * norm.cdf(NEAR * size / x) - 1 for x in luck))
    recent, earlier = load_stays(warehouse, day, JUMP_DAYS), load_earlier(warehouse, day, JUMP_DAYS)
    jumps = [n for n in normals(recent, earlier=earlier) if n.jump and n.unit not in guilty]
    got["jump"] = [n.jump.gap / n.jump.expected for n in jumps if n.jump]
    got["jump_holds_nothing"] = int(sum(n.jump.low <= 0 <= n.jump.high for n in jumps if n.jump))
    got["jump_half_width"] = [(n.jump.high - n.jump.low) / 2 / n.jump.expected for n in jumps if n.jump]
    for size in SIZES:
        got[f"jumped {size}"] = [_recovered(recent, n.unit, size, earlier) for n in jumps]
    return got


SIZES, NEAR, JUMP_DAYS = (0.2, 0.5, 1.0), 0.15, 180


def _luck(mine: pd.DataFrame) -> float:
    """Relative standard error of a hospital's cost from the number of its stays alone: dear and cheap cases of one diagnosis."""
    by = mine.groupby("dx")["cost"]
    rest = (mine["cost"] - by.transform("mean"))[by.transform("size") > 1]
    return max(float(rest.std(ddof=1)) * float(np.sqrt(len(mine))) / float(mine["cost"].sum()), 1e-6)


def _recovered(stays: pd.DataFrame, unit: str, size: float, earlier: pd.DataFrame | None) -> float:
    """Gap (with `earlier` stays: jump) ÷ planted, after half of a hospital's stays were made dearer by a share of all its cost."""
    from inspection.normal import normals

    mine = (stays["unit"] == unit).to_numpy() & (random_for("plant", unit).random(len(stays)) < 0.5)
    half, whole = float(stays.loc[mine, "cost"].sum()), float(stays.loc[stays["unit"] == unit, "cost"].sum())
    raised = stays.assign(cost=np.where(mine, stays["cost"] * (1 + size * whole / half), stays["cost"]))
    (again,) = normals(raised, [unit], earlier=earlier)
    gap = again.cost if earlier is None else again.jump
    return gap.gap / (size * whole) if gap else float("nan")


def page(work: Path) -> str:
    """What was measured, as Markdown; losses first."""
    told = {p.stem: json.loads(p.read_text("utf-8")) for p in sorted(work.glob("*.json"))}
    out = [
        "# Draws, plans, exploring: how good they are",
        "",
        *(str(__doc__).split("\n\n", 1)[1].rstrip().splitlines()),
        "",
    ]
    body: list[str] = []
    losses: list[str] = []
    body += cover_section(told, losses) + drawn_section(told, losses)
    if r := told.get("routes"):
        body += ["## Plans", "", f"{r['small']} small weeks (9 units, 2 teams, one day) against the exact optimum: regret {r['regret_mean']:.2%} on average, {r['regret_max']:.2%} at most (wanted ≤ 2 %). The bound alone would have said {r['gap_small']:.1%} on average: on few days of few visits it is loose.", "",
                 "300 units × 5 teams × 5 days (wanted: 60 s on 2 cores):", "", "| bases | visits | gap to the bound | CPU s | wall s |", "|---:|---:|---:|---:|---:|",
                 *(f"| {b['bases']} | {b['visits']} | {b['gap']:.2%} | {b['cpu']:.0f} | {b['wall']:.0f} |" for b in r["big"]), ""]  # fmt: skip
        if r["regret_max"] > 0.02:
            losses.append(f"the worst small week is {r['regret_max']:.1%} below the optimum")
        losses += [
            f"300 units took {b['wall']:.0f} s by the clock ({b['cpu']:.0f} CPU s, on a shared machine)"
            for b in r["big"]
            if b["wall"] > 60
        ]
    if "rivals" in told:
        body += ["### Beside PyVRP and OR-Tools", "", "The same weeks, a minute by the clock each. Worth as a share of what no plan that serves as many musts could exceed; musts: units drawn, which come first.", "", "| bases | by | worth ÷ bound | musts | visits | days that do not fit | CPU s | wall s |", "|---:|---|---:|---:|---:|---:|---:|---:|",
                 *(f"| {r['bases']} | {r['what']} | {r['share']:.2%} | {r['musts']} of {r['asked']} | {r['visits']} | {r['broken']} | {r['cpu']:.0f} | {r['wall']:.0f} |" for r in told["rivals"]), ""]  # fmt: skip
    worlds = [told[k] for k in told if k.startswith("money")]
    if worlds:
        body += ["## By money or by score", "", "One team; yuan truly wrong at the units visited, by what the plan was made for (truth of the whole county's span, not what inspectors confirmed).", "", "| world | days | visits | for amount | for the amounts of the list of units alone | for cases | largest first | amount ÷ cases |", "|---|---:|---:|---:|---:|---:|---:|---:|"]  # fmt: skip
        for w in worlds:
            for days in DAYS:
                a, own_list, c, s = (w[f"{way} {days}"] for way in ("amount", "list", "cases", "size"))
                ratio = a["yuan"] / c["yuan"] if c["yuan"] else float("inf")
                body.append(
                    f"| {w['warehouse']} {w['as_of']} | {days} | {a['visits']} | {a['yuan']:,.0f} ({a['guilty']}) | {own_list['yuan']:,.0f} ({own_list['guilty']}) | {c['yuan']:,.0f} ({c['guilty']}) | {s['yuan']:,.0f} ({s['guilty']}) | {ratio:.2f} |"
                )
                if ratio < 1.3:
                    losses.append(
                        f"{w['warehouse']} {w['as_of']}, {days} days: planned for amount {ratio:.2f} of the money of planned for cases, wanted 1.3"
                    )
                if a["yuan"] < own_list["yuan"] - 1:
                    losses.append(
                        f"{w['warehouse']} {w['as_of']}, {days} days: the list of units alone meets {own_list['yuan'] / max(a['yuan'], 1):.2f} of the money of the plan for amount"
                    )
                if a["yuan"] < s["yuan"]:
                    losses.append(
                        f"{w['warehouse']} {w['as_of']}, {days} days: largest first meets {s['yuan'] / max(a['yuan'], 1):.2f} of the money of the plan for amount"
                    )
        body += pooled([w for w in worlds if "no model" not in w["warehouse"]], losses)
        body += [
            "",
            "In brackets: guilty units visited. Units that inspectors saw within half a year are not planned again: where a week has room for nearly all the others, what it is planned for hardly matters.",
            "",
        ]
    body += year_section(told, losses)
    normals_of = [told[k] for k in told if k.startswith("normal-")]
    if normals_of:
        body += ["## If this hospital were normal", "", "Hospitals that no scheme of the truth is about, as they are and with an excess planted on half of their stays (a share of all their cost). Recovered: gap ÷ planted, wanted 0.85 to 1.15. *Level*: a year's stays against peers. *Jump*: the last 180 days' stays against peers and the hospital's own earlier level; planted there alone. *Within reach*: hospitals that would lie within ± 15 % by the chance of their own stays if their peers were known exactly and they had no level of their own.", "",
                 "| world | by | hospitals | clean | median gap of the clean | mean | standard deviation | half the 80 % interval | intervals that hold 0 | 20 % planted: median, within ± 15 % (within reach) | 50 % | 100 % |", "|---|---|---:|---:|---:|---:|---:|---:|---:|---|---|---|"]  # fmt: skip
        for r in normals_of:
            if not r["clean"]:
                losses.append(
                    f"{r['warehouse']}: no clean hospital with enough peers, nothing measured about normal cost"
                )
                continue
            for by, share, held, wide, planted in (
                ("level", "share", "holds_nothing", "half_width", "planted"),
                ("jump", "jump", "jump_holds_nothing", "jump_half_width", "jumped"),
            ):
                x = np.array(r[share])
                if not len(x):
                    continue
                cells = []
                for size in SIZES:
                    found = np.array(r[f"{planted} {size}"], dtype=float)
                    near = int((np.abs(found - 1) <= NEAR).sum())
                    reach = f" ({r[f'within reach {size}']:.1f})" if by == "level" else ""
                    cells.append(f"{np.nanmedian(found):.2f}, {near} of {len(found)}{reach}")
                    if near < len(found):
                        losses.append(
                            f"{r['warehouse']} {r['as_of']}: an excess of {size:.0%} planted at clean hospitals is recovered by its {by} within ± 15 % at {near} of {len(found)}"
                        )
                body.append(
                    f"| {r['warehouse']} {r['as_of']} | {by} | {r['hospitals']} | {len(x)} | {np.median(x):+.1%} | {np.mean(x):+.1%} | {np.std(x):.1%} | {np.median(r[wide]):.1%} | {r[held]} of {len(x)} | {' | '.join(cells)} |"
                )
        body += [
            "",
            "An honest hospital's own constant level cannot be told from an excess: where its earlier level is taken off (jump), clean hospitals lie nearer to nothing. Small excesses at small hospitals cannot be recovered by anything: the chance of their own stays is larger. The interval says both.",
            "",
        ]
    return "\n".join(
        [*out, "## What falls short", "", *([f"- {x}" for x in losses] or ["- nothing of what was wanted"]), "", *body]
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["cover", "tails", "routes", "rivals", "money", "normal", "year", "page"])
    parser.add_argument("--world", action="append", default=[], help="NAME=DIR with claims/ and truth/")
    parser.add_argument("--own", type=int, action="append", default=[])
    parser.add_argument("--redraws", type=int, default=REDRAWS)
    parser.add_argument("--kind", action="append", choices=list(KINDS))
    parser.add_argument("--warehouse", type=Path)
    parser.add_argument("--as-of")
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--work", type=Path, default=Path("build/inspection"))
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    name = given.what
    made: Any = None
    if given.what == "cover":
        worlds = [(w.split("=", 1)[0], Path(w.split("=", 1)[1])) for w in given.world] + [
            (f"own {s}", own(s, given.work)) for s in given.own
        ]
        for n, folder in worlds:
            file = given.work / f"cover-{n.replace(' ', '')}.json"
            if not file.exists():
                rows = [
                    cover(n, kind, population(folder, KINDS[kind][0]), given.redraws) for kind in given.kind or KINDS
                ]
                file.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", "utf-8")
        return
    elif given.what == "tails":
        made = {"rates": rates(), "amounts": amounts(), "counties": counties()}
    elif given.what == "routes":
        made = routes()
    elif given.what == "rivals":
        made = rivals()
    elif given.what == "money":
        made, name = money(given.warehouse, given.as_of, given.truth), f"money-{given.warehouse.name}-{given.as_of}"
    elif given.what == "normal":
        made, name = normal(given.warehouse, given.as_of, given.truth), f"normal-{given.warehouse.name}-{given.as_of}"
    elif given.what == "year":
        run_year(given.work)
        return
    else:
        if years := [r for f in sorted(given.work.glob("year-*.json")) for r in json.loads(f.read_text("utf-8"))]:
            year_picture(years, given.out / "inspection_year.svg")
        (given.out / "inspection.md").write_text(page(given.work), "utf-8")
        return
    (given.work / f"{name}.json").write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n", "utf-8")
    print(json.dumps(made, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
