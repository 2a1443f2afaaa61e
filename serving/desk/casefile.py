"""A case with all that belongs to it, as one who opens it sees it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, select

from serving.desk import appeals, boards, links, money, papers, requests, reviews, sent
from serving.desk.cases import BLIND, events_of, every, found, seen
from serving.desk.database import Desk
from serving.desk.people import Person
from serving.desk.schema import LEADS, OFFICERS, PEOPLE


def case_file(desk: Desk, person: Person, case_id: int) -> dict[str, Any]:
    """leads, events, officers; papers, appeals, dispositions, requests, reviews; linked cases, earlier ones about the same subject, others at the
    same unit, and what was confirmed before about those it concerns. Raises Unknown.

    Who reviews blind gets what there was before the first review.
    """
    with desk.read() as connection:
        row = found(connection, person, case_id)
        mine = select(LEADS).where(LEADS.c.case_id == case_id).order_by(LEADS.c.lead_id)
        chosen = seen(person)
        same = and_(chosen.c.grain == row["grain"], chosen.c.entity_id == row["entity_id"])
        unit = and_(chosen.c.unit == row["unit"], chosen.c.unit != "")
        others = select(chosen).where(chosen.c.case_id != case_id).order_by(chosen.c.case_id)
        out = row | {
            "leads": every(connection, mine),
            "events": events_of(connection, row, person),
            "earlier": every(connection, others.where(same)),
            "beside": every(connection, others.where(unit, ~same).limit(20)),
            "history": links.history(connection, person, row),
            "sent": sent.of_case(connection, case_id),
        }
        if row[BLIND] is not None:
            later = (
                "officers",
                "papers",
                "appeals",
                "legal",
                "boards",
                "dispositions",
                "requests",
                "reviews",
                "linked",
            )
            return out | {name: [] for name in later}
        officers = select(OFFICERS, PEOPLE.c.shown).join(PEOPLE).where(OFFICERS.c.case_id == case_id)
        return out | {
            "officers": every(connection, officers),
            "papers": papers.of_case(connection, case_id),
            "appeals": appeals.of_case(connection, case_id),
            **boards.of_case(connection, case_id),
            "dispositions": money.of_case(connection, case_id),
            "requests": requests.of_case(connection, case_id),
            "reviews": reviews.notes_of(connection, case_id) if "assign" in person.rights else [],
            "linked": links.linked(connection, person, case_id),
        }
