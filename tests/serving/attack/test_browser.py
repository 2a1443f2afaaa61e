"""The pages in a real Chromium: axe, keys, the console under the policy. Skipped where there is no browser (XIEZHI_CHROMIUM names another)."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from sqlalchemy import func, select

from serving.desk import sessions
from serving.desk.schema import CASES, OFFICERS, PEOPLE
from serving.lists import publish
from serving.web.middleware import Gate, desk_of
from serving.web.pages import pages
from tests.serving.conftest import signed_in, whole_week
from tests.serving.desk.test_bed_pages import night_week
from tests.serving.desk.test_plan_page import ASKED, EXPECTED, SITES, WEEK, make_plan, publish_plan
from tests.serving.desk.test_sent import taken

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
CHROMIUM = Path(os.environ.get("XIEZHI_CHROMIUM", "/usr/bin/chromium"))
PAGES: dict[str, tuple[str, ...]] = {
    "officer": ("/", "/find?q=1", "/units/H42000001", "/units/H42000001/brief", "/units/ladder", "/sent", "/sent/1", "/selfchecks", "/lookback", "/field", "/lists/all", "/lists/person", "/lists/institution", "/lists/admission/1", "/lists/ring/1", "/lists/institution/1", "/cases", "/cases/1", "/units", "/me", "/nowhere"),
    "reviewer": ("/", "/lists/doctor/1", "/cases", "/cases/2"),
    "chief": ("/", "/lists/person/2", "/cases", "/cases/3", "/quality", "/model", "/plan", "/limits", "/sent/1"),
    "legal": ("/cases", "/cases/1", "/cases/3"),
    "committee": ("/", "/cases/3"),
    "finance": ("/", "/cases/3"),
    "inspector": ("/plan", "/cases/2", "/cases/2/field", "/field"),
    "scientist": ("/", "/model", "/me"),
    "admin": ("/", "/people", "/me"),
    "security": ("/", "/limits"),
    "audit": ("/", "/log"),
}  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """(address, warehouse) of a server over the hand-made week, of this module alone: cases move in it."""
    warehouse = tmp_path_factory.mktemp("browser")
    (warehouse / "lists").mkdir()
    whole_week(warehouse)
    signed_in(warehouse, "leader").get("/lists/person")
    publish_plan(warehouse, make_plan(SITES, EXPECTED, ASKED, week=WEEK, days=2), as_of="2026-11-22")
    taken(desk_of(warehouse))
    with desk_of(warehouse).write() as connection:
        connection.execute(CASES.update().where(CASES.c.case_id == 2).values(state="C40"))
        connection.execute(CASES.update().where(CASES.c.case_id == 3).values(state="C60"))
    with served(warehouse) as (address, _):
        yield address, warehouse


@contextmanager
def served(warehouse: Path, port: int = 0) -> Iterator[tuple[str, int]]:
    """(address, port) of a server over a warehouse, until the block ends; port 0 = a free one."""
    if not port:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    config = uvicorn.Config(
        Gate(pages(warehouse), warehouse), port=port, log_level="error", timeout_graceful_shutdown=1
    )  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 30
    while not server.started and time.monotonic() < until:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}", port
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}: install it, or set XIEZHI_CHROMIUM")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


class Desk:
    """A signed-in browser window that writes down what it should not see."""

    def __init__(self, chromium: Any, base: tuple[str, Path], *roles: str) -> None:
        self.base, warehouse = base
        cookie = signed_in(warehouse, *roles).cookies[sessions.COOKIE]
        if "inspector" in roles:  # sent to the case that is under inspection
            with desk_of(warehouse).write() as connection:
                mine = connection.execute(select(func.max(PEOPLE.c.person_id))).scalar_one()
                connection.execute(OFFICERS.insert(), {"case_id": 2, "person_id": mine})
        self.context = chromium.new_context(viewport={"width": 1366, "height": 768})
        self.context.add_cookies([{"name": sessions.COOKIE, "value": cookie, "url": self.base}])
        self.wrong: list[str] = []
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.page.on(
            "console",
            lambda m: (
                self.wrong.append(f"{m.text} {m.location.get('url')}") if m.type in ("error", "warning") else None
            ),
        )
        self.page.on("pageerror", lambda e: self.wrong.append(str(e)))
        self.page.on("dialog", lambda d: (self.wrong.append("dialog"), d.dismiss()))
        self.page.on("request", lambda r: None if r.url.startswith((self.base, "data:")) else self.wrong.append(r.url))

    def open(self, path: str) -> Any:
        self.page.goto(self.base + path, wait_until="load")
        return self.page

    def keys(self, *names: str) -> None:
        """Press keys one after the other; a key that opens a page is waited for."""
        for name in names:
            before = self.page.url
            self.page.keyboard.press(name)
            for _ in range(200 if name in ("Enter", "n", "]", "[") else 0):
                self.page.wait_for_timeout(50)
                if self.page.url != before:
                    break
            if self.page.url != before:
                self.page.wait_for_load_state("load")


@pytest.fixture
def desk(chromium: Any, base: tuple[str, Path]) -> Iterator[Any]:
    opened: list[Desk] = []

    def made(*roles: str) -> Desk:
        opened.append(Desk(chromium, base, *roles))
        return opened[-1]

    yield made
    for one in opened:
        one.context.close()


def serious(page: Any) -> list[str]:
    """Serious and critical findings of axe on a page, each with its first place."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in found if v["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("role", PAGES)
