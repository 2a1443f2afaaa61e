"""Work is saved only where nothing would change: columns read by their values, identifiers taken as they are."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from claims.intake import column_stats as shape
from claims.intake import typed_rows
from claims.intake.batch import Batch
from claims.intake.dictionary_encode import Glossary
from claims.intake.normalize import MACROS, MISSING
from claims.intake.pipeline import IntakeSummary, intake
from claims.intake.reading import Reading
from claims.store.warehouse import Warehouse
from tests.claims.county import LINE, UNIT, VISIT, people, refund, write
from tests.claims.test_sources import contents
from tests.claims.test_spellings import NO_END, TIMES

plainly = typed_rows._plain
ODD = [*MISSING, "P1", "01", "1.0", "21.0", "1.5", "3.3E+17", "1e5", "'01", " x", "x ", "x\u3000", "\ufeffx", "０１", "加１", "+12", "高血压", "a\tb", "某医院（总院）", "A-1"]  # fmt: skip


@pytest.mark.parametrize(
    ("odd", "plain"),
    [("", False), ("NULL", False), ("3.3E+17", False), ("S 1", False), ("S_9", False), ("VISIT_9", True)],
)
def test_one_odd_cell_among_many_is_enough(odd: str, plain: bool) -> None:
    with duckdb.connect() as con:
        con.register("source_rows", pa.table({"many": [*(f"VISIT{i:06}" for i in range(9_000)), odd]}))
        assert shape.plain_columns(con, "source_rows", ["many"]) == ({"many"} if plain else set())


def test_a_plain_cell_is_one_the_parser_leaves_alone() -> None:
    with duckdb.connect() as con:
        for macro in MACROS:
            con.execute("CREATE " + macro)
        for cell in ODD:
            con.register("cell", pa.table({"v": [cell]}))
            if shape.plain_columns(con, "cell", ["v"]):
                assert con.execute("SELECT as_code(narrow(clean(v))), clean(v) FROM cell").fetchall() == [(cell, cell)]


def both_ways(source: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[IntakeSummary, IntakeSummary]:
    """The same delivery cell by cell and by glossaries and ENUMs."""
    monkeypatch.setattr(shape, "WORTH", 10**9)
    cells = intake(source, folder / "cells", buckets=3)
    monkeypatch.setattr(shape, "WORTH", 0)
    values = intake(source, folder / "values", buckets=3)
    return cells, values


def same(a: tuple[IntakeSummary, Path], b: tuple[IntakeSummary, Path]) -> None:
    assert (a[0].tables, a[0].reasons) == (b[0].tables, b[0].reasons)
    assert contents(a[1]) == contents(b[1])
    one, other = Warehouse.open(a[1]), Warehouse.open(b[1])
    assert one.manifest["columns"] == other.manifest["columns"]
    assert one.facts == other.facts
    with duckdb.connect() as con:
        rows = [con.execute("FROM read_parquet(?) ORDER BY ALL", [[str(h.root / e["path"]) for e in h.manifest["quarantine"]]]).fetchall()
                for h in (one, other) if h.manifest["quarantine"]]  # fmt: skip
    assert rows[:1] == rows[1:]


def test_columns_read_by_their_values_change_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Codes and names in every habit of contract.md §6.2, over two files of one table, corrected, refunded and repeated."""
    visits = [VISIT | {"setl_id": f"S{i:05}", "mdtrt_id": f"M{i:05}", "atddr_no": odd, "dscg_maindiag_code": odd, "adm_bed": odd, "vali_flag": "1", "med_type": f"'{11 + i % 3}"}
              for i, odd in enumerate(ODD)]  # fmt: skip
    source = write(tmp_path / "in", persons=people(), institutions=[UNIT], settlements=visits, fee_details=[LINE | {"mdtrt_id": "M00001", "setl_id": "S00001", "hilist_name": odd, "feedetl_sn": f"{i}", "psn_no": ""} for i, odd in enumerate(ODD)])  # fmt: skip
    more = write(tmp_path / "more", settlements=[refund(visits[0]), visits[1], visits[2] | {"adm_bed": "９"}, visits[3] | {"vali_flag": "0", "setl_id": "S9"}])  # fmt: skip
    (more / "settlements.csv").rename(source / "settlements_2.csv")
    cells, values = both_ways(source, tmp_path, monkeypatch)
    assert cells.tables["settlements"].quarantined > 1
    assert cells.tables["settlements"].duplicates == 1
    same((cells, tmp_path / "cells"), (values, tmp_path / "values"))


