"""A year of weekly play against offenders who move away from what was found: what exploring costs, and whether and when it overtakes.

A light world, not a county. Every week 1,500 acts at 12 units × 3 hours, with 24 standard normal columns (pairwise correlation 0.2). Offenders work in gangs of nine; a gang has a
scheme (one of six, each seen in four columns of its own, as strong as in exploration.md), a unit and an hour, and commits nine acts a week there. When an act of it
is found, the gang moves at the end of the week, with a chance that makes the world: to a new scheme, unit or hour (each is chosen again with chance 2/3, at least one). In all worlds but the still
one a gang in forty gives up every week and a new one begins anywhere. At the start all gangs know two schemes and six units only.
The office ranks by a ridge logistic of columns, unit and hour, taught every week with what was found in the last 26 weeks, after two weeks; one act in ten is missed. It begins with 300 random checks.
The worlds were set after a look at two seeds of a first version, in which three found gangs in ten moved and exploring paid; the last world is the one most in favour of exploring. Intervals are of one policy each.
Of k checks a week a share is drawn by the product's own draw (`inspection.draw`), part of it from regions (unit × hour) where no picked act was found in 26 weeks.
The alarm is the product's (`inspection.drift`): what draws and picks confirmed against the chances by the ridge logistic on the day they were chosen, two weeks later.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binom, binomtest
from scipy.stats import t as student

from benchmarks.exploration import DELAY, FIRST, MEMORY, MISSED, SHIFT, STAYS
from inspection.draw import EXPLORE, _chances, pivotal
from inspection.drift import FALSE_ALARMS, NONE, Cases, needed, ringing
from inspection.seed import random_for

WEEKS, COLUMNS, SCHEMES, UNITS, HOURS = 52, 24, 6, 12, 3
GANGS, GANG, KEEPS = 8, 9, 1 / 3
CAPACITIES = (30, 100)
WORLDS = {
    "nobody moves": (0.0, 0.0),
    "one found gang in ten moves": (0.1, 1 / 40),
    "every found gang moves": (1.0, 1 / 40),
}
"""Chance that a found gang moves, chance a week that a gang gives up for a new one."""
SEEDS = 20
LATE = 30
"""Week of the one move of all gangs at once in the study of the alarm."""


@dataclass(frozen=True)
class Policy:
    """share drawn by chance; explore: part of the draw for uncovered regions; while the alarm rings `share_alarm`, `explore_alarm`. thompson: ranks by a sample of the posterior."""

    name: str
    share: float
    explore: float = EXPLORE
    share_alarm: float | None = None
    explore_alarm: float | None = None
    thompson: bool = False


POLICIES = (
    Policy("exploit only", 0.0),
    Policy("5 % drawn", 0.05),
    Policy("10 % drawn", 0.1),
    Policy("20 % drawn", 0.2),
    Policy("30 % drawn", 0.3),
    Policy("10 % drawn, none to uncovered regions", 0.1, 0.0),
    Policy("10 % drawn, 90 % of them to uncovered regions", 0.1, 0.9),
    Policy("5 % drawn, 20 % while the alarm rings", 0.05, share_alarm=0.2),
    Policy("10 % drawn, 90 % of them to uncovered regions while the alarm rings", 0.1, explore_alarm=0.9),
    Policy("Thompson: ranked by a sample of the posterior", 0.0, thompson=True),
)


def ridge(X: np.ndarray, y: np.ndarray, start: np.ndarray, penalty: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """(slopes with the intercept last, their curvature) by Newton's method from `start`."""
    beta, bound = start.copy(), np.diag([*np.full(X.shape[1] - 1, penalty), 1e-6])
    curve = bound
    for _ in range(12):
        p = 1 / (1 + np.exp(-np.clip(X @ beta, -30, 30)))
        curve = X.T @ (X * (p * (1 - p))[:, None]) + bound
        step = np.linalg.solve(curve, X.T @ (y - p) - bound @ beta)
        beta += step
        if np.abs(step).max() < 1e-2:
            break
    return beta, curve


