"""A person's changes of the week's plan: this unit on that day by that team, not at all, or visited already; kept with who, when and why, priced at the next planning.

Nothing is computed here: `xiezhi plan` reads them, keeps them, and says what they cost.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select

from claims.clock import as_read
from claims.settings import settings
from inspection.settings import WEEKDAYS, Done, Keep, Settings, clock, hhmm
from serving.desk import log
from serving.desk.cases import Refused
from serving.desk.database import FOLDER, Desk, now, open_desk
from serving.desk.people import Person
from serving.desk.schema import PEOPLE, PLAN_CHANGES


def change(
    desk: Desk, person: Person, week: str, site: str, *, team: str = "", day: int = 0, never: bool = False, why: str,
    made: tuple[str, str] = ("", ""),
) -> None:  # fmt: skip
    """Keep a change; the last one about a unit in a week counts, all are kept. made: HH:MM it began and ended, of a visit that was made on that day by that team. Raises
    Refused."""
    if not re.fullmatch(r"[0-9]{4}-W[0-9]{2}", week):
        raise Refused("没有这一周的计划")
    if not why.strip():
        raise Refused("请填写理由")
    if not 0 <= day <= 7:
        raise Refused("一周只有周一到周日")
    if not site or len(site) > 32 or len(team) > 64:
        raise Refused("请选择机构和检查组")
    start, finish = _times(made) if any(made) else (None, None)
    if start is not None and (never or not day or not team):
        raise Refused("已查的须选择哪天、哪个检查组")
    row = {
        "week": week,
        "site": site,
        "team": team,
        "day": day,
        "never": never,
        "start": start,
        "finish": finish,
        "why": why.strip()[:400],
        "at": now(),
        "who": person.person_id,
    }
    with desk.write() as connection:
        connection.execute(insert(PLAN_CHANGES).values(**row))
        told = {"site": site, "team": team, "day": day, "never": never, "made": start is not None}
        log.append(connection, "plan.change", person.name, week, told)


def _times(made: tuple[str, str]) -> tuple[int, int]:
    """Minutes of the day. Raises Refused."""
    try:
        start, finish = clock(made[0]), clock(made[1])
    except ValueError:
        raise Refused("已查的须填写开始和结束时间，写作 08:30") from None
    if start >= finish:
        raise Refused("开始时间须早于结束时间")
    return start, finish


def changes_of(desk: Desk, week: str) -> list[dict[str, Any]]:
    """What counts of a week: the last change of each unit, oldest first: site, team, day, never, why, at, shown."""
    last = select(func.max(PLAN_CHANGES.c.change_id)).where(PLAN_CHANGES.c.week == week).group_by(PLAN_CHANGES.c.site)
    chosen = (
        select(PLAN_CHANGES, PEOPLE.c.shown)
        .join(PEOPLE, PLAN_CHANGES.c.who == PEOPLE.c.person_id)
        .where(PLAN_CHANGES.c.change_id.in_(last))
        .order_by(PLAN_CHANGES.c.change_id)
    )
    with desk.read() as connection:
        return [dict(r) for r in connection.execute(chosen).mappings()]


def told(change: dict[str, Any], name: str, area: str = "") -> dict[str, Any]:
    """A change as a published plan holds it: plain values; name, area: of the unit."""
    kept = ("change_id", "site", "team", "day", "never", "why", "shown")
    return {k: change[k] for k in kept} | {
        "name": name,
        "area": area,
        "at": as_read(change["at"]).isoformat(sep=" ", timespec="minutes"),
        "asked": asked(change),
    }


def asked(change: dict[str, Any]) -> str:
    """What was asked, in words."""
    if change["never"]:
        return "本周不去"
    if change["start"] is not None:
        hours = f"{hhmm(change['start'])}–{hhmm(change['finish'])}"
        return f"已查（周{WEEKDAYS[change['day'] - 1]} {hours}，{change['team']}）"
    when = f"周{WEEKDAYS[change['day'] - 1]}" if change["day"] else ""
    return "、".join(filter(None, [when, change["team"]])) or "本周去"


def counted(asked: Settings, changes: list[dict[str, Any]]) -> Settings:
    """The settings with what leaders changed: a unit placed, left out, or visited already; what the file says of the same unit gives way."""
    about = {str(c["site"]) for c in changes}
    placed = [c for c in changes if c["start"] is None]
    made = [c for c in changes if c["start"] is not None]
    keep = tuple(Keep(str(c["site"]), str(c["team"]), int(c["day"]), bool(c["never"])) for c in placed)
    done = tuple(Done(str(c["site"]), str(c["team"]), int(c["day"]), int(c["start"]), int(c["finish"])) for c in made)
    return replace(
        asked,
        keep=(*(k for k in asked.keep if k.site not in about), *keep),
        done=(*(d for d in asked.done if d.site not in about), *done),
    )


def of_warehouse(warehouse: Path, week: str) -> list[dict[str, Any]]:
    """The changes of a week; none where no desk was ever opened here."""
    if not settings().desk and not (warehouse / FOLDER).exists():
        return []
    return changes_of(open_desk(warehouse), week)
