"""Money of a case: what was confirmed comes back piece by piece, never more than was confirmed."""

from __future__ import annotations

from sqlalchemy import update

from serving.desk import log
from serving.desk.cases import Refused, event, locked
from serving.desk.database import Desk
from serving.desk.people import Person
from serving.desk.roles import RIGHTS
from serving.desk.schema import CASES


def recover(desk: Desk, person: Person, rights: frozenset[str], case_id: int, fen: int) -> int:
    """Book money that came back; returns the sum so far, never above what was confirmed. Raises Refused, Unknown."""
    if "finance" not in rights:
        raise Refused(f"此步骤需要“{RIGHTS['finance']}”的权限")
    with desk.write() as connection:
        row = locked(connection, person, case_id)
        if row["state"] not in ("C70", "C80", "C85") or row["confirmed_fen"] is None:
            raise Refused("只有已认定金额的案件可以登记追回")
        total = (row["recovered_fen"] or 0) + fen
        if fen <= 0 or total > row["confirmed_fen"]:
            raise Refused(f"追回合计不得超过确认金额 {row['confirmed_fen'] / 100:,.2f} 元")
        values = {"recovered_fen": total, "version": row["version"] + 1}
        connection.execute(update(CASES).where(CASES.c.case_id == case_id).values(**values))
        event(connection, case_id, person, "amount", detail={"recovered_fen": fen})
        log.append(connection, "case.recovered", person.name, row["number"], {"fen": fen})
    return int(total)
