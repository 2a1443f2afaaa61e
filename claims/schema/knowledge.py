"""How and when the rows of a table become known (contract.md §1.2), said once, in the table's own declaration.

Intake gives each version its `known_at` by it, and the as-of views show by it what was known at T
(claims/store/known.py): versions with `known_at <= T` that no later version known by T supersedes, and of those

========== ============================================== ===========================================================
kind       its rows                                       what is shown at T
========== ============================================== ===========================================================
Event      tell of something that happened                the row, from its moment on
Dated      hold from a day to a day (a filing)            the row from its first day on, its last day once it is past
Dimension  describe something that is there (a hospital)  the row; dated columns once past, its current state never
Split      hold several moments each (a source table)     each part by the knowledge of its own table
Derived    are found by intake in other tables            the row from its day on
Ledger     keep the books of the warehouse itself         nothing
========== ============================================== ===========================================================
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """Something happened. The bureau could know it from the first filled column of `known` on, by default from the
    moment it happened.

    Where all of them are empty, `of_visit` rows (they name an `mdtrt_id`) were known when their visit ended; else a
    row was known at its extract's end.
    """

    happened: str = ""
    known: tuple[str, ...] = ()
    of_visit: bool = False

    @property
    def moments(self) -> tuple[str, ...]:
        """Columns whose first filled one says when the row could be known."""
        return self.known or ((self.happened,) if self.happened else ())

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns the declaration names."""
        return tuple(filter(None, (self.happened, *self.known, "mdtrt_id" if self.of_visit else "")))


@dataclass(frozen=True)
class Dated:
    """The row holds from the day `begin` (empty: always) to the day `end`. First delivered, it counts as known all
    along; corrected, from its extract's end on."""

    begin: str
    end: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns the declaration names."""
        return tuple(filter(None, (self.begin, self.end)))


@dataclass(frozen=True)
class Dimension:
    """The row describes something. First delivered, it counts as always known; corrected, the earlier word holds until
    the correction's extract ended.

    `current` columns hold only the state of today and are never shown. Each of `dated` is a date column and what it
    dates: hidden while the date lies after T.
    """

    current: tuple[str, ...] = ()
    dated: tuple[tuple[str, ...], ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns the declaration names."""
        return (*self.current, *(c for group in self.dated for c in group))


@dataclass(frozen=True)
class Split:
    """Each row of this source table becomes a row in several canonical tables, in the order in which their moments
    come."""

    parts: tuple[str, ...]
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Derived:
    """Intake found the row in what others tell of the day `day`."""

    day: str

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns the declaration names."""
        return (self.day,)


@dataclass(frozen=True)
class Ledger:
    """Which versions are superseded, and since when: read beside every table, a view of none."""

    since: str

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns the declaration names."""
        return (self.since,)


Knowledge = Event | Dated | Dimension | Split | Derived | Ledger


def told(knowledge: Knowledge) -> str:
    """One line on it for docs/tables.md."""
    match knowledge:
        case Event():
            words = " else ".join(f"`{c}`" for c in knowledge.moments)
            rest = "its visit's end" if knowledge.of_visit else "its extract's end"
            return f"event, known at {words} (empty: {rest})" if words else f"event, known at {rest}"
        case Dated():
            until = f" until `{knowledge.end}`" if knowledge.end else ""
            return f"dated, from `{knowledge.begin}`{until}"
        case Dimension():
            hidden = "".join(f"; `{'`, `'.join(group)}` once past" for group in knowledge.dated)
            never = f"; never `{'`, `'.join(knowledge.current)}`" if knowledge.current else ""
            return f"dimension, always known{hidden}{never}"
        case Split():
            return f"split into {', '.join(f'`{part}`' for part in knowledge.parts)}"
        case Derived():
            return f"found by intake, known from `{knowledge.day}`"
        case Ledger():
            return f"the warehouse's own books, known from `{knowledge.since}`"
