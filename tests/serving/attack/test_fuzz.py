"""Some of schemathesis's cases as every role, the same each time; ten thousand a role by `python -m tests.serving.attack.fuzz`."""

import asyncio
from pathlib import Path

import pytest

from serving.lists import publish
from serving.web.middleware import Gate
from serving.web.pages import pages
from tests.serving.attack.fuzz import EVERY, FULL, NOBODY, Signed, attack, beyond, call, fault, prepared
from tests.serving.attack.openapi import described, fields
from tests.serving.conftest import AS_OF, made_list


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    warehouse = tmp_path_factory.mktemp("fuzz")
    publish.publish(warehouse, AS_OF, {g: made_list(g)[:2] for g in ("person", "ring")})
    return warehouse


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_no_case_ends_in_a_server_error(small: Path) -> None:
    """Nor opens to anybody what he has no right to."""
    loop = asyncio.new_event_loop()
    try:
        callers = [Signed(small, role) for role in EVERY]
        _, told = attack(Gate(pages(small), small), loop, [described()], callers, 60, [publish.current(small).name])
    finally:
        loop.close()
    assert {role: one.faults for role, one in told.items() if one.faults} == {}
    assert min(one.cases for one in told.values()) >= 60
    assert told["leader"].statuses["200"] > told[NOBODY].statuses["200"]


def test_the_description_knows_the_fields_the_handlers_read() -> None:
    forms, queries = fields()
    assert {"step", "version", "note", "name", "act"} <= set(forms)
    assert {"q", "state", "least", "area"} <= set(queries)


def test_the_judge_can_fail() -> None:
    good = {"content-security-policy": "x", "content-type": "text/html"}
    assert fault("/x", (200, good, b"fine")) == ""
    assert fault("/x", (503, good, b"")).startswith("503")
    assert fault("/x", (200, {}, b"")) == "no security headers"
    assert fault("/x", (200, good, b"429001198000001")) == "a full personal number"
    assert fault("/x", (200, good, b"429001198000001"), "q=429001198000001") == "", "what one typed oneself"
    assert FULL.search("429001198000001")
    assert beyond("GET", "/log", 200, frozenset({"lists"}), token=False)
    assert beyond("GET", "/me", 200, frozenset({"lists"}), token=True)
    assert beyond("GET", "/me", 200, None, token=False)
    assert not beyond("GET", "/log", 403, frozenset(), token=False)


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/cases/99999999999999999999", None),
        ("/cases/%C2%B2", None),
        ("/cases/٣", None),
        ("/lists/person/99999999999999999999", None),
        ("/me", {"secret": "áñ²", "code": "1"}),
        ("/me", {"secret": "A" * 32, "code": "１２３４５６"}),
        ("/cases/1/step", {"step": "report", "version": "²", "note": "x"}),
        ("/cases/1/step", {"step": "merge", "version": "0", "into": "99999999999999999999", "note": "x"}),
        ("/cases/1/step", {"step": "dispatch", "version": "0", "officer": "²", "declared": "1"}),
        ("/cases/1/step", {"step": "report", "version": "99999999999999999999", "note": "x"}),
        ("/lists/person?least=²", None),
        ("/cases/1/recovered", {"amount": "²"}),
    ],
)
def test_what_schemathesis_found_stays_mended(small: Path, path: str, form: dict[str, str] | None) -> None:
    """Numbers larger than a database holds, digits that are none, secrets that were not ours: each was a 500."""
    loop = asyncio.new_event_loop()
    try:
        who = Signed(small, "leader")
        asked = {"method": "POST" if form else "GET", "url": "http://127.0.0.1" + path, "data": form}
        answer = call(Gate(pages(small), small), loop, prepared(asked), who.proof)
    finally:
        loop.close()
    assert answer[0] < 500, answer
