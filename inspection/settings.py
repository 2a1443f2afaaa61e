"""What an office says about its teams and rules, a TOML file (`xiezhi plan --settings FILE`); everything has a default.

most_visits = 3            # a team's visits a day
repeat_months = 6          # no unit twice within
held_back_days = 1         # team-days kept for tip-offs and joint checks
areas = ["429004"]         # units elsewhere are left out
night_kinds = ["综合医院"]   # visited in the evening, where a team has a night
closed = ["H4290040000001"]
[hours]                    start = "08:30"  end = "17:30"  night_start = "19:00"  night_end = "22:00"  by_kind = { 诊所 = ["08:30", "11:30"] }
[minutes]                  村卫生室 = 60   # of a visit, by kind
[floors.area]              429004 = 2     # visits this week at least; [floors.kind] the same
[needs]                    综合医院 = "临床" # skill that a team must have
[[teams]]                  name = "一组"  members = ["张三", "李四"]  skills = ["临床"]  conflicts = ["H…"]  base = [113.2, 30.4]  nights = 1  off = [5]
[avoid]                    "张三" = ["H…"]   # units a person must not visit (回避), beside what he declared at the desk
[[keep]]                   site = "H…"  team = "一组"  day = 2  # a person's change; never = true leaves the unit out
[[done]]                   site = "H…"  team = "一组"  day = 1  start = "09:00"  end = "11:00"
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from claims.errors import UserError

MINUTES = {
    "综合医院": 360, "专科医院": 240, "中医医院": 240, "卫生院": 180, "社区卫生服务中心": 180, "门诊部": 120, "诊所": 90, "村卫生室": 60, "药店": 90, "零售药店": 90,
}  # fmt: skip
USUAL_MINUTES = 120
WEEKDAYS = "一二三四五六日"


@dataclass(frozen=True)
class Team:
    """members: at least two officers; conflicts: units it must not visit (回避); base: where its day begins; nights: evenings it gives; off: weekdays 1–7."""

    name: str
    members: tuple[str, ...] = ("甲", "乙")
    skills: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    base: tuple[float, float] | None = None
    nights: int = 0
    off: tuple[int, ...] = ()


@dataclass(frozen=True)
class Keep:
    """A person's change: this unit on that day (1–7) and team, as far as said; or never."""

    site: str
    team: str = ""
    day: int = 0
    never: bool = False


@dataclass(frozen=True)
class Done:
    """A visit that has been made; minutes of the day."""

    site: str
    team: str
    day: int
    start: int
    end: int


