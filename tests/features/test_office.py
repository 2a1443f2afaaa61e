"""What an office decides about rules: who may decide what, what holds on which day, and that nothing is lost."""

from datetime import date
from pathlib import Path

import pytest

from claims.errors import Damaged, UserError
from commands.terminal import of_day, there
from features import thresholds
from features.office import Entry, Office, add, read_office
from features.rule_texts import guessed

TWO = ("张", "李")


def said(value: object, since: str = "2026-01-01", by: tuple[str, ...] = TWO, **more: str) -> Entry:
    return Entry("state", "R38", value, since, by, more.pop("reason", "误报多"), **more)


def test_what_holds_is_read_off_the_day(tmp_path: Path) -> None:
    add(tmp_path, [said("shadow", "2026-01-10")])
    office = add(tmp_path, [said("active", "2026-03-01")])
    days = ["2026-01-09", "2026-01-10", "2026-02-28", "2026-03-01"]
    assert [office.state("R38", date.fromisoformat(d)) for d in days] == ["active", "shadow", "shadow", "active"]
    assert office.silent(["R38", "R01"], date(2026, 2, 1)) == {"R38": "shadow"}
    assert read_office(tmp_path) == office
    assert [e.at != "" for e in office.log] == [True, True]


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (said("active"), "active on 2026-01-01 already"),
        (said("draft"), "becomes shadow or retired, not draft"),
        (said("asleep"), "no state of a rule"),
        (said("shadow", reason=" "), "reason is missing"),
        (said("shadow", by=()), "who decides"),
        (said("shadow", "01-02-2026"), "not a date"),
        (Entry("threshold", "R38", 2.0, "2026-01-01", TWO, "文件", key="factor"), "where does 2.0 come from"),
        (Entry("threshold", "R38", 2.0, "2026-01-01", ("张", "张"), "文件", key="factor", source="文"), "two people"),
        (
            Entry("threshold", "R38", 2.0, "2026-01-02", TWO, "x", key="factor", source="x", until="2026-01-01"),
            "before",
        ),
        (Entry("cap", "*", 1.5, "2026-01-01", TWO, "x"), "between 0 and 1"),
    ],
)
def test_what_may_not_be_decided(tmp_path: Path, entry: Entry, why: str) -> None:
    with pytest.raises(UserError, match=why):
        add(tmp_path, [entry])
    assert read_office(tmp_path) == Office()


def test_a_rule_goes_to_work_by_two_people_and_through_the_shadow(tmp_path: Path) -> None:
    add(tmp_path, [said("retired", "2026-01-01", ("张",))])
    with pytest.raises(UserError, match="draft or shadow, not active"):
        add(tmp_path, [said("active", "2026-02-01")])
    add(tmp_path, [said("shadow", "2026-02-01", ("张",))])
    with pytest.raises(UserError, match="two people"):
        add(tmp_path, [said("active", "2026-03-01", ("张",))])
    with pytest.raises(UserError, match="lies before that"):
        add(tmp_path, [said("active", "2026-01-15")])
    assert add(tmp_path, [said("active", "2026-03-01")]).state("R38", date(2026, 3, 1)) == "active"


def test_a_damaged_log_is_told(tmp_path: Path) -> None:
    add(tmp_path, [said("shadow")])
    path = tmp_path / "rules" / "OFFICE.json"
    path.write_text(path.read_text("utf-8").replace("shadow", "retired"), "utf-8")
    with pytest.raises(Damaged, match="damaged"):
        read_office(tmp_path)


def test_a_threshold_holds_from_a_day_to_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Entry(
        "threshold",
        "R37",
        60,
        "2026-01-01",
        TWO,
        "地方规定",
        key="count_a_year",
        until="2026-06-30",
        source="某医保发1号",
    )
    add(tmp_path, [entry])
    monkeypatch.setattr(thresholds, "_TUNED", thresholds._Tuned())
    try:
        thresholds.tune(tmp_path, date(2026, 6, 30))
        assert thresholds.setting("R37", "count_a_year") == 60
        assert thresholds.tuned("R37", "count_a_year") is not None
        with pytest.raises(UserError, match="not those this process works with"):
            thresholds.tune(tmp_path, date(2026, 7, 1))
        monkeypatch.setattr(thresholds, "_TUNED", thresholds._Tuned())
        thresholds.tune(tmp_path, date(2026, 7, 1))
        assert thresholds.setting("R37", "count_a_year") == 50
    finally:
        thresholds.settings.cache_clear()


def test_a_command_works_with_the_thresholds_of_its_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Entry("threshold", "R37", 60, "2026-01-01", TWO, "x", key="count_a_year", until="2026-06-30", source="文")
    add(tmp_path, [entry])
    try:
        for day, held in (("2026-06-30", 60), ("2026-07-01", 50), ("2026-06-30 20:00", 60)):
            monkeypatch.setattr(thresholds, "_TUNED", thresholds._Tuned())
            assert there(tmp_path) == tmp_path
            assert of_day(day) == day
            assert thresholds.setting("R37", "count_a_year") == held
            assert ("count_a_year" in guessed("R37")) is False
    finally:
        thresholds.settings.cache_clear()
    assert of_day(None) is None
