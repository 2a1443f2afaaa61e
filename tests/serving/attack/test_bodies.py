"""Bodies no browser sends, ids of other areas, sessions that ended, approvals sent twice."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from serving.desk import sessions
from serving.desk.database import now
from serving.desk.schema import CASES, SESSIONS
from serving.web.middleware import desk_of
from tests.serving.conftest import TestClient, signed_in
from tests.serving.desk.test_access import version_of


def chunks(total: int) -> Iterator[bytes]:
    for _ in range(total // 100_000):
        yield b"x" * 100_000


@pytest.mark.parametrize("path", ["/feedback", "/cases/1/files", "/cases/1/note", "/sign-in"])
@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=", "application/json", "text/x; charset=none", ""]
)
def test_a_body_of_the_wrong_kind_is_no_server_error(week: Path, path: str, kind: str) -> None:
    client = signed_in(week, "officer")
    client.get("/lists/person")
    for body in (
        b"",
        b"--x",
        b"\xff\xfe\x00",
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx',
    ):
        assert client.post(path, content=body, headers={"content-type": kind}).status_code < 500


@pytest.mark.parametrize("path", ["/sign-in", "/feedback", "/cases/1/note", "/cases/1/files"])
def test_sixty_megabytes_are_refused_whether_told_or_not(week: Path, path: str) -> None:
    client = signed_in(week, "officer")
    client.get("/lists/person")
    for body in (b"x" * 60_000_000, chunks(60_000_000)):
        answer = client.post(path, content=body, headers={"content-type": "application/x-www-form-urlencoded"})
        assert answer.status_code in (404, 413), answer.status_code


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        b'{"grain": "person", "top": NaN}', b'{"grain": "person", "top": Infinity}', b'{"grain": "person", "top": 1e400}', b'{"grain": "person", "top": 1e30}',
        b"[" * 10_000 + b"]" * 10_000, b'{"grain":' * 10_000 + b"1" + b"}" * 10_000, b"null", b"[]", b"", b"\xff\xfe", b'{"grain": "\\ud800"}', b'{"grain": "\\u0000"}',
        b'{"grain": ["person"], "top": {}}', b'{"grain": "person", "top": -1}', b'{"grain": "../../etc", "top": 1}', b'{"grain": "person", "lead": 10000000000000000000000}',
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/api/rank", "/api/explain"])
def test_json_that_is_none_is_refused(service: TestClient, served: Path, path: str, body: bytes) -> None:
    mine = signed_in(served, "officer").cookies[sessions.COOKIE]
    head = {"content-type": "application/json", "cookie": f"{sessions.COOKIE}={mine}"}
    least = 200 if path == "/api/rank" and b"lead" in body else 400  # what a call does not ask for is passed over
    assert least <= service.post(path, content=body, headers=head).status_code < 500


def test_ids_of_another_area_are_not_there(week: Path) -> None:
    """Same answer as for one that does not exist."""
    signed_in(week, "officer").get("/lists/person")
    stranger = signed_in(week, "officer", "leader", area="990000")
    with desk_of(week).read() as connection:
        number = connection.execute(select(CASES.c.case_id).limit(1)).scalar()
    for path in (
        f"/cases/{number}",
        f"/cases/{number}.json",
        "/cases/999999",
        "/lists/person/1.json",
        "/lists/person/99.json",
    ):
        assert stranger.get(path).status_code == 404, path
    for act in ("note", "claim", "release", "step", "reveal"):
        assert (
            stranger.post(
                f"/cases/{number}/{act}", data={"note": "x", "version": "0", "step": "hold", "reason": "x"}
            ).status_code
            == 404
        ), act
    assert stranger.get("/cases.json").json()["cases"] == []


def test_a_session_that_ended_opens_nothing_and_writes_nothing(week: Path) -> None:
    client = signed_in(week, "officer")
    client.get("/lists/person")
    desk = desk_of(week)
    key = SESSIONS.c.secret == sessions.secret_hash(client.cookies[sessions.COOKIE])
    for values in (
        {"used_at": now() - timedelta(minutes=31)},
        {"used_at": now(), "ends_at": now() - timedelta(seconds=1)},
    ):
        with desk.write() as connection:
            connection.execute(update(SESSIONS).where(key).values(**values))
        assert client.get("/lists/person").status_code == 401
        assert client.post("/cases/1/note", data={"note": "late"}).status_code == 401


def test_an_approval_sent_again_changes_nothing(week: Path) -> None:
    first, second = signed_in(week, "reviewer1"), signed_in(week, "reviewer2")
    first.get("/lists/doctor")
    with desk_of(week).read() as connection:
        number = (
            connection.execute(select(CASES.c.case_id).where(CASES.c.grain == "doctor", CASES.c.state == "C10"))
            .scalars()
            .first()
        )
    case = f"/cases/{number}"
    page = first.get(case).text
    assert (
        first.post(case + "/step", data={"step": "report", "version": version_of(page), "note": "见明细"}).status_code
        == 303
    )
    form = {"step": "agree", "version": version_of(second.get(case).text), "note": "同意"}
    assert second.post(case + "/step", data=form).status_code == 303
    assert [second.post(case + "/step", data=form).status_code for _ in range(3)] == [409] * 3
    with desk_of(week).read() as connection:
        row = connection.execute(select(CASES.c.state, CASES.c.version).where(CASES.c.case_id == number)).one()
    assert tuple(row) == ("C30", 2)
