"""The full number of a subject, or a diagnosis under its cover: one case, one reason, written down before it is shown, so many a day."""

from __future__ import annotations

from sqlalchemy import func, select

from serving.desk import log
from serving.desk.cases import Refused, found
from serving.desk.database import Desk, exclusive, now
from serving.desk.limits import value
from serving.desk.people import Person
from serving.desk.schema import LOG
from serving.desk.workdays import CHINA, today


def reveal(desk: Desk, person: Person, case_id: int, reason: str, field: str = "number") -> str:
    """The full number; field `diagnosis`: that the covered diagnoses may be shown this once. Raises Refused without a reason or above the
    day's share of both, Unknown."""
    if not reason.strip():
        raise Refused("请选择或填写查看的理由")
    begun = (now() + CHINA).replace(hour=0, minute=0, second=0, microsecond=0) - CHINA
    with desk.write() as connection:
        exclusive(connection, log.LOCK)  # nobody counts while another reveals
        row = found(connection, person, case_id)
        mine = (LOG.c.act == "reveal") & (LOG.c.who == person.name) & (LOG.c.at >= begun.isoformat())
        most = value(connection, "reveals")
        if int(connection.execute(select(func.count()).where(mine)).scalar_one()) >= most:
            raise Refused(f"{today(now())} 您查看全号和敏感诊断已达{most}次，请由他人查看")
        log.append(connection, "reveal", person.name, row["number"], {"reason": reason.strip()[:80], "field": field})
    return str(row["entity_id"])
