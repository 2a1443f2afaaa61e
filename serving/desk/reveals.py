"""The full number of a subject: one case, one reason, written down before it is shown, so many a day."""

from __future__ import annotations

from sqlalchemy import func, select

from serving.desk import log
from serving.desk.cases import Refused, found
from serving.desk.database import Desk, exclusive, now
from serving.desk.limits import value
from serving.desk.people import Person
from serving.desk.schema import LOG
from serving.desk.workdays import CHINA, today


def reveal(desk: Desk, person: Person, case_id: int, reason: str) -> str:
    """The full number. Raises Refused without a reason or above the day's share, Unknown."""
    if not reason.strip():
        raise Refused("请选择或填写查看全号的理由")
    begun = (now() + CHINA).replace(hour=0, minute=0, second=0, microsecond=0) - CHINA
    with desk.write() as connection:
        exclusive(connection, log.LOCK)  # nobody counts while another reveals
        row = found(connection, person, case_id)
        mine = (LOG.c.act == "reveal") & (LOG.c.who == person.name) & (LOG.c.at >= begun.isoformat())
        most = value(connection, "reveals")
        if int(connection.execute(select(func.count()).where(mine)).scalar_one()) >= most:
            raise Refused(f"{today(now())} 您查看全号已达{most}次，请由他人查看")
        log.append(connection, "reveal", person.name, row["number"], {"reason": reason.strip()[:80]})
    return str(row["entity_id"])
