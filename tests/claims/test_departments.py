"""Departments are shown by name where their code is of the national list, and plainly as a code where it is not."""

import pytest

from claims.schema.departments import DEPARTMENTS, department
from claims.schema.sensitive import GROUPS


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("A50", "中医科（A50）"), ("A03.01", "内科·呼吸内科专业（A03.01）"), ("A50.13", "中医科·针灸科专业（A50.13）"),
        ("A12.03", "口腔科（A12.03）"), ("A99", "科室代码 A99"), ("03.01", "科室代码 03.01"),
        ("12", "院内代码 12"), ("NK3", "院内代码 NK3"), ("内科三病区", "内科三病区"), ("", ""),
    ],
)  # fmt: skip
def test_a_department_is_shown_as_it_is_known(written: str, shown: str) -> None:
    assert department(written) == shown


def test_what_the_cover_goes_by_is_of_the_list() -> None:
    assert all(code in DEPARTMENTS for group in GROUPS.values() for code in group.depts)
