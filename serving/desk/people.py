"""Accounts: who may sign in, with which roles, for which area; passwords by argon2id, a lock per account, a second factor.

There is no default password: an account is made without one, and a one-time invitation (a week) lets its owner set it. Five
wrong tries lock the account, and nobody else's, for a quarter of an hour.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, delete, insert, select, update

from claims.errors import UserError
from serving.desk import log, vault
from serving.desk.database import Desk, now
from serving.desk.roles import PRESETS, clash, rights_of
from serving.desk.schema import PEOPLE, ROLES, SESSIONS

WRONG: Final = "用户名、密码或动态码不对；连续输错五次的账号锁定十五分钟"
TRIES: Final = 5
LOCK: Final = timedelta(minutes=15)
INVITED: Final = timedelta(days=7)
SHORTEST: Final = 12
HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""OWASP's setting for argon2id; the library's own default takes 0.4 s of a core, which on two cores is a way to stop the service."""
AT_ONCE: Final = 2
"""Passwords hashed at the same time in a process."""
_TURN: Final = threading.Semaphore(AT_ONCE)
#: What a wrong name is held against, so that it takes as long as a wrong password.
_NOBODY: Final = HASHER.hash(secrets.token_urlsafe(16))


@dataclass(frozen=True)
class Person:
    """Who is signed in. area: '' = all."""

    person_id: int
    name: str
    shown: str
    area: str
    roles: frozenset[str]

    @property
    def rights(self) -> frozenset[str]:
        return rights_of(self.roles)

    def sees(self, area: str) -> bool:
        """Whether rows of an area are his: the area itself and what lies in it (330100 covers 3301xx)."""
        return not self.area or area.startswith(scope(self.area))


def scope(area: str) -> str:
    """What the codes of an area and of all that lies in it begin with (GB/T 2260: province, city and county two digits each, town and village three):
    330100 → 3301, but 330110 is a county of its own and 330000 a province."""
    levels = (2, 4, 6, 9, 12)
    for whole, above in zip(levels[:0:-1], levels[-2::-1], strict=True):
        if len(area) >= whole and not area[above:].strip("0"):
            area = area[:above]
    return area