@lru_cache(maxsize=2 * WEEKS)
def _honest(seed: int, week: int, n: int) -> tuple[np.ndarray, ...]:
    """A week before anybody cheats: columns with room for units and hours, units, hours, which acts will be of gangs, and how strong they show."""
    rng = random_for("acts", seed, week)
    X = np.sqrt(0.2) * rng.normal(size=(n, 1)) + np.sqrt(0.8) * rng.normal(size=(n, COLUMNS))
    own = rng.permutation(n)[: GANGS * GANG * n // STAYS]
    unit, hour = rng.integers(0, UNITS, n), rng.integers(0, HOURS, n)
    return np.column_stack([X, np.zeros((n, UNITS + HOURS)), np.ones(n)]), unit, hour, own, SHIFT * 2 * rng.random((len(own), 4))  # fmt: skip


class World:
    """Gangs and the acts of a week; the same seed gives the same luck, however the office plays."""

    def __init__(self, seed: int, moves: float, leaves: float) -> None:
        self.rng, self.moves, self.leaves = random_for("gangs", seed), moves, leaves
        self.scheme = self.rng.integers(0, 2, GANGS)
        self.unit = self.rng.integers(0, UNITS // 2, GANGS)
        self.hour = self.rng.integers(0, HOURS, GANGS)

    def acts(self, seed: int, week: int, n: int = STAYS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(design matrix with intercept, gang of each act or -1, region)."""
        X, unit, hour, own, shown = _honest(seed, week, n)
        X, unit, hour, gang = X.copy(), unit.copy(), hour.copy(), np.full(n, -1)
        gang[own] = np.arange(len(own)) % GANGS
        unit[own], hour[own] = self.unit[gang[own]], self.hour[gang[own]]
        for j in range(4):
            X[own, 4 * self.scheme[gang[own]] + j] += shown[:, j]
        X[:, COLUMNS:-1] = 0.0
        X[np.arange(n), COLUMNS + unit] = X[np.arange(n), COLUMNS + UNITS + hour] = 1.0
        return X, gang, unit * HOURS + hour

    def week_ends(self, caught: np.ndarray) -> None:
        """Gangs of `caught` may move; a few give up for new ones."""
        luck = self.rng.random((GANGS, 6))
        fresh = self.rng.integers(0, 10**6, (GANGS, 3))
        for g in range(GANGS):
            gone = luck[g, 0] < self.leaves
            if gone or (g in caught and luck[g, 1] < self.moves):
                change = np.ones(3, dtype=bool) if gone else luck[g, 2:5] > KEEPS
                if not change.any():
                    change[int(luck[g, 5] * 3)] = True
                if change[0]:
                    self.scheme[g] = fresh[g, 0] % SCHEMES
                if change[1]:
                    self.unit[g] = fresh[g, 1] % UNITS
                if change[2]:
                    self.hour[g] = fresh[g, 2] % HOURS


@dataclass(frozen=True)
class Year:
    """found per week; alarm per week (0/1), and which; the alarm of the draws alone, had they all of the false alarms; drawn per week; promised to the drawn, and found among them, per week."""

    found: np.ndarray
    alarm: np.ndarray
    draws_alone: np.ndarray
    drawn: np.ndarray
    promised: np.ndarray
    hits: np.ndarray


def play(seed: int, k: int, kind: str, policy: Policy, all_move: int | None = None) -> Year:
    """One office's year in a world of WORLDS. all_move: a week in which every gang goes to a scheme that nobody used before, at once."""
    world, luck = World(seed, *WORLDS[kind]), random_for("luck", seed, k, kind, policy.name)
    seen: list[tuple[int, np.ndarray, np.ndarray]] = []
    covered: list[tuple[int, np.ndarray]] = []
    drawn_cases: list[tuple[int, np.ndarray, np.ndarray]] = []
    picked_cases: list[tuple[int, np.ndarray, np.ndarray]] = []
    found, rang, alone, drew, due, hits = (np.zeros(WEEKS) for _ in range(6))
    beta = np.zeros(COLUMNS + UNITS + HOURS + 1)
    for week in range(-1, WEEKS):
        if week == all_move:
            world.scheme = world.scheme % 2 + 2
        n = FIRST if week < 0 else STAYS
        X, gang, region = world.acts(seed, week, n)
        caught = (gang >= 0) & (random_for("missed", seed, week).random(n) >= MISSED)
        if week < 0:
            seen.append((-DELAY, X, caught))
            continue
        told = [(x, y) for w, x, y in seen if week - MEMORY <= w <= week - DELAY or (w < 0 and week < MEMORY)]
        beta, curve = ridge(np.vstack([x for x, _ in told]), np.concatenate([y for _, y in told]).astype(float), beta)
        drawn_told, picked_told = (known(c, week - DELAY) for c in (drawn_cases, picked_cases))
        alarm = ringing(drawn_told, picked_told)
        ringing_now = alarm[0] >= 1 / FALSE_ALARMS and alarm[1] != "less"
        by_draws = ringing(drawn_told, NONE)
        alone[week] = (
            2 * by_draws[0] - 1 >= 1 / FALSE_ALARMS and by_draws[1] == "more"
        )  # without the half of the listed
        share = policy.share_alarm if ringing_now and policy.share_alarm is not None else policy.share
        explore = policy.explore_alarm if ringing_now and policy.explore_alarm is not None else policy.explore
        drawn = round(k * share)
        how = np.linalg.cholesky(np.linalg.inv(curve)) @ luck.normal(size=len(beta)) + beta if policy.thompson else beta
        picks = np.argsort(-(X @ how), kind="stable")[: k - drawn]
        rest = np.setdiff1d(np.arange(n), picks)
        mine = np.unique(np.concatenate([r for w, r in covered if w >= week - MEMORY] or [np.zeros(0, dtype=int)]))
        chance = _chances(drawn, ~np.isin(region[rest], mine), explore)
        taken = rest[pivotal(chance, region[rest], luck)] if drawn else rest[:0]
        checked = np.concatenate([picks, taken])
        found[week], rang[week], drew[week] = caught[checked].sum(), ringing_now, len(taken)
        seen.append((week, X[checked], caught[checked]))
        covered.append((week, region[picks[caught[picks]]]))
        for cases, chosen in ((drawn_cases, taken), (picked_cases, picks)):
            cases.append((week, 1 / (1 + np.exp(-np.clip(X[chosen] @ beta, -30, 30))), caught[chosen]))
        due[week], hits[week] = drawn_cases[-1][1].sum(), caught[taken].sum()
        world.week_ends(np.unique(gang[checked[caught[checked]]]))
    return Year(found, rang, alone, drew, due, hits)


def known(cases: Sequence[tuple[int, np.ndarray, np.ndarray]], by: int) -> Cases:
    """What is known of cases chosen by that week."""
    told = [c for c in cases if c[0] <= by]
    if not told:
        return NONE
    return Cases(np.concatenate([p for _, p, _ in told]), np.concatenate([y for _, _, y in told]).astype(float), np.concatenate([np.full(len(p), w + 1.0) for w, p, _ in told]))  # fmt: skip


def study(k: int, kind: str, seeds: int = SEEDS) -> list[dict[str, Any]]:
    """A row per policy, paired by seed with exploiting only. ahead: acts found since the start more than by exploiting only, mean of seeds, after each week."""
    by_seed = [
        [play(s, k, kind, p) for p in POLICIES] for s in range(seeds)
    ]  # policies of a seed together: they share its weeks
    years = {p: [mine[i] for mine in by_seed] for i, p in enumerate(POLICIES)}
    base = np.array([y.found for y in years[POLICIES[0]]])
    rows = []
    for policy, mine in years.items():
        ahead = np.cumsum(np.array([y.found for y in mine]) - base, axis=1)
        mean, gain = ahead.mean(axis=0), ahead[:, -1] / base.sum(axis=1).mean()
        half = float(student.ppf(0.975, seeds - 1) * gain.std(ddof=1) / np.sqrt(seeds))
        rows.append({
            "k": k, "world": kind, "policy": policy.name, "seeds": seeds, "found": float(np.mean([y.found.sum() for y in mine])), "gain": float(gain.mean()), "low": float(gain.mean()) - half,
            "high": float(gain.mean()) + half, "overtakes": crossing(mean) if policy != POLICIES[0] else None, "deepest": float(mean.min()), "deepest_week": int(mean.argmin()) + 1,
            "drawn": float(np.mean([y.drawn.sum() for y in mine])), "rang": float(np.mean([y.alarm.any() for y in mine])), "ahead": mean.tolist(),
        })  # fmt: skip
    return rows


def crossing(ahead: np.ndarray) -> int | None:
    """The week (1 is the first) from which the sum is ahead for good; None where it is not at the end of the year."""
    behind = np.flatnonzero(ahead <= 0)
    week = int(behind.max()) + 2 if len(behind) else 1
    return week if week <= len(ahead) else None


def alarms(seeds: int = SEEDS) -> list[dict[str, Any]]:
    """How often the alarm rings in a still world, and how soon after all gangs moved to new schemes at once in week LATE; by checks a week and share drawn. Once with all, once by draws alone."""
    rows = []
    for k in CAPACITIES:
        for policy in POLICIES[2:5:2]:
            still = [play(s, k, "nobody moves", policy) for s in range(seeds)]
            moved = [play(s, k, "nobody moves", policy, all_move=LATE) for s in range(seeds)]
            before = float(sum(y.promised[:LATE].sum() for y in moved) / sum(y.drawn[:LATE].sum() for y in moved))
            since = float(sum(y.promised[LATE:].sum() for y in moved) / sum(y.drawn[LATE:].sum() for y in moved))
            after = float(sum(y.hits[LATE:].sum() for y in moved) / sum(y.drawn[LATE:].sum() for y in moved))
            row = {"k": k, "policy": policy.name, "seeds": seeds, "drawn": float(np.mean([y.drawn[LATE:].sum() for y in moved])), "before": before, "promised": since, "found": after}  # fmt: skip
            for name in ("alarm", "draws_alone"):
                quiet = [getattr(y, name)[LATE:] for y in moved if not getattr(y, name)[:LATE].any()]
                weeks = [int(a.argmax()) + 1 for a in quiet if a.any()]
                row[name] = {"false": int(sum(getattr(y, name).any() for y in still)), "quiet": len(quiet), "rang": len(weeks), "weeks": float(np.median(weeks)) if weeks else None, "false_weeks": [int(getattr(y, name).argmax()) + 1 for y in still if getattr(y, name).any()]}  # fmt: skip
            rows.append(row)
    return rows


def picture(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """A panel per world and capacity: acts found more than by exploiting only, summed over the weeks."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "xiezhi"
    figure, grid = plt.subplots(len(CAPACITIES), len(WORLDS), figsize=(14, 7.5), constrained_layout=True, squeeze=False)
    for across, kind in enumerate(WORLDS):
        for down, k in enumerate(CAPACITIES):
            panel = grid[down][across]
            panel.axhline(0, color="grey", linewidth=0.8)
            for r in (r for r in rows if (r["world"], r["k"]) == (kind, k) and r["policy"] != POLICIES[0].name):
                panel.plot(range(1, WEEKS + 1), r["ahead"], label=r["policy"], linewidth=1.3)
            panel.set_title(f"{kind}, {k} checks a week", fontsize=10)
            panel.set_xlabel("week")
    grid[0][0].set_ylabel("acts found more than by exploiting only")
    figure.legend(
        *grid[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=8
    )
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _luck(rung: Sequence[dict[str, Any]]) -> str:
    """Whether the false alarms are more than were promised, by number."""
    false, years = sum(r["alarm"]["false"] for r in rung), sum(r["seeds"] for r in rung)
    weeks = [w for r in rung for w in r["alarm"]["false_weeks"]]
    early = sum(w <= 4 for w in weeks)
    by_luck, exact = float(binom.sf(false - 1, years, FALSE_ALARMS)), binomtest(false, years).proportion_ci()
    return (
        f"False alarms: {false} in {years} years, {false / years:.1%} (95 % interval {exact.low:.1%} to {exact.high:.1%}, Clopper & Pearson 1934), where {FALSE_ALARMS:.0%} are promised. With exactly that share {false} or more of {years} "
        f"come about by luck {by_luck:.1%} of the time{', so this is within luck' if by_luck > 0.05 else ': more than luck'}; the years of one seed share their gangs, so they are fewer than {years} independent ones and luck is wider still. "
        f"{early} of the {false} began in week 4 or before, while chances come from 300 random checks only and are not kept; {false - early} later."
    )


def section(told: dict[str, Any], losses: list[str]) -> list[str]:
    """The year and the alarm as Markdown; what falls short is added to `losses`."""
    rows = [r for name in sorted(told) if name.startswith("year-") for r in told[name]]
    if not rows:
        losses.append("the year of play against offenders who learn was not measured here: run `year`")
        return []
    out = ["## A year against offenders who move on", "", *str(__doc__).split("\n\n", 1)[1].strip().splitlines(), "",
           f"{rows[0]['seeds']} seeds, paired with exploiting only. *Behind at most*: acts found less since the start than by exploiting only, mean of seeds, in the worst week. *Ahead from*: the week from which the sum stays ahead.", "",
           "| world | checks a week | policy | acts found in the year | against exploiting only | 95 % | behind at most | in week | ahead from week | the alarm rang |", "|---|---:|---|---:|---:|---|---:|---:|---:|---:|"]  # fmt: skip
    for kind in WORLDS:
        for r in (r for k in CAPACITIES for r in rows if (r["world"], r["k"]) == (kind, k)):
            first = r["policy"] == POLICIES[0].name
            deep = ("—", "—") if r["deepest"] >= 0 else (f"{-r['deepest']:.0f}", str(r["deepest_week"]))
            told_by = ["", "", "—", "—", "—"] if first else [f"{r['gain']:+.1%}", f"{r['low']:+.1%} … {r['high']:+.1%}", *deep, str(r["overtakes"] or "never")]  # fmt: skip
            rang = "—" if not r["drawn"] else f"{r['rang']:.0%}"
            out.append(f"| {kind} | {r['k']} | {r['policy']} | {r['found']:.0f} | {' | '.join(told_by)} | {rang} |")
    for kind in WORLDS:
        for k in CAPACITIES:
            mine = [r for r in rows if (r["world"], r["k"]) == (kind, k) and r["policy"] != POLICIES[0].name]
            behind = sorted((r for r in mine if r["high"] < 0), key=lambda r: r["gain"])
            if behind:
                losses.append(f"year, {kind}, {k} checks: {len(behind)} of {len(mine)} policies that explore find less than exploiting only, by {-behind[-1]['gain']:.1%} to {-behind[0]['gain']:.1%}")  # fmt: skip
    losses += ["year: sharing the draw out otherwise while the alarm rings is not better than a fixed share in any world, beyond the intervals, so the product's shares stay fixed"] * (not _adapting_pays(rows))  # fmt: skip
    out += ["", "![acts found more than by exploiting only](inspection_year.svg)", ""]
    if rung := told.get("alarms"):
        out += ["**The alarm.** In the world where nobody moves, and with one move of all gangs at once to schemes nobody used before in week " + f"{LATE}. It listens to picks and draws; beside it what draws alone would have told with all the false alarms to themselves, "
                "and how many of them it needs on average to hear that twice as many are found as promised (`inspection.drift.needed`).", "",
                "| checks a week | policy | rang though nothing changed | rang after the change, of those quiet before | weeks until then, median | by draws alone: though nothing changed | after the change | draws after the change | promised to them | found | draws needed for twice as many |", "|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
                *(f"| {r['k']} | {r['policy']} | {r['alarm']['false']} of {r['seeds']} | {_rang(r['alarm'])} | {_weeks(r['alarm'])} | {r['draws_alone']['false']} of {r['seeds']} | {_rang(r['draws_alone'])} | {r['drawn']:.0f} | {r['promised']:.1%} | {r['found']:.1%} | {round(needed(r['promised'], 2.0), -1):,.0f} |" for r in rung), ""]  # fmt: skip
        out += [_luck(rung), ""]
        losses += [f"alarm, {r['k']} checks, {r['policy']}: rang in {r['alarm']['false']} of {r['seeds']} years in which nothing changed, first in week {', '.join(map(str, r['alarm']['false_weeks']))} (5 % promised while chances are kept; those of the first weeks, taught by {FIRST} checks, are not)" for r in rung if r["alarm"]["false"] > 0.05 * r["seeds"]]  # fmt: skip
        losses += [f"alarm, {r['k']} checks, {r['policy']}: heard in {_rang(r['alarm'])} years within {WEEKS - LATE} weeks of the change" for r in rung if r["alarm"]["rang"] < 0.8 * r["alarm"]["quiet"]]  # fmt: skip
        losses += [f"alarm by draws alone, {r['k']} checks, {r['policy']}: {r['drawn']:.0f} draws after the change, about {round(needed(r['promised'], 2.0), -1):,.0f} needed to hear of twice as many finds" for r in rung if needed(r["promised"], 2.0) > r["drawn"]]  # fmt: skip
    return out


def _rang(r: dict[str, Any]) -> str:
    return f"{r['rang']} of {r['quiet']}"


def _weeks(r: dict[str, Any]) -> str:
    return "—" if r["weeks"] is None else f"{r['weeks']:.0f}"


def _adapting_pays(rows: Sequence[dict[str, Any]]) -> bool:
    """Whether an adaptive policy finds more than every fixed share in any world and capacity, beyond both intervals."""
    for kind in WORLDS:
        for k in CAPACITIES:
            mine = {r["policy"]: r for r in rows if (r["world"], r["k"]) == (kind, k)}
            fixed = max((r["high"] for name, r in mine.items() if "while the alarm rings" not in name), default=0.0)
            if any(r["low"] > fixed for name, r in mine.items() if "while the alarm rings" in name):
                return True
    return False


def run(work: Path) -> None:
    """Every world and capacity that is not there yet, then the alarms."""
    for number, kind in enumerate(WORLDS):
        for k in CAPACITIES:
            file = work / f"year-{number}-{k}.json"
            if not file.exists():
                file.write_text(json.dumps(study(k, kind)) + "\n", "utf-8")
    if not (work / "alarms.json").exists():
        (work / "alarms.json").write_text(json.dumps(alarms()) + "\n", "utf-8")
