"""告知申诉, more time, and opening again: a second officer stands behind each."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from serving.desk import appeals, limits, requests, steps
from serving.desk.casefile import case_file
from serving.desk.cases import Refused
from serving.desk.database import Desk, now
from serving.desk.people import Person
from serving.desk.schema import APPEALS, CASES, GROUNDS, REQUESTS
from serving.desk.steps import Given
from serving.desk.workdays import left

from .conftest import set_limit
from .test_cases import go

NOTE = Given(note="见证据明细")


@pytest.fixture
def told(opened: Desk, staff: dict[str, Person]) -> Desk:
    go(opened, staff["first"], "report")
    go(opened, staff["second"], "desk_case")
    return opened


def test_a_case_waits_for_an_answer_or_for_the_end_of_its_time(told: Desk, staff: dict[str, Person]) -> None:
    [appeal] = case_file(told, staff["leader"], 1)["appeals"]
    assert left(now(), appeal["deadline"]) == limits.LIMITS["C50"].default
    with pytest.raises(Refused, match="尚未收到"):
        go(told, staff["leader"], "answer")
    with told.write() as connection:
        connection.execute(update(APPEALS).values(deadline=now() - timedelta(days=1)))
    appeals.state_ground(told, staff["ann"], staff["ann"].rights, 1, "当日请假")
    [ground] = case_file(told, staff["leader"], 1)["appeals"][0]["grounds"]
    assert ground["late"], "late, but heard"
    with pytest.raises(Refused, match="1条陈述申辩没有答复"):
        go(told, staff["leader"], "answer")
    appeals.answer_ground(told, staff["leader"], staff["leader"].rights, 1, ground["ground_id"], "有请假条", True)
    assert go(told, staff["leader"], "answer") == "C60"


def test_nothing_said_in_time_goes_on(told: Desk, staff: dict[str, Person]) -> None:
    with told.write() as connection:
        connection.execute(update(APPEALS).values(deadline=now() - timedelta(seconds=1)))
    assert go(told, staff["leader"], "answer") == "C60"


def test_who_worked_on_the_case_answers_no_ground(told: Desk, staff: dict[str, Person]) -> None:
    appeals.state_ground(told, staff["leader"], staff["leader"].rights, 1, "当日请假")
    for who in ("first", "second"):
        with pytest.raises(Refused, match="不得是本案的审核"):
            appeals.answer_ground(told, staff[who], staff[who].rights | {"appeal"}, 1, 1, "不", False)
    with pytest.raises(Refused, match="登记这条理由的人不得自己答复"):
        appeals.answer_ground(told, staff["leader"], staff["leader"].rights, 1, 1, "不", False)
    with pytest.raises(IntegrityError), told.write() as connection:
        connection.execute(update(GROUNDS).values(answered_by=staff["leader"].person_id, answer="x"))
    appeals.answer_ground(told, staff["signer"], staff["signer"].rights, 1, 1, "不", False)
    with pytest.raises(Refused, match="已有答复"):
        appeals.answer_ground(told, staff["signer"], staff["signer"].rights, 1, 1, "改口", True)


def test_more_time_is_granted_by_another(told: Desk, staff: dict[str, Person]) -> None:
    leader, signer = staff["leader"], staff["signer"]
    with pytest.raises(Refused, match="1至20个工作日"):
        requests.ask(told, leader, leader.rights, 1, "extend", "当事人住院", 21)
    requests.ask(told, leader, leader.rights, 1, "extend", "当事人住院", 10)
    with pytest.raises(Refused, match="另一人批准"):
        requests.answer(told, leader, leader.rights, 1, 1, True)
    with pytest.raises(IntegrityError), told.write() as connection:
        connection.execute(update(REQUESTS).values(answered_by=leader.person_id))
    requests.answer(told, signer, signer.rights, 1, 1, True)
    found = case_file(told, leader, 1)
    assert left(now(), found["due_at"]) == 15
    assert found["appeals"][0]["deadline"] == found["due_at"]
    with pytest.raises(Refused, match="没有这份待批"):
        requests.answer(told, signer, signer.rights, 1, 1, True)


def test_a_closed_case_is_opened_again_by_two(opened: Desk, staff: dict[str, Person]) -> None:
    go(opened, staff["first"], "propose_exclude")
    go(opened, staff["second"], "exclude", Given(note="x", outcome="O6_CLEAR"))
    requests.ask(opened, staff["ann"], staff["ann"].rights, 1, "reopen", "新证据")
    with pytest.raises(Refused):
        requests.answer(opened, staff["ann"], staff["ann"].rights, 1, 1, True)
    requests.answer(opened, staff["leader"], staff["leader"].rights, 1, 1, True)
    found = case_file(opened, staff["leader"], 1)
    assert (found["state"], found["first_reviewer"], found["outcome"]) == ("C10", None, "O6_CLEAR")
    assert go(opened, staff["first"], "report") == "C20"


def test_a_limit_holds_from_when_it_is_set(opened: Desk, staff: dict[str, Person]) -> None:
    set_limit(opened, staff, "C20", 7, "两人休假")
    for name, value, why in (("C20", 0, "x"), ("C20", 21, "x"), ("C20", 5, " "), ("C99", 5, "x")):
        with pytest.raises(Refused):
            limits.propose(opened, staff["leader"], name, value, why)
    go(opened, staff["first"], "report")
    assert left(now(), case_file(opened, staff["leader"], 1)["due_at"]) == 7
    [told] = [r for r in limits.all_values(opened) if r["name"] == "C20"]
    assert (told["value"], told["default"], told["note"], told["shown"], told["second"]) == (
        7,
        3,
        "两人休假",
        "leader",
        "signer",
    )


def test_the_clock_stands_still_while_a_case_is_on_hold(opened: Desk, staff: dict[str, Person]) -> None:
    until = (now() + timedelta(days=30)).date()
    with opened.read() as connection:
        before = connection.execute(select(CASES.c.due_at).where(CASES.c.case_id == 1)).scalar_one()
    go(opened, staff["leader"], "hold", Given(note="等公安", until=until))
    assert steps.take(opened, staff["leader"], staff["leader"].rights, 1, "resume", 1, NOTE) == "C10"
    assert case_file(opened, staff["leader"], 1)["due_at"] == before
