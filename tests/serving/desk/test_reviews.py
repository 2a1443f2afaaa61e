"""Blind second first reviews: who does one sees the case as it was before, the case goes on meanwhile, and where two differ the leader is told."""

import pytest
from sqlalchemy import select

from serving.desk import appeals, cases, inbox, leads, links, papers, people, reviews, steps
from serving.desk.casefile import case_file
from serving.desk.cases import Again, Refused, Unknown
from serving.desk.database import Desk
from serving.desk.people import Person
from serving.desk.schema import EVENTS
from serving.desk.steps import Given

from .conftest import PASSWORD, a_row, set_limit
from .test_cases import DECISION, PAPER, go, sent, to_decision


@pytest.fixture
def blind(opened: Desk, staff: dict[str, Person]) -> tuple[Desk, Person]:
    """Every first review is put to a second person; who that is."""
    other = people.accept(opened, people.add(opened, "other", ("officer",)), PASSWORD)
    set_limit(opened, staff, "second_reviews", 100, "试行")
    steps.take(opened, staff["first"], staff["first"].rights, 1, "report", 0, Given(note="床位无人", worth=True))
    return opened, other


def test_it_looks_like_any_first_review(blind: tuple[Desk, Person], staff: dict[str, Person]) -> None:
    desk, other = blind
    go(desk, staff["second"], "agree")
    cases.note(desk, staff["second"], 1, "请抓紧")
    found = case_file(desk, other, 1)
    fresh = case_file(desk, other, 2)
    told = ("state", "version", "outcome", "proposal", "first_reviewer", "second_reviewer", "holder")
    assert [found[k] for k in told] == [fresh[k] for k in told]
    assert [e["kind"] for e in found["events"]] == ["lead"]
    assert {c["state"] for c in inbox.search(desk, other, "A1")} == {"C10"}
    assert inbox.counts(desk, other) == {"C10": 2}
    assert [c["state"] for c in leads.of_run(desk, "2026-11-22/aa", "admission", other).values()] == ["C10", "C10"]
    assert case_file(desk, staff["leader"], 1)["state"] == "C30"
    assert case_file(desk, staff["first"], 1)["state"] == "C30", "who reviewed first sees what became of it"


def test_papers_of_the_visit_stay_with_those_who_know_of_it(
    blind: tuple[Desk, Person], staff: dict[str, Person]
) -> None:
    desk, other = blind
    go(desk, staff["second"], "agree")
    go(desk, staff["leader"], "dispatch", sent(staff))
    made = papers.attach(desk, staff["ann"], staff["ann"].rights, 1, "笔录.pdf", PAPER)
    with pytest.raises(Unknown):
        papers.take_out(desk, other, 1, made)
    assert papers.take_out(desk, staff["leader"], 1, made) == ("笔录.pdf", PAPER)


def test_it_is_handed_out_once_and_moves_nothing(blind: tuple[Desk, Person], staff: dict[str, Person]) -> None:
    desk, other = blind
    third = people.accept(desk, people.add(desk, "third", ("officer",)), PASSWORD)
    got = {inbox.next_for(desk, p, p.rights) for p in (other, third)}
    assert got == {1, 2}
    holder, waits = (other, third) if case_file(desk, other, 1)["holder"] == other.person_id else (third, other)
    with pytest.raises(Refused, match="正在办理"):
        steps.take(desk, waits, waits.rights, 1, "report", 0, Given(note="x"))
    doubted = Given(note="请假有据", worth=False)
    assert steps.take(desk, holder, holder.rights, 1, "propose_exclude", 0, doubted) == "C20"
    assert case_file(desk, staff["leader"], 1)["proposal"] == "report"
    with pytest.raises(Refused):
        steps.take(desk, holder, holder.rights, 1, "propose_exclude", 0, doubted)
    told = reviews.quality(desk, staff["leader"])
    assert (told["pairs"], told["agree"], [d["case_id"] for d in told["differ"]]) == (1, 0, [1])
    assert (told["worth"], told["not_worth"]) == (1, 1)
    seen = {who: {e["kind"] for e in case_file(desk, staff[who], 1)["events"]} for who in ("leader", "second")}
    assert ("blind" in seen["leader"], "blind" in seen["second"]) == (True, False)
    second = Person(holder.person_id, holder.name, holder.shown, "", frozenset({"reviewer2"}))
    with pytest.raises(Refused, match="不同的人"):
        go(desk, second, "agree")


