"""What the counter keeps from one check to the next: a connection on which all that is not about one person stands.

Opening a database, reading catalogues and published limits, and reading declarations take most of the time of a check
and are the same for every claim. They are kept for one published state of the warehouse: a new batch, a batch taken
back or rows laid out anew make them anew, a new feature partition brings new limits. Tables of which another content is
known at the moment of the claim are read again. What is about a person is made in a transaction that is rolled back,
so nothing of him stays, whatever happens.
"""

import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Protocol

import duckdb
import pandas as pd

from claims.schema.tables import CANONICAL, FACTS
from claims.store.claim_store import ClaimStore
from claims.store.known import turning_points
from claims.store.sql import paths_sql, quote, timestamp
from claims.store.warehouse import Warehouse
from features.asof import beside_facts, connection, make_beside, make_views, moment_of, read_as
from features.bucket import grouped, named_words, rows_sql
from features.build import published
from features.checking import history_file
from features.checking.claim_rows import Row
from features.checking.full_way import FullWay
from features.checking.hits import rules_of
from features.checking.origins import Origin, Origins
from features.checking.person_store import OWN, PersonStore
from features.checking.quick_program import program_of
from features.checking.quick_way import QuickWay, Values
from features.checking.sqlite_text import Untold
from features.declare import Feature
from features.evaluable import absent_features, unread_words
from features.grains import GRAINS, Grain, Reversed
from features.limits import LIMITS
from features.partition import Partition
from features.reversal_modes import JOINED, settle_views

MEMORY = "500MB"
#: Seconds until a history that could not be made is tried again.
AGAIN = 600.0
#: Sets of columns that claims bring, whose unanswerable rules are remembered.
MOST_SETS = 64


class Way(Protocol):
    """How a check is answered: full_way.py, quick_way.py."""

    def begin(self, settlement: Row, lines: Sequence[Row], unit_type: str | None, at: datetime) -> frozenset[str]: ...
    def end(self) -> None: ...
    def around(self) -> list[str]: ...
    def might_hit(self, rules: Sequence[Feature], entities: Mapping[Grain, Sequence[str]]) -> set[str]: ...
    def values(self, features: Sequence[Feature], entities: Sequence[str]) -> Values: ...
    def peer_groups(self, grain: Grain) -> pd.DataFrame: ...
    def evidence(self, f: Feature, entity: str) -> pd.DataFrame: ...


