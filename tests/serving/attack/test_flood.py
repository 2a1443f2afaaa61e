"""Strangers who try passwords by the hundred wait for one another: no page waits for them, and what is too many is told to come back."""

import asyncio
import threading
from pathlib import Path

import pytest

from serving.desk import people
from serving.web import account_pages
from serving.web.middleware import Gate
from serving.web.pages import pages
from tests.serving.attack.fuzz import Signed, call, prepared

TRY = {"method": "POST", "url": "http://127.0.0.1/sign-in", "data": {"name": "nobody", "password": "guess"}}
PAGE = {"method": "GET", "url": "http://127.0.0.1/lists/admission"}


def test_a_flood_of_sign_ins_costs_no_page(week: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    let = threading.Event()

    def slow(*_: object) -> people.Person:
        let.wait(60)
        raise people.Refused(people.WRONG)

    monkeypatch.setattr(people, "sign_in", slow)
    officer, app, loop = Signed(week, "officer"), Gate(pages(week), week), asyncio.new_event_loop()
    tries = account_pages.WAITING + people.AT_ONCE + 5
    statuses: list[int] = []

    async def attempt() -> None:
        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                statuses.append(int(str(message["status"])))

        scope, body = prepared(TRY)
        await app(dict(scope), receive, send)  # type: ignore[arg-type]

    try:
        waiting = []
        for _ in range(tries):  # one after the other, as they come over a network
            waiting.append(loop.create_task(attempt()))
            loop.run_until_complete(asyncio.sleep(0.002))
        assert call(app, loop, prepared(PAGE), officer.proof)[0] == 200, (
            "more tries wait than there are threads for pages"
        )
        assert statuses == [503] * 5
        let.set()
        loop.run_until_complete(asyncio.gather(*waiting))
    finally:
        let.set()
        loop.close()
    assert sorted(statuses) == [403] * (tries - 5) + [503] * 5
