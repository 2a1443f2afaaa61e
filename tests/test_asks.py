"""docs/asks.md says where each ask is served: what it names exists, and its counts are those of its table."""

import re
from collections import Counter
from pathlib import Path

import pytest

from claims.schema.tables import CANONICAL, SOURCE
from features.declarations import load_catalog
from serving.web.pages import pages
from tests.test_every_command import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs" / "asks.md").read_text("utf-8")
ROWS = re.findall(r"^\| (\d\.\d+) \| ([^|]+) \| (served|partly|not|out) \| ([^|]+) \|$", TEXT, flags=re.M)
ASKS = {"1": 14, "2": 19, "3": 18, "4": 13, "5": 18, "6": 20}
TITLES = {"1": "Audit, rules", "2": "Inspection", "3": "Violations", "4": "Indicators", "5": "Groups, policies", "6": "Organisation"}  # fmt: skip


def exists(name: str) -> bool:
    """A command, a page, a declaration, a table or column, or a file."""
    if name.startswith("xiezhi "):
        return tuple(name.split()[1:]) in COMMANDS
    if name.startswith("/"):
        return any(re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", r.path), name) for r in pages(ROOT).routes)  # type: ignore[attr-defined]
    if "/" in name:
        return (ROOT / name).is_file()
    table, _, column = name.partition(".")
    columns = {c.name for t in SOURCE.values() for c in t.columns}
    return name in load_catalog() or name in columns or (table in CANONICAL and (not column or column in columns))


def counted() -> str:
    """The table of counts, as it must stand in the text."""
    words = ("served", "partly", "not", "out")
    lines = ["| section | served | partly | not | out of scope |", "|---|---:|---:|---:|---:|"]
    for section, n in ASKS.items():
        told = Counter(kind for number, _, kind, _ in ROWS if number.split(".")[0] == section)
        lines.append(f"| {TITLES[section]} ({n}) | " + " | ".join(str(told[w]) for w in words) + " |")
    told = Counter(kind for _, _, kind, _ in ROWS)
    lines.append(f"| **all ({len(ROWS)})** | " + " | ".join(f"**{told[w]}**" for w in words) + " |")
    return "\n".join(lines)


def test_every_ask_stands_once() -> None:
    assert [number for number, *_ in ROWS] == [f"{s}.{i}" for s, n in ASKS.items() for i in range(1, n + 1)]


@pytest.mark.parametrize(("number", "ask", "kind", "where"), ROWS, ids=[r[0] for r in ROWS])
def test_what_it_names_exists(number: str, ask: str, kind: str, where: str) -> None:
    names = re.findall(r"`([^`]+)`", where)
    assert [n for n in names if not exists(n)] == []
    assert names or kind in ("not", "out"), "where is it served?"


def test_the_counts_are_those_of_the_table() -> None:
    assert f"<!-- counts -->\n{counted()}\n" in TEXT