def test_who_reviewed_blind_answers_no_ground_and_signs_nothing(
    blind: tuple[Desk, Person], staff: dict[str, Person]
) -> None:
    desk, other = blind
    steps.take(desk, other, other.rights, 1, "report", 0, Given(note="床位无人", worth=True))
    go(desk, staff["second"], "desk_case")
    appeals.state_ground(desk, staff["ann"], staff["ann"].rights, 1, "当日请假")
    chief = Person(other.person_id, other.name, other.shown, "", staff["leader"].roles | staff["signer"].roles)
    with pytest.raises(Refused, match="不得是本案的审核或核查人员"):
        appeals.answer_ground(desk, chief, chief.rights, 1, 1, "不", False)
    appeals.answer_ground(desk, staff["leader"], staff["leader"].rights, 1, 1, "有请假条", True)
    with pytest.raises(Refused, match="不得是本案的审核或核查人员"):
        go(desk, chief, "answer")
    go(desk, staff["leader"], "answer")
    with pytest.raises(Refused, match="审签人不得是"):
        go(desk, chief, "decide", DECISION)


def test_without_a_second_reviewer_nothing_is_put_to_anybody(opened: Desk, staff: dict[str, Person]) -> None:
    set_limit(opened, staff, "second_reviews", 0, "停用")
    go(opened, staff["first"], "report")
    assert case_file(opened, staff["leader"], 1)["reviews"][0]["part"] == "first"
    assert reviews.quality(opened, staff["leader"])["pairs"] == 0


def test_kappa() -> None:
    same, other = ("report", "report"), ("report", "propose_exclude")
    no = ("propose_exclude", "propose_exclude")
    assert reviews.kappa([]) is None
    assert reviews.kappa([same, same]) is None
    assert reviews.kappa([same, no]) == 1
    assert reviews.kappa([same, other, no, no]) == pytest.approx(0.5)


def test_what_was_confirmed_before_is_told(opened: Desk, staff: dict[str, Person]) -> None:
    to_decision(opened, staff)
    go(opened, staff["leader"], "decide", DECISION)
    rows = [a_row(3, entity_id="A3", dr_codg="D1"), a_row(4, entity_id="A4", fixmedins_code="H9")]
    leads.open_run(opened, "2026-11-29/bb", "2026-11-29", {"admission": rows})
    assert {k: [c["case_id"] for c in v] for k, v in case_file(opened, staff["first"], 3)["history"].items()} == {
        "同一机构": [1]
    }
    assert case_file(opened, staff["first"], 4)["history"] == {}


def test_linked_cases_know_one_another(opened: Desk, staff: dict[str, Person]) -> None:
    links.link(opened, staff["leader"], 2, case_file(opened, staff["leader"], 1)["number"], "同一家药店")
    assert [c["case_id"] for c in case_file(opened, staff["first"], 1)["linked"]] == [2]
    with pytest.raises(Refused, match="已经关联"):
        links.link(opened, staff["leader"], 1, case_file(opened, staff["leader"], 2)["number"], "x")
    with pytest.raises(Refused, match="自身"):
        links.link(opened, staff["leader"], 1, case_file(opened, staff["leader"], 1)["number"], "x")


def test_the_same_form_twice_is_one_act(opened: Desk, staff: dict[str, Person]) -> None:
    cases.note(opened, staff["leader"], 1, "一次", once="f" * 32)
    with pytest.raises(Again):
        cases.note(opened, staff["leader"], 1, "一次", once="f" * 32)
    with opened.read() as connection:
        assert connection.execute(select(EVENTS.c.note).where(EVENTS.c.kind == "note")).scalars().all() == ["一次"]
