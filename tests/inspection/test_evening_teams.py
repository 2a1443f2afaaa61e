"""Tonight's hospitals among teams: nobody where he must not go, nobody at two places, everything that fits, and the rest named."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claims.errors import UserError
from inspection.evening_teams import divide, teams_of_plan
from inspection.settings import Settings, Team, with_teams
from inspection.sites import Site

AT = datetime(2026, 11, 27, 20)


def site(i: int, **over: Any) -> Site:
    return Site(f"H{i}", f"医院{i}", "综合医院", 3, "429004", (113.0 + 0.02 * i, 30.0), **over)


def beds(*counts: int) -> list[dict[str, Any]]:
    return [{"unit": f"H{i}", "hospital": f"医院{i}", "area": "429004"} for i, n in enumerate(counts) for _ in range(n)]


def visited(told: dict[str, Any]) -> list[str]:
    return [s["unit"] for t in told["teams"] for s in t["stops"]]


def test_two_teams_share_the_evening_and_each_goes_its_way_along_the_road() -> None:
    told = divide(beds(3, 3, 3, 3), [site(i) for i in range(4)], with_teams(Settings(), 2), AT)
    assert sorted(visited(told)) == ["H0", "H1", "H2", "H3"]
    assert [t["beds"] for t in told["teams"]] == [6, 6], "neither carries the whole evening"
    for team in told["teams"]:
        assert [s["order"] for s in team["stops"]] == [1, 2]
        assert all(a["end"] < b["start"] for a, b in zip(team["stops"], team["stops"][1:], strict=False))
    assert told["unmet"] == []


def test_nobody_goes_where_he_must_not() -> None:
    teams = (Team("一组", conflicts=("H0",)), Team("二组", conflicts=("H1",)))
    told = divide(beds(2, 2), [site(0), site(1)], Settings(teams=teams), AT)
    assert [[s["unit"] for s in t["stops"]] for t in told["teams"]] == [["H1"], ["H0"]]
    both = (Team("一组", conflicts=("H0",)), Team("二组", conflicts=("H0",)))
    told = divide(beds(2, 2), [site(0), site(1)], Settings(teams=both), AT)
    assert told["unmet"] == ["医院0（2 床）：各组均须回避或没有所需专长，未排入"]


def test_what_there_is_no_time_for_is_named() -> None:
    told = divide(beds(40, 3), [site(0), site(1)], with_teams(Settings(), 1), AT)
    assert visited(told) == ["H1"]
    assert "一组查不完" in told["unmet"][0]


def test_unknown_places_and_units_are_told_and_teams_off_stay_home() -> None:
    lost = [Site("H0", "医院0", "", 0, "429004"), site(1)]
    told = divide(beds(1, 1, 1), lost, with_teams(Settings(), 1), AT)
    assert len(visited(told)) == 3
    assert any("不在机构表中" in n for n in told["notes"])
    assert next(s for t in told["teams"] for s in t["stops"] if s["unit"] == "H0")["kilometres"] is None
    with pytest.raises(UserError, match="没有可出勤"):
        divide(beds(1), [site(0)], Settings(teams=(Team("一组", off=(5,)),)), AT)


def test_who_gives_evenings_goes_and_a_plans_teams_are_read_back() -> None:
    told = {"teams": [{"name": "一组", "members": ["张三", "李四"], "skills": [], "conflicts": ["H1"], "base": [113.0, 30.0], "nights": 1, "off": []},
                      {"name": "二组", "members": ["甲", "乙"], "skills": [], "conflicts": [], "base": None, "nights": 0, "off": []}]}  # fmt: skip
    made = teams_of_plan(Settings(), told)
    assert made.teams[0] == Team("一组", ("张三", "李四"), (), ("H1",), (113.0, 30.0), 1, ())
    assert [t["name"] for t in divide(beds(1), [site(0)], made, AT)["teams"]] == ["一组"]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 3), st.data())
def test_no_division_breaks_a_rule(counts: list[int], n: int, data: Any) -> None:
    units = [f"H{i}" for i in range(len(counts))]
    conflicts = [tuple(data.draw(st.lists(st.sampled_from(units), max_size=2))) for _ in range(n)]
    teams = tuple(Team(f"第{i}组", conflicts=c) for i, c in enumerate(conflicts))
    told = divide(beds(*counts), [site(i) for i in range(len(counts))], Settings(teams=teams), AT)
    seen = visited(told)
    assert len(seen) == len(set(seen))
    assert len(seen) + len(told["unmet"]) == len(counts)
    for team, given_up in zip(told["teams"], conflicts, strict=True):
        assert not {s["unit"] for s in team["stops"]} & set(given_up)
        assert all("19:00" <= s["start"] < s["end"] <= "22:00" for s in team["stops"])
