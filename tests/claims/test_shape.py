"""Work is saved only where nothing would change: columns taken as they are, and ENUMs in the sort."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from claims import parts
from claims.intake import intake
from claims.parse import MACROS, MISSING
from claims.shape import FEW, canonical_columns, is_canonical
from claims.warehouse import Warehouse
from tests.claims.county import LINE, VISIT, refund, write
from tests.claims.test_sources import contents

CELLS = [*MISSING, "P1", "01", "1.0", "21.0", "1.5", "3.3E+17", "1e5", "'01", " x", "x ", "x\u3000", "\ufeffx", "０１", "加１", "+12", "高血压", "a\tb", "a\x07", "高\ufffd", "0000-00-00", "某医院（总院）", "A-1"]  # fmt: skip


@pytest.fixture
def con():
    with duckdb.connect() as made:
        for macro in MACROS:
            made.execute("CREATE " + macro)
        yield made


@pytest.mark.parametrize(("kind", "parser"), [("code", "as_code(narrow(clean(v)))"), ("text", "clean(v)")])
def test_a_canonical_cell_is_one_the_parser_leaves_alone(
    con: duckdb.DuckDBPyConnection, kind: str, parser: str
) -> None:
    con.register("cells", pa.table({"v": CELLS}))
    parsed = dict(con.execute(f"SELECT v, {parser} FROM cells").fetchall())
    taken = [c for c in CELLS if is_canonical(c, kind)]
    assert [c for c in taken if parsed[c] != c] == []
    assert {"P1", "01", "高血压", "A-1"} <= set(taken)
    assert not {"a\x07", "高\ufffd", "NULL", "无"} & set(taken)


@pytest.mark.parametrize(
    ("odd", "sound"),
    [("", False), ("NULL", False), ("3.3E+17", False), ("S 1", False), ("S_9", False), ("VISIT_9", True)],
)
def test_one_odd_cell_among_many_is_enough(con: duckdb.DuckDBPyConnection, odd: str, sound: bool) -> None:
    many = [f"VISIT{i:06}" for i in range(FEW + 10)]
    con.register("source_rows", pa.table({"many": [*many, odd], "few": [*["11"] * len(many), "12"]}))
    assert canonical_columns(con, "source_rows", {"many": "code", "few": "code"}) == (
        {"many", "few"} if sound else {"few"}
    )


def test_enums_in_the_sort_change_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(tmp_path / "in", settlements=[VISIT, refund(VISIT), VISIT | {"setl_id": "S2", "mdtrt_id": "M2", "psn_no": "P2"}], fee_details=[LINE, LINE | {"feedetl_sn": "2", "psn_no": ""}])  # fmt: skip
    intake(source, tmp_path / "plain", buckets=3)
    monkeypatch.setattr(parts, "ENUM_ROWS", 0)
    monkeypatch.setattr(parts, "ENUM_VALUES", 100)
    intake(source, tmp_path / "enum", buckets=3)
    assert contents(tmp_path / "plain") == contents(tmp_path / "enum")
    kept = [Warehouse.open(tmp_path / n).manifest["columns"] for n in ("plain", "enum")]
    assert kept[0] == kept[1]
