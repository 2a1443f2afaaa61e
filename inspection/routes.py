"""The best day routes of several teams: which sites, in which order, worth most within hours and opening times, with a bound on what nobody could exceed.

Set packing by column generation. A column is one day of one team; the linear master (HiGHS) prices sites, and for these prices a labelling over (visits made,
last site, time on a grid of five minutes) finds days worth more than they cost. When none is left the master's value bounds every plan from above; whole days
are then chosen among the columns by HiGHS and each is improved once more by the same labelling. Days of teams that may do the same things are one class, so
nothing is symmetric. No clock and no thread decides anything: the same problem gives the same plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numba
import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import coo_array

GRID = 5
"""Minutes; all times and durations are multiples of it."""
ROUNDS = 80
NODES = 3000
LOOSE = 0.02
"""A gap larger than this is looked at again without what must be."""


@dataclass(frozen=True)
class Shift:
    """One team's day (or what is left of it). out, back: minutes from where it begins to each site, and from each site home; allowed: sites it may visit."""

    key: str
    start: int
    end: int
    out: np.ndarray
    back: np.ndarray
    allowed: np.ndarray
    most: int

    def alike(self) -> tuple[object, ...]:
        """Shifts with equal values may do the same things."""
        return (self.start, self.end, self.most, self.out.tobytes(), self.back.tobytes(), self.allowed.tobytes())


@dataclass(frozen=True)
class Floor:
    """At least `need` visits among `members` (site numbers)."""

    name: str
    members: tuple[int, ...]
    need: int


@dataclass(frozen=True)
class Problem:
    """value: worth of a visit; service, opens, closes: minutes (a visit ends by `closes`); travel: minutes between sites; must: sites that count before all."""

    value: np.ndarray
    service: np.ndarray
    opens: np.ndarray
    closes: np.ndarray
    travel: np.ndarray
    shifts: tuple[Shift, ...]
    must: tuple[int, ...] = ()
    floors: tuple[Floor, ...] = ()


@dataclass(frozen=True)
class Solution:
    """routes: {shift key: [(site, start, end)]}; value: worth of all visits; bound: no plan that serves as many musts and floors is worth more."""

    routes: dict[str, list[tuple[int, int, int]]]
    value: float
    bound: float
    columns: int
    gap: float = field(init=False)

    def __post_init__(self) -> None:
        room = max(self.bound - self.value, 0.0)
        object.__setattr__(self, "gap", room / self.bound if self.bound > 1e-9 else 0.0)


