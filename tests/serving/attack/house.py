"""A house with something behind every door: lists, an evening's beds, a plan, a list sent down, cases in every state a walk reaches."""

from pathlib import Path

from sqlalchemy import select

from inspection.plan import make_plan
from inspection.plan_store import publish_plan
from serving.desk import papers, people
from serving.desk.database import Desk
from serving.desk.people import Person
from serving.desk.schema import CASES
from serving.desk.steps import Given
from serving.web.middleware import desk_of
from tests.serving.conftest import GRAINS, PASSWORD, signed_in, whole_week
from tests.serving.desk.conftest import STAFF
from tests.serving.desk.test_bed_pages import night_week
from tests.serving.desk.test_cases import DECISION, PAPER, go, sent, to_decision
from tests.serving.desk.test_plan_page import ASKED, EXPECTED, SITES, WEEK
from tests.serving.desk.test_sent import taken

FOUND = Given(note="床位无人", outcome="O2_IRREGULAR")


def furnished(warehouse: Path) -> list[str]:
    """Fills a folder; returns its published runs, newest first."""
    night = night_week(warehouse)
    beds = next(p.relative_to(night / "lists").as_posix() for p in (night / "lists").glob("????-??-??/*"))
    week = whole_week(warehouse)
    publish_plan(warehouse, make_plan(SITES, EXPECTED, ASKED, week=WEEK, days=2), as_of="2026-11-22")
    desk = desk_of(warehouse)
    staff = {name: people.accept(desk, people.add(desk, name, roles), PASSWORD) for name, roles in STAFF.items()}
    leader = signed_in(warehouse, "leader", name="opener")
    for grain in GRAINS:
        leader.get(f"/lists/{grain}")
    signed_in(warehouse, "inspector", name="walker").get(f"/beds/{beds}")
    taken(desk)
    _walk(desk, staff)
    return [week.name, beds]


def _walk(desk: Desk, staff: dict[str, Person]) -> None:
    """Case 1 is decided; of the next eight, two each wait at the second review, for a visit, at one, and for the subject's word."""
    to_decision(desk, staff)
    go(desk, staff["leader"], "decide", DECISION)
    with desk.read() as connection:
        waiting = connection.execute(select(CASES.c.case_id).where(CASES.c.state == "C10").limit(8)).scalars().all()
    for n, case in enumerate(waiting):
        go(desk, staff["first"], "report", case_id=case)
        if n >= 2:
            go(desk, staff["second"], "agree", case_id=case)
        if n >= 4:
            go(desk, staff["leader"], "dispatch", sent(staff), case_id=case)
        if n >= 6:
            papers.attach(desk, staff["ann"], staff["ann"].rights, case, "笔录.pdf", PAPER)
            go(desk, staff["ann"], "found", FOUND, case_id=case)
