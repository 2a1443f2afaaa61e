"""Claims that are nearly right, at the counter's address: no server error, no traceback; a Chinese sentence that names the field, and nobody's values in it or in a log."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from serving.desk import people, sessions
from serving.web.middleware import desk_of
from tests.features import county
from tests.features.checking.test_hits import claims_of
from tests.serving.attack.claims import MARK, Broken, Claim, attack, wrong
from tests.serving.conftest import PASSWORD, TestClient
from tests.worlds import Worlds

Till = Any


@pytest.fixture(scope="module")
def house(worlds: Worlds, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(county.built(worlds, "plain").warehouse, tmp_path_factory.mktemp("claims") / "house"))


@pytest.fixture(scope="module")
def claims(worlds: Worlds) -> list[Claim]:
    return sorted(claims_of(county.source(worlds)), key=lambda c: len(c[1]))


@pytest.fixture
def till(service: TestClient, house: Path, monkeypatch: pytest.MonkeyPatch) -> Till:
    monkeypatch.setenv("XIEZHI_WAREHOUSE", str(house))
    desk = desk_of(house)
    who = people.accept(desk, people.add(desk, f"till{len(people.everybody(desk))}", ("counter",)), PASSWORD)
    head = {"authorization": f"Bearer {sessions.new_token(desk, who, ('check',), 7)}", "content-type": "application/json"}  # fmt: skip

    def post(body: bytes) -> tuple[int, str]:
        answer = service.post("/api/check", content=body, headers=head)
        return answer.status_code, answer.text

    return post


def test_no_claim_that_is_nearly_right_ends_in_a_server_error(till: Till, claims: list[Claim]) -> None:
    statuses, faults, _ = attack(till, claims[:8], 120, 3)
    assert faults == {}
    assert statuses["200"] >= 15, "what never gets past the first look tests nothing"
    assert statuses["400"] >= 30


@pytest.mark.parametrize(
    ("field", "value"),
    [("psn_no", "4.29E+17"), ("mdtrt_id", "4.29012e17"), ("dise_codg", "1E+09")],
)
def test_a_code_that_a_spreadsheet_has_rounded_is_refused(
    till: Till, claims: list[Claim], field: str, value: str
) -> None:
    """With it nobody's past would be found, and the answer would be an all-clear."""
    settlement, lines = claims[0]
    status, text = till(json.dumps({"settlement": settlement | {field: value}, "lines": lines}).encode())
    assert (status, "科学计数法" in json.loads(text)["fields"][f"settlement.{field}"]) == (400, True)


def test_a_stay_of_two_thousand_lines_is_judged_and_one_line_more_is_not(till: Till, claims: list[Claim]) -> None:
    """It was cut off at the gate by its bytes, long before the lines were counted."""
    settlement, lines = claims[-1]
    many = [{**lines[n % len(lines)], "feedetl_sn": f"L{n}", "hilist_name": "注射用头孢曲松钠" * 9} for n in range(2_000)]  # fmt: skip
    body = json.dumps({"settlement": settlement, "lines": many}).encode()
    assert len(body) > 1_000_000
    assert till(body)[0] == 200
    status, text = till(json.dumps({"settlement": settlement, "lines": [*many, many[0]]}).encode())
    assert (status, json.loads(text)["fields"]) == (400, {"lines": "项数过多"})


def test_text_that_is_no_text_is_told_by_its_place(till: Till, claims: list[Claim]) -> None:
    body = json.dumps({"settlement": claims[0][0] | {"dise_name": MARK + "\ud800"}}).encode()
    status, text = till(body)
    assert (status, "第1行第" in json.loads(text)["fields"]["body"], MARK in text) == (400, True, False)


def test_the_judge_can_fail() -> None:
    sent = Broken(b"", ("settlement.psn_no",))
    good = json.dumps({"error": "请求内容有误：1 处", "fields": {"settlement.psn_no": "须为文本"}})
    assert wrong(sent, 400, good, "") == ""
    assert wrong(sent, 500, good, "")
    assert wrong(sent, 400, good, f"psn_no {MARK}")
    assert wrong(sent, 400, good.replace("psn_no", "mdtrt_id"), "")
    assert wrong(sent, 400, json.dumps({"error": "value is not a valid string"}), "")
