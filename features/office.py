"""What an office says about the rules: state, thresholds, clause of its agreement, cap of false alarms; nothing is ever
overwritten.

    WAREHOUSE/rules/OFFICE.json   sealed: {"version": 1, "log": [entry, …]}

The log is the truth: what holds on a day is read off it, the last entry in force winning, so a list made again for an
earlier day is made by the rules of that day. A rule nobody spoke about is active, as shipped.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from claims.errors import UserError
from claims.store.files import put, read_sealed, sealed
from claims.store.publish import writing

State = Literal["draft", "shadow", "active", "retired"]
STATES: tuple[State, ...] = get_args(State)
STATE_ZH: Mapping[State, str] = {"draft": "草拟", "shadow": "试运行", "active": "启用", "retired": "停用"}
#: What a state may become. Nothing goes to work unseen: a draft runs in the shadow first.
NEXT: Mapping[State, tuple[State, ...]] = {
    "draft": ("shadow", "retired"),
    "shadow": ("active", "draft", "retired"),
    "active": ("shadow", "retired"),
    "retired": ("draft", "shadow"),
}
#: Whose word the return to the shadow is, in the log.
REVIEW = "xiezhi week"
#: Cap on the share of false alarms by rule kind: our guesses, which an office sets for itself.
CAPS: Mapping[str, float] = {"hard": 0.5, "lead": 0.9, "KPI": 0.95, "DQ": 1.0}
REMEDY = "restore it from a backup; what the office decided stands in it and nowhere else"

Kind = Literal["state", "threshold", "clause", "cap"]


@dataclass(frozen=True)
class Entry:
    """One decision: `rule` ("*" = all, of a cap) has `value` from `since` on, until `until` where that is said.

    `key` names a threshold, `area` the area its document is for, as the office wrote it: a warehouse is one office's.
    """

    kind: Kind
    rule: str
    value: Any
    since: str
    by: tuple[str, ...]
    reason: str
    key: str = ""
    until: str = ""
    area: str = ""
    source: str = ""
    at: str = ""

    def holds(self, day: date) -> bool:
        """Whether it is in force on that day."""
        return self.since <= day.isoformat() and (not self.until or day.isoformat() <= self.until)


@dataclass(frozen=True)
class Office:
    """The log of an office, read."""

    log: tuple[Entry, ...] = ()

    def said(self, kind: Kind, rule: str, day: date, key: str = "") -> Entry | None:
        """What holds on that day: the entry that began last, of several the one written last."""
        found = [e for e in self.log if (e.kind, e.rule, e.key) == (kind, rule, key) and e.holds(day)]
        return max(enumerate(found), key=lambda ie: (ie[1].since, ie[0]))[1] if found else None

    def state(self, rule: str, day: date) -> State:
        """A rule's state on that day; active where nobody spoke."""
        told = self.said("state", rule, day)
        return "active" if told is None else told.value

    def silent(self, rules: Iterable[str], day: date) -> dict[str, State]:
        """Of these rules those that reach no list on that day, with their state."""
        states = {rule: self.state(rule, day) for rule in rules}
        return {rule: state for rule, state in states.items() if state != "active"}

    def clause(self, rule: str, day: date) -> str:
        """The clause of the local agreement; "" where the office named none."""
        told = self.said("clause", rule, day)
        return "" if told is None else str(told.value)

    def cap(self, rule: str, kind: str, day: date) -> tuple[float, bool]:
        """(the cap on false alarms, whether it is only our guess)."""
        told = self.said("cap", rule, day) or self.said("cap", "*", day)
        return (CAPS.get(kind, 1.0), True) if told is None else (float(told.value), False)

    def history(self, rule: str) -> list[Entry]:
        """All that was ever said about a rule, in the order of writing."""
        return [e for e in self.log if e.rule == rule]


def read_office(root: Path | str) -> Office:
    """The office's log; empty where nothing was ever said. Damaged for a damaged one."""
    path = _file(Path(root))
    if not path.exists():
        return Office()
    told = read_sealed(path, REMEDY)
    return Office(tuple(Entry(**{**e, "by": tuple(e["by"])}) for e in told["log"]))


def add(root: Path | str, entries: Iterable[Entry]) -> Office:
    """Append decisions to the log, whole or not at all. Raises UserError for one that may not be."""
    home = Path(root)
    with writing(home):
        office = read_office(home)
        for entry in entries:
            _check(office, entry)
            stamped = {**asdict(entry), "at": datetime.now(UTC).isoformat(timespec="seconds")}
            office = Office((*office.log, Entry(**{**stamped, "by": tuple(entry.by)})))
        _file(home).parent.mkdir(exist_ok=True)
        put(_file(home), sealed({"version": 1, "log": [asdict(e) for e in office.log]}))
    return office


def _file(root: Path) -> Path:
    return root / "rules" / "OFFICE.json"


def _check(office: Office, entry: Entry) -> None:
    if not entry.reason.strip():
        raise UserError(f"{entry.rule}: a reason is missing; give --reason")
    if not entry.by or not all(name.strip() for name in entry.by):
        raise UserError(f"{entry.rule}: who decides? give --by NAME")
    since = _day(entry, "since")
    if entry.until and _day(entry, "until") < since:
        raise UserError(f"{entry.rule}: it would end on {entry.until}, before it begins on {entry.since}")
    if entry.kind == "state":
        _check_state(office, entry, since)
    elif entry.kind == "cap" and not 0 < float(entry.value) <= 1:
        raise UserError(f"{entry.rule}: a cap is a share of false alarms between 0 and 1, not {entry.value}")
    if entry.kind == "threshold":
        if not entry.source.strip():
            raise UserError(f"{entry.rule} {entry.key}: where does {entry.value} come from? give --source")
        _two(entry, "a threshold")


def _check_state(office: Office, entry: Entry, since: date) -> None:
    if entry.value not in STATES:
        raise UserError(f"{entry.value!r} is no state of a rule; one of {', '.join(STATES)}")
    last = max((e.since for e in office.history(entry.rule) if e.kind == "state"), default="")
    if entry.since < last:
        raise UserError(f"{entry.rule}: its state was last set from {last} on; {entry.since} lies before that")
    now = office.state(entry.rule, since)
    if entry.value == now:
        raise UserError(f"{entry.rule} is {now} on {entry.since} already")
    if entry.value not in NEXT[now]:
        raise UserError(f"{entry.rule} is {now}; from there it becomes {' or '.join(NEXT[now])}, not {entry.value}")
    if entry.value == "active":
        _two(entry, "putting a rule in force")


def _two(entry: Entry, what: str) -> None:
    if len({name.strip() for name in entry.by}) < 2:
        raise UserError(f"{entry.rule}: {what} needs two people; give --by twice, with different names")


def _day(entry: Entry, field: str) -> date:
    text = str(getattr(entry, field))
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UserError(f"{entry.rule}: {text!r} is not a date; write it as YYYY-MM-DD") from None
