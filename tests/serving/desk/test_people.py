"""Who may sign in: no default password, one lock per account, roles that clash are refused, sessions end."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from sqlalchemy import select, update

from claims.errors import UserError
from serving.desk import log, people, sessions, vault
from serving.desk.database import Desk, now
from serving.desk.roles import RIGHTS, ROLES, clash
from serving.desk.schema import PEOPLE

from .conftest import PASSWORD


def test_an_account_has_no_password_until_its_owner_sets_one(desk: Desk) -> None:
    token = people.add(desk, "wang", ("officer",))
    with pytest.raises(people.Refused):
        people.sign_in(desk, "wang", "")
    with pytest.raises(UserError, match="至少12位"):
        people.accept(desk, token, "short")
    assert people.accept(desk, token, PASSWORD).roles == {"reviewer1", "inspector"}
    with pytest.raises(UserError, match="邀请无效"):
        people.accept(desk, token, PASSWORD)
    assert people.sign_in(desk, "wang", PASSWORD).name == "wang"


def test_five_wrong_tries_lock_one_account_and_no_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("wang", "li"):
        people.accept(desk, people.add(desk, name, ("officer",)), PASSWORD)
    for _ in range(people.TRIES):
        with pytest.raises(people.Refused, match="不对"):
            people.sign_in(desk, "wang", "wrong")
    with pytest.raises(people.Refused, match="锁定"):
        people.sign_in(desk, "wang", PASSWORD)
    assert "true" in str(log.rows(desk, 0, 100)[-1]["detail"]).lower(), "who reads the log is told of the lock"
    assert people.sign_in(desk, "li", PASSWORD).name == "li"
    later = now() + people.LOCK + timedelta(seconds=1)
    monkeypatch.setattr(people, "now", lambda: later)
    assert people.sign_in(desk, "wang", PASSWORD).name == "wang"


def test_a_wrong_name_is_not_written_down(desk: Desk) -> None:
    with pytest.raises(people.Refused):
        people.sign_in(desk, "my password typed here", "x")
    assert [r["about"] for r in log.rows(desk)] == [""]


def test_a_code_of_the_second_factor_serves_once(desk: Desk) -> None:
    person = people.accept(desk, people.add(desk, "wang", ("officer",)), PASSWORD)
    secret = pyotp.random_base32()
    with pytest.raises(UserError, match="动态码不对"):
        people.set_second_factor(desk, person, secret, "000")
    people.set_second_factor(desk, person, secret, pyotp.TOTP(secret).at(now()))
    with pytest.raises(people.Refused):
        people.sign_in(desk, "wang", PASSWORD)
    code = pyotp.TOTP(secret).at(now())
    assert people.sign_in(desk, "wang", PASSWORD, code).name == "wang"
    with pytest.raises(people.Refused):
        people.sign_in(desk, "wang", PASSWORD, code)


@pytest.mark.parametrize(
    ("roles", "why"),
    [
        (("nobody",), "no role"),
        ((), "at least one role"),
        (("sysadmin", "auditor"), "三员分立"),
        (("sysadmin", "reviewer1"), "三员分立"),
        (("scientist", "approver"), "不得审批"),
    ],
)
def test_roles_that_may_not_be_one_persons(desk: Desk, roles: tuple[str, ...], why: str) -> None:
    with pytest.raises(UserError, match=why):
        people.add(desk, "wang", roles)
    assert people.everybody(desk) == []


def test_roles_name_known_rights_and_administrators_have_none_in_a_case() -> None:
    business = {"review1", "review2", "assign", "inspect", "appeal", "sign", "finance", "lists", "reveal", "export"}
    for name, (_, rights) in ROLES.items():
        assert rights <= set(RIGHTS), name
        assert clash(frozenset({name})) == ""
    for name in ("sysadmin", "secadmin", "auditor"):
        assert not ROLES[name][1] & business


def test_a_role_that_ended_is_kept(desk: Desk) -> None:
    people.add(desk, "wang", ("officer",))
    people.change(desk, "wang", "root", roles=("reviewer2",))
    assert people.everybody(desk)[0]["roles"] == ["reviewer2"]
    with desk.read() as connection:
        from sqlalchemy import select

        from serving.desk.schema import ROLES as TABLE

        assert len(connection.execute(select(TABLE)).all()) == 3


def test_a_session_ends_when_idle_when_old_and_with_its_account(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    person = people.accept(desk, people.add(desk, "wang", ("officer",)), PASSWORD)
    start = now()

    def at(delta: timedelta) -> None:
        monkeypatch.setattr(sessions, "now", lambda: start + delta)

    secret = sessions.begin(desk, person)
    found = sessions.whose(desk, secret)
    assert found is not None
    assert found[0] == person
    at(timedelta(minutes=29))
    assert sessions.whose(desk, secret) is not None
    at(timedelta(minutes=58))
    assert sessions.whose(desk, secret) is not None
    at(timedelta(minutes=90))
    assert sessions.whose(desk, secret) is None
    at(timedelta(0))
    old = sessions.begin(desk, person)
    for hours in range(1, 24):
        at(timedelta(minutes=29 * hours))
        open_still = sessions.whose(desk, old) is not None
        assert open_still == (29 * hours <= 720)
    at(timedelta(0))
    third = sessions.begin(desk, person)
    people.change(desk, "wang", "root", active=False)
    assert sessions.whose(desk, third) is None


def test_a_token_does_no_more_than_its_scope_and_its_owner(desk: Desk) -> None:
    person = people.accept(desk, people.add(desk, "wang", ("officer",)), PASSWORD)
    with pytest.raises(UserError, match="no right"):
        sessions.new_token(desk, person, ("people",), 30)
    secret = sessions.new_token(desk, person, ("lists", "export"), 30)
    found = sessions.whose(desk, secret)
    assert found is not None
    assert found[1] == {"lists", "export"}
    people.change(desk, "wang", "root", roles=("sysadmin",))
    found = sessions.whose(desk, secret)
    assert found is not None
    assert found[1] == frozenset()


def test_a_token_is_listed_and_ended_by_its_owner_alone(desk: Desk) -> None:
    wang, li = (people.accept(desk, people.add(desk, n, ("officer",)), PASSWORD) for n in ("wang", "li"))
    secret = sessions.new_token(desk, wang, ("lists",), 30, "周报程序")
    [told] = sessions.tokens(desk, wang.person_id)
    assert (told["label"], told["scope"], secret in str(told)) == ("周报程序", "lists", False)
    for who, handle in ((li, told["handle"]), (wang, ""), (wang, told["handle"][:4])):
        with pytest.raises(UserError, match="没有这个令牌"):
            sessions.revoke(desk, who, handle)
    assert sessions.whose(desk, secret) is not None
    sessions.revoke(desk, wang, told["handle"])
    assert sessions.whose(desk, secret) is None


def test_a_new_invitation_ends_sessions_and_tokens(desk: Desk) -> None:
    wang = people.accept(desk, people.add(desk, "wang", ("officer",)), PASSWORD)
    mine = [sessions.begin(desk, wang), sessions.new_token(desk, wang, ("lists",), 30)]
    people.invite(desk, "wang")
    assert [sessions.whose(desk, secret) for secret in mine] == [None, None]


def test_a_secret_of_the_second_factor_stands_nowhere_in_plain(desk: Desk, tmp_path: Path) -> None:
    wang, li = (people.accept(desk, people.add(desk, n, ("officer",)), PASSWORD) for n in ("wang", "li"))
    secret = pyotp.random_base32()
    people.set_second_factor(desk, wang, secret, pyotp.TOTP(secret).at(now()))
    with desk.read() as connection:
        kept = connection.execute(select(PEOPLE.c.sealed_factor).where(PEOPLE.c.name == "wang")).scalar_one()
    assert secret not in kept
    assert not any(secret.encode() in p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    key = tmp_path / "desk" / "second-factor.key"
    assert key.stat().st_mode & 0o777 == 0o600
    with desk.write() as connection:  # what is copied to another account opens nothing
        connection.execute(update(PEOPLE).where(PEOPLE.c.person_id == li.person_id).values(sealed_factor=kept))
    with pytest.raises(vault.Locked, match="不符"):
        people.sign_in(desk, "li", PASSWORD, pyotp.TOTP(secret).at(now()))
    key.chmod(0o644)
    with pytest.raises(vault.Locked, match="0600"):
        people.sign_in(desk, "wang", PASSWORD, pyotp.TOTP(secret).at(now()))
    key.unlink()
    with pytest.raises(vault.Locked, match="缺失"):
        people.sign_in(desk, "wang", PASSWORD, pyotp.TOTP(secret).at(now()))
    with pytest.raises(vault.Locked, match="缺失"):  # no new key, while the old one may come back
        people.set_second_factor(desk, li, secret, pyotp.TOTP(secret).at(now()))


def test_who_changes_his_second_factor_says_his_password(desk: Desk) -> None:
    wang = people.accept(desk, people.add(desk, "wang", ("officer",)), PASSWORD)
    people.confirm(desk, wang, PASSWORD)
    for _ in range(people.TRIES):
        with pytest.raises(people.Refused, match="不对"):
            people.confirm(desk, wang, "wrong")
    with pytest.raises(people.Refused, match="锁定"):
        people.confirm(desk, wang, PASSWORD)


def test_an_area_sees_itself_and_what_lies_in_it() -> None:
    def person(area: str) -> Any:
        return people.Person(1, "w", "w", area, frozenset())

    assert person("").sees("330101")
    assert person("330100").sees("330101")
    assert not person("330100").sees("330201")
    assert person("330000").sees("330201")
    assert person("330110").sees("330110001")
    assert not person("330110").sees("330111"), "a county whose code ends in a zero is no prefix of its neighbours"
    assert person("330110000000").sees("330110")
    assert not person("330110000000").sees("330111")
