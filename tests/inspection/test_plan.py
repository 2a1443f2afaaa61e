"""A plan breaks no rule, is near the best that could be, keeps what was done and decided, and says what it cannot do."""

import itertools
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claims.errors import UserError
from inspection.plan import DRAWN, Expected, Plan, make_plan
from inspection.plan_files import as_calendar, as_csv, as_picture, plan_text
from inspection.routes import Problem, Shift, solve, timed
from inspection.seed import random_for
from inspection.settings import Done, Keep, Settings, Team, read_settings, with_teams
from inspection.sites import Site

WEEK = "2026-W48"
KINDS = ("综合医院", "诊所", "药店")


def county(n: int, seed: int = 0) -> tuple[list[Site], dict[str, Expected]]:
    rng = random_for("county", seed)
    sites = [
        Site(
            f"H{i:02d}", f"单位{i}", KINDS[i % 3], i % 3, f"A{i % 2}",
            None if i % 7 == 6 else (113.0 + float(rng.normal()) / 10, 30.0 + float(rng.normal()) / 10), fen=int(rng.integers(1, 10**7)),
            last_visit=date(2026, 9, 1) if i % 5 == 4 else (date(2025, 6, 1) if i % 5 == 3 else None),
        )
        for i in range(n)
    ]  # fmt: skip
    return sites, {s.id: Expected(float(rng.random()), float(np.exp(rng.normal(8, 1)))) for s in sites}


def broken(plan: Plan, sites: list[Site], s: Settings, drawn: list[str]) -> list[str]:
    """Every rule a plan breaks, written down anew from what the settings mean."""
    by_id = {x.id: x for x in sites}
    bad = []
    for v in plan.visits:
        site, team = by_id[v.site], next(t for t in s.teams if t.name == v.team)
        if v.done:
            continue
        lo, hi = (s.night_start, s.night_end) if v.start >= s.night_start else s.hours.get(site.kind, (s.start, s.end))
        named = v.site in drawn or any(k.site == v.site for k in s.keep)
        bad += [f"{v.site} {what}" for what, wrong in {
            "outside hours": v.start < lo or v.end > hi,
            "one-person": len(set(v.members)) < 2,
            "conflict": v.site in team.conflicts,
            "skill": site.kind in s.needs and s.needs[site.kind] not in team.skills,
            "closed": v.site in s.closed,
            "off": v.day.isoweekday() in team.off,
            "repeat": not named and site.last_visit is not None and (plan.days[0] - site.last_visit).days < s.repeat_months * 30.44,
            "area": bool(s.areas) and site.area not in s.areas and v.site not in drawn,
        }.items() if wrong]  # fmt: skip
    every = [(t.name, d) for d in reversed(plan.days) for t in s.teams if d.isoweekday() not in t.off]
    bad += [
        f"{v.team} {v.day} is held back"
        for v in plan.visits
        if not v.done and (v.team, v.day) in every[: s.held_back_days]
    ]
    for t in s.teams:
        nights = [v for v in plan.visits if v.team == t.name and v.start >= s.night_start]
        bad += [f"{t.name} gives {t.nights} evenings"] if len(nights) > t.nights else []
        bad += [f"{v.site} by night" for v in nights if by_id[v.site].kind not in s.night_kinds]
    served = {v.site for v in plan.visits}
    bad += [
        f"{k.site} was to be left out"
        for k in s.keep
        if k.never and k.site in served and not any(v.done for v in plan.visits if v.site == k.site)
    ]
    asked = {k.site: k for k in s.keep if not k.never}
    bad += [
        f"{v.site} not as placed"
        for v in plan.visits
        if not v.done and v.site in asked and ((asked[v.site].team and v.team != asked[v.site].team) or (asked[v.site].day and v.day.isoweekday() != asked[v.site].day))
    ]  # fmt: skip
    ids = [v.site for v in plan.visits]
    bad += ["twice"] if len(set(ids)) < len(ids) else []
    for (team, day), group in itertools.groupby(plan.visits, key=lambda v: (v.team, v.day)):
        route = sorted(group, key=lambda v: v.start)
        if len([v for v in route if v.start < s.night_start]) > s.most_visits:
            bad.append(f"{team} {day} too many")
        bad += [
            f"{a.site}->{b.site} no time for the road"
            for a, b in itertools.pairwise(route)
            if not b.done and b.start - a.end < b.travel_minutes
        ]
    return bad


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, 16), st.integers(1, 3), st.integers(1, 5), st.integers(0, 10**6), st.data())
def test_no_plan_breaks_a_rule(n: int, teams: int, days: int, seed: int, data: Any) -> None:
    sites, expected = county(n, seed)
    some = st.lists(st.sampled_from([s.id for s in sites]), max_size=3, unique=True)
    asked = Settings(
        teams=tuple(Team(f"{i}组", ("甲", "乙"), ("临床",) if i == 0 else (), tuple(data.draw(some)), off=(1,) if i == 1 else (), nights=1) for i in range(teams)),
        most_visits=data.draw(st.integers(1, 3)), closed=tuple(data.draw(some)), needs={"综合医院": "临床"}, hours={"诊所": (510, 690)},
        floors={"area": {"A1": 2}}, night_kinds=("药店",), areas=data.draw(st.sampled_from([(), ("A0",)])),
    )  # fmt: skip
    drawn = data.draw(some)
    plan = make_plan(sites, expected, asked, week=WEEK, days=days, drawn=drawn)
    assert broken(plan, sites, asked, drawn) == []
    assert plan.worth <= plan.bound + 1e-6
    served = {v.site for v in plan.visits}
    told = " ".join(plan.unmet)
    assert all(d in served or f"单位{int(d[1:])}" in told for d in drawn), "a drawn unit is visited or told of"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 14), st.integers(1, 3), st.integers(1, 5), st.integers(0, 10**6), st.data())
