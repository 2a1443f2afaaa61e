"""The week's plan: which units, which team of at least two, day, hour and order on the road, worth most in expectation under everything the office says.

The draw's units come before all, then floors, then what is expected to be confirmed. What cannot be done is said in sentences and the rest is planned. Days
that have happened stay as they were; a person's changes are kept, and what they cost is said.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any

import holidays
import numpy as np

from claims.errors import UserError
from inspection.routes import Floor, Problem, Shift, Solution, solve
from inspection.settings import WEEKDAYS, Keep, Settings, Team, hhmm
from inspection.sites import Site, kilometres, placed

DRAWN = "随机抽查"
LEAST_WORTH = 1.0
"""Yuan: what a visit is worth where nothing is expected, so that idle time is used."""


@dataclass(frozen=True)
class Expected:
    """Of a unit: chance that an inspection confirms, and yuan if it does."""

    chance: float
    yuan: float


@dataclass(frozen=True)
class Visit:
    """One visit as it is printed; minutes of the day; worth: expected yuan (or cases); travel: minutes and kilometres from the place before."""

    site: str
    name: str
    area: str
    kind: str
    team: str
    members: tuple[str, ...]
    day: date
    start: int
    end: int
    order: int
    why: str
    chance: float
    yuan: float
    worth: float
    travel_minutes: int
    kilometres: float | None
    place: tuple[float, float] | None
    place_known: bool
    done: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"day": self.day.isoformat(), "start": hhmm(self.start), "end": hhmm(self.end)}


@dataclass(frozen=True)
class Plan:
    """visits in order of day, team and hour. worth, bound: expected yuan (or cases) of this plan and of the best that could be; gap = 1 − worth / bound.
    price: what the person's changes cost against the free plan. unmet: what could not be done; notes: what to know."""

    week: str
    visits: tuple[Visit, ...]
    worth: float
    bound: float
    gap: float
    price: float
    objective: str
    unmet: tuple[str, ...]
    notes: tuple[str, ...]
    days: tuple[date, ...]
    teams: tuple[Team, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values, in yuan."""
        told = asdict(self)
        told |= {"visits": [v.to_json() for v in self.visits], "days": [d.isoformat() for d in self.days]}
        return told


def week_days(week: str, days: int) -> tuple[list[date], list[str]]:
    """Working days of ISO week `2026-W48`, Monday first, at most `days`, and sentences about holidays left out. UserError for a week that is none."""
    try:
        monday = date.fromisoformat(f"{week[:4]}-W{week[6:]}-1") if week[4:6] == "-W" else date.fromisoformat("")
    except ValueError:
        raise UserError(f"--week {week}：不是周次；写作 2026-W48") from None
    if not 1 <= days <= 7:
        raise UserError(f"--days {days}：一周只有 1 到 7 天")
    free = holidays.country_holidays("CN", years=[monday.year, (monday + timedelta(days=6)).year])
    wanted = [monday + timedelta(days=d) for d in range(days)]
    lost = [d for d in wanted if d in free and d.weekday() < 5]
    told = [f"{d:%m月%d日}（周{WEEKDAYS[d.weekday()]}）为法定节假日，不排检查" for d in lost]
    return [d for d in wanted if d not in lost], told


def make_plan(
    sites: Sequence[Site],
    expected: Mapping[str, Expected],
    settings: Settings,
    *,
    week: str,
    days: int = 5,
    drawn: Sequence[str] = (),
    outside: Mapping[str, str] | None = None,
) -> Plan:
    """The plan of one week. drawn: units of the draw, which come first; outside: names of units that lie outside a campaign. UserError where nothing at all can be planned."""
    if not settings.teams:
        raise UserError("没有检查组就排不出计划；请给出 --teams，或在设置文件中写 [[teams]]")
    dates, notes = week_days(week, days)
    if not dates:
        raise UserError(f"{week} 没有可排的工作日：{'；'.join(notes)}")
    office = _Office(sites, expected, settings, dates, list(drawn), notes, outside)
    solution = solve(office.problem(settings.keep))
    price = 0.0
    if settings.keep:
        free = solve(_Office(sites, expected, replace(settings, keep=()), dates, list(drawn), []).problem(()))
        price = max(free.value - solution.value, 0.0)
    return office.plan(week, solution, price)


class _Office:
    """One week's question, from units and settings to arrays and back to sentences."""

    def __init__(
        self, sites: Sequence[Site], expected: Mapping[str, Expected], settings: Settings, dates: list[date], drawn: list[str], notes: list[str],
        outside: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.outside = outside or {}
        self.settings, self.dates, self.notes = settings, dates, notes
        self.unmet: list[str] = []
        self.drawn = list(dict.fromkeys(drawn))
        known = {s.id: s for s in sites}
        self.all = known
        self.true_place = {s.id: s.place for s in sites}
        put, told = placed(sites)
        self.sites = [s for s in put if self._may(s)]
        self.notes += told
        self.number = {s.id: i for i, s in enumerate(self.sites)}
        self._mentioned()
        self.expected = {s.id: expected.get(s.id, Expected(0.0, 0.0)) for s in self.sites}
        cases = settings.objective == "cases"
        self.worth = np.array([max(e.chance * (1.0 if cases else e.yuan), 0.0) for e in self.expected.values()])
        self.floors = self._floors()
        self.left_out = _held_back(settings, dates)

    def _may(self, site: Site) -> bool:
        """Whether the unit may be visited this week at all."""
        s = self.settings
        if (
            site.id in s.closed
            or any(d.site == site.id for d in s.done)
            or any(k.site == site.id and k.never for k in s.keep)
        ):
            return False
        if s.areas and site.area not in s.areas and site.id not in self.drawn:
            return False
        asked = site.id in self.drawn or any(k.site == site.id for k in s.keep)
        return asked or not self._recent(site)

    def _recent(self, site: Site) -> bool:
        return (
            site.last_visit is not None and (self.dates[0] - site.last_visit).days < self.settings.repeat_months * 30.44
        )

    def _name(self, code: str) -> str:
        return self.all[code].name if code in self.all else self.outside.get(code, code)

    def _mentioned(self) -> None:
        """Sentences for units that somebody named and that cannot be as asked."""
        s = self.settings
        for code in [*self.drawn, *(k.site for k in s.keep if not k.never)]:
            name = self._name(code)
            if code in self.outside:
                self.unmet.append(f"{name} 没有本专项的费用，不在专项计划内，未排入")
            elif code not in self.all:
                self.unmet.append(f"机构 {code} 不在机构表中，无法排入")
            elif code in s.closed:
                self.unmet.append(f"{name} 已停业或关闭，未排入；如为抽中对象，请把结果记为无法核查")
            elif code in self.drawn and any(k.site == code and k.never for k in s.keep):
                self.unmet.append(f"抽中的 {name} 被人工调整为本周不去；抽查对象不去须留下理由，结果记为无法核查")
            elif code in self.number and self._recent(self.sites[self.number[code]]):
                self.notes.append(f"{name} {s.repeat_months} 个月内检查过，因抽中或指定仍排入")
        names = {t.name for t in s.teams}
        for k in (k for k in s.keep if k.site in self.number):
            if k.team and k.team not in names:
                self.unmet.append(f"指定的检查组 {k.team} 不存在，{self._name(k.site)} 按任一组排")
            if k.day and k.day not in {d.isoweekday() for d in self.dates}:
                self.unmet.append(
                    f"指定给 {self._name(k.site)} 的周{WEEKDAYS[k.day - 1] if 1 <= k.day <= 7 else k.day} 本周不排检查，按任一天排"
                )
        for d in s.done:
            if d.site not in self.all:
                self.unmet.append(
                    f"已查的 {self._name(d.site)} {'没有本专项的费用' if d.site in self.outside else '不在机构表中'}，未计入本计划"
                )
            elif d.team not in names:
                self.notes.append(f"{self._name(d.site)} 已由 {d.team} 查过，该组不在本周各组之内")
        visited = {d.site for d in s.done}
        self.drawn = [d for d in self.drawn if d in self.number or d in visited]

    def _floors(self) -> list[Floor]:
        """Visits that areas and kinds must have this week, less those made, and the week's share of units not seen for a year."""
        made = [self.all[d.site] for d in self.settings.done if d.site in self.all]
        floors = []
        for what in ("area", "kind"):
            for name, need in self.settings.floors.get(what, {}).items():
                members = tuple(i for i, s in enumerate(self.sites) if getattr(s, what) == name)
                left = need - sum(getattr(s, what) == name for s in made)
                label = f"{'片区' if what == 'area' else '类型'} {name} 至少 {need} 家"
                if left > len(members):
                    self.unmet.append(f"{label}：可查的只有 {len(members)} 家，按 {len(members)} 家排")
                    left = len(members)
                if left > 0:
                    floors.append(Floor(label, members, left))
        if self.settings.every_unit_yearly:
            due = tuple(
                i for i, s in enumerate(self.sites) if s.last_visit is None or (self.dates[0] - s.last_visit).days > 365
            )
            need = min(math.ceil(len(self.all) / 52), len(due))
            if need:
                label = f"一年一遍：{len(self.all)} 家机构每周须查 {math.ceil(len(self.all) / 52)} 家未查满一年的（现有 {len(due)} 家）"
                floors.append(Floor(label, due, need))
        return floors

    def travel(self, a: tuple[float, float] | None, b: tuple[float, float] | None) -> int:
        """Minutes on the road."""
        return self.settings.travel_minutes(kilometres(a, b))

    def problem(self, keep: Sequence[Keep]) -> Problem:
        """As arrays. A unit that a person placed is a must, on the shifts he named alone."""
        s, n = self.settings, len(self.sites)
        travel = np.array(
            [[self.travel(a.place, b.place) for b in self.sites] for a in self.sites], dtype=np.int64
        ).reshape(n, n)
        night = [bool(x.kind in s.night_kinds and any(t.nights for t in s.teams)) for x in self.sites]
        hours = [
            (s.night_start, s.night_end) if dark else s.hours.get(x.kind, (s.start, s.end))
            for x, dark in zip(self.sites, night, strict=True)
        ]
        service = [min(s.minutes_of(x.kind), b - a) for x, (a, b) in zip(self.sites, hours, strict=True)]
        must = [self.number[d] for d in self.drawn if d in self.number]
        must += [self.number[k.site] for k in keep if k.site in self.number]
        return Problem(
            np.maximum(self.worth, LEAST_WORTH if s.objective == "amount" else 1e-6), np.array(service, dtype=np.int64), np.array([a for a, _ in hours], dtype=np.int64),
            np.array([b for _, b in hours], dtype=np.int64), travel, tuple(self.shifts(keep)), tuple(dict.fromkeys(must)), tuple(self.floors),
        )  # fmt: skip

    def shifts(self, keep: Sequence[Keep]) -> list[Shift]:
        """What is left of each team's days; evenings are shifts of their own on the first days it works."""
        s, found = self.settings, []
        for team in s.teams:
            nights = team.nights
            for day in self.dates:
                if day.isoweekday() in team.off or (team.name, day) in self.left_out:
                    continue
                made = [d for d in s.done if d.team == team.name and d.day == day.isoweekday()]
                last = max(made, key=lambda d: d.end) if made else None
                passed = bool(s.done) and day.isoweekday() < max(d.day for d in s.done)
                if not passed and s.most_visits > len(made):
                    begin = max(s.start, last.end) if last else s.start
                    where = self.all[last.site].place if last and last.site in self.all else self.base(team)
                    found.append(self._shift(team, day, begin, s.end, where, s.most_visits - len(made), keep, ""))
                if nights and not passed:
                    nights -= 1
                    found.append(
                        self._shift(team, day, s.night_start - 60, s.night_end + 60, self.base(team), 1, keep, "夜")
                    )
        return found

    def base(self, team: Team) -> tuple[float, float] | None:
        """Where its day begins: as said, else in the middle of the units."""
        if team.base:
            return team.base
        places = [s.place for s in self.sites if s.place]
        return (float(np.median([p[0] for p in places])), float(np.median([p[1] for p in places]))) if places else None

    def _shift(
        self, team: Team, day: date, start: int, end: int, where: tuple[float, float] | None, most: int, keep: Sequence[Keep], night: str
    ) -> Shift:  # fmt: skip
        """A working day runs from the first visit to the last: the way out and home lies before and after it, at most an hour each."""
        home = self.base(team)
        fresh = where == home
        lead = 60 if fresh and not night else 0
        out = np.array([self.travel(where, x.place) for x in self.sites], dtype=np.int64)
        back = np.array([self.travel(x.place, home) for x in self.sites], dtype=np.int64)
        return Shift(
            f"{team.name}|{day.isoformat()}|{night}",
            start - lead,
            end + (0 if night else 60),
            out,
            back,
            self._allowed(team, day, keep),
            most,
        )

    def _allowed(self, team: Team, day: date, keep: Sequence[Keep]) -> np.ndarray:
        s = self.settings
        names, weekdays = {t.name for t in s.teams}, {d.isoweekday() for d in self.dates}
        allowed = np.array([s.may_visit(team, x.id, x.kind) for x in self.sites], dtype=bool)
        for k in keep:
            if k.site in self.number and ((k.team in names and k.team != team.name) or (k.day in weekdays and k.day != day.isoweekday())):  # fmt: skip
                allowed[self.number[k.site]] = False
        return allowed

    def plan(self, week: str, solution: Solution, price: float) -> Plan:
        """Arrays back to visits and sentences."""
        s = self.settings
        visits = [self._made(d) for d in s.done if d.site in self.all]
        for key, route in solution.routes.items():
            team_name, day, _ = key.split("|")
            team = next(t for t in s.teams if t.name == team_name)
            made = [v for v in visits if v.done and v.team == team_name and v.day.isoformat() == day]
            before = made[-1].place if made else self.base(team)
            for order, (i, start, end) in enumerate(route, start=len(made) + 1):
                site, e = self.sites[i], self.expected[self.sites[i].id]
                exact = self.true_place[site.id] is not None
                far = kilometres(before, site.place) if exact else None
                visits.append(
                    Visit(
                        site.id, site.name, site.area, site.kind, team.name, team.members, date.fromisoformat(day), start, end, order, self._why(site), e.chance, e.yuan,
                        float(self.worth[i]), self.travel(before, site.place), None if far is None else round(far * s.road_factor, 1), site.place, exact,
                    )
                )  # fmt: skip
                before = site.place
        visits.sort(key=lambda v: (v.day, v.team, v.start))
        self._unserved({v.site for v in visits})
        self.notes += s.kept_away({c: x.name for c, x in self.all.items()}, {v.site: v.team for v in visits})
        value = float(sum(self.worth[self.number[v.site]] for v in visits if v.site in self.number))
        bound = max(value, value + solution.bound - solution.value)
        gap = 1 - value / bound if bound > 0 else 0.0
        return Plan(week, tuple(visits), value, bound, gap, price, s.objective, tuple(dict.fromkeys(self.unmet)), tuple(self.notes), tuple(self.dates), s.teams)  # fmt: skip

    def _made(self, d: Any) -> Visit:
        site = self.all[d.site]
        day = self.dates[0] + timedelta(days=d.day - self.dates[0].isoweekday())
        members = next((t.members for t in self.settings.teams if t.name == d.team), ())
        return Visit(site.id, site.name, site.area, site.kind, d.team, members, day, d.start, d.end, 0, "已查", 0.0, 0.0, 0.0, 0, None, site.place, site.place is not None, True)  # fmt: skip

    def _why(self, site: Site) -> str:
        if site.id in self.drawn:
            return DRAWN
        if any(k.site == site.id for k in self.settings.keep):
            return "人工指定"
        i = self.number[site.id]
        if self.worth[i] > 0:
            return "按预期金额" if self.settings.objective == "amount" else "按预期查实"
        return "覆盖"

    def _why_not(self, k: Keep) -> str:
        """Why a unit that a person placed is on no route."""
        teams = [t for t in self.settings.teams if not k.team or t.name == k.team] or list(self.settings.teams)
        kept = [f"{'、'.join(who)} 须回避" for t in teams if (who := self.settings.kept_from(t, k.site))]
        return "，".join(kept) if len(kept) == len(teams) else "时间、回避或专长不允许"

    def _unserved(self, visited: set[str]) -> None:
        for code in self.drawn:
            if code not in visited:
                self.unmet.append(f"抽中的 {self.all[code].name} 本周排不下；本计划发布后，下一周排定时自动补排")
        for k in self.settings.keep:
            if not k.never and k.site in self.number and k.site not in visited:
                self.unmet.append(f"指定的 {self.all[k.site].name} 排不下（{self._why_not(k)}）")
        for floor in self.floors:
            got = sum(self.sites[i].id in visited for i in floor.members)
            if got < floor.need:
                self.unmet.append(f"{floor.name}：现有力量本周只排下 {got} 家")


def _held_back(settings: Settings, dates: Sequence[date]) -> set[tuple[str, date]]:
    """Team-days kept for tip-offs and joint checks: the last days of the week, one team after the other. UserError where nothing would be left."""
    every = [(t.name, d) for d in reversed(dates) for t in settings.teams if d.isoweekday() not in t.off]
    if settings.held_back_days >= len(every):
        raise UserError(f"预留 {settings.held_back_days} 个组日，本周共 {len(every)} 个组日，没有剩下；请减少预留")
    return set(every[: max(settings.held_back_days, 0)])
