"""Who is nursed at home lies in no ward: neither a filed home bed nor filed home nursing is on the bed check."""

from serving.lists.bedcheck import _HOME
from tests.features.catalog.drawn import draw
from tests.features.catalog.stays_drawn import stays


def test_filed_care_at_home_is_no_bed_to_visit() -> None:
    con = draw(
        stays=stays("bed ann ward 06-01 -\nnurse bob ward 06-01 -\nover cat ward 06-01 -\nward dan ward 06-01 -"),
        filings="""
            psn_no kind     begndate enddate
            ann    家庭病床 05-01    -
            bob    居家护理 05-01    12-31
            cat    居家护理 01-01    05-31
            dan    请假     06-02    06-03
        """,
    )
    assert {row[0] for row in con.execute(_HOME).fetchall()} == {"bed", "nurse"}
