"""From lead to decision: two persons stand between a score and any consequence, whatever anybody tries."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from threading import Barrier

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from claims.schema.outcomes import OUTCOMES
from serving.desk import appeals, cases, conflicts, findings, inbox, leads, log, money, papers, people, steps, verify
from serving.desk.casefile import case_file
from serving.desk.cases import Refused
from serving.desk.database import Desk, now
from serving.desk.people import Person
from serving.desk.roles import RIGHTS, ROLES
from serving.desk.schema import CASES, EVENTS
from serving.desk.states import ADVERSE, STATES, STEPS
from serving.desk.steps import Given
from serving.desk.workdays import today

from .conftest import PASSWORD, a_row

NOTE = Given(note="见证据明细")


def go(desk: Desk, who: Person, step: str, given: Given = NOTE, case_id: int = 1) -> str:
    with desk.read() as connection:
        version = connection.execute(select(CASES.c.version).where(CASES.c.case_id == case_id)).scalar_one()
    return steps.take(desk, who, who.rights, case_id, step, version, given)


def sent(staff: dict[str, Person]) -> Given:
    return Given(officers=(staff["ann"].person_id, staff["bob"].person_id), declared=True)


PAPER = b"%PDF-1.7 record of the visit"


def heard(desk: Desk, staff: dict[str, Person], case_id: int = 1) -> None:
    """The subject objects to nothing."""
    appeals.state_ground(desk, staff["leader"], staff["leader"].rights, case_id, "书面放弃", waived=True)


def to_decision(desk: Desk, staff: dict[str, Person]) -> None:
    go(desk, staff["first"], "report")
    go(desk, staff["second"], "agree")
    go(desk, staff["leader"], "dispatch", sent(staff))
    papers.attach(desk, staff["ann"], staff["ann"].rights, 1, "笔录.pdf", PAPER)
    go(desk, staff["ann"], "found", Given(note="床位无人", outcome="O2_IRREGULAR"))
    heard(desk, staff)
    go(desk, staff["signer"], "answer")


DECISION = Given(
    note="查实", outcome="O2_IRREGULAR", violation_class="irregular", confirmed_fen=2050, dispositions=("RECOVER",)
)


def test_a_case_from_lead_to_label(opened: Desk, staff: dict[str, Person]) -> None:
    to_decision(opened, staff)
    assert go(opened, staff["leader"], "decide", DECISION) == "C70"
    assert money.recover(opened, staff["money"], staff["money"].rights, 1, 2000) == 2000
    with pytest.raises(Refused, match=r"不得超过确认金额 20\.50"):
        money.recover(opened, staff["money"], staff["money"].rights, 1, 51)
    with pytest.raises(Refused, match="未办结的处理：追回"):
        go(opened, staff["leader"], "file")
    with pytest.raises(Refused, match=r"追回应为 20\.50 元，已登记 20\.00 元"):
        money.settle(opened, staff["money"], staff["money"].rights, 1, 1, "凭证1号")
    assert money.recover(opened, staff["money"], staff["money"].rights, 1, 50) == 2050
    money.settle(opened, staff["money"], staff["money"].rights, 1, 1, "凭证1号")
    assert go(opened, staff["leader"], "file") == "C80"
    [row] = findings.decided(opened)
    assert (row["entity_type"], row["entity_id"], row["outcome_code"]) == ("admission", "A1", "O2_IRREGULAR")
    assert (row["amt_suspect"], row["amt_confirmed"], row["amt_recovered"]) == ("20.50", "20.50", "20.50")
    assert (row["insp_type"], row["lead_source"], row["rank_at_issue"]) == ("onsite", "model", 1)
    kept = case_file(opened, staff["leader"], 1)["events"]
    assert [e["to_state"] for e in kept if e["kind"] == "move"] == ["C20", "C30", "C40", "C50", "C60", "C70", "C80"]
    assert verify.fault(log.rows(opened), log.head(opened)) == ""


def test_what_waits_is_what_may_be_taken(opened: Desk, staff: dict[str, Person]) -> None:
    def waits(name: str) -> list[str]:
        found = inbox.waiting(opened, staff[name], staff[name].rights)
        taken = inbox.next_for(opened, staff[name], staff[name].rights)
        if taken is not None:
            inbox.release(opened, staff[name], taken)
        assert (taken is not None) == bool(found), name
        return [w["state"] for w in found if w["state"] != "C10"]

    assert waits("signer") == waits("money") == [], "who may only hold or merge a case has nothing to do with it yet"
    to_decision(opened, staff)
    assert waits("leader") == ["C60"]
    go(opened, staff["leader"], "decide", DECISION)
    assert waits("money") == ["C70"]
    assert waits("leader") == [], "money comes first"
    money.recover(opened, staff["money"], staff["money"].rights, 1, 2050)
    money.settle(opened, staff["money"], staff["money"].rights, 1, 1, "凭证1号")
    assert (waits("money"), waits("leader")) == ([], ["C70"])


def test_excluding_takes_as_many_steps_as_reporting(opened: Desk, staff: dict[str, Person]) -> None:
    go(opened, staff["first"], "propose_exclude")
    with pytest.raises(Refused, match="合理情形"):
        go(opened, staff["second"], "exclude", Given(note="透析", outcome="O8_EXPLAINED"))
    with pytest.raises(Refused, match="请选择结论"):
        go(opened, staff["second"], "exclude", Given(note="x", outcome="O1_FRAUD"))
    cleared = Given(note="透析", outcome="O8_EXPLAINED", innocent="N02")
    assert go(opened, staff["second"], "exclude", cleared) == "C90"
    assert [OUTCOMES[r["outcome_code"]].klass for r in findings.decided(opened)] == ["refuted"]


def test_closed_without_judgment_teaches_nobody(opened: Desk, staff: dict[str, Person]) -> None:
    go(opened, staff["first"], "propose_exclude")
    go(opened, staff["second"], "exclude", Given(note="病历已毁", outcome="O7_UNABLE"))
    assert [OUTCOMES[r["outcome_code"]].klass for r in findings.decided(opened)] == ["missing"]


ONE_MAN: dict[str, tuple[Callable[[Desk, dict[str, Person]], None], str, str, Given]] = {
    "first and second": (lambda d, s: go(d, s["both"], "report"), "both", "agree", NOTE),
    "inspector and signer": (
        lambda d, s: (
            go(d, s["first"], "report"),
            go(d, s["second"], "agree"),
            go(d, s["leader"], "dispatch", Given(officers=(s["both"].person_id, s["ann"].person_id), declared=True)),
            papers.attach(d, s["both"], s["both"].rights, 1, "笔录.pdf", PAPER),
            go(d, s["both"], "found", Given(note="x", outcome="O1_FRAUD")),
            heard(d, s),
        ),
        "both",
        "answer",
        NOTE,
    ),
    "a reviewer signs": (
        lambda d, s: (
            go(d, s["both"], "report"),
            go(d, s["second"], "desk_case"),
            heard(d, s),
            go(d, s["leader"], "answer"),
        ),
        "both",
        "decide",
        DECISION,
    ),
}


@pytest.mark.parametrize("kind", ONE_MAN)
def test_nobody_acts_twice_on_one_case(opened: Desk, staff: dict[str, Person], kind: str) -> None:
    before, who, step, words = ONE_MAN[kind]
    before(opened, staff)
    with pytest.raises(Refused):
        go(opened, staff[who], step, words)


@pytest.mark.parametrize(
    "pair",
    [("first_reviewer", "second_reviewer"), ("first_reviewer", "signer"), ("second_reviewer", "signer")],
)
def test_the_database_itself_refuses_one_person_in_two_places(
    opened: Desk, staff: dict[str, Person], pair: tuple[str, str]
) -> None:
    me = staff["both"].person_id
    with pytest.raises(IntegrityError), opened.write() as connection:
        connection.execute(update(CASES).values({pair[0]: me, pair[1]: me}))


def test_one_officer_is_not_enough_and_a_conflict_must_be_denied(opened: Desk, staff: dict[str, Person]) -> None:
    go(opened, staff["first"], "report")
    go(opened, staff["second"], "agree")
    ann, bob = staff["ann"].person_id, staff["bob"].person_id
    for officers, declared in (((ann,), True), ((ann, ann), True), ((ann, bob), False), ((ann, 9999), True)):
        with pytest.raises(Refused):
            go(opened, staff["leader"], "dispatch", Given(officers=officers, declared=declared))
    assert case_file(opened, staff["leader"], 1)["state"] == "C30"


def test_who_declared_a_conflict_is_not_sent(opened: Desk, staff: dict[str, Person]) -> None:
    go(opened, staff["first"], "report")
    go(opened, staff["second"], "agree")
    officers = (staff["ann"].person_id, staff["bob"].person_id)
    unit = case_file(opened, staff["leader"], 1)["unit"]
    conflicts.declare(opened, staff["leader"], staff["bob"].name, unit, "配偶任职")
    with pytest.raises(Refused, match=f"已申报回避 {unit}"):
        go(opened, staff["leader"], "dispatch", Given(officers=officers, declared=True))
    conflicts.lift(opened, staff["leader"], conflicts.standing(opened)[0]["conflict_id"])
    go(opened, staff["leader"], "dispatch", Given(officers=officers, declared=True))


def test_fifty_at_once_take_one_step(opened: Desk, staff: dict[str, Person]) -> None:
    def one(_: int) -> bool:
        try:
            steps.take(opened, staff["first"], staff["first"].rights, 1, "report", 0, NOTE)
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(50))) == 1


def test_two_officers_never_get_the_same_case(opened: Desk, staff: dict[str, Person]) -> None:
    first, both = staff["first"], staff["both"]
    one = inbox.next_for(opened, first, first.rights)
    two = inbox.next_for(opened, both, frozenset({"review1"}))
    assert {one, two} == {1, 2}
    assert inbox.next_for(opened, both, frozenset({"review1"})) == two
    with pytest.raises(Refused, match="first 正在办理"):
        inbox.claim(opened, both, one)
    inbox.release(opened, first, one)
    inbox.claim(opened, both, one)


def test_eight_who_ask_at_once_get_eight_cases(desk: Desk) -> None:
    leads.open_run(desk, "run/skim", "2026-11-22", {"admission": [a_row(n) for n in range(1, 13)]})
    officers = [people.accept(desk, people.add(desk, f"o{n}", ("reviewer1",)), PASSWORD) for n in range(8)]
    together = Barrier(len(officers))

    def one(person: Person) -> int | None:
        together.wait()
        return inbox.next_for(desk, person, person.rights)

    with ThreadPoolExecutor(len(officers)) as pool:
        got = list(pool.map(one, officers))
    assert len({*got} - {None}) == 8


def test_next_is_what_the_rule_of_two_persons_leaves(opened: Desk, staff: dict[str, Person]) -> None:
    both = replace(staff["both"], roles=frozenset({"reviewer2", "inspector", "leader"}))
    go(opened, staff["both"], "report")
    go(opened, staff["first"], "report", case_id=2)
    assert inbox.next_for(opened, both, both.rights) == 2
    assert inbox.next_for(opened, staff["second"], staff["second"].rights) == 1
    assert inbox.next_for(opened, staff["ann"], staff["ann"].rights) is None


def test_a_case_of_another_area_is_not_there(opened: Desk, staff: dict[str, Person]) -> None:
    here = Person(staff["first"].person_id, "first", "first", "330100", staff["first"].roles)
    assert [c["case_id"] for c in inbox.open_cases(opened, here)] == [1]
    with pytest.raises(cases.Unknown):
        steps.take(opened, here, here.rights, 2, "report", 0, NOTE)
    with pytest.raises(cases.Unknown):
        case_file(opened, here, 2)


def test_the_next_weeks_lead_joins_the_open_case(opened: Desk, staff: dict[str, Person]) -> None:
    assert leads.open_run(opened, "2026-11-22/aa", "2026-11-22", {"admission": [a_row(1)]}) == 0
    rows = [a_row(3, entity_id="A1", amount_at_risk_yuan=99.0), a_row(4)]
    assert leads.open_run(opened, "2026-11-29/bb", "2026-11-29", {"admission": rows}) == 1
    found = case_file(opened, staff["first"], 1)
    assert (len(found["leads"]), found["mid_fen"]) == (2, 9900)
    assert [c["case_id"] for c in found["beside"]] == [2, 3]


def test_a_hold_stops_the_clock_and_comes_back_where_it_was(opened: Desk, staff: dict[str, Person]) -> None:
    go(opened, staff["first"], "report")
    with pytest.raises(Refused, match="复查日期"):
        go(opened, staff["leader"], "hold", Given(note="等公安", until=date(2020, 1, 1)))
    until = today(now()) + timedelta(days=30)
    assert go(opened, staff["leader"], "hold", Given(note="等公安", until=until)) == "C92"
    assert today(case_file(opened, staff["leader"], 1)["due_at"]) == until
    assert go(opened, staff["leader"], "resume", Given()) == "C20"


def test_an_overturned_decision_rewrites_the_label_and_keeps_the_old_one(
    opened: Desk, staff: dict[str, Person]
) -> None:
    to_decision(opened, staff)
    go(opened, staff["leader"], "decide", DECISION)
    court = Person(staff["second"].person_id, "second", "second", "", frozenset({"legal"}))
    go(opened, court, "court")
    go(opened, court, "overturned", Given(note="法院撤销", outcome="O6_CLEAR"))
    [row] = findings.decided(opened)
    assert row["outcome_code"] == "O6_CLEAR"
    with opened.read() as connection:
        said = [e["outcome"] for e in connection.execute(select(EVENTS.c.detail)).scalars() if "outcome" in e]
    assert said == ["O2_IRREGULAR", "O2_IRREGULAR", "O6_CLEAR"]


WHO = ("first", "second", "leader", "signer", "ann", "both")
REACHED: set[str] = set()
ALL = frozenset(ROLES)
ALL_RIGHTS = frozenset(RIGHTS)
"""Nobody is held back by a missing right: only the rules of two persons bind."""
MOVES = st.lists(st.tuples(st.integers(0, 50), st.sampled_from(WHO)), min_size=8, max_size=30)


@pytest.mark.parametrize("desk", ["sqlite"], indirect=True)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=MOVES)
def test_no_path_reaches_an_adverse_state_through_fewer_than_three_persons(
    opened: Desk, staff: dict[str, Person], moves: list[tuple[str, str]]
) -> None:
    """Whatever is tried in whatever order, with full forms: an adverse state was reviewed twice and signed by a third person."""
    lead = now().microsecond * 1000 + len(moves)
    leads.open_run(opened, f"run/{now().isoformat()}"[:40], "2026-11-22", {"person": [a_row(lead + 1)]})
    with opened.read() as connection:
        number = connection.execute(select(CASES.c.case_id).order_by(CASES.c.case_id.desc()).limit(1)).scalar_one()
    full = Given(
        "x",
        "O2_IRREGULAR",
        "N02",
        "irregular",
        5,
        ("WARN",),
        {},
        None,
        "",
        sent(staff).officers,
        True,
        date(2099, 1, 1),
        None,
    )
    for choice, who in moves:
        now_at = case_file(opened, staff["leader"], number)["state"]
        possible = [n for n, step in STEPS.items() if now_at in step.source and n not in ("hold", "merge")]
        if not possible:
            break
        step = STEPS[possible[choice % len(possible)]]
        if now_at == "C50":
            appeals.state_ground(opened, staff["leader"], ALL_RIGHTS, number, "书面放弃", waived=True)
        if now_at == "C40":
            with suppress(Refused):  # it is there already
                papers.attach(opened, staff["leader"], ALL_RIGHTS, number, "笔录.pdf", PAPER)
        words = replace(full, outcome=step.outcomes[choice % len(step.outcomes)]) if step.outcomes else full
        try:
            state = go(opened, replace(staff[who], roles=ALL), step.name, words, number)
        except (Refused, cases.Unknown):
            continue
        assert state in STATES
        if state in ADVERSE:
            REACHED.add(state)
            found = case_file(opened, staff["leader"], number)
            assert len({found["first_reviewer"], found["second_reviewer"], found["signer"]} - {None}) == 3


def test_the_walk_above_did_reach_an_adverse_state() -> None:
    assert REACHED
