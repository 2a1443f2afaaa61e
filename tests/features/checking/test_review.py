"""A rule whose false alarms pass its cap goes back to the shadow at the next week, once, and the list says so."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from claims.errors import Damaged
from features.checking import review
from features.checking.describe import rule_card, show_rule
from features.columns import matrix_columns
from features.declare import REGISTRY
from features.matrix import silent_columns
from features.office import Entry, Office, add, read_office
from features.rule_texts import GUESS, guessed, law_of, library, questions
from features.thresholds import settings, thresholds

DAY = date(2026, 3, 1)
RULES = sorted(k for k in settings() if k.startswith("R"))


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Forty decided persons; of R38's 30 hits one was confirmed, of R36's ten nine."""
    cases = pd.DataFrame({"grain": "person", "entity_id": [f"p{i}" for i in range(40)]})
    cases["inspected_at"] = pd.Timestamp("2026-02-01")
    cases["confirmed"] = [i == 0 or i > 30 for i in range(40)]

    def hit(root: Path, grain: str, rules: dict[str, Sequence[object]], mine: pd.DataFrame) -> pd.DataFrame:
        told = pd.DataFrame(False, index=mine.index, columns=list(rules))
        if grain == "person":
            told.loc[:29, "R38"], told.loc[30:, "R36"] = True, True
        return told

    monkeypatch.setattr("features.checking.review.Warehouse.open", staticmethod(lambda root: None))
    monkeypatch.setattr(review, "decided_cases", lambda warehouse, as_of: cases)
    monkeypatch.setattr(review, "were_hit", hit)
    return tmp_path


def test_false_alarms_send_a_rule_back_once(house: Path) -> None:
    add(house, [Entry("cap", "R38", 0.8, "2026-01-01", ("张",), "试点")])
    found = review.back_to_shadow(house, DAY)
    assert [(e.rule, e.value) for e in found] == [("R38", "shadow")]
    assert "检查 30，查实 1，排除 29" in found[0].reason
    assert "超过上限 80%" in found[0].reason
    assert review.back_to_shadow(house, DAY) == []
    assert any("超量开药”自 2026-03-01 起试运行" in said for said in review.silent_rules(house, DAY))
    assert review.silent_rules(house, date(2026, 2, 28)) == [], "the list of an earlier day is made as it was"


def test_few_cases_prove_nothing(house: Path) -> None:
    assert review.back_to_shadow(house, DAY) == [], "29 of 30 lie above 90 %, but the interval begins at 83 %"


def test_only_what_came_after_the_office_put_it_in_force_counts(house: Path) -> None:
    add(house, [Entry("cap", "R38", 0.8, "2026-01-01", ("张",), "试点")])
    add(house, [Entry("state", "R38", "shadow", "2026-01-05", ("张",), "复核")])
    add(house, [Entry("state", "R38", "active", "2026-02-15", ("张", "李"), "已修订")])
    assert review.back_to_shadow(house, DAY) == []


def test_a_damaged_past_speaks_against_nobody(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(*_: object) -> pd.DataFrame:
        raise Damaged("values.parquet is missing or damaged; build it again")

    monkeypatch.setattr(review, "were_hit", damaged)
    assert review.track_records(house, DAY) == {}
    assert review.back_to_shadow(house, DAY) == []


def test_what_is_not_in_force_is_missing_for_whoever_makes_a_list(tmp_path: Path) -> None:
    columns = matrix_columns("admission")
    assert silent_columns(tmp_path, DAY, columns) == []
    add(tmp_path, [Entry("state", "R01", "shadow", "2026-01-05", ("张",), "试运行")])
    found = silent_columns(tmp_path, DAY, columns)
    assert {"rule_r01", "rule_r01_fen", "inst__rule_r01_inst_180"} <= set(found)
    assert {REGISTRY[n].rule for n in found if n in REGISTRY} == {"R01"}


@pytest.mark.parametrize("rule", RULES)
def test_a_card_says_what_an_officer_needs(rule: str) -> None:
    card = rule_card(rule, Office(), DAY)
    assert all(questions(rule)), "what to ask, what clears it"
    assert card["law"]
    assert card["state"] == "启用"
    assert card["amount"]
    assert [t["key"] for t in card["thresholds"] if t["source"] == GUESS] == guessed(rule)


def test_texts_name_rules_and_thresholds_that_exist() -> None:
    for official in library():
        assert set(official.rules) <= set(RULES), official
        assert bool(official.rules) == (official.how != "no"), official
    assert [o.seq for o in library()] == list(range(1, 89))
    from features.rule_texts import _file

    for rule, sources in _file("threshold_sources.toml").items():
        assert set(sources) <= set(thresholds(rule)), rule
    assert set(_file("questions.toml")) == set(RULES)
    named_keys = _file("threshold_names.toml")["all"]
    assert [(r, k) for r in RULES for k in thresholds(r) if k not in named_keys] == [], "a threshold without a name"
    assert law_of("T04").articles[0].startswith("第三十八条第一项")


def test_the_office_stands_on_the_page_of_a_rule(tmp_path: Path) -> None:
    add(tmp_path, [Entry("clause", "R13", "第三十二条第二款", "2026-01-01", ("张",), "2026年协议")])
    add(tmp_path, [Entry("state", "R13", "shadow", "2026-01-05", ("张",), "误报多")])
    text = show_rule("R13", read_office(tmp_path), DAY)
    for said in (
        "服务协议条款：第三十二条第二款",
        "状态：试运行，自 2026-01-05，张（误报多）",
        "本局的决定",
        GUESS[:4],
    ):
        assert said in text
