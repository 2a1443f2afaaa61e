"""One declaration that speaks of several entities, and what cannot be declared."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from claims.errors import DeclarationError
from features.declare import REGISTRY, Feature, Of, PeerTest, declare

ROWS = "SELECT $entity AS entity_id, s.happened_at, 'visits' AS row_table, s.mdtrt_id AS row_id FROM stays s"
STAYS = Feature(
    name="tested_stays",
    label="住院次数",
    unit="次",
    told_of={"institution": Of("s.fixmedins_code"), "doctor": Of("s.atddr_no", name="dr_tested_stays", windows=(30,))},
    scheme="T29",
    by="institution",
    reversed="net",
    windows=(180,),
    rows=ROWS,
    measure="count(*)",
    worse="high",
    reason="住院{value}次",
    innocent="医院大",
)


@pytest.fixture(autouse=True)
def _registry() -> Iterator[None]:
    """What a test declares is gone after it."""
    before = dict(REGISTRY)
    yield
    REGISTRY.clear()
    REGISTRY.update(before)


def test_one_declaration_makes_one_feature_of_each_grain() -> None:
    hospital, doctor = declare(STAYS)
    assert (hospital.name, hospital.grain, hospital.windows) == ("tested_stays", "institution", (180,))
    assert (doctor.name, doctor.grain, doctor.windows) == ("dr_tested_stays", "doctor", (30,))
    assert hospital.rows == ROWS.replace("$entity", "s.fixmedins_code")
    assert doctor.rows == ROWS.replace("$entity", "s.atddr_no")
    assert hospital.where == doctor.where
    assert hospital.where.startswith(f"{Path(__file__).name}:")
    assert REGISTRY["dr_tested_stays"] is doctor
    assert not doctor.told_of


def test_it_declares_what_two_plain_declarations_would() -> None:
    told = declare(STAYS)
    for one in told:
        del REGISTRY[one.name]
    plain = replace(STAYS, told_of={}, grain="institution", rows=told[0].rows)
    assert declare(plain) == told[:1]


def test_the_entity_stands_in_every_sql_of_the_declaration() -> None:
    (one,) = declare(
        replace(
            STAYS,
            told_of={"person": Of("s.psn_no")},
            by="person",
            measure="count(DISTINCT ${entity})",
            amount="sum(CASE WHEN $entity IS NOT NULL THEN fen END)",
            across="SELECT * FROM gathered WHERE $entity IS NOT NULL",
            peers=PeerTest(statistic="max($entity)", side="high", z=3.0),
        )
    )
    assert "$" not in one.sql()
    assert one.sql().count("s.psn_no") == 5


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (replace(STAYS, told_of={"doctor": Of()}), "told_of doctor: the key is missing"),
        (replace(STAYS, told_of={"doctor": Of("s.atddr_no", lable="x")}), "override: lable"),
        (replace(STAYS, told_of={"doctor": Of("s.atddr_no", grain="person")}), "override: grain"),
        (replace(STAYS, told_of={"doctor": Of("s.atddr_no", rows="SELECT 1")}), "rows do not name \\$entity"),
        (replace(STAYS, told_of={}, grain="doctor"), "told_of does not say of whom"),
        (replace(STAYS, grain="doctor"), "either grain or told_of"),
        (replace(STAYS, told_of={}, rows="SELECT 1"), "whom is it about"),
        (replace(STAYS, told_of={"ward": Of("s.dept")}), "unknown grain 'ward'"),  # type: ignore[dict-item]
        (replace(STAYS, told_of={"doctor": Of("s.atddr_no"), "person": Of("s.psn_no")}), "already declared in"),
        (replace(STAYS, needs="fee_details"), "needs must be a tuple"),  # type: ignore[arg-type]
        (replace(STAYS, worse="higher"), "unknown worse 'higher'"),  # type: ignore[arg-type]
        (replace(STAYS, rows=""), "the rows do not name"),
        (replace(STAYS, measure=""), "measure is missing"),
        (replace(STAYS, reason="住院{valu}次"), "unknown field"),
        (replace(STAYS, rule="R99"), r"thresholds\.toml has no \[R99\]"),
    ],
)
def test_what_cannot_be_right_is_refused_with_file_and_line(wrong: Feature, says: str) -> None:
    with pytest.raises(DeclarationError, match=says) as refused:
        declare(wrong)
    assert f"{Path(__file__).name}:" in str(refused.value)


def test_what_several_have_in_common_is_said_once() -> None:
    common = replace(STAYS, name="", label="", told_of={}, grain="doctor", rows=ROWS.replace("$entity", "s.atddr_no"))
    (one,) = declare(common, name="seen_stays", label="住院", windows=(30, 90))
    assert (one.name, one.label, one.windows, one.unit) == ("seen_stays", "住院", (30, 90), "次")
    with pytest.raises(DeclarationError, match="no such field"):
        declare(common, name="seen_again", lable="住院")


def test_two_declarations_of_one_name_are_refused_naming_both_places() -> None:
    first = declare(STAYS)[0]
    with pytest.raises(DeclarationError, match="already declared") as refused:
        declare(STAYS)
    assert f"features/{first.where}" in str(refused.value)
    assert str(refused.value).count(".py:") == 2
