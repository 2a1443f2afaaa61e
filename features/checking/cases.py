"""The cases beside a rule's declaration: who must be hit and who must not, in a county drawn as text.

features/rules/cases/R38.txt holds a drawing and, below it, one case a line. The drawing is tables of the as-of views:
`[lines]`, a header, a row a line; `-` is missing, days and moments are of 2025 (`06-01`, `06-01T10:00`), `06-01+3` is
three days later, `T10:00+5` five minutes. A row that says `{1..12}` stands for twelve, `{i}` in it is the number;
`{j=1..9}` beside it is a second one, `{j}`.
`[stays]` gives `id person unit admitted discharged [column=value …]`. Then

    measure rule_r38                the declaration the cases below are about
    peers   m{1..30}                who else is compared (rules with a peer test)
    hit     ann   15 days where the catalogue allows 7
    clear   near      bob   exactly 7
    clear   exempt    cat   a filed long prescription
    clear   ordinary  dan   once a month for a month

The tests draw it and ask the declaration itself; `rules show` prints the sentences. clean.txt draws ordinary practice
and names in `nobody GRAIN ID …` whom no rule of that grain may hit.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from claims.errors import DeclarationError

FOLDER = Path(__file__).resolve().parent.parent / "rules" / "cases"
#: Why somebody must not be hit: just below the limit, excused by an innocent's code, or ordinary practice.
WHY = {"near": "未达标准", "exempt": "豁免情形", "ordinary": "正常做法"}


@dataclass(frozen=True)
class Case:
    """One entity of the drawing: must the declaration `measure` hit it, and what it is in words."""

    measure: str
    entity: str
    hit: bool
    why: str
    says: str

    def text(self) -> str:
        """As it is printed."""
        return f"{'必须命中' if self.hit else '不得命中（' + WHY[self.why] + '）'}：{self.says}"


@dataclass(frozen=True)
class Drawing:
    """A file of cases: table name → its text, rows expanded; who is compared beside the cases; grain → whom no rule
    may hit."""

    tables: dict[str, str]
    cases: tuple[Case, ...]
    peers: tuple[str, ...]
    nobody: dict[str, tuple[str, ...]]


def drawing_of(rule: str) -> Drawing:
    """The cases of a rule. Raises DeclarationError, naming file and line, for one that cannot be read or is missing."""
    path = FOLDER / f"{rule}.txt"
    if not path.exists():
        raise DeclarationError(f"{rule} has no cases; write features/rules/cases/{rule}.txt")
    return parse(path.read_text("utf-8"), path.name)


def cases_of(rule: str) -> tuple[Case, ...]:
    """What a rule must and must not hit, in words."""
    return drawing_of(rule).cases


def parse(text: str, name: str) -> Drawing:
    """A file of cases, read."""
    tables: dict[str, list[str]] = {}
    cases: list[Case] = []
    peers: list[str] = []
    nobody: dict[str, tuple[str, ...]] = {}
    table, measure = "", ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.split("#")[0].strip()
        word, _, rest = line.partition(" ")
        rest = rest.strip()
        if not line:
            continue
        if found := re.fullmatch(r"\[(\w+)\]", line):
            table = found[1]
            tables.setdefault(table, [])
        elif word == "measure":
            measure, table = rest, ""
        elif word == "peers":
            peers += [one for part in rest.split() for one in expanded(part)]
        elif word == "nobody":
            grain, *ids = rest.split()
            nobody[grain] = tuple(ids)
        elif word in ("hit", "clear"):
            cases.append(_case(word, rest, measure, f"features/rules/cases/{name}:{number}"))
        elif table:
            tables[table] += expanded(line)
        else:
            raise DeclarationError(f"features/rules/cases/{name}:{number}: {line[:40]!r} is no table, row or case")
    return Drawing({name: "\n".join(rows) for name, rows in tables.items()}, tuple(cases), tuple(peers), nobody)


def _case(word: str, rest: str, measure: str, where: str) -> Case:
    why = ""
    if word == "clear":
        why, _, rest = rest.partition(" ")
        if why not in WHY:
            raise DeclarationError(f"{where}: why must it not be hit? one of {', '.join(WHY)}")
    entity, _, says = rest.strip().partition(" ")
    if not measure or not says.strip():
        raise DeclarationError(f"{where}: a case needs a measure above it, an entity and a sentence")
    return Case(measure, entity, word == "hit", why, says.strip())


def expanded(line: str) -> list[str]:
    """The rows a line stands for, days and minutes added up."""
    found = re.search(r"\{(?:(\w)=)?(\d+)\.\.(\d+)\}", line)
    if found is None:
        return [_added(line)]
    name, span = found[1] or "i", range(int(found[2]), int(found[3]) + 1)
    told = [line.replace(found[0], str(n)).replace(f"{{{name}}}", str(n)) for n in span]
    return [row for one in told for row in expanded(one)]


def _added(line: str) -> str:
    def day(found: re.Match[str]) -> str:
        return f"{date.fromisoformat('2025-' + found[1]) + timedelta(days=int(found[2])):%m-%d}"

    def minute(found: re.Match[str]) -> str:
        return f"T{datetime.strptime(found[1], '%H:%M') + timedelta(minutes=int(found[2])):%H:%M}"

    line = re.sub(r"\b(\d\d-\d\d)\+(\d+)", day, line)
    return re.sub(r"T(\d\d:\d\d)\+(\d+)", minute, line)
