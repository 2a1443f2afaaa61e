"""Tonight's hospitals divided among teams of two: who goes where, in which order on the road, by the planning of the week (inspection/routes.py) and its settings.

As many beds as the evening has time for; among such divisions the one that ends earliest, so that no team carries the whole evening while another waits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

import numpy as np

from claims.errors import UserError
from inspection.routes import Problem, Shift, Solution, solve
from inspection.settings import Settings, Team, hhmm
from inspection.sites import Site, kilometres, placed

BED_MINUTES: Final = 5
DOOR_MINUTES: Final = 10
"""A bed: who lies there, what he was treated for, both officers' names under it. Once a hospital: to the ward, and the duty doctor."""
MOST: Final = 12
STEP: Final = 15


@dataclass(frozen=True)
class Stop:
    """One hospital of a team's evening. order: from 1; start, end: HH:MM; kilometres: of road from the place before, None where a coordinate is unknown."""

    unit: str
    hospital: str
    area: str
    beds: int
    order: int
    start: str
    end: str
    travel_minutes: int
    kilometres: float | None


def divide(beds: Sequence[Mapping[str, Any]], sites: Sequence[Site], settings: Settings, at: datetime) -> dict[str, Any]:  # fmt: skip
    """teams (name, members, beds, stops), unmet, notes; JSON-ready. beds: of the sheet, with unit, hospital and area. A team visits no unit it is in conflict with (回避).
    UserError without a team that works that evening."""
    counts: dict[str, int] = {}
    about: dict[str, Mapping[str, Any]] = {}
    for bed in beds:
        counts[str(bed["unit"])] = counts.get(str(bed["unit"]), 0) + 1
        about.setdefault(str(bed["unit"]), bed)
    working = [t for t in settings.teams if at.isoweekday() not in t.off]
    teams = [t for t in working if t.nights] or working
    if not teams:
        raise UserError("当晚没有可出勤的检查组；请给出 --teams，或检查设置文件中各组的 off")
    known = {s.id: s for s in sites}
    units = sorted(counts)
    lost = [u for u in units if u not in known]
    real = [known.get(u) or Site(u, str(about[u]["hospital"]), "", 0, str(about[u]["area"])) for u in units]
    put, notes = placed(real)
    evening = _Evening(put, np.array([counts[s.id] for s in put], dtype=float), settings, teams)
    solution = evening.solved()
    told: list[dict[str, Any]] = []
    served: set[str] = set()
    for team in teams:
        stops, before = [], evening.base(team)
        for order, (i, start, end) in enumerate(solution.routes[team.name], start=1):
            site = put[i]
            far = kilometres(before, site.place) if known.get(site.id, site).place else None
            road = None if far is None else round(far * settings.road_factor, 1)
            name = str(about[site.id]["hospital"])
            stops.append(
                Stop(site.id, name, str(about[site.id]["area"]), counts[site.id], order, hhmm(start), hhmm(end), evening.travel(before, site.place), road)
            )  # fmt: skip
            served.add(site.id)
            before = site.place
        told.append({"name": team.name, "members": list(team.members), "beds": sum(s.beds for s in stops), "stops": [asdict(s) for s in stops]})  # fmt: skip
    unmet = [evening.why_not(i, str(about[s.id]["hospital"])) for i, s in enumerate(put) if s.id not in served]
    by = {str(s["unit"]): str(t["name"]) for t in told for s in t["stops"]}
    here = replace(settings, teams=tuple(teams))
    notes += here.kept_away({u: str(about[u]["hospital"]) for u in units}, by)
    notes += [f"{len(lost)} 家医院不在机构表中，路程按固定时间计"] if lost else []
    return {"teams": told, "unmet": unmet, "notes": notes}


class _Evening:
    """One evening as arrays."""

    def __init__(self, sites: Sequence[Site], beds: np.ndarray, settings: Settings, teams: Sequence[Team]) -> None:
        self.sites, self.beds, self.settings, self.teams = sites, beds, settings, teams
        self.service = (DOOR_MINUTES + BED_MINUTES * beds).astype(np.int64)
        self.service = -(-self.service // 5) * 5
        self.travels = np.array([[self.travel(a.place, b.place) for b in sites] for a in sites], dtype=np.int64)
        self.travels = self.travels.reshape(len(sites), len(sites))
        self.allowed = {
            t.name: np.array([settings.may_visit(t, x.id, x.kind) for x in sites], dtype=bool) for t in teams
        }

    def travel(self, a: tuple[float, float] | None, b: tuple[float, float] | None) -> int:
        """Minutes on the road."""
        return self.settings.travel_minutes(kilometres(a, b))

    def base(self, team: Team) -> tuple[float, float] | None:
        """Where its evening begins: as said, else in the middle of the hospitals."""
        places = [s.place for s in self.sites if s.place]
        middle = (float(np.median([p[0] for p in places])), float(np.median([p[1] for p in places]))) if places else None  # fmt: skip
        return team.base or middle

    def problem(self, end: int) -> Problem:
        """The first visit begins at the settings' evening, the last one ends by `end`; the way out and home lies before and after."""
        s, n = self.settings, len(self.sites)
        shifts = []
        for team in self.teams:
            out = np.array([self.travel(self.base(team), x.place) for x in self.sites], dtype=np.int64)
            shifts.append(Shift(team.name, s.night_start - 60, end + 60, np.minimum(out, 60), np.minimum(out, 60), self.allowed[team.name], MOST))  # fmt: skip
        opens, closes = np.full(n, s.night_start, dtype=np.int64), np.full(n, end, dtype=np.int64)
        return Problem(self.beds, self.service, opens, closes, self.travels, tuple(shifts))

    def solved(self) -> Solution:
        """Most beds; of these divisions the one that ends earliest, in steps of a quarter of an hour."""
        s = self.settings
        best = solve(self.problem(s.night_end))
        low, high = s.night_start, s.night_end  # at `high` all of `best` is served, at `low` nothing
        while high - low > STEP:
            middle = low + (high - low) // (2 * STEP) * STEP or low + STEP
            middle = max(middle, low + STEP)
            found = solve(self.problem(middle))
            if found.value >= best.value - 1e-9:
                best, high = found, middle
            else:
                low = middle
        return best

    def why_not(self, i: int, name: str) -> str:
        """Why a hospital is on nobody's evening."""
        if not any(self.allowed[t.name][i] for t in self.teams):
            return f"{name}（{self.beds[i]:.0f} 床）：各组均须回避或没有所需专长，未排入"
        s = self.settings
        if self.service[i] > s.night_end - s.night_start:
            return f"{name}（{self.beds[i]:.0f} 床）：{hhmm(s.night_start)}–{hhmm(s.night_end)} 一组查不完，未排入；请分两晚或加派"
        return f"{name}（{self.beds[i]:.0f} 床）：{hhmm(s.night_start)}–{hhmm(s.night_end)} 内来不及，未排入"


def teams_of_plan(settings: Settings, plan: Mapping[str, Any]) -> Settings:
    """The settings with the teams of a published plan."""
    keys = ("name", "members", "skills", "conflicts", "base", "nights", "off")
    teams = []
    for told in plan["teams"]:
        said: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in told.items() if k in keys}
        teams.append(Team(**said))
    return replace(settings, teams=tuple(teams))
