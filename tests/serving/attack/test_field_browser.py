"""The phone page in a real Chromium: a form is kept while there is no service and while nobody is signed in, sent once afterwards, and erased; nothing serious for axe."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from serving.desk import beds
from serving.desk.schema import BED_RESULTS
from serving.lists import publish
from serving.web.middleware import desk_of
from tests.serving.attack.test_browser import chromium, serious, served
from tests.serving.conftest import PASSWORD, signed_in
from tests.serving.desk.test_bed_pages import night_week

__all__ = ["chromium"]
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    warehouse = night_week(tmp_path_factory.mktemp("phone"))
    officer = signed_in(warehouse, "inspector", name="ann")
    officer.get("/beds/" + publish.current(warehouse).name)
    return warehouse


@pytest.fixture
def phone(chromium: Any) -> Iterator[Any]:
    context = chromium.new_context(viewport={"width": 390, "height": 844})
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


def sign_in(page: Any) -> None:
    page.fill("#name", "ann")
    page.fill("#password", PASSWORD)
    page.click("button.main")
    page.wait_for_url("**/phone")  # loaded, so that its script runs before anything is done to the network


def test_a_form_outlives_the_service_and_the_session_and_is_stored_once(phone: Any, night: Path) -> None:
    run = publish.current(night).name
    with served(night) as (base, port):
        phone.goto(f"{base}/sign-in?next=/beds/{run}/phone")
        sign_in(phone)
        assert serious(phone) == []
        bed = phone.locator("details.bed").first
        bed.locator("summary").click()
        bed.locator('input[value="不在"]').check()
        bed.locator("input[name=at]").fill("2025-09-28T20:40")
        bed.locator("textarea").fill("被褥叠放")
    bed.locator("button.main").click()  # the service was killed between
    phone.wait_for_selector("#field-status:has-text('待发送 1')")
    kept = phone.evaluate("JSON.parse(Object.values(localStorage)[0])")
    assert sorted(kept[0]["values"]) == ["at", "lead", "note", "result"], "no name and no number of a person is kept"
    assert beds.of_run(desk_of(night), run) == {}
    with served(night, port):
        phone.context.clear_cookies()  # and meanwhile the session has ended
        phone.evaluate("dispatchEvent(new Event('online'))")
        phone.wait_for_selector("#field-sign-in:not([hidden])")
        assert phone.evaluate("localStorage.length") == 1
        phone.click("#field-sign-in")
        sign_in(phone)
        phone.wait_for_selector("#field-status:has-text('没有待发送的')")
        assert phone.evaluate("localStorage.length") == 0
        again = "(e) => Promise.all([1, 2].map(() => fetch(e.to, {method: 'POST', headers: {'content-type': 'application/json'}, body: JSON.stringify({...e.values, client: e.client})}).then((r) => r.json())))"
        assert {r["state"] for r in phone.evaluate(again, kept[0])} == {"again"}
    with desk_of(night).read() as connection:
        [row] = connection.execute(select(BED_RESULTS)).mappings().all()
    assert (row["code"], row["note"], row["second_by"]) == ("B4_ABSENT", "被褥叠放", None)


def test_at_sign_out_nothing_stays_on_the_phone(phone: Any, night: Path) -> None:
    run = publish.current(night).name
    with served(night) as (base, _):
        phone.goto(f"{base}/sign-in?next=/beds/{run}/phone")
        sign_in(phone)
        phone.route("**/results", lambda route: route.abort())
        phone.context.set_offline(True)
        bed = phone.locator("details.bed").nth(2)
        bed.locator("summary").click()
        bed.locator('input[value="在床"]').check()
        bed.locator("button.main").click()
        phone.context.set_offline(False)
        asked: list[str] = []

        def accept(dialog: Any) -> None:
            asked.append(dialog.message)
            dialog.accept()

        phone.once("dialog", accept)
        phone.click('form[action="/sign-out"] button')
        phone.wait_for_url("**/sign-in")
        assert phone.evaluate("localStorage.length") == 0
        assert len(asked) == 1, "what was not sent yet is asked about first"
