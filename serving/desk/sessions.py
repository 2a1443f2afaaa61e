"""Sessions and API tokens: random secrets of which only a hash is stored. A session ends 30 minutes after its last use or 12 hours
after it began, and with its account; a token at its own date, and it may do no more than its scope says."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, insert, select, update

from claims.errors import UserError
from serving.desk import log
from serving.desk.database import Desk, now
from serving.desk.people import Person, secret_hash
from serving.desk.prepared import Prepared
from serving.desk.roles import RIGHTS
from serving.desk.schema import PEOPLE, ROLES, SESSIONS

IDLE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=12)
NOTED: Final = timedelta(minutes=1)
"""How often a use is written down."""
COOKIE: Final = "xiezhi_session"
HOST_COOKIE: Final = "__Host-xiezhi_session"
"""Its name over https: a browser then takes it from this host alone."""


def begin(desk: Desk, person: Person) -> str:
    """A new session's secret; those that ended are swept away."""
    secret = secrets.token_urlsafe(32)
    moment = now()
    with desk.write() as connection:
        connection.execute(delete(SESSIONS).where(SESSIONS.c.ends_at < moment))
        connection.execute(
            insert(SESSIONS).values(
                secret=secret_hash(secret),
                person_id=person.person_id,
                begun_at=moment,
                used_at=moment,
                ends_at=moment + LONGEST,
            )
        )
    return secret


def whose(desk: Desk, secret: str) -> tuple[Person, frozenset[str]] | None:
    """Whose open session or token this is, and the rights it gives; None where it is neither or has ended."""
    moment = now()
    key = secret_hash(secret)
    found = _WHOSE.asked(desk.engine, {"key": key})
    if not found:
        return None
    given, used_at, ends_at, person_id, name, shown, area, roles = found[0]
    if moment > ends_at or (not given and moment - used_at > IDLE):
        return None
    if moment - used_at > NOTED:
        desk.together(lambda c: c.execute(update(SESSIONS).where(SESSIONS.c.secret == key).values(used_at=moment)))
    person = Person(person_id, name, shown, area, frozenset((roles or "").split()))
    rights = person.rights
    return person, rights & frozenset(given.split()) if given else rights


#: A session with its active account and its present roles, in one question and one row: it is asked before every page.
_WHOSE: Final = Prepared(
    select(
        SESSIONS.c.scope,
        SESSIONS.c.used_at,
        SESSIONS.c.ends_at,
        PEOPLE.c.person_id,
        PEOPLE.c.name,
        PEOPLE.c.shown,
        PEOPLE.c.area,
        select(func.aggregate_strings(ROLES.c.role, " "))
        .where(ROLES.c.person_id == PEOPLE.c.person_id, ROLES.c.until.is_(None))
        .scalar_subquery(),
    )
    .join(PEOPLE, PEOPLE.c.person_id == SESSIONS.c.person_id)
    .where(SESSIONS.c.secret == bindparam("key"), PEOPLE.c.active)
)


def end(desk: Desk, secret: str, person: Person) -> None:
    """Its cookie is worth nothing afterwards. person: whose it was."""
    with desk.write() as connection:
        connection.execute(delete(SESSIONS).where(SESSIONS.c.secret == secret_hash(secret)))
        log.append(connection, "sign-out", person.name)


def new_token(desk: Desk, person: Person, scope: tuple[str, ...], days: int, label: str = "") -> str:
    """An API token for a program: its rights, at most the person's own, and its end. Raises UserError."""
    odd = sorted(set(scope) - set(RIGHTS))
    if odd or not scope:
        raise UserError(f"a token needs rights among {', '.join(RIGHTS)}{'; not ' + ', '.join(odd) if odd else ''}")
    if not set(scope) <= person.rights:
        raise UserError(f"{person.name} has no right to {', '.join(sorted(set(scope) - person.rights))}")
    if not 1 <= days <= 366:
        raise UserError("a token ends after 1 to 366 days")
    secret = "xz_" + secrets.token_urlsafe(32)
    moment = now()
    with desk.write() as connection:
        connection.execute(
            insert(SESSIONS).values(
                secret=secret_hash(secret),
                person_id=person.person_id,
                scope=" ".join(sorted(scope)),
                begun_at=moment,
                used_at=moment,
                ends_at=moment + timedelta(days=days),
                label=label.strip()[:80],
            )
        )
        log.append(connection, "token.new", person.name, detail={"scope": sorted(scope), "days": days})
    return secret


HANDLE: Final = 12
"""Characters of a token's hash by which it is told apart; from them nobody comes back to the token."""


def tokens(desk: Desk, person_id: int) -> list[dict[str, Any]]:
    """The tokens of an account that have not ended: handle, label, scope, begun_at, used_at, ends_at."""
    chosen = select(SESSIONS).where(
        SESSIONS.c.person_id == person_id, SESSIONS.c.scope != "", SESSIONS.c.ends_at > now()
    )
    told = ("label", "scope", "begun_at", "used_at", "ends_at")
    with desk.read() as connection:
        rows = connection.execute(chosen.order_by(SESSIONS.c.begun_at)).mappings()
        return [{"handle": r["secret"][:HANDLE]} | {k: r[k] for k in told} for r in rows]


def revoke(desk: Desk, person: Person, handle: str) -> None:
    """End one of a person's own tokens. Raises UserError for one that is not there."""
    mine = (SESSIONS.c.person_id == person.person_id) & (SESSIONS.c.scope != "")
    with desk.write() as connection:
        done = connection.execute(delete(SESSIONS).where(mine, SESSIONS.c.secret.startswith(handle, autoescape=True)))
        if len(handle) != HANDLE or done.rowcount != 1:
            connection.rollback()
            raise UserError("没有这个令牌，或已失效")
        log.append(connection, "token.end", person.name, detail={"handle": handle})
