"""docs/mapping.md tells the grammar as it is: its examples are mappings, every setting of the grammar stands there, and what code cites is there to read."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from claims.schema.code_tables import CODE_TABLES, OF_COLUMN
from claims.schema.mapping import ColumnRule, TableRule, parse_mapping
from claims.schema.tables import SOURCE
from tests.worlds import ROOT

PAGE = (ROOT / "docs/mapping.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```toml\n(.*?)^```", PAGE, re.S | re.M)
SECTIONS = {m[1] for m in re.finditer(r"^#+ (\d+(?:\.\d+)?)", (ROOT / "docs/contract.md").read_text("utf-8"), re.M)}


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_is_a_mapping(text: str) -> None:
    assert parse_mapping(text)


def test_every_setting_stands_on_the_page() -> None:
    told = "\n".join(EXAMPLES)
    settings = {f.name for f in fields(TableRule)} - {"table", "columns"} | {f.name for f in fields(ColumnRule)} - {
        "sources"
    }
    assert not [s for s in (*settings, "from", "visit_class", "extract_end") if not re.search(rf"\b{s}\b", told)]


def test_code_sets_are_of_columns_there_are() -> None:
    known = {c.name for table in SOURCE.values() for c in table.columns}
    assert set(OF_COLUMN) <= known
    for table in CODE_TABLES:
        assert len({c.code for c in table.codes}) == len(table.codes)
        for code in table.codes:
            assert table.word(code.code) == code.code


def cited() -> list[tuple[str, str]]:
    """(file, page § section) of every citation of a page in the code."""
    found = []
    for room in ("claims", "features", "models", "training", "serving", "commands", "simulator"):
        for file in (ROOT / room).rglob("*.py"):
            found += [(file.name, m[0]) for m in re.finditer(r"\b[a-z]+\.md\b(?: §[\d.]*\d)?", file.read_text("utf-8"))]
    return found


def test_every_page_the_code_cites_is_there() -> None:
    pages = {p.name for p in Path(ROOT / "docs").rglob("*.md")} | {"README.md", "card.md"}  # a model's card in MLflow
    lost = []
    for file, words in cited():
        page, _, section = words.partition(" §")
        if page not in pages or (section and page == "contract.md" and section not in SECTIONS):
            lost.append(f"{file}: {words}")
    assert not lost