@numba.njit(cache=True)
def _labels(profit, service, opens, closes, travel, out, back, allowed, start, end, most, strict):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """best[k, i, t]: worth of the best day that has made k + 1 visits and ended the last, at i, at start + 5 t; last: the site before; when: its t.

    strict: no site twice (a label may miss a better day); otherwise only not twice in a row (no day is worth more than the best label).
    """
    n, slots = len(profit), (end - start) // 5 + 1
    best = np.full((most, n, slots), -np.inf)
    last = np.full((most, n, slots), -1, np.int32)
    when = np.full((most, n, slots), -1, np.int32)
    for i in range(n):
        if allowed[i]:
            done = max(start + out[i], opens[i]) + service[i]
            if done <= closes[i] and done + back[i] <= end:
                best[0, i, (done - start) // 5] = profit[i]
    for k in range(1, most):
        for i in range(n):
            top = -np.inf
            for t in range(slots):
                here = best[k - 1, i, t]
                if here <= top:
                    continue  # an earlier end was worth as much
                top = here
                for j in range(n):
                    if j == i or not allowed[j]:
                        continue
                    done = max(start + 5 * t + travel[i, j], opens[j]) + service[j]
                    if done > closes[j] or done + back[j] > end:
                        continue
                    s = (done - start) // 5
                    if here + profit[j] <= best[k, j, s]:
                        continue
                    if strict:
                        a, b, c, seen = i, t, k - 1, False
                        while c > 0:
                            a, b = last[c, a, b], when[c, a, b]
                            c -= 1
                            if a == j:
                                seen = True
                                break
                        if seen:
                            continue
                    best[k, j, s] = here + profit[j]
                    last[k, j, s] = i
                    when[k, j, s] = t
    return best, last, when


def _days(
    problem: Problem, shift: Shift, profit: np.ndarray, strict: bool, keep: int
) -> list[tuple[float, tuple[int, ...]]]:
    """The `keep` days worth most at these profits, the best per last site and number of visits; without `strict` the sites of the best only say its worth."""
    best, last, when = _labels(
        profit, problem.service, problem.opens, problem.closes, problem.travel, shift.out, shift.back, shift.allowed, shift.start, shift.end, shift.most, strict
    )  # fmt: skip
    top = best.max(axis=2)
    order = np.argsort(-top, axis=None, kind="stable")[:keep]
    found = []
    for flat in order:
        k, i = np.unravel_index(flat, top.shape)
        worth = float(top[k, i])
        if not np.isfinite(worth):
            break
        a, b, path = int(i), int(best[k, i].argmax()), [int(i)]
        for c in range(int(k), 0, -1):
            a, b = int(last[c, a, b]), int(when[c, a, b])
            path.append(a)
        found.append((worth, tuple(reversed(path))))
    return found


def timed(problem: Problem, shift: Shift, path: Sequence[int]) -> list[tuple[int, int, int]] | None:
    """(site, start, end) of each visit, as early as may be; None where the day does not fit."""
    visits, clock, before = [], shift.start, -1
    for i in path:
        begin = max(clock + int(shift.out[i] if before < 0 else problem.travel[before, i]), int(problem.opens[i]))
        clock, before = begin + int(problem.service[i]), i
        if clock > problem.closes[i] or not shift.allowed[i]:
            return None
        visits.append((i, begin, clock))
    return visits if len(path) <= shift.most and (before < 0 or clock + shift.back[before] <= shift.end) else None


def solve(problem: Problem) -> Solution:
    """The plan and its bound. Musts and floors that cannot be served are left unserved; who called sees which."""
    classes: dict[tuple[object, ...], list[Shift]] = {}
    for shift in problem.shifts:
        classes.setdefault(shift.alike(), []).append(shift)
    groups = list(classes.values())
    if not groups or not len(problem.value):
        return Solution({s.key: [] for s in problem.shifts}, 0.0, 0.0, 0)
    master = _Master(problem, groups)
    master.generate()
    chosen = master.whole()
    chosen = _improved(problem, groups, chosen, master)
    routes: dict[str, list[tuple[int, int, int]]] = {s.key: [] for s in problem.shifts}
    for number, group in enumerate(groups):
        mine = sorted((path for g, path in chosen if g == number), key=lambda p: (-master.worth(p), p))
        for shift, path in zip(group, mine, strict=False):
            routes[shift.key] = timed(problem, shift, path) or []
    visited = [i for route in routes.values() for i, _, _ in route]
    reached = master.total(visited)
    value = float(problem.value[visited].sum()) if visited else 0.0
    bound = value + max(master.bound - reached, 0.0)
    if bound - value > LOOSE * bound and (problem.must or problem.floors):
        # a must that fits in part lifts the linear bound by what it counts before all; without musts no plan is worth less
        free = _Master(replace(problem, must=(), floors=()), groups)
        free.generate()
        bound = max(value, min(bound, free.bound))
    return Solution(routes, value, bound, len(master.columns))


class _Master:
    """The linear master over columns (class, path); a must is worth `big` more, a visit short of a floor costs as much."""

    def __init__(self, problem: Problem, groups: list[list[Shift]]) -> None:
        self.problem, self.groups = problem, groups
        most = max(shift.most for group in groups for shift in group)
        self.big = (most + 1) * max(float(problem.value.max()), 1.0)
        self.gain = problem.value.astype(float).copy()
        self.gain[list(problem.must)] += 2 * self.big
        self.columns: list[tuple[int, tuple[int, ...]]] = []
        self.known: set[tuple[int, tuple[int, ...]]] = set()
        self.bound = float("inf")

    def worth(self, path: Sequence[int]) -> float:
        return float(self.gain[list(path)].sum()) if len(path) else 0.0

    def total(self, visited: Sequence[int]) -> float:
        """Worth of a set of visits with musts, less what floors lack."""
        short = sum(max(f.need - len(set(f.members) & set(visited)), 0) for f in self.problem.floors)
        return self.worth(visited) - self.big * short

    def add(self, group: int, path: tuple[int, ...]) -> bool:
        key = (group, path)
        if key in self.known or len(set(path)) != len(path):
            return False
        self.known.add(key)
        self.columns.append(key)
        return True

    def _matrix(self) -> tuple[coo_array, np.ndarray, np.ndarray]:
        """Rows: sites (≤ 1), classes (≤ shifts), floors (−visits − short ≤ −need); columns: days, then what each floor is short of."""
        n, g, floors = len(self.gain), len(self.groups), self.problem.floors
        inside = [set(f.members) for f in floors]
        rows, cols, data = [], [], []
        for c, (group, path) in enumerate(self.columns):
            entries = [(i, 1.0) for i in path] + [(n + group, 1.0)]
            entries += [
                (n + g + k, -float(hit)) for k, members in enumerate(inside) if (hit := len(members & set(path)))
            ]
            rows += [r for r, _ in entries]
            cols += [c] * len(entries)
            data += [v for _, v in entries]
        for k in range(len(floors)):
            rows.append(n + g + k)
            cols.append(len(self.columns) + k)
            data.append(-1.0)
        limit = np.r_[np.ones(n), [len(group) for group in self.groups], [-f.need for f in floors]]
        worth = np.r_[[self.worth(path) for _, path in self.columns], np.full(len(floors), -self.big)]
        return coo_array((data, (rows, cols)), shape=(len(limit), len(worth))), limit, worth

    def generate(self) -> None:
        """Columns until no day is worth more than it costs, or `ROUNDS` are over. Sets the bound."""
        for group in range(len(self.groups)):
            self._price(group, self.gain, 40)
        if not self.columns:  # nobody can go anywhere
            self.bound = self.total(())
            return
        n, g = len(self.gain), len(self.groups)
        for _ in range(ROUNDS):
            matrix, limit, worth = self._matrix()
            done = linprog(-worth, A_ub=matrix.tocsr(), b_ub=limit, bounds=(0, None), method="highs")
            dual = np.maximum(-np.asarray(done.ineqlin.marginals), 0.0)
            profit = self.gain - dual[:n]
            for k, floor in enumerate(self.problem.floors):
                profit[list(floor.members)] += dual[n + g + k]
            fresh = False
            for group in range(g):
                fresh |= self._price(group, profit, 12, dual[n + group] + 1e-6 * self.big)
            if not fresh:
                over = sum(
                    max(self._most(group, profit) - dual[n + group], 0.0) * len(self.groups[group])
                    for group in range(g)
                )
                self.bound = float(-done.fun) + over
                return
        over = sum(
            max(self._most(group, profit) - dual[n + group], 0.0) * len(self.groups[group]) for group in range(g)
        )
        self.bound = float(limit @ dual) + over
        return

    def _price(self, group: int, profit: np.ndarray, keep: int, cost: float = -np.inf) -> bool:
        days = _days(self.problem, self.groups[group][0], profit, True, keep)
        return sum(self.add(group, path) for worth, path in days if worth > cost) > 0

    def _most(self, group: int, profit: np.ndarray) -> float:
        """No day of the class is worth more at these profits."""
        days = _days(self.problem, self.groups[group][0], profit, False, 1)
        return days[0][0] if days else 0.0

    def whole(self) -> list[tuple[int, tuple[int, ...]]]:
        """Whole days among the columns."""
        if not self.columns:
            return []
        matrix, limit, worth = self._matrix()
        days = len(self.columns)
        kinds = np.r_[np.ones(days), np.zeros(len(worth) - days)]
        upper = np.r_[np.ones(days), np.full(len(worth) - days, np.inf)]
        done = milp(-worth, constraints=LinearConstraint(matrix.tocsr(), -np.inf, limit), integrality=kinds, bounds=Bounds(0, upper), options={"node_limit": NODES, "mip_rel_gap": 1e-4})  # fmt: skip
        if done.x is None:
            return []
        return [column for column, x in zip(self.columns, done.x[:days], strict=True) if x > 0.5]


def _improved(
    problem: Problem, groups: list[list[Shift]], chosen: list[tuple[int, tuple[int, ...]]], master: _Master
) -> list[tuple[int, tuple[int, ...]]]:
    """Each day planned anew among what the others leave, until none gets better; unused days are filled."""
    days = list(chosen)
    for number, alike in enumerate(groups):
        days += [(number, ())] * (len(alike) - sum(g == number for g, _ in chosen))
    for _ in range(4):
        better = False
        for place, (group, path) in enumerate(days):
            others = [i for p, (_, q) in enumerate(days) for i in q if p != place]
            shift = groups[group][0]
            gain = master.gain.copy()
            for floor in problem.floors:
                if len(set(floor.members) & set(others)) < floor.need:
                    gain[list(floor.members)] += master.big
            gain[others] = -np.inf
            for _, trial in _days(problem, shift, gain, True, 1):
                if master.total([*others, *trial]) > master.total([*others, *path]) + 1e-9:
                    days[place], better = (group, trial), True
        if not better:
            break
    return [(group, path) for group, path in days if path]
