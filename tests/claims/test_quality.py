"""The gate before any ranking: each finding raised by what it is about, and by nothing less."""

from datetime import date
from typing import Any

import pytest

from claims.quality import QualityFinding, check

GOOD = {"settled": 1000, "unbalanced": 20, "lines": 1000, "blank_doctor_lines": 500, "line_check_off": 20}
"""As bad as a batch may be without a word."""
TABLES = ("settlements", "fee_details", "persons", "institutions")
HALF = {"11": 500, "21": 500}


class House:
    """The part of a warehouse that the gate reads."""

    def __init__(self, *batches: dict[str, Any], tables: tuple[str, ...] = TABLES, columns: tuple[str, ...] = ("acct_pay_fen",), collapsed: int = 0, **facts: Any):  # fmt: skip
        self.facts = {"by_batch": {f"b{i}": GOOD | batch for i, batch in enumerate(batches or ({},))}} | facts
        self.tables, self.there, self.collapsed = tables, columns, collapsed

    def entries(self, table: str) -> list[str]:
        return ["a file"] if table in self.tables else []

    def columns(self, table: str) -> tuple[str, ...]:
        return self.there

    def rows(self, table: str) -> int:
        return self.collapsed


def codes(house: House, as_of: date | None = None) -> list[tuple[str, str]]:
    return [(f.code, f.severity) for f in check(house, as_of)]  # type: ignore[arg-type]


def test_good_data_raise_nothing() -> None:
    assert codes(House({}, {"lost_certificates": 0}, collapsed=0)) == []


def test_without_settlements_nobody_is_ranked() -> None:
    assert codes(House(tables=("persons",))) == [("no_claims", "stop")]


@pytest.mark.parametrize(
    ("batch", "code"),
    [
        ({"unbalanced": 21}, "sums_do_not_net"),
        ({"blank_doctor_lines": 501}, "blank_doctors"),
        ({"line_check_off": 21}, "line_sums_off"),
    ],
)
def test_a_share_too_high_is_written_on_the_list(batch: dict[str, int], code: str) -> None:
    assert codes(House(batch)) == [(code, "warn")]
    spotless = dict.fromkeys(("unbalanced", "blank_doctor_lines", "line_check_off"), 0)
    assert codes(House(batch, spotless)) == [], "shares are of all batches together"


def test_most_sums_off_stop_the_list_where_every_part_is_there() -> None:
    assert codes(House({"unbalanced": 501})) == [("sums_do_not_net", "stop")]
    assert codes(House({"unbalanced": 500})) == [("sums_do_not_net", "warn")]
    assert codes(House({"unbalanced": 501}, columns=())) == [("sums_do_not_net", "warn")], "parts may be missing"


def months(*counts: int) -> dict[str, Any]:
    return {"months": {f"2025-{i:02d}": n for i, n in enumerate(counts, start=1)}}


def test_a_month_of_less_than_half_may_miss_rows() -> None:
    found = check(House(months(9, 100, 100, 100, 49, 100)), date(2025, 6, 30))  # type: ignore[arg-type]
    assert [(f.code, f.scope) for f in found] == [("volume_drop", "2025-05")]
    assert "49%" in found[0].zh
    assert codes(House(months(9, 100, 100, 100, 50, 100)), date(2025, 6, 30)) == []


def test_the_first_and_the_running_month_are_cut_and_say_nothing() -> None:
    assert codes(House(months(1, 100, 100, 100, 1)), date(2025, 5, 9)) == []
    assert codes(House(months(1, 100, 100, 100, 1, 1)), date(2025, 6, 9)) == [("volume_drop", "warn")]
    assert codes(House(months(9, 100, 100, 1, 100)), date(2025, 6, 9)) == [], "three months before it are needed"


@pytest.mark.parametrize(("column", "scope"), [("med_type", "settlements"), ("med_chrgitm_type", "fee_details")])
def test_codes_that_moved_between_batches(column: str, scope: str) -> None:
    moved = check(House({column: HALF}, {column: {"11": 711, "21": 289}}))  # type: ignore[arg-type]
    assert [(f.code, f.severity, f.scope) for f in moved] == [("code_drift", "warn", scope)]
    assert codes(House({column: HALF}, {column: {"11": 700, "21": 300}})) == [], "a fifth is no drift"
    assert codes(House({column: HALF}, {column: {"31": 199}})) == [], "too few rows to compare"
    assert codes(House({column: {"31": 1000}})) == [], "the first batch has nothing before it"


def test_clocks_certificates_and_tables_are_named() -> None:
    assert codes(House(collapsed=3)) == [("clock_collapsed", "warn")]
    assert codes(House({"lost_certificates": 2}, {})) == [("lost_certificates", "warn")]
    absent = check(House(tables=("settlements", "persons")))  # type: ignore[arg-type]
    assert [(f.code, f.scope) for f in absent] == [("table_absent", "fee_details"), ("table_absent", "institutions")]


def test_the_worst_stands_first_and_each_is_said_in_both_languages() -> None:
    found = check(House({"unbalanced": 900, "blank_doctor_lines": 900}, collapsed=1))  # type: ignore[arg-type]
    assert [f.severity for f in found] == ["stop", "warn", "warn"]
    assert all(isinstance(f, QualityFinding) and f.zh and f.en for f in found)
