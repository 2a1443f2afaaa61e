"""Before a grave decision: 法制审核 and 案审会, by people who had no part in the case; and limits, which take two persons."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import DBAPIError

from serving.desk import boards, limits, log, money, papers, people, verify
from serving.desk.casefile import case_file
from serving.desk.cases import Refused
from serving.desk.database import Desk, now
from serving.desk.people import Person
from serving.desk.schema import ATTENDANCES, BOARDS, CASES, LIMITS, OFFICERS
from serving.desk.steps import Given
from serving.desk.workdays import today

from .conftest import PASSWORD
from .test_cases import DECISION, go, to_decision

LARGE = Given(
    note="查实", outcome="O2_IRREGULAR", violation_class="irregular", confirmed_fen=15_000_000, dispositions=("RECOVER",)
)  # fmt: skip
SMALL_BUT_GRAVE = (
    Given("查实", "O1_FRAUD", "", "illegal", 100, ("RECOVER",)),
    Given("查实", "O2_IRREGULAR", "", "breach", 100, ("TERMINATE",)),
    Given("查实", "O2_IRREGULAR", "", "irregular", 100, ("PENALTY",), {"PENALTY": 10_000_000}),
)


@pytest.fixture
def law(desk: Desk, staff: dict[str, Person]) -> Person:
    """Who reviews in law; and somebody else who may sit."""
    people.accept(desk, people.add(desk, "seat", ("committee",)), PASSWORD)
    return people.accept(desk, people.add(desk, "law", ("legal",)), PASSWORD)


def minutes_of(desk: Desk, who: Person) -> int:
    return papers.attach(desk, who, who.rights, 1, "案审会记录.pdf", b"%PDF-1.7 minutes")


def sit(desk: Desk, who: Person, members: list[Person], against: tuple[int, ...] = (), **over: Any) -> None:
    with desk.read() as connection:
        kept = papers.of_case(connection, 1)
    minutes = next((p["file_id"] for p in kept if p["name"].startswith("案审会")), None) or minutes_of(desk, who)
    given: dict[str, Any] = {"held_on": today(now()), "opinion": "一致同意", "minutes": minutes, "against": against}
    boards.record(desk, who, who.rights, 1, members=[m.person_id for m in members], **(given | over))


def test_a_large_amount_is_not_signed_without_both(opened: Desk, staff: dict[str, Person], law: Person) -> None:
    to_decision(opened, staff)
    with pytest.raises(Refused, match="确认金额达到 100,000 元，须先经法制审核和案审会集体讨论"):
        go(opened, staff["leader"], "decide", LARGE)
    boards.review(opened, law, law.rights, 1, True, "事实清楚，程序合法")
    with pytest.raises(Refused, match="须先经案审会集体讨论"):
        go(opened, staff["leader"], "decide", LARGE)
    sit(opened, staff["leader"], [staff["leader"], staff["signer"], law])
    assert go(opened, staff["leader"], "decide", LARGE) == "C70"
    found = case_file(opened, staff["leader"], 1)
    assert (found["legal_by"], found["board_from_fen"], found["grave"]) == (law.person_id, 10_000_000, False)
    assert [s["shown"] for s in found["boards"][0]["seats"]] == ["leader", "signer", "law"]
    assert verify.fault(log.rows(opened, 0, 10_000), log.head(opened)) == ""


@pytest.mark.parametrize("decision", SMALL_BUT_GRAVE)
def test_a_grave_order_is_not_signed_without_both_whatever_the_amount(
    opened: Desk, staff: dict[str, Person], decision: Given
) -> None:
    to_decision(opened, staff)
    with pytest.raises(Refused, match="须先经法制审核和案审会集体讨论"):
        go(opened, staff["leader"], "decide", decision)
    assert go(opened, staff["leader"], "decide", DECISION) == "C70"


def test_who_worked_on_a_case_neither_sits_nor_reviews(opened: Desk, staff: dict[str, Person], law: Person) -> None:
    to_decision(opened, staff)
    for part in ("first", "second", "ann"):
        with pytest.raises(Refused, match="不得是本案的审核或核查人员"):
            boards.review(opened, staff[part], law.rights, 1, True, "x")
        with pytest.raises(Refused, match="不得是本案的初审、复审或核查人员"):
            sit(opened, staff["leader"], [staff[part], staff["leader"], law])
    boards.review(opened, law, law.rights, 1, True, "x")
    with pytest.raises(Refused, match="法制审核人员"):
        go(opened, replace(law, roles=frozenset({"leader"})), "clear", Given("x", "O6_CLEAR"))


def test_a_board_of_two_without_minutes_or_of_tomorrow_is_none(
    opened: Desk, staff: dict[str, Person], law: Person
) -> None:
    to_decision(opened, staff)
    three = [staff["leader"], staff["signer"], law]
    with pytest.raises(Refused, match="3人以上"):
        sit(opened, staff["leader"], [staff["leader"], law, law])
    for over in ({"minutes": 999}, {"held_on": today(now()) + timedelta(days=1)}, {"held_on": None}, {"opinion": " "}):
        with pytest.raises(Refused):
            sit(opened, staff["leader"], three, **over)
    with pytest.raises(Refused, match="权限"):
        sit(opened, staff["money"], three)
    sit(opened, staff["leader"], three, (staff["signer"].person_id, law.person_id))
    boards.review(opened, law, law.rights, 1, True, "x")
    with pytest.raises(Refused, match="案审会"):  # two of three did not agree
        go(opened, staff["leader"], "decide", LARGE)


def test_a_case_that_goes_back_loses_both(opened: Desk, staff: dict[str, Person], law: Person) -> None:
    to_decision(opened, staff)
    boards.review(opened, law, law.rights, 1, True, "x")
    sit(opened, staff["leader"], [staff["leader"], staff["signer"], law])
    go(opened, staff["leader"], "look_again")
    found = case_file(opened, staff["leader"], 1)
    assert (found["legal_by"], found["board_id"], len(found["boards"])) == (None, None, 1)
    with pytest.raises(Refused, match="待认定"):
        boards.review(opened, law, law.rights, 1, True, "x")


def test_the_database_itself_refuses_a_large_decision_that_nobody_heard(
    opened: Desk, staff: dict[str, Person], law: Person
) -> None:
    to_decision(opened, staff)
    signed = {"state": "C70", "outcome": "O1_FRAUD", "confirmed_fen": 20_000_000, "signer": staff["signer"].person_id}
    asked = {"board_from_fen": 10_000_000, "legal_from_fen": 10_000_000, "grave": False}
    for values in (signed, signed | asked, signed | asked | {"confirmed_fen": 1, "grave": True}):
        with pytest.raises(DBAPIError), opened.write() as connection:
            connection.execute(update(CASES).where(CASES.c.case_id == 1).values(**values))
    with pytest.raises(DBAPIError), opened.write() as connection:
        connection.execute(update(CASES).where(CASES.c.case_id == 1).values(legal_by=staff["ann"].person_id))


@pytest.mark.parametrize("seats", [("leader", "signer"), ("leader", "signer", "ann"), ("leader", "signer", "first")])
def test_the_database_itself_counts_who_sat(
    opened: Desk, staff: dict[str, Person], law: Person, seats: tuple[str, ...]
) -> None:
    to_decision(opened, staff)
    minutes = minutes_of(opened, staff["leader"])
    board = {"case_id": 1, "held_on": "2026-11-20", "opinion": "x", "minutes": minutes, "at": now(), "who": law.person_id}  # fmt: skip
    with opened.write() as connection:
        made = connection.execute(insert(BOARDS).values(**board).returning(BOARDS.c.board_id)).scalar_one()
        sat = [{"board_id": made, "person_id": staff[s].person_id, "agrees": True} for s in seats]
        connection.execute(insert(ATTENDANCES), sat)
    with pytest.raises(DBAPIError), opened.write() as connection:
        connection.execute(update(CASES).where(CASES.c.case_id == 1).values(board_id=made))
    with pytest.raises(DBAPIError, match="append-only"), opened.write() as connection:
        connection.execute(update(ATTENDANCES).values(agrees=False))


def test_a_limit_is_proposed_by_one_and_granted_by_another(opened: Desk, staff: dict[str, Person]) -> None:
    leader, signer = staff["leader"], staff["signer"]

    def counts() -> int:
        with opened.read() as connection:
            return limits.value(connection, "C20")

    limits.propose(opened, leader, "C20", 7, "两人休假")
    assert counts() == 3
    with pytest.raises(Refused, match="待批准"):
        limits.propose(opened, signer, "C20", 9, "x")
    [asked] = [r["asked"] for r in limits.all_values(opened) if r["asked"]]
    with pytest.raises(Refused, match="另一人"):
        limits.answer(opened, leader, leader.rights, asked["limit_id"], True)
    with pytest.raises(Refused, match="权限"):
        limits.answer(opened, staff["ann"], staff["ann"].rights, asked["limit_id"], True)
    limits.answer(opened, signer, signer.rights, asked["limit_id"], True)
    assert counts() == 7
    with pytest.raises(Refused, match="没有这项"):
        limits.answer(opened, signer, signer.rights, asked["limit_id"], False)
    limits.propose(opened, leader, "C20", 9, "x")
    limits.answer(opened, signer, signer.rights, asked["limit_id"] + 1, False)
    assert counts() == 7


@pytest.mark.parametrize("said", [{"granted": True}, {"granted": True, "answered_by": 1}])
def test_the_database_itself_refuses_a_limit_granted_by_one(
    opened: Desk, staff: dict[str, Person], said: dict[str, object]
) -> None:
    limits.propose(opened, Person(1, "first", "first", "", frozenset()), "C20", 7, "x")
    with pytest.raises(DBAPIError), opened.write() as connection:
        connection.execute(update(LIMITS).values(**said))


def test_a_board_does_not_stop_later_inspectors(opened: Desk, staff: dict[str, Person], law: Person) -> None:
    """Who sat on a board that is void may be sent when the case is looked at again."""
    to_decision(opened, staff)
    sit(opened, staff["leader"], [staff["leader"], staff["signer"], law])
    go(opened, staff["leader"], "look_again")
    with opened.write() as connection:
        connection.execute(insert(OFFICERS).values(case_id=1, person_id=law.person_id, declared_at=now()))
    assert case_file(opened, staff["leader"], 1)["state"] == "C40"
    assert date.fromisoformat(case_file(opened, staff["leader"], 1)["boards"][0]["held_on"]) == today(now())


def test_a_fine_ordered_again_is_one_fine(opened: Desk, staff: dict[str, Person]) -> None:
    """A case decided a second time orders anew: what was paid is paid, nothing adds up."""
    fined = replace(DECISION, dispositions=("RECOVER", "PENALTY"), amounts={"PENALTY": 50_000})
    to_decision(opened, staff)
    go(opened, staff["leader"], "decide", fined)
    chief = staff["money"]
    orders = {d["kind"]: d["disposition_id"] for d in case_file(opened, chief, 1)["dispositions"]}
    money.settle(opened, chief, chief.rights, 1, orders["PENALTY"], "罚决1号")
    with opened.write() as connection:
        money.order(connection, 1, staff["signer"], {"PENALTY": 50_000})
    found = case_file(opened, chief, 1)["dispositions"]
    assert [(d["kind"], d["document"]) for d in found] == [("PENALTY", "罚决1号")] * 2
    assert money.apart(found)["amt_fine"] == 50_000
    with opened.write() as connection:
        money.order(connection, 1, staff["signer"], {"PENALTY": 30_000})
        assert money.undone(connection, 1) == ["行政处罚"]
    assert money.apart(case_file(opened, chief, 1)["dispositions"])["amt_fine"] == 30_000


def test_a_fine_has_an_amount_and_who_sits_has_the_right(opened: Desk, staff: dict[str, Person], law: Person) -> None:
    to_decision(opened, staff)
    fined = Given("查实", "O2_IRREGULAR", "", "irregular", 100, ("PENALTY",))
    with pytest.raises(Refused, match="罚款金额"):
        go(opened, staff["leader"], "decide", fined)
    with pytest.raises(Refused, match="出席人员须有"):
        sit(opened, staff["leader"], [staff["leader"], law, staff["money"]])