class CounterStore:
    """Everything a check needs of one warehouse, or of none. One check at a time; `check_claim` asks it."""

    con: duckdb.DuckDBPyConnection
    stored: Warehouse | None

    def __init__(self, root: Path | str | None) -> None:
        self.root = None if root is None else Path(root)
        self.rules = [f for f in rules_of() if GRAINS[f.grain].at_counter and f.at_counter and not f.astray]
        self.words = named_words(self.rules)
        self._lock = threading.Lock()
        self._state = ""
        self._partitions: dict[Grain, tuple[object, list[Partition]]] = {}
        self._limits: dict[tuple[Grain, date], pd.DataFrame] = {}
        self._origins: dict[tuple[Reversed, str, str], list[Origin] | None] = {}
        self._quick: QuickWay | None = None
        self._attached = ""
        self._making: subprocess.Popen[bytes] | None = None
        self._again = 0.0
        #: Standing tables of which the quick way has no copy yet.
        self._changed: set[str] = set()
        #: The way of the last check.
        self.went = ""

    @contextmanager
    def checking(self, as_of: date | datetime) -> Iterator[None]:
        """One check: what was known of everybody at `as_of` stands, and nobody else asks meanwhile."""
        with self._lock:
            self._open()
            self._stand(moment_of(as_of))
            yield

    def ways(self) -> Iterator[Way]:
        """The ways of a check, the quick one first where it can be gone; the last one asked for answered."""
        if self._quick is not None and self._history_there():
            if self._changed:
                self._quick.stand(self.con, self._changed)
                self._changed = set()
            self.went = "quick"
            yield self._quick  # asked again, it did not answer
        self.went = "full"
        yield FullWay(self.con, self.stored, self.make_views, self.might_hit)

    def prepare(self) -> None:
        """Open the quick way, which takes some seconds of a process; checks go the full way meanwhile. What SQLite
        cannot say of the rules leaves it closed."""
        with suppress(Untold):
            self._quick = QuickWay(program_of(self.rules, _standing()))

    def _history_there(self) -> bool:
        """Whether the quick way has the history of this state; if not, it is being made."""
        if self._attached == self._state:
            return True
        assert self._quick is not None
        if self.stored is None:
            self._quick.attach(None)
        elif history_file.ready(path := history_file.place_of(self.stored)):
            self._quick.attach(path)
        else:
            idle = self._making is None or self._making.poll() is not None
            if idle and time.monotonic() > self._again:
                self._making, self._again = history_file.begin(self.stored.root), time.monotonic() + AGAIN
            return False
        self._attached = self._state
        return True

    def _open(self) -> None:
        """Begin anew where another state of the warehouse is published."""
        stored = Warehouse.open(self.root) if self.root is not None else None
        state = "none" if stored is None else stored.version
        if state == self._state:
            return
        if self._state:
            self.con.close()
        self.stored, self._state, self._again = stored, state, 0.0
        self.con = connection(1, MEMORY)
        self._standing: dict[str, tuple[datetime | None, datetime | None]] = {}
        self._absent: dict[object, dict[str, str]] = {}
        self._origins.clear()
        self._partners: dict[str, str] = {}
        self.__dict__.pop("units", None)

    def area(self, unit: str) -> str:
        """The area of a unit as last told; "" where the warehouse does not know it."""
        with self._lock:
            self._open()
            return self.units.get(unit, (None, ""))[1] or ""

    @cached_property
    def units(self) -> Mapping[str, tuple[str | None, str | None]]:
        """Unit → its `fixmedins_type` and area as last told."""
        if self.stored is None or "institutions" not in self.stored.tables():
            return {}
        columns = [c for c in ("area_code", "admdvs") if c in self.stored.columns("institutions")]
        area = f"coalesce({', '.join(columns)})" if columns else "NULL"
        files = paths_sql(self.stored.files("institutions"))
        sql = f"""SELECT fixmedins_code, arg_max(fixmedins_type, version_no), arg_max({area}, version_no)
        FROM read_parquet({files}) GROUP BY 1"""
        return {code: (kind, area) for code, kind, area in self.con.execute(sql).fetchall()}

    def _stand(self, t: datetime) -> None:
        """The tables that are about nobody, as they were known at `t`."""
        for name in _standing():
            if name in self._standing:
                since, until = self._standing[name]
                if (since is None or since <= t) and (until is None or t < until):
                    continue
                self.con.execute(f"DROP TABLE main.{name}")
                self._partners = dict.fromkeys(self._partners, "")
            read = self.stored is not None and (name in self.words or name in JOINED)
            table, points = CANONICAL[name], None
            make_beside(self.con, self.stored if read else None, table, "person", 0, t)
            self._changed.add(name)
            if read and self.stored is not None:
                points = turning_points(self.stored, table)
            here = f"moment <= {timestamp(t)}"
            turns = f"SELECT max(moment) FILTER ({here}), min(moment) FILTER (NOT {here}) FROM ({points})"
            self._standing[name] = self.con.execute(turns).fetchall()[0] if points else (None, None)
        self._stand_partners()

    def make_views(self, claims: ClaimStore, as_of: date | datetime) -> None:
        """The as-of views over the person's rows."""
        make_views(self.con, claims, as_of, "person", 0, words=self.words, standing=_standing())
        settle_views(self.con)

    def absent(self, claimed: frozenset[str], as_of: date | datetime) -> dict[str, str]:
        """Rules that a claim with these columns (`table.column`) cannot have answered, and why."""
        unread = unread_words(self.stored, as_of) if self.stored else {}
        key = (tuple(sorted(unread.items())), claimed)
        if key not in self._absent:
            if len(self._absent) >= MOST_SETS:
                self._absent.clear()
            claims = PersonStore(frozenset(FACTS), self.stored, claimed)
            self._absent[key] = absent_features(claims, self.rules, unread)
        return self._absent[key]

    def limits(self, grain: Grain, as_of: date | datetime) -> pd.DataFrame:
        """Limits of the newest partition not later than `as_of`; empty where none was published."""
        earlier = [p for p in self._published(grain) if moment_of(p.as_of) <= moment_of(as_of)]
        if not earlier:
            return pd.DataFrame(columns=LIMITS)
        newest = max(earlier, key=lambda p: moment_of(p.as_of))
        if (grain, newest.as_of) not in self._limits:
            self._limits[grain, newest.as_of] = newest.limits()
        return self._limits[grain, newest.as_of]

    def _published(self, grain: Grain) -> list[Partition]:
        if self.root is None:
            return []
        told = sorted((self.root / "features").glob(f"*-*-*/{grain}/*.json"))
        seen = (self._state, [(p, p.stat().st_mtime_ns, p.stat().st_ino) for p in told])
        if grain not in self._partitions or self._partitions[grain][0] != seen:
            self._partitions[grain] = (seen, published(self.root, grain))
            self._limits.clear()
        return self._partitions[grain][1]

    def might_hit(
        self, rules: Sequence[Feature], entities: Mapping[Grain, Sequence[str]], visit: str, bill: str
    ) -> set[str]:
        """Names of the rules that a row of the claim may answer. `entities`: whom of each grain it may be about."""
        found: set[str] = set()
        looked: list[tuple[set[str], Reversed, Origin, str]] = []
        for group in (g for grain in entities for g in grouped(f for f in rules if f.grain == grain)):
            names, told = {f.name for f in group}, entities[group[0].grain]
            # What the visit itself breaks counts whatever its rows; others are hit by rows of the claim.
            for column, wanted in (("entity_id", visit in told), ("row_id", any(e != visit for e in told))):
                origins = self._origin(group[0], column) if wanted else []
                if origins is None or any(f.empty for f in group):
                    found |= names
                for o in origins or ():
                    test = " AND ".join((_bears(o.value, column, visit, bill), *o.conditions))
                    looked.append((names, group[0].reversed, o, test))
        there = self._there((reading, f"{o.view} r", test) for _, reading, o, test in looked)
        looked = [one for one, yes in zip(looked, there, strict=True) if yes and not one[0] <= found]
        pairs = [
            (i, reading, f"{o.view} r JOIN {table} g ON {p.condition}", test)
            for i, (_, reading, o, test) in enumerate(looked)
            for p in o.partners
            if (table := self._partner(p.relation))
        ]
        there = self._there((reading, joined, test) for _, reading, joined, test in pairs)
        lonely = {i for (i, *_), yes in zip(pairs, there, strict=True) if not yes}
        return found.union(*(names for i, (names, *_) in enumerate(looked) if i not in lonely))

    def _there(self, asked: Iterable[tuple[Reversed, str, str]]) -> list[bool]:
        """Of each (reading, relations, test) whether it is true of any row; one statement for those of one relation."""
        told = list(asked)
        tests: dict[tuple[Reversed, str], dict[str, bool]] = {}
        for reading, relation, test in told:
            tests.setdefault((reading, relation), {})[test] = False
        for (reading, relation), those in tests.items():
            read_as(self.con, reading)
            sql = f"SELECT {', '.join(f'bool_or({test})' for test in those)} FROM {relation}"
            those.update(zip(those, map(bool, self.con.execute(sql).fetchall()[0]), strict=True))
        read_as(self.con, "net")
        return [tests[reading, relation][test] for reading, relation, test in told]

    def _partner(self, relation: str) -> str:
        """The table of a partner; "" of a sub-query that is not yet one: from the next check on it is."""
        return relation if not relation.startswith("(") else self._partners.setdefault(relation, "")

    def _stand_partners(self) -> None:
        """Sub-queries over tables that stand, as tables."""
        for i, (relation, made) in enumerate(self._partners.items()):
            if not made:
                name = f"main.partner_{i}"
                with suppress(duckdb.Error):  # one that only its own rule can ask stays unasked
                    self.con.execute(f"CREATE OR REPLACE TABLE {name} AS {relation[1:-1]}")
                    self._partners[relation] = name

    def _origin(self, f: Feature, column: str) -> list[Origin] | None:
        key = (f.reversed, rows_sql(f), column)
        if key not in self._origins:
            read_as(self.con, f.reversed)
            self._origins[key] = Origins(self.con, _standing()).of(key[1], column)
        return self._origins[key]


def _standing() -> list[str]:
    """Tables that are about nobody at the counter."""
    return [n for n in beside_facts() if n not in OWN]


def _bears(value: str, column: str, visit: str, bill: str) -> str:
    """SQL: a value is the visit, or the id of one of the claim's rows."""
    text = f"({value})::VARCHAR"
    if column == "entity_id":
        return f"{text} = {quote(visit)}"
    return f"({text} IN ({quote(visit)}, {quote(bill)}) OR starts_with({text}, {quote(visit + '|')}))"
