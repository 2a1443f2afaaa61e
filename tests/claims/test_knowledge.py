"""Each table declares how its rows become known; a declaration that cannot be right is refused at import, with its file and line."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from claims.errors import DeclarationError
from claims.intake.pipeline import intake
from claims.intake.refunds import MUST_MATCH
from claims.schema.codes import HOSPITAL_LEVEL, hospital_level_sql
from claims.schema.knowledge import Dated, Dimension, Event, Knowledge, Split, told
from claims.schema.mapping import load_mapping, shipped
from claims.schema.table import Table, columns
from claims.schema.tables import CANONICAL, SOURCE, _tables, moments_of
from claims.store.warehouse import Warehouse
from tests.claims.county import LINE, VISIT, write

FINE = columns("fine_no 编号 code !!\nfined_at 时间 datetime !")


@pytest.mark.parametrize(
    ("said", "knowledge", "key"),
    [
        ("does not say how its rows become known", None, ("fine_no",)),
        ("names paid_at, which is none of its columns", Event("paid_at"), ("fine_no",)),
        ("names begndate, which is none of its columns", Dated("begndate"), ("fine_no",)),
        ("names stas, which is none of its columns", Dimension(current=("stas",)), ("fine_no",)),
        ("names mdtrt_id, which is none of its columns", Event(of_visit=True), ("fine_no",)),
        ("names no, which is none of its columns", Event("fined_at"), ("no",)),
    ],
)
def test_a_declaration_that_cannot_be_right_is_refused_where_it_stands(
    said: str, knowledge: Knowledge | None, key: tuple[str, ...]
) -> None:
    with pytest.raises(DeclarationError, match=rf"^tests/claims/test_knowledge\.py:\d+: table fines {said}"):
        Table("fines", "违停", key, FINE, knowledge=knowledge)  # type: ignore[arg-type]


def test_a_column_twice_is_refused() -> None:
    with pytest.raises(
        DeclarationError, match=r"^tests/claims/test_knowledge\.py:\d+: table fines declares a column twice"
    ):
        Table("fines", "违停", ("fine_no",), (*FINE, FINE[0]), knowledge=Event("fined_at"))


def test_two_declarations_of_one_name_are_refused_naming_both_places() -> None:
    first, second = (Table("fines", "违停", ("fine_no",), FINE, knowledge=Event("fined_at")) for _ in range(2))
    with pytest.raises(
        DeclarationError, match=r"test_knowledge\.py:\d+: table fines is already declared at tests/.*:\d+"
    ):
        _tables(first, second)


def test_every_declaration_knows_its_place() -> None:
    assert all(re.fullmatch(r"claims/schema/\w+\.py:\d+", table.where) for table in CANONICAL.values())


def test_every_knowledge_can_be_told() -> None:
    assert len({told(table.knowledge) for table in (*SOURCE.values(), *CANONICAL.values())}) > 10


def test_a_split_row_holds_the_moments_of_its_parts() -> None:
    assert isinstance(SOURCE["settlements"].knowledge, Split)
    assert moments_of(SOURCE["settlements"]) == ("begntime", "endtime", "setl_time")


def test_the_columns_that_checks_read_are_there_without_a_source(tmp_path: Path) -> None:
    """A settlement export with nothing but what places a row is taken in."""
    least = {c.name: VISIT[c.name] for c in SOURCE["settlements"].columns if c.needed}
    line = {c.name: LINE[c.name] for c in SOURCE["fee_details"].columns if c.needed}
    summary = intake(write(tmp_path / "claims", settlements=[least], fee_details=[line]), tmp_path / "house")
    assert (summary.tables["settlements"].accepted, summary.tables["fee_details"].accepted) == (1, 1)
    assert set(MUST_MATCH) <= set(SOURCE["settlements"].worked)


def test_without_a_told_extract_end_every_event_says_how_far_it_reaches(tmp_path: Path) -> None:
    move = {
        "move_id": "1",
        "fixmedins_code": "H1",
        "med_list_codg": "X",
        "move_type": "buy",
        "cnt": "1",
        "move_time": "2025-04-02 08:00:00",
    }
    intake(write(tmp_path / "claims", settlements=[VISIT], stock_moves=[move]), tmp_path / "house")
    batch = Warehouse.open(tmp_path / "house").manifest["batches"][-1]
    assert datetime.fromisoformat(batch["extract_end"]) == datetime(2025, 4, 2, 8)


def test_hospital_levels_come_from_one_table() -> None:
    codes = [*HOSPITAL_LEVEL, "11", "9", "", None]
    with duckdb.connect() as con:
        con.execute("CREATE TABLE codes AS SELECT unnest(?::VARCHAR[]) AS hosp_lv", [codes])
        found = con.execute(f"SELECT hosp_lv, {hospital_level_sql('hosp_lv')} FROM codes").fetchall()
    assert dict(found) == {code: HOSPITAL_LEVEL.get(code or "", 0) for code in codes}


@pytest.mark.parametrize("name", shipped())
def test_no_mapping_that_ships_says_when_an_export_was_drawn(name: str) -> None:
    """It would be the end of every delivery taken in with it, and the next one's rows would count as known only from then on."""
    assert load_mapping(name).extract_end is None


def test_a_second_delivery_is_known_from_its_own_moments_on(tmp_path: Path) -> None:
    later = VISIT | {"setl_id": "S2", "mdtrt_id": "M2", "begntime": "2025-06-03 09:00:00", "endtime": "2025-06-05 09:00:00", "setl_time": "2025-06-05 10:00:00"}  # fmt: skip
    intake(write(tmp_path / "first", settlements=[VISIT]), tmp_path / "house", "pilot")
    intake(write(tmp_path / "second", settlements=[VISIT, later]), tmp_path / "house", "pilot")
    files = Warehouse.open(tmp_path / "house").files("visits")
    known = duckdb.read_parquet([str(f) for f in files]).filter("mdtrt_id = 'M2'").project("known_at").fetchall()
    assert {row[0] for row in known} == {datetime(2025, 6, 3, 9)}
