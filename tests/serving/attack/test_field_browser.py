"""The phone page in a real Chromium: a form is kept while there is no service and while nobody is signed in, sent once afterwards, and erased; nothing serious for axe."""

import functools
import hashlib
import random
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from serving.desk import beds
from serving.desk.schema import BED_RESULTS, EVENTS, FILES
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


@functools.cache
def picture(size: int = 2600) -> bytes:
    """A PNG larger than what a phone keeps of one."""
    noise = random.Random(1)
    lines = b"".join(b"\0" + noise.randbytes(size) for _ in range(size))
    parts = ((b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(lines, 1)), (b"IEND", b""))  # fmt: skip
    chunks = (struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


KEPT = """(name) => new Promise((resolve) => {
  const asked = indexedDB.open(name, 1);
  asked.onupgradeneeded = () => asked.result.createObjectStore("photos", { keyPath: "id" });
  asked.onsuccess = () => {
    const all = asked.result.transaction("photos").objectStore("photos").getAll();
    all.onsuccess = () => { asked.result.close(); resolve(all.result.map((p) => ({ ...p, body: p.body.size, kind: p.body.type }))); };
  };
})"""


def without_network(page: Any) -> None:
    """Nothing reaches the service; the page was loaded before."""
    page.route("**/results", lambda route: route.abort())
    page.route("**/photo*", lambda route: route.abort())
    page.context.set_offline(True)


def with_network(page: Any) -> None:
    page.unroute("**/results")
    page.unroute("**/photo*")
    page.context.set_offline(False)


def photographed(page: Any, n: int) -> tuple[Any, str]:
    """(bed, name of what the device keeps) with a result and a photograph that wait for a network."""
    bed = page.locator("details.bed").nth(n)
    bed.locator("summary").click()
    bed.locator('input[name="file"]').set_input_files({"name": "bed.png", "mimeType": "image/png", "buffer": picture()})
    bed.locator("form[data-photo] button").first.click()
    page.wait_for_selector("#field-status:has-text('待发送照片 1')")
    bed.locator('input[value="不在"]').check()
    bed.locator("input[name=at]").fill("2025-09-28T20:40")
    bed.locator("button.main").click()
    page.wait_for_selector("#field-status:has-text('待发送 1')")
    return bed, f"xiezhi-field-{page.locator('[data-field]').get_attribute('data-field')}"


def test_a_photograph_waits_for_a_network_follows_its_words_and_is_kept_once(phone: Any, night: Path) -> None:
    run = publish.current(night).name
    asked: list[str] = []
    with served(night) as (base, _):
        phone.goto(f"{base}/sign-in?next=/beds/{run}/phone")
        sign_in(phone)
        without_network(phone)
        _, name = photographed(phone, 1)
        [kept] = phone.evaluate(KEPT, name)
        assert (kept["kind"], kept["original"]) == ("image/jpeg", hashlib.sha256(picture()).hexdigest())
        assert sorted(kept) == ["body", "client", "id", "kind", "name", "original", "place", "state", "to"]
        phone.goto("about:blank")  # the page is closed meanwhile: what it kept is sent when it is opened again
        with_network(phone)
        phone.on("request", lambda r: asked.append(r.url.rsplit("/", 1)[1]) if r.method == "POST" else None)
        phone.goto(f"{base}/beds/{run}/phone")
        phone.wait_for_selector("#field-status:has-text('没有待发送的')")
        assert asked == ["results", "photo"], "words first"
        assert phone.evaluate(KEPT, name) == []
    with desk_of(night).read() as connection:
        [paper] = connection.execute(select(FILES)).mappings().all()
        [told] = connection.execute(select(EVENTS.c.detail).where(EVENTS.c.kind == "file")).scalars()
    assert paper["kind"] == "jpg"
    assert told["original"] == kept["original"]
    body = desk_of(night).file(paper["sha256"]).read_bytes()
    assert (hashlib.sha256(body).hexdigest(), len(body)) == (paper["sha256"], kept["body"])
    officer = signed_in(night, "inspector", name="bea")
    files = {"file": ("bed.png", body, "image/jpeg")}
    address, given = f"/beds/{run}/{kept['place'].split()[-1]}/photo", {"client": kept["client"], "original": ""}
    again = officer.post(address, files=files, data=given, headers={"accept": "application/json"})
    assert again.json()["state"] == "again", "the same under the same id is kept once, whoever's reply was lost"


def test_photographs_are_erased_at_sign_out_and_dropped_when_asked(phone: Any, night: Path) -> None:
    run = publish.current(night).name
    with served(night) as (base, _):
        phone.goto(f"{base}/sign-in?next=/beds/{run}/phone")
        sign_in(phone)
        without_network(phone)
        bed, name = photographed(phone, 3)
        bed.locator("form[data-photo] .drop").click()
        phone.wait_for_selector("#field-status:not(:has-text('照片'))")
        assert phone.evaluate(KEPT, name) == []
        bed.locator('input[name="file"]').set_input_files({"name": "b.png", "mimeType": "image/png", "buffer": picture()})  # fmt: skip
        bed.locator("form[data-photo] button").first.click()
        phone.wait_for_selector("#field-status:has-text('待发送照片 1')")
        with_network(phone)
        phone.route("**/photo*", lambda route: route.abort())
        phone.route("**/results", lambda route: route.abort())
        phone.once("dialog", lambda dialog: dialog.accept())
        phone.click('form[action="/sign-out"] button')
        phone.wait_for_url("**/sign-in")
        assert phone.evaluate(KEPT, name) == []
