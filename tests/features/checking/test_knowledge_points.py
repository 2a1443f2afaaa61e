"""Knowledge points: what cannot stand is named with its row, an article keeps what nobody speaks about, and the diff is what then comes."""

from datetime import date
from pathlib import Path

import pytest

from claims.errors import UserError
from claims.intake.pipeline import intake
from features.checking.knowledge_points import begun_by, known_to, read_points, versions
from features.checking.newly_hit import catalogue_file, try_points

HEAD = "类型,编码,对应编码,值,单位,生效日期,失效日期,依据\n"


def points(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "points.csv"
    path.write_text(HEAD + "\n".join(rows) + "\n", "gb18030")
    return path


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("限天数,D,,7,盒,2025-01-01,,文", "row 2: 单位 '盒' is unknown for 限天数"),
        ("限频次,D,,1,旬,2025-01-01,,文", "单位 '旬' is unknown for 限频次"),
        ("限天数,D,,七,天,2025-01-01,,文", "值 '七' is none"),
        ("限天数,D,,7,天,2025-13-01,,文", "'2025-13-01' is not a date"),
        ("限天数,D,,7,天,2025-02-01,2025-01-01,文", "before it begins"),
        ("限天数,D,,7,天,2025-02-01,,", "依据 is missing"),
        ("限天数,,,7,天,2025-02-01,,文", "编码 is missing"),
        ("互斥,D,,,,2025-02-01,,文", "a pair names two articles"),
        ("互斥,D,D,,,2025-02-01,,文", "paired with itself"),
        ("限吃,D,,7,天,2025-02-01,,文", "类型 '限吃' is unknown"),
    ],
)
def test_what_cannot_stand_is_named_with_its_row(tmp_path: Path, row: str, why: str) -> None:
    with pytest.raises(UserError, match=why):
        read_points(points(tmp_path, row))


def test_two_words_for_one_day_are_refused(tmp_path: Path) -> None:
    path = points(tmp_path, "限天数,D,,7,天,2025-01-01,2025-06-30,文", "限天数,D,,14,天,2025-06-30,,文")
    with pytest.raises(UserError, match="rows 2 and 3 say 限天数 of D for the same days from 2025-06-30"):
        read_points(path)
    path = points(tmp_path, "限天数,D,,7,天,2025-01-01,2025-06-29,文", "限天数,D,,2,周,2025-06-30,,文")
    assert [p.value for p in read_points(path)] == ["7", "2"]


def test_an_article_keeps_what_nobody_speaks_about_and_is_itself_again_after(tmp_path: Path) -> None:
    base = {"med_list_codg": "D", "pric_uplmt_amt": 9.5, "max_days": None, "includes_item": "A", "mutex_group": None}
    catalogue = {
        "D": [
            {**base, "begndate": date(2020, 1, 1), "enddate": None},
            {**base, "pric_uplmt_amt": 7.0, "begndate": date(2025, 3, 1), "enddate": None},
        ]
    }
    path = points(tmp_path, "限天数,D,,7,天,2025-01-01,2025-06-30,文", "包含,D,B,,,2025-02-01,,文")
    found = versions(read_points(path), catalogue)
    told = [(r["begndate"], r["enddate"], r["pric_uplmt_amt"], r["max_days"], r["includes_item"]) for r in found]
    assert told == [
        (date(2025, 1, 1), date(2025, 1, 31), 9.5, 7.0, "A"),
        (date(2025, 2, 1), date(2025, 2, 28), 9.5, 7.0, "A,B"),
        (date(2025, 3, 1), date(2025, 6, 30), 7.0, 7.0, "A,B"),
        (date(2025, 7, 1), None, 7.0, None, "A,B"),
    ]


def test_codes_the_catalogue_lacks_are_told_apart(tmp_path: Path) -> None:
    path = points(tmp_path, "限天数,D,,7,天,2025-01-01,,文", "互斥,D,X,,,2025-01-01,,文")
    batch = known_to(read_points(path), {"D"})
    assert ([p.row for p in batch.points], [p.row for p in batch.unknown], batch.rules) == ([2], [3], ["R38"])
    later = begun_by(batch.points, date(2024, 1, 1))
    assert [p.begin for p in later] == [date(2024, 1, 1)]


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """One shop, two customers: ann fetches fifteen days of a drug, bob seven."""
    claims = tmp_path / "claims"
    claims.mkdir()
    (claims / "persons.csv").write_text(
        "psn_no,gend,brdy,insutype,psn_type,insuplc_admdvs\n"
        + "".join(f"{p},1,1960-01-01,310,11,429004\n" for p in ("ann", "bob"))
    )
    (claims / "institutions.csv").write_text("fixmedins_code,fixmedins_type,hosp_lv,admdvs\nC1,1,09,429004\n")
    (claims / "catalog.csv").write_text(
        "med_list_codg,name,generic_code,max_days,begndate\nD,药,G,,2020-01-01\nE,别药,H,60,2020-01-01\n"
    )
    settled, lines = [], []
    for n, (person, days) in enumerate((("ann", 15), ("bob", 7)), 1):
        at = "2025-06-02 10:00:00"
        settled.append(f"S{n},V{n},{person},C1,310,11,11,{at},{at},{at},150.00,100.00,100.00,50.00,0")
        lines.append(f"L{n},V{n},{person},C1,S{n},{at},D,09,1,150.00,150.00,{days}")
    (claims / "settlements.csv").write_text(
        "setl_id,mdtrt_id,psn_no,fixmedins_code,insutype,psn_type,med_type,begntime,endtime,setl_time,medfee_sumamt,fund_pay_sumamt,hifp_pay,acct_pay,refd_setl_flag\n"
        + "\n".join(settled) + "\n"
    )  # fmt: skip
    (claims / "fee_details.csv").write_text(
        "feedetl_sn,mdtrt_id,psn_no,fixmedins_code,setl_id,fee_ocur_time,med_list_codg,med_chrgitm_type,cnt,pric,det_item_fee_sumamt,prd_days\n"
        + "\n".join(lines) + "\n"
    )  # fmt: skip
    intake(claims, tmp_path / "W")
    return tmp_path / "W"


def test_the_diff_is_what_then_comes(house: Path, tmp_path: Path) -> None:
    day = date(2025, 6, 2)
    path = points(tmp_path, "限天数,D,,7,天,2025-01-01,,文")
    before = sorted(p.name for p in house.iterdir())
    trial = try_points(house, path, day)
    assert sorted(p.name for p in house.iterdir()) == before
    (told,) = [h for h in trial.hits if h.rule == "R38"]
    assert (told.entities_before, told.entities_after, told.new, told.rows_after, told.fen_after) == (0, 1, 1, 1, 8000)
    with catalogue_file(trial.rows, "points") as delivery:
        intake(delivery, house, known_at=day)
    (told,) = [h for h in try_points(house, path, day).hits if h.rule == "R38"]
    assert (told.entities_before, told.entities_after, told.new, told.fen_before) == (1, 1, 0, 8000)
