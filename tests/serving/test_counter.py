"""The counter's check as an address: what `xiezhi check` says, a scope of its own, one Chinese sentence a field, and nothing that names the patient in any error or log."""

import asyncio
import json
import logging
import shutil
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from anyio import to_thread

from features.checking import history_file
from features.checking.check_claim import check_claim
from features.checking.claim_file import moment_of_claim
from serving.counter import _TURNS, BUSY, PACE, Crowded, check, kept, warm
from serving.desk import log, people, sessions
from serving.web.middleware import desk_of
from serving.web.spoken import sentence_of, spoken
from tests.features import county
from tests.features.checking.test_hits import claims_of
from tests.worlds import Worlds

from .conftest import PASSWORD, TestClient

Claim = tuple[dict[str, Any], list[dict[str, Any]]]
SECRET = "429001198012345678"


@pytest.fixture(scope="module")
def house(worlds: Worlds, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(county.built(worlds, "plain").warehouse, tmp_path_factory.mktemp("counter") / "house"))


@pytest.fixture(scope="module")
def claims(worlds: Worlds) -> list[Claim]:
    return claims_of(county.source(worlds))


@pytest.fixture
def counter(service: TestClient, house: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setenv("XIEZHI_WAREHOUSE", str(house))
    return service


def token(house: Path, role: str = "counter", scope: str = "check", area: str = "") -> dict[str, str]:
    desk = desk_of(house)
    name = f"till{len(people.everybody(desk))}"
    who = people.accept(desk, people.add(desk, name, (role,), area=area), PASSWORD)
    return {"authorization": f"Bearer {sessions.new_token(desk, who, (scope,), 7)}"}


def files(house: Path) -> dict[str, tuple[int, int]]:
    beside = {"desk", "counter"}  # the desk's own, and the copy by person that a worker makes
    found = (p for p in house.rglob("*") if p.is_file() and not beside & set(p.relative_to(house).parts))
    return {str(p): (p.stat().st_size, p.stat().st_mtime_ns) for p in found}


def test_a_worker_opens_the_quick_way_at_its_start(house: Path, claims: list[Claim]) -> None:
    warm(house)
    for thread in threading.enumerate():
        if thread.name == "counter":
            thread.join(120)
    history_file.make(house)
    check_claim(*claims[0], kept(house), moment_of_claim(claims[0][0]))
    assert kept(house).went == "quick"


def test_the_answer_is_that_of_the_command_and_the_warehouse_stays_as_it_was(
    counter: TestClient, house: Path, claims: list[Claim]
) -> None:
    mine, before = token(house), files(house)
    hit = 0
    for settlement, lines in claims[:6]:
        answer = counter.post("/api/check", headers=mine, json={"settlement": settlement, "lines": lines})
        assert answer.status_code == 200, answer.text
        told = answer.json()
        said = check_claim(settlement, lines, house, moment_of_claim(settlement))
        hits = [a for a in said if a.status == "hit"]
        assert [(h["rule"], h["grain"], h["amount_fen"]) for h in told["hits"]] == [
            (a.rule, a.grain, a.amount_fen) for a in hits
        ]
        assert told["clear"] == sum(a.status == "clear" for a in said)
        assert {n["rule"] for n in told["not_evaluable"]} == {a.rule for a in said if a.status == "not_evaluable"}
        hit += len(hits)
    assert hit, "a world in which nothing is hit tests nothing"
    assert files(house) == before
    rows = log.rows(desk_of(house), log.head(desk_of(house))[0] - 1)
    assert rows[-1]["act"] == "check"
    assert settlement["psn_no"] not in json.dumps(rows, ensure_ascii=False)


def test_only_a_token_of_its_own_scope_comes_in(counter: TestClient, house: Path, claims: list[Claim]) -> None:
    settlement, lines = claims[0]
    body = {"settlement": settlement, "lines": lines}
    assert counter.post("/api/check", json=body).status_code == 401
    refused = counter.post("/api/check", headers=token(house, "reviewer1", "lists"), json=body)
    assert (refused.status_code, refused.json()["error"]) == (403, "您的岗位没有“结算窗口核查”的权限")
    assert counter.post("/api/rank", headers=token(house), json={"grain": "person"}).status_code == 403
    elsewhere = counter.post("/api/check", headers=token(house, area="990000"), json=body)
    assert (elsewhere.status_code, elsewhere.json()) == (400, {"error": "该定点机构不在您的片区，不能核查"})


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ({"psn_no": None}, "settlement.psn_no", "文本"),
        ({"med_type": 21}, "settlement.med_type", "引号"),
        ({"begntime": SECRET}, "settlement.begntime", "时间"),
        ({"setl_time": "2025-06-05T10:00:00+08:00"}, "settlement.setl_time", "时区"),
        ({"fund_pay_sumamt": SECRET + "x"}, "settlement.fund_pay_sumamt", "数字"),
        ({"fund_pay_sumamt": 1e300}, "settlement.fund_pay_sumamt", "过大"),
        ({"mdtrt_id": ""}, "settlement.mdtrt_id", "不得为空"),
        ({"lv1_nurscare_days": 1.5}, "settlement.lv1_nurscare_days", "整数"),
        ({"dise_name": "x\x00" + SECRET}, "settlement.dise_name", "控制字符"),
    ],
)
def test_a_wrong_value_is_told_by_its_column_and_never_shown(
    counter: TestClient, house: Path, claims: list[Claim], change: dict[str, Any], field: str, sentence: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    body = {"settlement": claims[0][0] | {"psn_no": SECRET} | change, "lines": claims[0][1]}
    with caplog.at_level(logging.DEBUG):
        answer = counter.post("/api/check", headers=token(house), json=body)
    assert answer.status_code in (400, 422)
    told = answer.json()["fields"]
    assert list(told) == [field]
    assert sentence in told[field]
    assert SECRET not in answer.text + caplog.text


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"settlement": 1}', b'{"settlement": {"x": NaN}}', b'{"lines": [1]}', b"[" * 9_000],
)
def test_a_body_that_is_none_gets_chinese_sentences(counter: TestClient, house: Path, body: bytes) -> None:
    answer = counter.post("/api/check", headers=token(house) | {"content-type": "application/json"}, content=body)
    assert answer.status_code in (400, 422)
    told = answer.json()
    assert all(any("一" <= c <= "鿿" for c in text) for text in (told["error"], *told["fields"].values()))


