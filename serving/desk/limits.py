"""What an office may set for itself: days of each step, shares, caps. The law asks for a limit on every step (两库办法) and mostly names no number;
what stands here is a proposal. The last value of a name counts, every one ever set is kept with who, when and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select

from claims.schema.sensitive import GROUPS
from serving.desk import log
from serving.desk.cases import Refused
from serving.desk.database import Desk, now
from serving.desk.people import Person
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
    "paper_mb": Limit("单个附件", 18, "MB", 1, 18, "建议"),
    **{
        f"cover_{name}": Limit(f"派查前遮盖：{group.zh}", 1, "（1遮盖，0不遮盖）", 0, 1, "建议；个人信息保护法第28条")
        for name, group in GROUPS.items()
    },
}


def value(connection: Connection, name: str) -> int:
    """What counts now."""
    chosen = select(TABLE.c.value).where(TABLE.c.name == name).order_by(TABLE.c.limit_id.desc()).limit(1)
    found = connection.execute(chosen).scalar()
    return LIMITS[name].default if found is None else int(found)


def all_values(desk: Desk) -> list[dict[str, Any]]:
    """Every limit with what counts now, who set it, when and why."""
    last = select(func.max(TABLE.c.limit_id)).group_by(TABLE.c.name)
    chosen = select(TABLE, PEOPLE.c.shown).join(PEOPLE, TABLE.c.who == PEOPLE.c.person_id)
    with desk.read() as connection:
        set_ones = {r["name"]: r for r in connection.execute(chosen.where(TABLE.c.limit_id.in_(last))).mappings()}
    out = []
    for name, limit in LIMITS.items():
        now_set = set_ones.get(name)
        facts = {k: now_set[k] for k in ("at", "shown", "note")} if now_set else {"at": None, "shown": "", "note": ""}
        out.append({"name": name, **vars(limit), "value": now_set["value"] if now_set else limit.default, **facts})
    return out


def put(desk: Desk, person: Person, name: str, wanted: int, why: str) -> None:
    """Set one, from now on: deadlines that run keep theirs. Raises Refused."""
    limit = LIMITS.get(name)
    if limit is None:
        raise Refused("没有这个期限")
    if not limit.low <= wanted <= limit.high:
        raise Refused(f"{limit.zh}应在{limit.low}至{limit.high}{limit.unit}之间")
    if not why.strip():
        raise Refused("请填写理由")
    with desk.write() as connection:
        before = value(connection, name)
        row = {"name": name, "value": wanted, "note": why.strip()[:400], "at": now(), "who": person.person_id}
        connection.execute(insert(TABLE).values(**row))
        log.append(connection, "limit.set", person.name, name, {"from": before, "to": wanted})