def test_axe_finds_nothing_serious_and_the_console_is_silent(desk: Any, role: str) -> None:
    window = desk(role)
    found = {}
    for path in PAGES[role]:
        page = window.open(path)
        if wrong := serious(page):
            found[path] = wrong
    assert found == {}
    assert [w for w in window.wrong if not w.endswith(("/nowhere", "/favicon.ico"))] == []


def test_the_beds_of_an_evening_too(chromium: Any, tmp_path: Path) -> None:
    run = publish.current(night_week(tmp_path)).name
    with served(tmp_path) as (address, _):
        for role, paths in {"officer": ("", "/phone"), "leader": ("", "/morning")}.items():
            window = Desk(chromium, (address, tmp_path), role)
            for path in paths:
                assert serious(window.open(f"/beds/{run}{path}")) == [], path
            window.context.close()
            assert window.wrong == []


def test_the_sign_in_page_too(desk: Any) -> None:
    window = desk("officer")
    window.context.clear_cookies()
    assert serious(window.open("/sign-in")) == []
    assert serious(window.open("/invitation?token=x")) == []


@pytest.mark.parametrize(("form", "said"), [("a", "上报"), ("x", "建议排除")])
def test_six_keys_from_the_list_to_a_first_review(desk: Any, form: str, said: str) -> None:
    """j Enter: the suspect; a: his case; a or x: the form, to report or to clear; the note is typed; Tab Enter: decided."""
    window = desk("reviewer1")
    page = window.open("/lists/doctor" if form == "a" else "/lists/institution")
    window.keys("j", "Enter")
    window.keys("a")
    page.wait_for_url("**/cases/*")
    case = page.url
    window.keys(form)
    assert page.evaluate("() => document.activeElement.closest('details').querySelector('summary').innerText") == said
    page.keyboard.insert_text("逐行核对，与证据一致")
    with page.expect_navigation():
        window.keys("Tab", "Enter")
    page = window.open(case.removeprefix(window.base))
    assert "待复审" in page.inner_text("main")


TASKS = {
    "find by the search": ("officer", "/", ("/",), "person", "Enter", "/find"),
    "open a list": ("officer", "/lists/person", ("j", "Enter"), "", "", "/person/"),
    "next suspect": ("officer", "/lists/person/1", ("]",), "", "", "/person/2"),
    "suspect before": ("officer", "/lists/person/2", ("[",), "", "", "/person/1"),
    "take the next case": ("reviewer1", "/", ("n",), "", "", "/cases/"),
    "open a case of the inbox": ("reviewer2", "/cases", ("j", "Enter"), "", "", "/cases/"),
    "review in law": ("legal", "/cases/3", ("a",), "", "", "#law"),
    "a case of a chief": ("leader", "/cases", ("j", "j", "k", "Enter"), "", "", "/cases/"),
    "a unit": ("officer", "/units", ("j", "Enter"), "", "", "/units/"),
    "a suspect of all lists": ("officer", "/lists/all", ("j", "Enter"), "", "", "/admission/"),
    "help": ("officer", "/cases", ("?",), "", "", "#keys"),
}


@pytest.mark.parametrize("task", TASKS)
def test_tasks_by_keyboard_alone(desk: Any, task: str) -> None:
    role, start, keys, typed, last, there = TASKS[task]
    window = desk(role)
    page = window.open(start)
    window.keys(*keys)
    if typed:
        page.keyboard.insert_text(typed)
        window.keys(last)
    if there.startswith("#"):
        assert page.is_visible(there)
    else:
        page.wait_for_url(f"**{there}*")
    assert window.wrong == []


def tab_to(page: Any, selector: str, most: int = 60) -> None:
    """Tab until something is reached."""
    for _ in range(most):
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} was not reached by {most} tabs")


def test_signing_in_excluding_and_signing_out_by_tabs(desk: Any) -> None:
    """The three that have no key of their own: every control is reached, and seen to be."""
    window = desk("reviewer1")
    page = window.open("/cases/7")
    tab_to(page, "details.stepform:nth-of-type(2) > summary")
    assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press("Enter")
    tab_to(page, "details.stepform:nth-of-type(2) textarea")
    page.keyboard.insert_text("家属代取药，附证明")
    page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    window.open("/cases/7")
    assert "待复审" in page.inner_text("main")
    tab_to(page, 'form[action="/sign-out"] button')
    page.keyboard.press("Enter")
    page.wait_for_url("**/sign-in*")
    tab_to(page, "input[name=password]")


def test_keys_can_be_switched_off(desk: Any) -> None:
    window = desk("officer")
    page = window.open("/lists/person")
    window.keys("?")
    page.click("#keys-off")
    window.open("/lists/person")
    window.keys("j")
    assert page.evaluate("() => document.activeElement.tagName") == "BODY"


def test_nothing_runs_over_the_edge_at_a_small_window(desk: Any) -> None:
    window = desk("officer")
    window.page.set_viewport_size({"width": 1093, "height": 614})  # 1366×768 at 125 %
    for path in ("/", "/lists/person", "/lists/person/1", "/cases", "/cases/1"):
        page = window.open(path)
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), path