@dataclass(frozen=True)
class Settings:
    """As in the file; hours in minutes of the day."""

    teams: tuple[Team, ...] = ()
    most_visits: int = 3
    repeat_months: int = 6
    held_back_days: int = 0
    objective: str = "amount"
    start: int = 510
    end: int = 1050
    night_start: int = 1140
    night_end: int = 1320
    speed_kmh: float = 35.0
    road_factor: float = 1.35
    parking_minutes: int = 10
    unknown_minutes: int = 30
    every_unit_yearly: bool = True
    areas: tuple[str, ...] = ()
    night_kinds: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    hours: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    minutes: Mapping[str, int] = field(default_factory=dict)
    floors: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    needs: Mapping[str, str] = field(default_factory=dict)
    avoid: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keep: tuple[Keep, ...] = ()
    done: tuple[Done, ...] = ()

    def minutes_of(self, kind: str) -> int:
        """Of a visit to a unit of this kind, in steps of five."""
        asked = self.minutes.get(kind, MINUTES.get(kind, USUAL_MINUTES))
        return max(5, -(-int(asked) // 5) * 5)

    def may_visit(self, team: Team, unit: str, kind: str) -> bool:
        """No conflict of interest (回避) of the team or a member, and the skill that units of the kind ask for."""
        skilled = kind not in self.needs or self.needs[kind] in team.skills
        return skilled and unit not in team.conflicts and not self.kept_from(team, unit)

    def kept_from(self, team: Team, unit: str) -> tuple[str, ...]:
        """Members of the team who must not visit the unit."""
        return tuple(m for m in team.members if unit in self.avoid.get(m, ()))

    def kept_away(self, names: Mapping[str, str], by: Mapping[str, str]) -> list[str]:
        """A sentence for each member who must not visit a unit, and who goes instead. names: of units; by: unit → team that visits it."""
        if self.avoid and not any(m in self.avoid for t in self.teams for m in t.members):
            return ["各组人员中没有申报过回避的人（按姓名或用户名核对）；组员没有写真名的，请在设置文件 [[teams]] 补写"]
        return [
            f"{member} 须回避 {names[unit]}：{team.name}不去，"
            + (f"由{by[unit]}去" if unit in by else "其他组也没有排入")
            for team in self.teams
            for member in dict.fromkeys(team.members)
            for unit in dict.fromkeys(self.avoid.get(member, ()))
            if unit in names
        ]

    def travel_minutes(self, far: float | None) -> int:
        """Of a way on the road, in steps of five, rounded up; far: kilometres as the crow flies, None = unknown."""
        driven = None if far is None else far * self.road_factor / self.speed_kmh * 60
        minutes = self.unknown_minutes if driven is None else self.parking_minutes + driven
        return max(5, math.ceil(minutes / 5 - 1e-9) * 5)


def with_teams(settings: Settings, count: int | None) -> Settings:
    """With `count` unnamed teams of two where the file names none; the first `count` of those it names. UserError without any team."""
    if count is not None and count < 1:
        raise UserError(f"--teams {count}：没有检查组就排不出计划；请至少给出 1 组（每组两人以上）")
    if settings.teams:
        if count is not None and count > len(settings.teams):
            raise UserError(f"--teams {count}：设置文件只写了 {len(settings.teams)} 组；请补写各组人员，或减少组数")
        return replace(settings, teams=settings.teams[:count])
    if count is None:
        raise UserError("没有检查组；请给出 --teams，或在设置文件中写 [[teams]]")
    return replace(settings, teams=tuple(Team(f"第{i + 1}组", (f"{i + 1}组甲", f"{i + 1}组乙")) for i in range(count)))


def with_declared(settings: Settings, declared: Mapping[str, Sequence[str]]) -> Settings:
    """With the units that persons declared (回避), beside those of the file. declared: what a person is called → units."""
    called = dict.fromkeys([*settings.avoid, *declared])
    avoid = {c: tuple(dict.fromkeys([*settings.avoid.get(c, ()), *declared.get(c, ())])) for c in called}
    return replace(settings, avoid=avoid)


def read_settings(path: Path | None) -> Settings:
    """The file's settings over the defaults. UserError naming file, key and what to do."""
    if path is None:
        return Settings()
    try:
        said = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UserError(f"{path}：读不到设置文件（{error.strerror}）；请检查路径") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}：不是有效的 TOML 文件（{error}）；请改正该行") from None
    try:
        return _settings(said)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise UserError(f"{path}：{error}；请对照 docs/inspection.md 的设置说明改正") from None


def _settings(said: dict[str, Any]) -> Settings:
    plain = {f.name for f in fields(Settings)} - {"teams", "hours", "minutes", "floors", "needs", "avoid", "keep", "done", "start", "end", "night_start", "night_end"}  # fmt: skip
    known = plain | {"teams", "hours", "minutes", "floors", "needs", "avoid", "keep", "done"}
    if unknown := sorted(set(said) - known):
        raise ValueError(f"不认识的设置 {'、'.join(unknown)}")
    made: dict[str, Any] = {k: tuple(map(str, v)) if isinstance(v, list) else v for k, v in said.items() if k in plain}
    hours = dict(said.get("hours", {}))
    made["hours"] = {k: (clock(v[0]), clock(v[1])) for k, v in hours.pop("by_kind", {}).items()}
    made |= {k: clock(v) for k, v in hours.items()}
    made["minutes"] = {k: int(v) for k, v in said.get("minutes", {}).items()}
    made["floors"] = {k: {str(n): int(c) for n, c in v.items()} for k, v in said.get("floors", {}).items()}
    made["needs"] = {k: str(v) for k, v in said.get("needs", {}).items()}
    made["avoid"] = {k: tuple(map(str, v)) for k, v in said.get("avoid", {}).items()}
    made["teams"] = tuple(_team(t) for t in said.get("teams", []))
    made["keep"] = tuple(Keep(**k) for k in said.get("keep", []))
    made["done"] = tuple(
        Done(**(d | {"start": clock(d["start"]), "end": clock(d["end"])})) for d in said.get("done", [])
    )
    settings = Settings(**made)
    if settings.objective not in ("amount", "cases"):
        raise ValueError(f"objective = {settings.objective!r}，只能是 amount 或 cases")
    if bad := [k for k in settings.floors if k not in ("area", "kind")]:
        raise ValueError(f"floors.{bad[0]}，只能是 floors.area 或 floors.kind")
    if settings.start >= settings.end or settings.night_start >= settings.night_end:
        raise ValueError("hours 的开始不早于结束")
    if len({t.name for t in settings.teams}) < len(settings.teams):
        raise ValueError("teams 中有同名的组")
    return settings


def _team(said: dict[str, Any]) -> Team:
    made: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in said.items()}
    team = Team(**made)
    if len(set(team.members)) < 2:
        raise ValueError(f"检查组 {team.name} 只有 {len(set(team.members))} 人，现场检查须两名以上执法人员")
    return team


def clock(text: Any) -> int:
    """Minutes of the day of "HH:MM", in steps of five."""
    hours, _, minutes = str(text).partition(":")
    if not (hours.isdigit() and minutes.isdigit() and int(hours) < 24 and int(minutes) < 60):
        raise ValueError(f"时刻 {text!r} 不成立，写作 08:30")
    return (int(hours) * 60 + int(minutes)) // 5 * 5


def hhmm(minutes: int) -> str:
    """Minutes of the day as HH:MM."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
