"""The counter's check as an address: one settlement with its fee lines, judged while the patient stands there, by what `xiezhi check` runs.

The body is held against the official columns (claims/schema/tables.py) before anything is asked; what is wrong with it is told column by column, without the
value. Nothing of it is written into the warehouse; the desk's log says that somebody checked, how many rules were hit, and nothing of whom.
"""

from __future__ import annotations

import asyncio
import math
import re
import sqlite3
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any, Final
from weakref import WeakKeyDictionary

import duckdb
from anyio import CapacityLimiter, to_thread
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model
from pydantic_core import PydanticCustomError

from claims.errors import UserError
from claims.schema.tables import SOURCE
from features.checking.check_claim import check_claim
from features.checking.claim_file import moment_of_claim
from features.checking.counter_store import CounterStore
from features.checking.describe import KIND_ZH
from serving.desk import log
from serving.desk.database import Desk
from serving.desk.people import Person

LONGEST: Final = 4_000
MOST_LINES: Final = 2_000
LARGEST: Final = 1e9
PATIENCE: Final = 3.0
"""Seconds that a check may wait for its turn. Who would wait longer, by what the checks before him lately took, is told at once when to come back."""
BUSY: Final = "柜台核查正忙，请稍后再试；结算可先办理，事后由清单复核"
_TURNS: WeakKeyDictionary[asyncio.AbstractEventLoop, CapacityLimiter] = WeakKeyDictionary()
_UNREADABLE: Final = (UserError, OSError, duckdb.Error, sqlite3.Error)
"""What may stand in the way of a check; at the start nobody is told, the first who asks is."""


class Crowded(UserError):
    """More checks wait than can be answered in time; `after` so many seconds there is room again."""

    def __init__(self, after: int) -> None:
        super().__init__(BUSY)
        self.after = after


class _Pace:
    """What a check of this process takes, in seconds: the last ones count most."""

    def __init__(self) -> None:
        self.each = 0.0

    def took(self, seconds: float) -> None:
        self.each = seconds if not self.each else 0.8 * self.each + 0.2 * seconds


PACE: Final = _Pace()


def _plain(text: str) -> str:
    if any(ord(c) < 32 and c not in "\t\n\r" for c in text):
        raise PydanticCustomError("control", "不得含控制字符")
    return text.strip()


def _code(text: str) -> str:
    if re.fullmatch(r"[0-9](\.[0-9]+)?E\+?[0-9]+", text.strip(), re.I):
        raise PydanticCustomError("code", "编码写成了科学计数法，位数已丢失；请以文本导出")
    return text


def _moment(text: str) -> str:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise PydanticCustomError("moment", "须为时间，写成 YYYY-MM-DD HH:MM:SS") from None
    if found.tzinfo is not None or not 1990 <= found.year <= 2200:
        raise PydanticCustomError("moment", "须为北京时间，不带时区，年份在 1990 至 2200 之间")
    return found.isoformat(sep=" ")


Text = Annotated[str, Field(max_length=LONGEST), AfterValidator(_plain)]
Code = Annotated[Text, AfterValidator(_code)]
Moment = Annotated[str, Field(max_length=40), AfterValidator(_moment)]
Amount = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
_KINDS: Final[Mapping[str, Any]] = {
    "code": Code, "text": Text, "date": Moment, "datetime": Moment, "int": Count,
    "money": Amount, "price": Amount, "qty": Amount, "ratio": Amount, "float": Amount,
}  # fmt: skip
NEEDED: Final = frozenset({"mdtrt_id", "psn_no", "fixmedins_code", "med_type", "begntime"})


def _columns(name: str, table: str, needed: frozenset[str]) -> type[BaseModel]:
    """A model of a table's official columns, amounts in yuan; other columns are passed over, as `xiezhi check` does."""
    fields: dict[str, Any] = {}
    for column in SOURCE[table].columns:
        kind = _KINDS[column.kind]
        if column.name in needed:
            fields[column.name] = (kind, Field(min_length=1, description=column.zh))
        else:
            fields[column.name] = (kind | None, Field(default=None, description=column.zh))
    return create_model(name, __config__=ConfigDict(extra="ignore", hide_input_in_errors=True), **fields)


Settlement = _columns("Settlement", "settlements", NEEDED)
Line = _columns("Line", "fee_details", frozenset())


async def check(
    warehouse: Path, desk: Desk, who: Person, settlement: BaseModel, lines: list[BaseModel], at: str | None
) -> dict[str, Any]:
    """What the rules say of a settlement. Raises UserError for one that cannot be judged or is not of the caller's area, Crowded."""
    turns = _TURNS.setdefault(asyncio.get_running_loop(), CapacityLimiter(1))
    if (wait := PACE.each * turns.statistics().tasks_waiting) > PATIENCE:
        raise Crowded(math.ceil(wait))
    return await to_thread.run_sync(partial(judged, warehouse, desk, who, settlement, lines, at), limiter=turns)


def judged(
    warehouse: Path, desk: Desk, who: Person, settlement: BaseModel, lines: list[BaseModel], at: str | None
) -> dict[str, Any]:
    """`check` without its queue."""
    claim = settlement.model_dump(exclude_none=True)
    billed = [line.model_dump(exclude_none=True) for line in lines]
    if not who.sees(kept(warehouse).area(claim["fixmedins_code"])):
        raise UserError("该定点机构不在您的片区，不能核查")
    if any(line.get("mdtrt_id", claim["mdtrt_id"]) != claim["mdtrt_id"] for line in billed):
        raise UserError("费用明细的 mdtrt_id 与结算单不同，一次只核查一张结算单")
    when = datetime.fromisoformat(at) if at else moment_of_claim(claim)
    started = time.monotonic()
    answers = check_claim(claim, billed, kept(warehouse), when)
    PACE.took(time.monotonic() - started)
    hits = [a for a in answers if a.status == "hit"]
    unread = [a for a in answers if a.status == "not_evaluable"]
    log.note(desk, "check", who.name, detail={"hits": len(hits), "lines": len(billed), "way": kept(warehouse).went})
    return {
        "at": when.isoformat(sep=" "),
        "hits": [{k: v for k, v in asdict(a).items() if k not in ("status", "missing")} | {"kind_zh": KIND_ZH[a.kind]} for a in hits],
        "clear": len(answers) - len(hits) - len(unread),
        "not_evaluable": [{"rule": a.rule, "grain": a.grain, "missing": a.missing} for a in unread],
        "disclaimer": "疑点线索，非违规结论",
    }  # fmt: skip


@cache
def kept(warehouse: Path) -> CounterStore:
    """What this process keeps of a warehouse between checks."""
    return CounterStore(warehouse)


def warm(warehouse: Path) -> None:
    """Open the quick way beside the start, and let the first check find everything ready: a claim of nobody is judged. Checks that come meanwhile
    go the full way."""

    def judge() -> None:
        store, now = kept(warehouse), datetime.now()
        claim = dict.fromkeys(NEEDED, "0") | {"begntime": now.isoformat(sep=" ")}
        for quick in (False, True):
            if quick:
                store.prepare()
            with suppress(*_UNREADABLE):
                for _ in range(2):  # what the first finds to keep, the second keeps
                    check_claim(claim, [], store, now)

    threading.Thread(target=judge, name="counter", daemon=True).start()
