"""What the rules' SQL calls and SQLite lacks, with the meaning DuckDB gives it.

A day and a moment are both microseconds since 1970 (a day's midnight), an interval is microseconds, a list is JSON, a
truth is 0 or 1.
"""

import json
import math
import re
import sqlite3
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

from claims.store.sql import name as identifier

DAY: Final = 86_400_000_000
_EPOCH: Final = datetime(1970, 1, 1)
_AS_THEY_ARE: Final = {"VARCHAR", "DOUBLE", "FLOAT", "BIGINT", "INTEGER", "SMALLINT", "TINYINT", "UINTEGER"}
_UNITS: Final = {"day": DAY, "hour": 3_600_000_000, "minute": 60_000_000, "second": 1_000_000}


def micros(moment: datetime) -> int:
    """A moment as SQLite holds it."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


@lru_cache(4096)
def moment(x: int) -> datetime:
    """Its reverse."""
    return _EPOCH + timedelta(microseconds=x)


def carried(column: str, kind: str) -> str:
    """SQL of DuckDB that gives a column as SQLite holds it. Raises ValueError for a kind it has not."""
    name = identifier(column)
    if kind in ("DATE", "TIMESTAMP"):
        return f"epoch_us({name}::TIMESTAMP) AS {name}"
    how = {"BOOLEAN": "INTEGER", "HUGEINT": "BIGINT", "UHUGEINT": "BIGINT", "UBIGINT": "BIGINT"}.get(kind)
    how = "DOUBLE" if kind.startswith("DECIMAL") else how
    if how is None and kind not in (
        "VARCHAR",
        "DOUBLE",
        "FLOAT",
        "BIGINT",
        "INTEGER",
        "SMALLINT",
        "TINYINT",
        "UINTEGER",
    ):
        raise ValueError(f"SQLite holds no {kind}")
    return name if how is None else f"{name}::{how} AS {name}"


class Odd(Exception):
    """A value that DuckDB may read, and nobody else."""


_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d:\d\d(\.\d{1,6})?)?")


def held(kind: str, value: Any) -> Any:
    """A value of a column as SQLite holds it. Raises Odd where it is not written plainly."""
    if value is None:
        return None
    if kind in ("DATE", "TIMESTAMP"):
        if isinstance(value, str) and _MOMENT.fullmatch(value):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                raise Odd from None
        if isinstance(value, datetime) and value.tzinfo is None:
            told = micros(value)
            return told // DAY * DAY if kind == "DATE" else told
    elif isinstance(value, bool):
        if kind == "BOOLEAN":
            return int(value)
    elif kind == "VARCHAR":
        if isinstance(value, str | int):
            return str(value)
    elif kind in ("BIGINT", "INTEGER"):
        if isinstance(value, int) and abs(value) < (2**63 if kind == "BIGINT" else 2**31):
            return value
        if isinstance(value, str) and re.fullmatch(r"-?\d{1,9}", value):
            return int(value)
    elif kind == "DOUBLE" and (isinstance(value, int | float) or re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", value)):
        return float(value)
    raise Odd


def _missing(f: Callable[..., Any]) -> Callable[..., Any]:
    """NULL where an argument is NULL."""

    def told(*args: Any) -> Any:
        return None if None in args else f(*args)

    return told


def _diff(unit: str, since: int, until: int) -> int:
    if unit in _UNITS:
        return until // _UNITS[unit] - since // _UNITS[unit]
    a, b = moment(since), moment(until)
    years = b.year - a.year
    return years if unit == "year" else years * 12 + b.month - a.month


def _trunc(unit: str, x: int) -> int:
    if unit in _UNITS:
        return x // _UNITS[unit] * _UNITS[unit]
    at = moment(x // DAY * DAY)
    return micros(at.replace(day=1) if unit == "month" else at.replace(month=1, day=1))


def _part(unit: str, x: int) -> int:
    at = moment(x)
    return at.isoweekday() if unit == "isodow" else int(getattr(at, unit))


def _text(x: int) -> str:
    return moment(x).isoformat(" ")


def _divided(a: float, b: float) -> float | None:
    if b:
        return float(a) / float(b)
    return None if not a else math.copysign(math.inf, a)


def _number(kind: type) -> Callable[[Any], Any]:
    def told(text: Any) -> Any:
        try:
            found = float(text)
        except (TypeError, ValueError):
            return None
        return found if kind is float else round(found)

    return told


@lru_cache(4096)
def _hashed(*args: Any) -> int:
    return int.from_bytes(blake2b(repr(args).encode(), digest_size=6).digest(), "big")


@lru_cache(4096)
def _split(text: str, pattern: str) -> str:
    return json.dumps(re.split(pattern, text), ensure_ascii=False)


def _greatest(*args: Any) -> Any:
    return max((a for a in args if a is not None), default=None)


def _least(*args: Any) -> Any:
    return min((a for a in args if a is not None), default=None)


@lru_cache(512)
def _pattern(text: str) -> "re.Pattern[str]":
    return re.compile(text, re.ASCII)


_FUNCTIONS: Final[dict[str, tuple[int, Callable[..., Any]]]] = {
    "x_day": (1, _missing(lambda x: x // DAY * DAY)),
    "x_diff": (3, _missing(_diff)),
    "x_trunc": (2, _missing(_trunc)),
    "x_part": (2, _missing(_part)),
    "x_strftime": (2, _missing(lambda x, form: moment(x).strftime(form))),
    "x_date": (3, _missing(lambda y, m, d: micros(datetime(y, m, d)))),
    "x_day_text": (1, _missing(lambda x: _text(x)[:10])),
    "x_moment_text": (1, _missing(_text)),
    "x_seconds": (1, _missing(lambda x: round(x * 1e6))),
    "x_int": (1, _missing(round)),
    "x_try_int": (1, _missing(_number(int))),
    "x_try_double": (1, _missing(_number(float))),
    "x_div": (2, _missing(_divided)),
    "x_greatest": (-1, _greatest),
    "x_least": (-1, _least),
    "x_regexp": (2, _missing(lambda text, pattern: _pattern(pattern).search(text) is not None)),
    "x_split": (2, _missing(_split)),
    "x_contains": (2, _missing(lambda told, one: one in json.loads(told))),
    "x_length": (1, _missing(lambda told: len(json.loads(told)))),
    "x_hash": (-1, _hashed),
    "x_row": (-1, lambda *args: repr(args)),
    "x_concat_ws": (-1, lambda between, *args: between.join(str(a) for a in args if a is not None)),
    "x_upper": (1, _missing(str.upper)),
    "x_radians": (1, _missing(math.radians)),
    "x_cos": (1, _missing(math.cos)),
    "x_sin": (1, _missing(math.sin)),
    "x_asin": (1, _missing(math.asin)),
    "x_sqrt": (1, _missing(math.sqrt)),
    "x_pow": (2, _missing(math.pow)),
    "x_floor": (1, _missing(lambda x: float(math.floor(x)))),
}


class _AnyValue:
    """The first value that is not missing."""

    def __init__(self) -> None:
        self.value: Any = None

    def step(self, value: Any) -> None:
        if self.value is None:
            self.value = value

    def finalize(self) -> Any:
        return self.value


class _ArgMax:
    """The value of the row whose key is largest, the first of several."""

    def __init__(self) -> None:
        self.value: Any = None
        self.key: Any = None

    def step(self, value: Any, key: Any) -> None:
        if value is not None and key is not None and (self.key is None or key > self.key):
            self.value, self.key = value, key

    def finalize(self) -> Any:
        return self.value


class _Joined:
    """Texts in the order of further values; `distinct` and the separator come first."""

    def __init__(self) -> None:
        self.told: list[tuple[tuple[Any, ...], str]] = []
        self.distinct, self.between = 0, ""

    def step(self, distinct: int, between: str, text: str | None, *order: Any) -> None:
        self.distinct, self.between = distinct, between
        if text is not None:
            self.told.append((tuple((o is None, o) for o in order), text))

    def finalize(self) -> str | None:
        texts: Iterable[str] = [text for _, text in sorted(self.told, key=lambda one: one[0])]
        texts = dict.fromkeys(texts) if self.distinct else texts
        return self.between.join(texts) if self.told else None


class _CountDistinct:
    """count(DISTINCT x) over a whole partition."""

    def __init__(self) -> None:
        self.seen: dict[Any, int] = {}

    def step(self, value: Any) -> None:
        if value is not None:
            self.seen[value] = self.seen.get(value, 0) + 1

    def inverse(self, value: Any) -> None:
        if value is not None:
            self.seen[value] -= 1

    def value(self) -> int:
        return sum(1 for n in self.seen.values() if n > 0)

    finalize = value


class _SumWithin:
    """Of all rows up to the current one (its peers among them) the sum of those at most `back` before it: a frame whose
    width is told by the row. Peers that tell it differently are refused."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, Any]] = []
        self.key: Any = None
        self.back: Any = None

    def step(self, value: Any, key: Any, back: Any) -> None:
        if key == self.key and back != self.back:
            raise ValueError("rows of one place tell different frames")
        self.key, self.back = key, back
        self.rows.append((value, key))

    def inverse(self, *_: Any) -> None:
        raise ValueError("the frame must begin with the partition")

    def value(self) -> Any:
        since = None if self.key is None or self.back is None else self.key - self.back
        told = [(v, key) for v, key in self.rows if v is not None]
        found = [v for v, key in told if (key is None if since is None else key is not None and key >= since)]
        return sum(found) if found else None

    finalize = value


def add_functions(con: sqlite3.Connection) -> None:
    """Make them known on a connection."""
    for name, (count, f) in _FUNCTIONS.items():
        con.create_function(name, count, f, deterministic=True)
    aggregates: dict[str, tuple[int, Any]] = {
        "x_any": (1, _AnyValue),
        "x_arg_max": (2, _ArgMax),
        "x_joined": (-1, _Joined),
    }
    for name, (count, made) in aggregates.items():
        con.create_aggregate(name, count, made)
    over: list[tuple[str, int, Any]] = [("x_count_distinct", 1, _CountDistinct), ("x_sum_within", 3, _SumWithin)]
    for name, count, made in over:
        con.create_window_function(name, count, made)
    con.execute("PRAGMA case_sensitive_like = ON")