def test_characters_no_text_holds_are_found_in_both_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parquet can carry them; they are looked for in the values of a column as in its cells."""
    rows = [VISIT | {"setl_id": f"S{i}", "mdtrt_id": f"M{i}", "atddr_no": odd} for i, odd in enumerate(["D1", "D\x07", "D\ufffd", "3.3E+17", "D1"])]  # fmt: skip
    (tmp_path / "in").mkdir()
    with duckdb.connect() as con:
        con.register("rows_of", pa.Table.from_pylist([{k: str(v) for k, v in row.items()} for row in rows]))
        con.execute(f"COPY rows_of TO '{tmp_path / 'in' / 'settlements.parquet'}' (FORMAT parquet)")
    cells, values = both_ways(tmp_path / "in", tmp_path, monkeypatch)
    assert cells.reasons["settlements"] == {"Q11": 1, "Q05": 1, "Q04": 1}
    same((cells, tmp_path / "cells"), (values, tmp_path / "values"))


def quickly(
    source: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[IntakeSummary, IntakeSummary, set[str]]:
    """`both_ways`, and the tables of the second that were read by the quick levels."""
    quick: set[str] = set()

    def told(batch: Batch, reading: Reading, glossary: Glossary) -> bool:
        if found := plainly(batch, reading, glossary):
            quick.add(reading.table.name)
        return found

    monkeypatch.setattr(typed_rows, "_plain", told)
    return *both_ways(source, folder, monkeypatch), quick


AMOUNTS = ["100.10", "", "NULL", "￥100.10", "100.1元", "1,100.10", "1e2", "1_0", "100.105", "99.99499", "+1", "-", "12.5万元", "0x10", "inf", " 100.10 ", "１00", "(3.00)", "999999999999.99", ".5", "5.", "100.10-"]  # fmt: skip


def test_rows_read_quickly_are_those_whose_every_cell_is_plainly_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every spelling of a time or an amount among four plain rows each: the same rows, reasons and values."""
    spelt = [{"fee_ocur_time": text} for text in [*TIMES, *NO_END]] + [{"pric": text, "inscp_scp_amt": text, "cnt": text, "prd_days": text} for text in AMOUNTS]  # fmt: skip
    plain = LINE | {"inscp_scp_amt": "1.00", "prd_days": "7", "psn_no": ""}
    lines = [plain | (spelt[i // 5] if i % 5 == 4 else {}) | {"feedetl_sn": f"{i}"} for i in range(5 * len(spelt))]
    source = write(tmp_path / "in", settlements=[VISIT], fee_details=lines)
    cells, values, quick = quickly(source, tmp_path, monkeypatch)
    assert {"settlements", "fee_details"} <= quick
    assert min(cells.reasons["fee_details"][code] for code in ("Q02", "Q03")) > 3
    same((cells, tmp_path / "cells"), (values, tmp_path / "values"))


def test_a_file_of_which_most_rows_are_spelt_otherwise_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [LINE | {"feedetl_sn": f"{i}", "fee_ocur_time": "2025年3月1日 9时10分"} for i in range(8)]
    source = write(tmp_path / "in", settlements=[VISIT], fee_details=lines)
    cells, values, quick = quickly(source, tmp_path, monkeypatch)
    assert "settlements" in quick
    assert "fee_details" not in quick
    same((cells, tmp_path / "cells"), (values, tmp_path / "values"))
