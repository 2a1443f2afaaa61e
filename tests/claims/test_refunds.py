"""Refunds in every shape and order, read in every way: `net` as if it never was, `kept` as the act, `pairs` as act and refund (contract.md §6.1 D01–D04, §6.3)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from claims.intake.pipeline import intake
from claims.intake.quarantine import list_quarantine
from claims.store.warehouse import Warehouse
from features.asof import open_views
from tests.claims.county import VISIT, Row, refund, write

T = datetime(2025, 3, 31)
WHOLE, HALF = 10010, 5005


def part(name: str, minute: int, fen: int = HALF, **changes: object) -> Row:
    """A refund of `fen` of S1, named and timed."""
    share = fen / WHOLE
    money = {
        m: f"{-float(str(VISIT[m])) * share:.2f}"
        for m in ("medfee_sumamt", "fund_pay_sumamt", "hifp_pay", "acct_pay", "psn_cash_pay")
    }
    return (
        refund(VISIT)
        | money
        | {"setl_id": name, "mdtrt_id": f"M{name}", "setl_time": f"2025-03-01 10:{minute:02}:00"}
        | changes
    )


def readings(house: Path, at: datetime = T) -> dict[str, object]:
    """(rows, fen) of `net` and `kept`, and the (refund, fen, full) of `pairs`, by person; the other layout must say the same."""
    said = []
    for layout in ("person", "institution"):
        totals: dict[str, list[int]] = {"net": [0, 0], "kept": [0, 0]}
        pairs: list[tuple] = []
        for bucket in range(Warehouse.open(house).buckets):
            with open_views(Warehouse.open(house), at, layout, bucket) as con:
                for mode, total in totals.items():
                    n, fen = con.execute(
                        f"SELECT count(*), coalesce(sum(medfee_sumamt_fen), 0) FROM {mode}.settlements"
                    ).fetchall()[0]
                    total[0] += n
                    total[1] += fen
                assert (
                    con.execute("SELECT count(*) FROM pairs.settlements").fetchall()
                    == con.execute("SELECT count(*) FROM kept.settlements").fetchall()
                )
                pairs += con.execute('SELECT refund_setl_id, fen, "full" FROM refunds').fetchall()
        said.append({"net": tuple(totals["net"]), "kept": tuple(totals["kept"]), "pairs": sorted(pairs)})
    assert said[0] == said[1]
    return said[0]


AGAIN = VISIT | {"init_setl_id": "S1", "setl_time": "2025-03-01 11:00:00"}
#: name → (deliveries in order, each a list of settlement rows; net; kept; pairs)
FULL = [("RS1", WHOLE, True)]
MATRIX: dict[str, tuple[list[list[Row]], tuple[int, int], tuple[int, int], list[tuple]]] = {
    "no refund": ([[VISIT]], (1, WHOLE), (1, WHOLE), []),
    "full": ([[VISIT, refund(VISIT)]], (0, 0), (1, WHOLE), FULL),
    "full, before its original in the file": ([[refund(VISIT), VISIT]], (0, 0), (1, WHOLE), FULL),
    "full, under the same visit": ([[VISIT, refund(VISIT, mdtrt_id="M1")]], (0, 0), (1, WHOLE), FULL),
    "full, in a later delivery": ([[VISIT], [refund(VISIT)]], (0, 0), (1, WHOLE), FULL),
    "full, a delivery before its original": ([[refund(VISIT), VISIT | {"setl_id": "S9", "mdtrt_id": "M9", "psn_no": "P2"}], [VISIT]], (1, WHOLE), (2, 2 * WHOLE), FULL),
    "full, not linked": ([[VISIT, refund(VISIT, init_setl_id="")]], (0, 0), (1, WHOLE), FULL),
    "full, positive amounts and a flag": ([[VISIT, VISIT | {"setl_id": "RS1", "mdtrt_id": "R1", "refd_setl_flag": "1", "init_setl_id": "S1", "setl_time": "2025-03-01 09:35:00"}]], (0, 0), (1, WHOLE), FULL),
    "full, delivered twice": ([[VISIT, refund(VISIT)], [refund(VISIT), VISIT, VISIT | {"setl_id": "S9", "mdtrt_id": "M9", "psn_no": "P2"}]], (1, WHOLE), (2, 2 * WHOLE), FULL),
    "partial": ([[VISIT, part("A", 1)]], (1, HALF), (1, WHOLE), [("A", HALF, False)]),
    "partial, a delivery later": ([[VISIT], [part("A", 1)]], (1, HALF), (1, WHOLE), [("A", HALF, False)]),
    "two partial that make the whole": ([[VISIT, part("A", 1), part("B", 2)]], (0, 0), (1, WHOLE), [("A", HALF, False), ("B", HALF, False)]),
    "two partial, the later first": ([[part("B", 2), part("A", 1), VISIT]], (0, 0), (1, WHOLE), [("A", HALF, False), ("B", HALF, False)]),
    "two partial over two deliveries": ([[VISIT, part("B", 2)], [part("A", 1)]], (0, 0), (1, WHOLE), [("A", HALF, False), ("B", HALF, False)]),
    "three partial that leave a rest": ([[VISIT, part("A", 1, 1001), part("B", 2, 2002), part("C", 3, 3003)]], (1, 4004), (1, WHOLE), [("A", 1001, False), ("B", 2002, False), ("C", 3003, False)]),
    "refunded and settled again": ([[VISIT, refund(VISIT), VISIT | {"setl_id": "S2", "setl_time": "2025-03-01 11:00:00"}]], (1, WHOLE), (2, 2 * WHOLE), FULL),
    "corrected under the same number, then refunded": ([[VISIT], [VISIT | {"medfee_sumamt": "90.10", "acct_pay": "20.10"}, refund(VISIT | {"medfee_sumamt": "90.10", "acct_pay": "20.10"})]], (0, 0), (1, 9010), [("RS1", 9010, True)]),
    "reversed under the original's own number, settled again": ([[VISIT, refund(VISIT, setl_id="S1"), AGAIN | {"setl_id": "S2"}]], (1, WHOLE), (2, 2 * WHOLE), [("S1-R", WHOLE, True)]),
    "reversed, settled again under the original's own number": ([[AGAIN, VISIT, refund(VISIT)]], (1, WHOLE), (2, 2 * WHOLE), FULL),
    "reversed, settled again under the original's own number, a delivery later": ([[VISIT], [AGAIN, refund(VISIT)], [AGAIN, VISIT | {"setl_id": "S9", "mdtrt_id": "M9", "psn_no": "P2"}]], (2, 2 * WHOLE), (3, 3 * WHOLE), FULL),
    "corrected, naming its own number, without a reversal": ([[VISIT, AGAIN | {"medfee_sumamt": "90.10", "acct_pay": "20.10"}]], (1, 9010), (1, 9010), []),
    "a twin of the other person stays": ([[VISIT, VISIT | {"setl_id": "S9", "mdtrt_id": "M9", "psn_no": "P2"}, refund(VISIT, init_setl_id="")]], (1, WHOLE), (2, 2 * WHOLE), FULL),
}  # fmt: skip


@pytest.mark.parametrize("name", MATRIX)
def test_every_reading_of_every_reversal(name: str, tmp_path: Path) -> None:
    deliveries, net, kept, pairs = MATRIX[name]
    for i, rows in enumerate(deliveries):
        intake(write(tmp_path / f"in{i}", settlements=rows), tmp_path / "house")
    assert list_quarantine(tmp_path / "house").empty
    assert readings(tmp_path / "house") == {"net": net, "kept": kept, "pairs": pairs}


def test_an_orphan_waits_outside_every_reading(tmp_path: Path) -> None:
    intake(write(tmp_path / "in", settlements=[VISIT, refund(VISIT, init_setl_id="S404")]), tmp_path / "house")
    assert list(list_quarantine(tmp_path / "house")["reason_code"]) == ["Q08"]
    assert readings(tmp_path / "house") == {"net": (1, WHOLE), "kept": (1, WHOLE), "pairs": []}


def test_a_refund_that_arrives_later_does_not_exist_before(tmp_path: Path) -> None:
    late = refund(VISIT, setl_time="2025-03-10 08:00:00")
    intake(write(tmp_path / "in", settlements=[VISIT, late]), tmp_path / "house")
    before = {"net": (1, WHOLE), "kept": (1, WHOLE), "pairs": []}
    assert readings(tmp_path / "house", datetime(2025, 3, 9, 23, 59, 59)) == before
    assert readings(tmp_path / "house", datetime(2025, 3, 10, 8)) == {"net": (0, 0), "kept": (1, WHOLE), "pairs": FULL}
