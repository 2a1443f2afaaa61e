"""The practice before and after: shares with intervals, nothing said of few visits; and which visits are due again."""

from datetime import date, datetime
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import insert, update

from claims.store.files import PRIVATE, put, sealed
from inspection.lookback import FEWER, MORE, SAME, UNKNOWN, compared, practice, side
from serving.desk import leads, lookbacks, people
from serving.desk.database import clock, open_desk
from serving.desk.people import Person
from serving.desk.schema import CASES, DISPOSITIONS, EVENTS, TICKS
from serving.web.middleware import desk_of
from serving.web.practices import PRACTICES, content
from tests.inspection.test_selfcheck import hits
from tests.inspection.test_sent import bill
from tests.serving.conftest import signed_in
from tests.serving.desk.conftest import a_row

FIRST, LAST = date(2026, 7, 31), date(2026, 8, 30)
ALL = Person(0, "x", "x", "", frozenset())


def counted(visits: int, hit: int, fen: float = 10_000) -> tuple[pd.DataFrame, pd.DataFrame]:
    found = hits(*(("R01", f"V{i}", "visits", f"V{i}", fen) for i in range(hit)))
    day = pd.Timestamp("2026-08-10")
    return found, pd.DataFrame(
        [bill(f"S{i}", mdtrt_id=f"V{i}", setl_time=day, medfee_sumamt_fen=20_000) for i in range(visits)]
    )


def test_a_side_counts_visits_of_its_days_and_their_money_by_the_month() -> None:
    one = side(*counted(40, 10), FIRST, LAST)
    assert (one.visits, one.hits, one.rate) == (40, 10, 0.25)
    assert (one.since, one.until) == ("2026-08-01", "2026-08-30")
    assert one.month_yuan == pytest.approx(1_000)
    assert one.month_high == pytest.approx(1_000 + 1.96 * 100 * 10**0.5)
    assert one.low < 0.25 < one.high
    assert side(*counted(40, 10), LAST, date(2026, 9, 29)).visits == 0


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [((100, 40), (100, 5), FEWER), ((100, 5), (100, 40), MORE), ((100, 20), (100, 22), SAME), ((100, 20), (9, 9), UNKNOWN), ((100, 0), (100, 9), UNKNOWN)],
)  # fmt: skip
def test_a_change_is_said_where_the_interval_says_it(
    before: tuple[int, int], after: tuple[int, int], said: str
) -> None:
    sides = [side(*counted(*s), FIRST, LAST) for s in (before, after)]
    assert compared(["R01"], *sides).verdict == said


def test_too_early_and_no_rule_about_visits_are_told(tmp_path: Path) -> None:
    early = practice(tmp_path, "H1", ["R01"], FIRST, FIRST, date(2026, 8, 20), 90)
    assert (early.verdict, early.note) == (UNKNOWN, "认定后不满30天")
    assert "没有可逐次比对" in practice(tmp_path, "H1", ["R22"], FIRST, FIRST, LAST, 90).note


def test_what_is_due_again(tmp_path: Path) -> None:
    desk = open_desk(tmp_path)
    leads.open_run(desk, "2026-01-04/aa", "2026-01-04", {"admission": [a_row(i) for i in range(1, 5)]})
    told = [
        ("C85", "O2_IRREGULAR", datetime(2026, 11, 20)),
        ("C80", "O1_FRAUD", None),
        ("C90", "O6_CLEAR", None),
        ("C80", "O6_CLEAR", None),
    ]
    with desk.write() as connection:
        for case_id, (state, outcome, due) in enumerate(told, start=1):
            values = {
                "state": state,
                "outcome": outcome,
                "due_at": due,
                "decided_at": datetime(2026, 3, 2),
            }
            connection.execute(update(CASES).where(CASES.c.case_id == case_id).values(**values))
    with clock(datetime(2026, 11, 24, 2)):
        found = lookbacks.due(desk, ALL)
    assert [(c["case_id"], c["left"]) for c in found][1] == (1, -2)
    assert found[0]["case_id"] == 2, "120 working days after the decision"
    assert found[0]["lead"]["as_of"] == "2026-01-04"


