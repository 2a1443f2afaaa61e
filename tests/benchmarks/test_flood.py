"""The flood table: what is above its limit is said, and the kept figures hold for the declarations as they are."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.flood_page import above, limit, page, too_wide
from features.checking.hits import rules_of

KEPT = Path(__file__).resolve().parents[2] / "docs" / "figures" / "flood.json"


def record(**innocents: int) -> dict[str, Any]:
    grains = {g: {"guilty": 10, "innocent": 1000} for g in ("admission", "person", "institution", "doctor")}
    rules = {name: {"guilty": 1, "innocent": n} for name, n in innocents.items()}
    return {"world": "drawn", "date": "2025-07-01", "commit": "abc1234", "grains": grains, "rules": rules, "absent": {}}


def test_a_hard_rule_may_hit_fewer_than_a_lead() -> None:
    hard, lead = (next(f for f in rules_of() if f.name == n) for n in ("rule_r12", "rule_r13"))
    assert (limit(hard, 1000), limit(lead, 1000)) == (5, 20)
    assert limit(hard, 20) == 1, "one of a few is no share"
    assert above(hard, record(rule_r12=6))
    assert not above(lead, record(rule_r13=6))


def test_above_its_limit_a_rule_says_why_or_fails() -> None:
    silent, told = too_wide([record(rule_r13=21)]), too_wide([record(rule_r62=400)])
    assert len(silent) == 1
    assert "R13" in silent[0]
    assert told == [], "every injury is asked about, and the declaration says so"


def test_the_page_marks_what_is_above_and_what_could_not_be_judged() -> None:
    text = page([record(rule_r62=400)])
    assert "**1 + 400 (40.0 %)**" in text
    assert "逐案核查" in text
    assert "| – |" in text


@pytest.mark.skipif(not KEPT.exists(), reason="no figures kept yet: python -m benchmarks.flood")
def test_the_kept_worlds_are_not_flooded() -> None:
    assert too_wide(json.loads(KEPT.read_text("utf-8"))) == []
