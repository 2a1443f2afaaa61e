"""What waits for 法制审核 or 案审会 stands in the inbox of whoever may act, with its day, until he has."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from serving.desk import boards, hearings, inbox, people
from serving.desk.cases import Refused
from serving.desk.database import Desk, now
from serving.desk.people import Person
from serving.desk.schema import CASES
from serving.web.middleware import desk_of
from tests.serving.conftest import signed_in

from .conftest import PASSWORD
from .test_boards import sit
from .test_cases import go, to_decision


@pytest.fixture
def law(desk: Desk, staff: dict[str, Person]) -> Person:
    people.accept(desk, people.add(desk, "seat", ("committee",)), PASSWORD)
    return people.accept(desk, people.add(desk, "law", ("legal",)), PASSWORD)


def waiting(desk: Desk, who: Person) -> dict[str, tuple[int, int]]:
    return {w["hearing"]: (w["n"], w["late"]) for w in inbox.waiting(desk, who, who.rights) if "hearing" in w}


def suspected(desk: Desk, fen: int) -> None:
    with desk.write() as connection:
        connection.execute(update(CASES).where(CASES.c.case_id == 1).values(high_fen=fen))


def test_a_large_case_waits_for_both_until_each_has_answered(
    opened: Desk, staff: dict[str, Person], law: Person
) -> None:
    suspected(opened, 15_000_000)
    assert waiting(opened, law) == {}
    to_decision(opened, staff)
    assert waiting(opened, law) == {"legal": (1, 0), "board": (1, 0)}
    assert waiting(opened, staff["leader"]) == {"board": (1, 0)}
    assert waiting(opened, staff["ann"]) == waiting(opened, staff["first"]) == {}
    assert [c["case_id"] for c in inbox.open_cases(opened, law, ("C60",), hearing="legal")] == [1]
    [told] = [w for w in inbox.waiting(opened, law, law.rights) if w.get("hearing") == "legal"]
    assert told["left"] == 10, "the working days of C60"
    assert inbox.next_for(opened, law, law.rights) == 1
    with pytest.raises(Refused, match="正在办理此案"):
        inbox.claim(opened, staff["leader"], 1)
    boards.review(opened, law, law.rights, 1, True, "合法")
    inbox.claim(opened, staff["leader"], 1)
    assert waiting(opened, law) == {"board": (1, 0)}
    seat = next(p for p in (people.named(opened, "seat"),) if p)
    sit(opened, staff["leader"], [staff["leader"], seat, law])
    assert waiting(opened, law) == waiting(opened, staff["leader"]) == {}


def test_who_worked_on_it_is_not_asked_and_late_is_told(opened: Desk, staff: dict[str, Person], law: Person) -> None:
    suspected(opened, 15_000_000)
    to_decision(opened, staff)
    with opened.write() as connection:
        connection.execute(update(CASES).where(CASES.c.case_id == 1).values(due_at=now() - timedelta(days=1)))
    assert waiting(opened, law)["legal"] == (1, 1)
    assert inbox.open_cases(opened, law, ("C60",), hearing="legal", late=True)
    with opened.write() as connection:
        connection.execute(update(CASES).where(CASES.c.case_id == 1).values(second_reviewer=law.person_id))
    assert waiting(opened, law) == {}


def test_a_small_case_waits_when_the_signer_asks(opened: Desk, staff: dict[str, Person], law: Person) -> None:
    to_decision(opened, staff)
    assert waiting(opened, law) == {}
    with pytest.raises(Refused, match="权限"):
        hearings.ask(opened, law, law.rights, 1, "拟解除协议")
    with pytest.raises(Refused, match="理由"):
        hearings.ask(opened, staff["leader"], staff["leader"].rights, 1, " ")
    hearings.ask(opened, staff["leader"], staff["leader"].rights, 1, "拟解除协议")
    assert waiting(opened, law) == {"legal": (1, 0), "board": (1, 0)}
    boards.review(opened, law, law.rights, 1, False, "程序有瑕疵")
    assert waiting(opened, law) == {"board": (1, 0)}, "what was sent back waits for the signer"
    hearings.ask(opened, staff["leader"], staff["leader"].rights, 1, "已补正")
    assert waiting(opened, law)["legal"] == (1, 0)
    go(opened, staff["leader"], "look_again")
    assert waiting(opened, law) == {}


def test_home_and_the_cases_page_count_them(week: Path) -> None:
    law, chief = signed_in(week, "legal"), signed_in(week, "leader")
    chief.get("/")
    with desk_of(week).write() as connection:
        connection.execute(
            update(CASES).where(CASES.c.case_id == 1).values(state="C60", high_fen=20_000_000, due_at=now())
        )
    assert "hearing=legal" in law.get("/").text
    page = law.get("/cases?hearing=legal").text
    assert "待法制审核" in page
    assert page.count('<td><a href="/cases/1">') == 1
    assert "送法制审核、案审会" in chief.get("/cases/1").text
    assert "/cases/1/hear" not in law.get("/cases/1").text