def secret_hash(secret: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(secret.encode()).hexdigest()


def add(desk: Desk, name: str, roles: tuple[str, ...], *, shown: str = "", area: str = "", by: str = "") -> str:
    """A new account without password; returns its invitation. roles: of serving/desk/roles.py, or presets.

    Raises UserError for a name taken or unfit, an unknown role, or roles that may not be one person's.
    """
    given = expand(roles)
    name = name.strip()
    if not name or len(name) > 64 or not name.isprintable() or any(c.isspace() for c in name):
        raise UserError("an account needs a name without spaces, of at most 64 characters")
    if area and not re.fullmatch("[0-9]{1,12}", area):
        raise UserError(f"area {area!r}: give a code of digits, e.g. 330100, or none for all areas")
    token = secrets.token_urlsafe(24)
    with desk.write() as connection:
        _key_for(desk, connection)
        if connection.execute(select(PEOPLE.c.person_id).where(PEOPLE.c.name == name)).first():
            raise UserError(f"there is an account {name!r} already")
        person = connection.execute(
            insert(PEOPLE)
            .values(
                name=name,
                shown=(shown or name)[:64],
                area=area,
                invited=secret_hash(token),
                invited_until=now() + INVITED,
                created_at=now(),
            )
            .returning(PEOPLE.c.person_id)
        ).scalar_one()
        connection.execute(insert(ROLES), [{"person_id": person, "role": r, "since": now()} for r in sorted(given)])
        log.append(connection, "account.add", by, name, {"roles": sorted(given), "area": area})
    return token


def expand(roles: tuple[str, ...]) -> frozenset[str]:
    """Roles with presets opened. Raises UserError where they clash."""
    given = frozenset(r for role in roles for r in PRESETS.get(role, (role,)))
    if not given:
        raise UserError(f"give at least one role: {', '.join(PRESETS)} (presets) or single roles")
    if wrong := clash(given):
        raise UserError(wrong)
    return given


def change(desk: Desk, name: str, by: str, *, roles: tuple[str, ...] | None = None, active: bool | None = None) -> None:
    """Other roles (the old ones end today, they are not forgotten), or an account closed or opened. Raises UserError."""
    with desk.write() as connection:
        row = _row(connection, name)
        if row is None:
            raise UserError(f"there is no account {name!r}")
        if roles is not None:
            given = expand(roles)
            mine = (ROLES.c.person_id == row["person_id"]) & ROLES.c.until.is_(None)
            connection.execute(update(ROLES).where(mine).values(until=now()))
            values = [{"person_id": row["person_id"], "role": r, "since": now()} for r in sorted(given)]
            connection.execute(insert(ROLES), values)
            log.append(connection, "account.roles", by, name, {"roles": sorted(given)})
        if active is not None:
            connection.execute(update(PEOPLE).where(PEOPLE.c.name == name).values(active=active))
            log.append(connection, "account.open" if active else "account.close", by, name)


def invite(desk: Desk, name: str, by: str = "") -> str:
    """A new invitation for an account: its password, second factor, sessions and tokens are void at once. Raises UserError."""
    token = secrets.token_urlsafe(24)
    with desk.write() as connection:
        if _row(connection, name) is None:
            raise UserError(f"there is no account {name!r}")
        blank = {
            "password": None,
            "sealed_factor": None,
            "subject": None,
            "failures": 0,
            "locked_until": None,
            "last_code": 0,
        }
        invited = {"invited": secret_hash(token), "invited_until": now() + INVITED}
        connection.execute(update(PEOPLE).where(PEOPLE.c.name == name).values(**blank, **invited))
        whose = select(PEOPLE.c.person_id).where(PEOPLE.c.name == name).scalar_subquery()
        connection.execute(delete(SESSIONS).where(SESSIONS.c.person_id == whose))
        log.append(connection, "account.invite", by, name)
    return token


def accept(desk: Desk, token: str, password: str) -> Person:
    """Set the first password by an invitation, which is spent. Raises UserError in Chinese: it is shown on a page."""
    if len(password) < SHORTEST:
        raise UserError(f"密码至少{SHORTEST}位")
    with _TURN:
        hashed = HASHER.hash(password)
    with desk.write() as connection:
        row = connection.execute(select(PEOPLE).where(PEOPLE.c.invited == secret_hash(token))).mappings().first()
        if row is None or not row["active"] or row["invited_until"] < now():
            raise UserError("邀请无效、已使用或已过期，请向系统管理员重新索取")
        if password.casefold() == row["name"].casefold():
            raise UserError("密码不得与用户名相同")
        values = {"password": hashed, "invited": None, "invited_until": None, "failures": 0, "locked_until": None}
        connection.execute(update(PEOPLE).where(PEOPLE.c.person_id == row["person_id"]).values(**values))
        log.append(connection, "account.password", row["name"])
        return _person(connection, dict(row))


def sign_in(desk: Desk, name: str, password: str, code: str = "") -> Person:
    """Who this is. Raises UserError: one and the same sentence for a wrong name, password or code and for a lock, which would tell that there is such an account."""
    with desk.read() as connection:
        row = _row(connection, name)
    locked = row is not None and row["locked_until"] is not None and row["locked_until"] > now()
    with _TURN:
        known = _matches(str(row["password"]) if row and row["password"] else _NOBODY, password)
    right = bool(row and row["active"] and row["password"] and known)
    with desk.write() as connection:
        if row is None or locked or not right or not _second(desk, connection, row, code):
            return _refused(connection, row, name, locked)
        connection.execute(
            update(PEOPLE).where(PEOPLE.c.person_id == row["person_id"]).values(failures=0, locked_until=None)
        )
        log.append(connection, "sign-in", row["name"])
        return _person(connection, row)


def known_as(desk: Desk, subject: str, name: str) -> Person:
    """Who somebody is by the office's own sign-in: the account bound to this subject, else the one of that name, which is bound from now on.
    Raises Refused: for nobody, a closed account, or one bound to somebody else."""
    with desk.write() as connection:
        chosen = select(PEOPLE).where(PEOPLE.c.subject == subject)
        row = connection.execute(chosen).mappings().first() or _row(connection, name)
        if row is None or not row["active"] or row["subject"] not in (None, subject):
            log.append(connection, "sign-in.refused", about=row["name"] if row else "", detail={"by": "oidc"})
            connection.commit()
            raise Refused("统一认证的身份在本系统没有启用的账号，请联系系统管理员")
        connection.execute(update(PEOPLE).where(PEOPLE.c.person_id == row["person_id"]).values(subject=subject))
        log.append(connection, "sign-in", row["name"], detail={"by": "oidc"})
        return _person(connection, dict(row))


def confirm(desk: Desk, person: Person, password: str) -> None:
    """Raises Refused unless this is the person's password; wrong tries count like those of a sign-in."""
    with desk.read() as connection:
        row = _row(connection, person.name)
    locked = row is not None and row["locked_until"] is not None and row["locked_until"] > now()
    with _TURN:
        known = _matches(str(row["password"]) if row and row["password"] else _NOBODY, password)
    if row is None or locked or not row["password"] or not known:
        with desk.write() as connection:
            _refused(connection, row, person.name, locked)


class Refused(UserError):
    """A sign-in that failed; it is logged, so the transaction around it is kept."""


def _refused(connection: Connection, row: dict[str, Any] | None, name: str, locked: bool) -> Person:
    if row is not None and not locked:
        failures = row["failures"] + 1
        until = now() + LOCK if failures >= TRIES else None
        values = {"failures": 0 if until else failures, "locked_until": until}
        connection.execute(update(PEOPLE).where(PEOPLE.c.person_id == row["person_id"]).values(**values))
    # an unknown name may be a password typed into the wrong field: it is not written down
    log.append(connection, "sign-in.refused", about=name if row else "", detail={"locked": locked})
    connection.commit()
    raise Refused(WRONG)


def _matches(hashed: str, password: str) -> bool:
    try:
        return HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def _second(desk: Desk, connection: Connection, row: dict[str, Any], code: str) -> bool:
    """Whether the second factor holds: none is set, or a code of the last minute that was not used before. Raises vault.Locked: without the key
    nobody who has one comes in."""
    if not row["sealed_factor"]:
        return True
    moment = now()
    totp = pyotp.TOTP(vault.unseal(desk.folder, row["person_id"], row["sealed_factor"]))
    step = totp.timecode(moment)
    for at in (step, step - 1):
        if at > row["last_code"] and secrets.compare_digest(
            totp.generate_otp(at).encode(), code.strip().encode("utf-8", "replace")
        ):
            connection.execute(update(PEOPLE).where(PEOPLE.c.person_id == row["person_id"]).values(last_code=at))
            return True
    return False


def set_second_factor(desk: Desk, person: Person, secret: str, code: str) -> None:
    """Bind a TOTP secret that its owner has shown to work. Raises UserError in Chinese."""
    if not re.fullmatch("[A-Z2-7]{32}", secret):
        raise UserError("动态码的密钥不是本页给出的，请重新打开")
    if not (code.strip().isascii() and pyotp.TOTP(secret).verify(code.strip(), valid_window=1)):
        raise UserError("动态码不对，请检查手机时间后重试")
    with desk.write() as connection:
        _key_for(desk, connection)
        sealed = vault.seal(desk.folder, person.person_id, secret)
        mine = PEOPLE.c.person_id == person.person_id
        connection.execute(update(PEOPLE).where(mine).values(sealed_factor=sealed, last_code=0))
        log.append(connection, "account.second-factor", person.name)


def _key_for(desk: Desk, connection: Connection) -> None:
    """A key of second factors, unless some were sealed already: then the one they were sealed with must come back."""
    if (
        connection.execute(select(PEOPLE.c.person_id).where(PEOPLE.c.sealed_factor.is_not(None)).limit(1)).first()
        is None
    ):
        vault.make_key(desk.folder)


def everybody(desk: Desk) -> list[dict[str, Any]]:
    """Accounts with their present roles, by name; neither hash nor secret."""
    with desk.read() as connection:
        rows = connection.execute(select(PEOPLE).order_by(PEOPLE.c.name)).mappings().all()
        return [
            {k: row[k] for k in ("person_id", "name", "shown", "area", "active", "locked_until", "created_at")}
            | {
                "roles": sorted(_roles(connection, row["person_id"])),
                "ready": row["password"] is not None,
                "second": row["sealed_factor"] is not None,
            }
            for row in rows
        ]


def named(desk: Desk, name: str) -> Person:
    """The active account of a name. Raises UserError."""
    with desk.read() as connection:
        row = _row(connection, name)
        if row is None or not row["active"]:
            raise UserError(f"there is no open account {name!r}")
        return _person(connection, row)


def anybody(desk: Desk) -> bool:
    """Whether there is an active account: without one the service must not start."""
    with desk.read() as connection:
        return connection.execute(select(PEOPLE.c.person_id).where(PEOPLE.c.active).limit(1)).first() is not None


def _row(connection: Connection, name: str) -> dict[str, Any] | None:
    found = connection.execute(select(PEOPLE).where(PEOPLE.c.name == name)).mappings().first()
    return dict(found) if found is not None else None


def _roles(connection: Connection, person_id: int) -> frozenset[str]:
    mine = select(ROLES.c.role).where(ROLES.c.person_id == person_id, ROLES.c.until.is_(None))
    return frozenset(connection.execute(mine).scalars())


def _person(connection: Connection, row: dict[str, Any]) -> Person:
    roles = _roles(connection, row["person_id"])
    return Person(row["person_id"], row["name"], row["shown"], row["area"], roles)
