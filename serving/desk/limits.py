"""What an office may set for itself: days of each step, shares, caps. The law asks for a limit on every step (两库办法) and mostly names no number;
what stands here is a proposal. One person proposes a value, another grants it, and until then the one before holds; the last that was granted counts, and
every one ever proposed is kept with who, when and why."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from claims.schema.sensitive import GROUPS
from serving.desk import log
from serving.desk.cases import Refused
from serving.desk.database import Desk, exclusive, now
from serving.desk.people import Person
from serving.desk.roles import RIGHTS
from serving.desk.schema import LIMITS as TABLE
from serving.desk.schema import PEOPLE


@dataclass(frozen=True)
class Limit:
    """One number. low, high: between which an office may move it; source: where it comes from."""

    zh: str
    default: int
    unit: str
    low: int
    high: int
    source: str


LIMITS: Final[dict[str, Limit]] = {
    "C10": Limit("初审期限", 3, "工作日", 1, 20, "两库办法要求设期限，未定天数"),
    "C20": Limit("复审期限", 3, "工作日", 1, 20, "两库办法要求设期限，未定天数"),
    "C30": Limit("派查期限", 5, "工作日", 1, 30, "建议"),
    "C40": Limit("核查期限", 20, "工作日", 1, 90, "建议；飞行检查以方案为准"),
    "C50": Limit("陈述申辩期限", 5, "工作日", 3, 30, "建议；不得少于3个工作日"),
    "C60": Limit("认定期限", 10, "工作日", 1, 60, "建议；处罚案件另计90日（行政处罚法）"),
    "C70": Limit("处理期限", 22, "工作日", 1, 250, "约30日"),
    "C85": Limit("回头看期限", 120, "工作日", 5, 250, "约6个月"),
    "extension": Limit("一次延期至多", 20, "工作日", 1, 90, "须第二人批准"),
    "second_reviews": Limit("盲法复核比例", 10, "%", 0, 100, "初审后另由一人独立再审，双方互不知情"),
    "reveals": Limit("每人每日查看全号和敏感诊断", 30, "次", 1, 500, "超过须由他人查看"),
    "board_yuan": Limit("案审会集体讨论起点", 100_000, "元", 0, 99_999_999, "建议；飞检办法要求集体讨论，未定金额"),
    "legal_yuan": Limit("法制审核起点", 100_000, "元", 0, 99_999_999, "建议；处罚程序第4条：重大决定须经法制审核"),
    "paper_mb": Limit("单个附件", 18, "MB", 1, 18, "建议"),
    **{
        f"cover_{name}": Limit(f"派查前遮盖：{group.zh}", 1, "（1遮盖，0不遮盖）", 0, 1, "建议；个人信息保护法第28条")
        for name, group in GROUPS.items()
    },
}
PROPOSING: Final = 4
"""The lock under which one thing is proposed at a time."""


def value(connection: Connection, name: str) -> int:
    """What counts now."""
    return values(connection, (name,))[name]


def values(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    """What counts now, of several."""
    wanted = tuple(names)
    found: dict[str, int] = dict(connection.execute(last_granted(wanted)).tuples().all())
    return {name: found.get(name, LIMITS[name].default) for name in wanted}


@functools.lru_cache(maxsize=64)
def last_granted(names: tuple[str, ...]) -> Select[str, int]:
    """The question of `values`: those of these names that somebody set, and what counts now."""
    last = select(func.max(TABLE.c.limit_id)).where(TABLE.c.name.in_(names), TABLE.c.granted).group_by(TABLE.c.name)
    return select(TABLE.c.name, TABLE.c.value).where(TABLE.c.limit_id.in_(last))


def all_values(desk: Desk) -> list[dict[str, Any]]:
    """Every limit with what counts now, who proposed and who granted it, when and why; `asked`: what waits for a second person."""
    last = select(func.max(TABLE.c.limit_id)).where(TABLE.c.granted).group_by(TABLE.c.name)
    second = PEOPLE.alias()
    chosen = (
        select(TABLE, PEOPLE.c.shown, second.c.shown.label("second"))
        .join(PEOPLE, TABLE.c.who == PEOPLE.c.person_id)
        .outerjoin(second, TABLE.c.answered_by == second.c.person_id)
    )
    with desk.read() as connection:
        set_ones = {r["name"]: r for r in connection.execute(chosen.where(TABLE.c.limit_id.in_(last))).mappings()}
        waiting = {r["name"]: dict(r) for r in connection.execute(chosen.where(TABLE.c.granted.is_(None))).mappings()}
    out = []
    for name, limit in LIMITS.items():
        now_set = set_ones.get(name)
        told = ("at", "shown", "second", "note")
        facts = {k: now_set[k] for k in told} if now_set else {"at": None, "shown": "", "second": "", "note": ""}
        current = now_set["value"] if now_set else limit.default
        out.append({"name": name, **vars(limit), "value": current, **facts, "asked": waiting.get(name)})
    return out


def propose(desk: Desk, person: Person, name: str, wanted: int, why: str) -> None:
    """Propose one; it holds once another person has granted it. Raises Refused."""
    limit = LIMITS.get(name)
    if limit is None:
        raise Refused("没有这个期限")
    if not limit.low <= wanted <= limit.high:
        raise Refused(f"{limit.zh}应在{limit.low}至{limit.high}{limit.unit}之间")
    if not why.strip():
        raise Refused("请填写理由")
    with desk.write() as connection:
        exclusive(connection, PROPOSING)
        if connection.execute(select(TABLE.c.limit_id).where(TABLE.c.name == name, TABLE.c.granted.is_(None))).first():
            raise Refused(f"{limit.zh}已有一项改动待批准")
        before = value(connection, name)
        row = {"name": name, "value": wanted, "note": why.strip()[:400], "at": now(), "who": person.person_id}
        connection.execute(insert(TABLE).values(**row))
        log.append(connection, "limit.propose", person.name, name, {"from": before, "to": wanted})


def answer(desk: Desk, person: Person, rights: frozenset[str], limit_id: int, granted: bool) -> None:
    """Grant or refuse what another proposed, from now on: deadlines that run keep theirs. Raises Refused."""
    if "approve" not in rights:
        raise Refused(f"此步骤需要“{RIGHTS['approve']}”的权限")
    with desk.write() as connection:
        waiting = (TABLE.c.limit_id == limit_id) & TABLE.c.granted.is_(None)
        asked = connection.execute(select(TABLE).where(waiting)).mappings().first()
        if asked is None:
            raise Refused("没有这项待批准的改动")
        said = {"granted": granted, "answered_at": now(), "answered_by": person.person_id}
        try:
            done = connection.execute(update(TABLE).where(waiting).values(**said))
        except IntegrityError:
            raise Refused("改动须由另一人批准") from None
        if done.rowcount != 1:
            raise Refused("没有这项待批准的改动")
        detail = {"to": asked["value"], "granted": granted}
        log.append(connection, "limit.answer", person.name, asked["name"], detail)
