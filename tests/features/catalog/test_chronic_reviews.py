"""A registration is overdue the day after its cycle has run out, by whatever words the bureau writes the cycle in."""

from tests.features.catalog.drawn import draw, measure_of


def test_overdue_from_the_day_after() -> None:
    con = draw(chronic_registry="""
        psn_no opsp_dise_code opsp_begndate opsp_enddate last_review_date review_cycle
        late   M1             2020-01-01    -            2024-06-29       一年
        due    M1             2020-01-01    -            2024-06-30       一年
        three  M1             2022-06-01    -            -                三年
        months M1             2020-01-01    -            2025-01-01       3
        season M1             2020-01-01    -            2025-06-01       季度
        ended  M1             2020-01-01    2024-12-31   2021-01-01       一年
        never  M1             2020-01-01    -            -                -
    """)  # fmt: skip
    found = measure_of(con, "chronic_review_overdue", of="late due three months season ended never")
    assert found["chronic_review_overdue"].to_dict() == {
        "due": 0, "ended": 0, "late": 1, "months": 1, "never": 0, "season": 0, "three": 1,
    }  # fmt: skip