def test_what_the_office_holds_back_places_and_has_done_is_kept(
    n: int, teams: int, days: int, seed: int, data: Any
) -> None:
    """Held-back days, evenings given, a person's changes, visits made; what then cannot be is said, never silently broken."""
    sites, expected = county(n + 2, seed)
    one = st.sampled_from([s.id for s in sites])
    made = data.draw(st.booleans())
    place, gone = data.draw(one), data.draw(one)
    asked = Settings(
        teams=tuple(Team(f"{i}组", ("甲", "乙"), nights=data.draw(st.integers(0, 2))) for i in range(teams)), most_visits=data.draw(st.integers(1, 3)),
        held_back_days=data.draw(st.integers(0, 4)), night_kinds=("药店",), closed=tuple(data.draw(st.lists(one, max_size=2))), every_unit_yearly=data.draw(st.booleans()),
        keep=(Keep(place, team="0组", day=data.draw(st.integers(0, days))), *((Keep(gone, never=True),) if gone != place else ())),
        done=(Done(sites[0].id, "0组", 1, 540, 600),) if made and place != sites[0].id else (),
    )  # fmt: skip
    if asked.held_back_days >= teams * days:
        with pytest.raises(UserError, match="没有剩下"):
            make_plan(sites, expected, asked, week=WEEK, days=days)
        return
    plan = make_plan(sites, expected, asked, week=WEEK, days=days, drawn=[gone])
    assert broken(plan, sites, asked, [gone]) == []
    served, told = {v.site for v in plan.visits}, " ".join(plan.unmet)
    name = next(s.name for s in sites if s.id == place)
    assert place in served or name in told, "a unit that a person placed is visited or told of"
    assert gone in served or next(s.name for s in sites if s.id == gone) in told, (
        "a drawn unit left out by hand is told of"
    )
    assert [v.site for v in plan.visits if v.done] == [d.site for d in asked.done]
    assert plan.price >= 0


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, 16), st.integers(1, 2), st.integers(1, 3), st.integers(0, 10**6), st.data())
def test_floors_are_met_or_said(n: int, teams: int, days: int, seed: int, data: Any) -> None:
    """Of an area, of a kind, of units not seen for a year; more asked than there are included."""
    sites, expected = county(n, seed)
    floors = {
        "area": {a: data.draw(st.integers(1, 30)) for a in data.draw(st.sets(st.sampled_from(["A0", "A1", "没有"])))},
        "kind": {k: data.draw(st.integers(1, 30)) for k in data.draw(st.sets(st.sampled_from(KINDS)))},
    }
    asked = Settings(teams=with_teams(Settings(), teams).teams, floors=floors)
    plan = make_plan(sites, expected, asked, week=WEEK, days=days)
    assert broken(plan, sites, asked, []) == []
    by_id, told = {s.id: s for s in sites}, " ".join(plan.unmet)
    for what, of in floors.items():
        for name, need in of.items():
            got = sum(getattr(by_id[v.site], what) == name for v in plan.visits)
            assert got >= need or f"{name} 至少 {need} 家" in told
    long_ago = [s for s in sites if s.last_visit is None or (plan.days[0] - s.last_visit).days > 365]
    seen = sum(by_id[v.site] in long_ago for v in plan.visits)
    assert seen >= min(-(-n // 52), len(long_ago)) or "一年一遍" in told


def exact(problem: Problem) -> float:
    """The best worth by trying every day of every shift."""
    n = len(problem.value)
    best = {frozenset(): 0.0}
    for shift in problem.shifts:
        days = {
            frozenset(path): float(problem.value[list(path)].sum())
            for k in range(1, shift.most + 1)
            for path in itertools.permutations(range(n), k)
            if timed(problem, shift, path) is not None
        }
        for chosen, worth in list(best.items()):
            for day, gain in days.items():
                if not day & chosen and worth + gain > best.get(chosen | day, -1.0):
                    best[chosen | day] = worth + gain
    return max(best.values())


def small(seed: int, n: int = 7) -> Problem:
    rng = random_for("small", seed)
    place = rng.normal(0, 12, (n + 1, 2))
    far = np.hypot(*(place[:, None] - place[None]).transpose(2, 0, 1))
    travel = (np.ceil((10 + far * 2.3) / 5) * 5).astype(np.int64)
    service = rng.choice([90, 120, 180, 240], n).astype(np.int64)
    shifts = tuple(
        Shift(f"{i}", 510, 1050, travel[n, :n].copy(), travel[:n, n].copy(), np.arange(n) != i, 3) for i in range(2)
    )
    return Problem(
        np.exp(rng.normal(8, 1, n)), service, np.full(n, 510), np.full(n, 1050), travel[:n, :n].copy(), shifts
    )


@pytest.mark.parametrize("seed", range(8))
def test_small_weeks_are_solved_to_within_two_percent(seed: int) -> None:
    problem = small(seed)
    found, best = solve(problem), exact(problem)
    assert found.value >= 0.98 * best
    assert found.bound >= best - 1e-6, "the bound is one"


@pytest.mark.parametrize("seed", range(4))
def test_musts_that_do_not_all_fit_promise_no_more_than_the_week_without_them(seed: int) -> None:
    free = small(seed)
    found = solve(replace(free, must=tuple(range(len(free.value)))))
    assert found.value <= found.bound + 1e-6
    assert found.gap <= 0.02 or found.bound <= solve(free).bound + 1e-6


def week(plan: Plan) -> set[str]:
    return {v.site for v in plan.visits}


BASIC = with_teams(Settings(every_unit_yearly=False), 1)


def test_what_happened_stays_and_the_rest_is_planned_anew() -> None:
    sites, expected = county(12)
    asked = Settings(teams=BASIC.teams, done=(Done("H00", "第1组", 2, 540, 900),), every_unit_yearly=False)
    plan = make_plan(sites, expected, asked, week=WEEK)
    assert [(v.site, v.done) for v in plan.visits if v.done] == [("H00", True)]
    assert all(v.day >= date(2026, 11, 24) for v in plan.visits), "Monday is over"
    assert all(v.start >= 900 for v in plan.visits if v.day == date(2026, 11, 24) and not v.done)


def test_a_persons_change_is_kept_and_priced() -> None:
    sites, expected = county(20)
    free = make_plan(sites, expected, BASIC, week=WEEK, days=2)
    left = next(s.id for s in sites if s.id not in week(free) and s.last_visit is None)
    gone = max((v for v in free.visits), key=lambda v: v.worth).site
    asked = Settings(teams=BASIC.teams, keep=(Keep(left, day=2), Keep(gone, never=True)), every_unit_yearly=False)
    plan = make_plan(sites, expected, asked, week=WEEK, days=2)
    assert [v.day.isoweekday() for v in plan.visits if v.site == left] == [2]
    assert gone not in week(plan)
    assert plan.price > 0
    assert plan.worth + plan.price == pytest.approx(free.worth, rel=0.02)


def test_unknown_places_are_planned_and_told() -> None:
    sites, expected = county(14)
    plan = make_plan(sites, expected, BASIC, week=WEEK, drawn=["H06"])
    mine = next(v for v in plan.visits if v.site == "H06")
    assert (mine.place_known, mine.kilometres, mine.why) == (False, None, DRAWN)
    assert any("无坐标" in note for note in plan.notes)
    nowhere = [Site(s.id, s.name, s.kind, s.level, s.area) for s in sites]
    assert make_plan(nowhere, expected, BASIC, week=WEEK).visits


def test_what_cannot_be_is_said_and_the_rest_planned() -> None:
    sites, expected = county(12)
    asked = Settings(
        teams=BASIC.teams, floors={"area": {"A0": 40, "没有": 1}}, closed=("H01",), every_unit_yearly=False
    )
    plan = make_plan(
        sites, expected, asked, week=WEEK, days=1, drawn=["H01", "H99", *[s.id for s in sites if s.kind == "综合医院"]]
    )
    told = "\n".join(plan.unmet)
    assert "单位1 已停业或关闭" in told
    assert "机构 H99 不在机构表中" in told
    assert "片区 没有 至少 1 家：可查的只有 0 家" in told
    assert "下一周排定时自动补排" in told
    assert plan.visits


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: with_teams(Settings(), 0), "没有检查组"),
        (lambda: make_plan([], {}, Settings(), week=WEEK), "没有检查组"),
        (lambda: make_plan([], {}, BASIC, week="2026-48"), "不是周次"),
        (lambda: make_plan([], {}, BASIC, week=WEEK, days=9), "1 到 7"),
        (lambda: make_plan([], {}, Settings(teams=BASIC.teams, held_back_days=5), week=WEEK), "没有剩下"),
    ],
)
def test_impossible_questions_are_one_sentence(call: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        call()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("teams = [{name = '一组', members = ['张三']}]", "只有 1 人"),
        ("most = 3", "不认识的设置 most"),
        ("[hours]\nstart = '25:00'", "时刻 '25:00' 不成立"),
        ("a = ", "TOML"),
        ("objective = 'fame'", "只能是 amount 或 cases"),
        ("keep = [{unit = 'H'}]", "keep|unit"),
    ],
)
def test_wrong_settings_name_the_file(text: str, words: str, tmp_path: Any) -> None:
    path = tmp_path / "s.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(UserError, match=words) as error:
        read_settings(path)
    assert "s.toml" in str(error.value)


def test_files_are_whole_and_say_what_they_are() -> None:
    sites, expected = county(12)
    plan = make_plan(sites, expected, BASIC, week=WEEK, drawn=["H06"])
    assert as_csv(plan).count("\r\n") == len(plan.visits) + 1
    calendar = as_calendar(plan)
    assert calendar.count("BEGIN:VEVENT") == len(plan.visits)
    assert max(len(line.encode()) for line in calendar.split("\r\n")) <= 75
    assert "DTSTART;TZID=Asia/Shanghai:202611" in calendar
    assert as_picture(plan).count("<circle") == len(plan.visits)
    assert "非违规结论" in plan_text(plan)
    assert plan.to_json()["visits"][0]["start"].count(":") == 1


def test_the_same_question_gives_the_same_plan() -> None:
    sites, expected = county(18)
    one, two = (make_plan(sites, expected, BASIC, week=WEEK).to_json() for _ in range(2))
    assert one == two