def test_the_page(tmp_path: Path) -> None:
    desk = desk_of(tmp_path)
    leads.open_run(desk, "2026-01-04/aa", "2026-01-04", {"admission": [a_row(1)]})
    with desk.write() as connection:
        connection.execute(update(CASES).values(state="C80", outcome="O2_IRREGULAR", decided_at=datetime(2026, 3, 2)))
    client = signed_in(tmp_path, "leader")
    assert "还没有计算" in client.get("/lookback").text
    sides = [side(*counted(*s), FIRST, LAST) for s in ((100, 40), (100, 5))]
    number = client.get("/lookback.json").json()["due"][0]["number"]
    kept = {"as_of": "2026-09-27", "days": 90, "cases": {number: compared(["R01"], *sides).to_json()}}
    put(tmp_path / PRACTICES, sealed(kept), PRIVATE)
    page = client.get("/lookback").text
    assert FEWER in page
    assert "逾期" in page
    case = client.get("/cases/1").text
    for words in ("回访期限", FEWER, "还没有列入"):
        assert words in case, words
    inbox = client.get("/cases").text
    assert "已归档、将回头看" in inbox
    assert "到期未列入 1 件" in inbox
    assert "已归档、将回头看" not in signed_in(tmp_path, "reviewer1").get("/cases").text


def test_what_was_found_and_promised_is_what_is_looked_at_again(tmp_path: Path) -> None:
    desk = desk_of(tmp_path)
    leads.open_run(desk, "2026-01-04/aa", "2026-01-04", {"admission": [a_row(1)]})
    ann, bob = (
        people.accept(desk, people.add(desk, n, ("inspector",)), "correct horse battery") for n in ("ann", "bob")
    )
    day = datetime(2026, 3, 2)
    tick = {"case_id": 1, "key": "0" * 12, "kind": "stock", "text": "清点人血白蛋白", "code": "not_as_billed", "note": "账面 40 支，实有 3 支",
            "client": "c", "said_by": ann.person_id, "said_at": day, "second_by": bob.person_id, "second_at": day}  # fmt: skip
    order = {"case_id": 1, "at": day, "who": ann.person_id, "due_at": datetime(2026, 4, 1)}
    move = {"case_id": 1, "at": day, "kind": "move", "from_state": "C60", "to_state": "C70", "note": "账实不符"}
    with desk.write() as connection:
        connection.execute(update(CASES).values(state="C80", outcome="O2_IRREGULAR", decided_at=day))
        connection.execute(insert(TICKS).values(**tick))
        connection.execute(
            insert(TICKS).values(
                **tick | {"key": "1" * 12, "client": "d", "text": "只有一人说", "second_by": None, "second_at": None}
            )
        )
        connection.execute(insert(DISPOSITIONS).values(**order, kind="RECTIFY", document="改〔2026〕7号"))
        connection.execute(insert(DISPOSITIONS).values(**order, kind="RECOVER", amount_fen=123_450, done_at=day))
        connection.execute(insert(EVENTS).values(**move))
    page = signed_in(tmp_path, "leader").get("/lookback").text
    for words in (
        "账实不符",
        "账面 40 支，实有 3 支",
        "限期整改（改〔2026〕7号）：限 2026-04-01，尚未办结",
        "追回 1,234.50 元：2026-03-02 已办结",
    ):
        assert words in page, words
    assert "只有一人说" not in page
    (one,) = lookbacks.due(desk, ALL)
    assert content(tmp_path, one)["look"] == ["清点人血白蛋白"]


def test_what_a_visit_found_stands_beside_it() -> None:
    def move(a: str, b: str, day: int, **detail: str) -> dict[str, object]:
        return {"kind": "move", "from_state": a, "to_state": b, "at": datetime(2026, 11, day), "shown": "甲", "note": "整改到位", "detail": detail}  # fmt: skip

    first = [move("C60", "C70", 1, outcome="O2_IRREGULAR"), move("C70", "C80", 2), move("C80", "C85", 3), move("C85", "C40", 4)]  # fmt: skip
    [one] = lookbacks.visits(first)
    assert (one["at"].day, one["outcome"]) == (4, "")
    again = [*first, move("C40", "C50", 5), move("C60", "C90", 6, outcome="O6_CLEAR"), move("C85", "C40", 7)]
    assert [v["outcome"] for v in lookbacks.visits(again)] == ["O6_CLEAR", ""]
    assert lookbacks.visits(again)[0]["note"] == "整改到位"
