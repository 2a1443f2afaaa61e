"""A case's papers as somebody takes them: who may, the log's row first, and then the document."""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from claims.errors import UserError
from serving.desk import log
from serving.desk.casefile import case_file
from serving.desk.cases import Refused
from serving.desk.database import Desk, now
from serving.desk.people import Person
from serving.desk.sent import last_listed
from serving.desk.states import STATES
from serving.lists import publish
from serving.papers.notice import Notice, notice

AGREED: Final = ("C30", "C40", "C50")
"""States in which the inspected may hear of the case: two persons have looked at it, and nobody has decided."""


def notice_of(desk: Desk, warehouse: Path, who: Person, case_id: int) -> tuple[str, bytes]:
    """(number of the case, 稽核通知.docx). Raises Unknown for a case he may not see, Refused before two persons agreed or after the decision."""
    found = case_file(desk, who, case_id)
    if found["state"] not in AGREED:
        raise Refused(f"{STATES[found['state']]}的案件不能出稽核通知：须经初审、复审同意，且尚未认定")
    lead: dict[str, Any] = {}
    with suppress(UserError):  # an old run may have been cleared away; the case stays
        last = last_listed(found["leads"])
        lead = publish.open_run(warehouse / "lists" / last["run"]).lead(last["list"], last["lead"])
    head = log.note(desk, "notice", who.name, found["number"])
    when = f"{now() + timedelta(hours=8):%Y-%m-%d %H:%M}"
    return found["number"], notice(Notice(found, lead, who.shown, when, head))
