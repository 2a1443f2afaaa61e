"""The published table hides small cells; points follow the office's file."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from claims.errors import UserError
from inspection.ladder import Counts, figures, month_of, next_month, published, read_ladder, scored, table_of

COUNTED = pd.DataFrame(
    {"unit": ["A", "B", "C", "A", "B"], "name": ["甲", "乙", "丙", "甲", "乙"], "level": 2, "now": [True, True, True, False, False], "stays": [100, 20, 9, 50, 5],
     "cost": [500000.0, 200000.0, 9000.0, 200000.0, 50000.0], "paid": [400000.0, 100000.0, 5000.0, 0, 0], "nights": [800, 100, 20, 0, 0], "persons": [80, 20, 9, 50, 5],
     "transfers": [10, 0, 0, 0, 0], "operated": [30, 10, 0, 0, 0], "area": "429000", "budget_use": [0.4, None, 0.9, 0.4, None]}
)  # fmt: skip
FILE = """
[[indicators]]
column = "cost_per_stay"
name = "次均费用"
points = 60
good = 5000
bad = 15000
[[indicators]]
column = "growth"
name = "增长"
points = 40
good = 0.0
bad = 0.5
[grades]
A = 700
B = 300
"""


def test_small_cells_are_not_published() -> None:
    table = figures(COUNTED)
    told = published(table).set_index("机构编码")
    assert told.loc["A", "次均费用（元）"] == "5,000.00"
    assert told.loc["A", "自付比例"] == "20.0%"
    assert told.loc["A", "次均费用增长"] == "25.0%"
    assert told.loc["B", "次均费用增长"] == "样本不足", "five stays a year before"
    assert told.loc[["A", "B"], "预算执行率"].tolist() == ["40.0%", "—"]
    assert set(told.loc["C"].iloc[2:-1]) == {"样本不足"}
    assert told.loc["C", "预算执行率"] == "—", "no cell under ten"


def test_the_large_stand_first_and_those_with_too_few_stays_last() -> None:
    more = COUNTED[COUNTED["unit"] == "B"].assign(unit="D", level=3)
    assert figures(pd.concat([COUNTED, more]))["unit"].tolist() == ["D", "A", "B", "C"]


def test_budget_use_is_what_was_spent_since_january_over_the_years_quota() -> None:
    months = [date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)]
    stays = COUNTED[COUNTED["unit"] == "A"].drop(columns=["now", "budget_use"]).assign(month=[date(2026, 2, 1), date(2025, 2, 1)])  # fmt: skip
    spent = pd.DataFrame({"unit": "A", "month": months, "spent": [1000.0, 100.0, 150.0, 999.0]})
    quota = pd.DataFrame({"unit": ["A"], "year": [2026], "quota": [1000.0]})
    table = table_of(Counts(stays, spent, quota), date(2026, 2, 1))
    assert table["budget_use"].tolist() == [0.25]
    assert table["growth"].tolist() == [pytest.approx(0.25)]
    assert table_of(Counts(stays, spent, quota), date(2026, 2, 1), reach=date(2025, 2, 15))["growth"].isna().all()
    assert table_of(Counts(stays, spent, pd.DataFrame()), date(2026, 2, 1))["budget_use"].isna().all()
    assert table_of(Counts(stays, spent, quota), date(2026, 3, 1)).empty


def test_points_and_grades_follow_the_file(tmp_path: Path) -> None:
    file = tmp_path / "ladder.toml"
    file.write_text(FILE, "utf-8")
    told = scored(figures(COUNTED), read_ladder(file)).set_index("机构编码")
    assert told.loc["A", ["次均费用", "增长", "总分", "建议等级"]].tolist() == [60, 20, 800, "A"]
    assert told.loc["B", ["次均费用", "总分", "建议等级"]].tolist() == [30, 500, "B"], "scored out of what was measured"
    assert told.loc["C", "建议等级"] == "样本不足"


@pytest.mark.parametrize(("old", "new", "words"), [("cost_per_stay", "cost", "没有指标"), ("bad = 0.5", "bad = 0.0", "无法计分"), ("[grades]", "[grade]", "grades")])  # fmt: skip
def test_a_wrong_file_is_one_sentence(old: str, new: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "ladder.toml"
    file.write_text(FILE.replace(old, new), "utf-8")
    with pytest.raises(UserError, match=words):
        read_ladder(file)


def test_months() -> None:
    assert next_month(date(2026, 12, 1)) == date(2027, 1, 1)
    with pytest.raises(UserError, match="不是月份"):
        month_of("2026-13")