def test_the_other_apis_speak_chinese_too(service: TestClient, served: Path) -> None:
    mine = {
        "cookie": f"{sessions.COOKIE}={sessions.begin(desk_of(served), people.accept(desk_of(served), people.add(desk_of(served), 'api-zh', ('officer',)), PASSWORD))}"
    }
    for path, body, status in (
        ("/api/rank", {"grain": "person", "top": 0}, 400), ("/api/rank", {"grain": "nothing"}, 404), ("/api/explain", {"grain": "person", "lead": 999}, 404),
        ("/api/rank", {}, 400),
    ):  # fmt: skip
        answer = service.post(path, headers=mine, json=body)
        assert answer.status_code == status, answer.text
        assert (
            not any(
                c.isascii() and c.isalpha() for c in answer.json()["error"].replace("top", "").replace("person", "")
            )
            or status == 404
        )


def test_what_the_server_says_in_english_is_said_in_chinese() -> None:
    assert spoken(500, b'{"error": "An unexpected error has occurred, please check the server log."}')[
        "error"
    ].startswith("处理时出错")
    assert spoken(503, b'{"error": "x"}', "已损坏") == {"error": "已损坏"}
    assert spoken(404, b"not json")["error"] == "没有这个地址，或没有您要的内容"
    assert sentence_of("string_too_long", "String should have at most 4000 characters") == "内容过长"
    assert sentence_of("never heard of", "English") == "取值不合要求"


def test_nobody_is_turned_away_who_could_be_answered_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def asked(waiting: int, each: float) -> None:
        monkeypatch.setattr(PACE, "each", each)
        turns = SimpleNamespace(statistics=lambda: SimpleNamespace(tasks_waiting=waiting))
        monkeypatch.setitem(_TURNS, asyncio.get_running_loop(), turns)
        monkeypatch.setattr(to_thread, "run_sync", answered)
        await check(Path(), None, None, None, [], None)  # type: ignore[arg-type]

    async def answered(*_: Any, **__: Any) -> dict[str, Any]:
        return {}

    asyncio.run(asked(100, 0.02))
    with pytest.raises(Crowded) as turned:
        asyncio.run(asked(20, 0.3))
    assert turned.value.after == 6, "so long those before him will take"


def test_who_is_turned_away_is_told_when_to_come_back(
    counter: TestClient, house: Path, claims: list[Claim], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crowded(*_: Any) -> None:
        raise Crowded(4)

    monkeypatch.setattr("serving.counter.check", crowded)
    answer = counter.post("/api/check", headers=token(house), json={"settlement": claims[0][0], "lines": []})
    assert (answer.status_code, answer.headers["retry-after"], answer.json()) == (429, "4", {"error": BUSY})
