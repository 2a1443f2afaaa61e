"""Codes nobody mapped: what needs them is not evaluable, and says so; it is never zero."""

from datetime import date
from pathlib import Path

import pytest

from claims.errors import UserError
from claims.intake.pipeline import intake
from claims.store.warehouse import Warehouse
from features.asof import open_views
from features.build import build
from features.declarations import load_catalog
from features.declare import REGISTRY
from features.evaluable import absent_features, not_evaluated, unread_words
from serving.lists.quality_notes import quality_notes
from serving.lists.units import units_of
from serving.lists.who import known_of
from tests.claims.county import LINE, UNIT, VISIT, Row, write

DAY = date(2025, 4, 1)


def county(folder: Path, strange: int, column: str = "med_type") -> Path:
    """Twenty visits with a line each, of which some carry a code that means nothing in this column."""
    visits: list[Row] = []
    lines: list[Row] = []
    for i in range(20):
        of = {"setl_id": f"S{i}", "mdtrt_id": f"M{i}"}
        when = dict.fromkeys(("begntime", "endtime", "setl_time"), f"2025-03-{i + 1:02d} 09:00:00")
        visits.append(VISIT | when | of)
        lines.append(LINE | of | {"fee_ocur_time": f"2025-03-{i + 1:02d} 09:00:00"})
    units = [UNIT | {"fixmedins_code": f"H{i}"} for i in range(20)] + [UNIT]
    for row in {"med_type": visits, "med_chrgitm_type": lines, "hosp_lv": units}[column][:strange]:
        row[column] = "9901"
    intake(write(folder / "in", settlements=visits, fee_details=lines, institutions=units), folder / "house")
    return folder / "house"


@pytest.mark.parametrize(
    ("column", "word", "said"),
    [
        ("med_type", "visit_class", "医疗类别med_type有10.0%未对照（9901×2）"),
        ("med_chrgitm_type", "med_chrgitm_type", "医疗收费项目类别med_chrgitm_type有10.0%未对照（9901×2）"),
        ("hosp_lv", "level", "医院等级hosp_lv有9.5%未对照（9901×2）"),
    ],
)
def test_what_needs_a_column_with_a_tenth_unmapped_is_not_evaluable(
    tmp_path: Path, column: str, word: str, said: str
) -> None:
    load_catalog()
    house = Warehouse.open(county(tmp_path, 2, column))
    unread = unread_words(house, DAY)
    assert unread[word] == said
    absent = absent_features(house, REGISTRY.values(), unread)
    assert {f.name for f in REGISTRY.values() if word in f.sql().split()} <= absent.keys()
    assert said in absent.values()
    rules = not_evaluated(house, DAY)[said]
    notes = [n.text for n in quality_notes(tmp_path / "house", DAY)]
    assert any("不可评估" in n and said in n and rules[0] in n for n in notes), "the list says which and why"


@pytest.mark.parametrize("view", ["stays", "swipes"])
def test_so_is_what_reads_stays_or_swipes_without_naming_the_code_that_makes_them(tmp_path: Path, view: str) -> None:
    load_catalog()
    house = Warehouse.open(county(tmp_path, 2))
    unread = unread_words(house, DAY)
    reading = {f.name for f in REGISTRY.values() if view in f.sql().replace(".", " ").split()}
    unnamed = {n for n in reading if not {"med_type", "visit_class", "is_inpatient"} & set(REGISTRY[n].sql().split())}
    assert unnamed
    assert reading <= absent_features(house, REGISTRY.values(), unread).keys()
    assert unread_words(Warehouse.open(county(tmp_path / "units", 2, "hosp_lv")), DAY).get(view) is None


def test_its_column_is_not_in_the_partition_and_zero_is_nowhere_put_for_it(tmp_path: Path) -> None:
    found = build(county(tmp_path, 2), DAY, "person")
    gone = {f.name for f in REGISTRY.by_claims("person") if "visit_class" in f.sql()}
    assert gone
    assert gone <= found.absent.keys()
    assert not any(c in found.columns for name in gone for c in REGISTRY[name].columns())
    assert found.columns, "what does not need it is there"


def test_the_limit_is_the_office_s_and_below_it_all_is_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = county(tmp_path, 2)
    monkeypatch.setenv("XIEZHI_UNMAPPED", "11%")
    assert unread_words(Warehouse.open(house), DAY) == {}
    notes = [n.text for n in quality_notes(house, DAY)]
    assert any(n.startswith("医疗类别med_type有10.0%未对照") for n in notes)
    assert not any("不可评估" in n and "med_type" in n for n in notes)


def test_above_the_second_limit_no_list_is_made(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no list is made on this data: 60.0% of settlements.med_type"):
        quality_notes(county(tmp_path, 12), DAY)


def test_what_is_told_of_stays_goes_with_the_numbers_of_the_stays(tmp_path: Path) -> None:
    load_catalog()
    house = Warehouse.open(county(tmp_path, 2, "hosp_lv"))
    judged = [f for f in REGISTRY.values() if f.by == "judged" and "rule_r17" in f.rows]
    assert judged
    assert {f.name for f in judged} <= absent_features(house, judged, unread_words(house, DAY)).keys()


def test_a_table_sent_again_with_known_codes_is_readable_again(tmp_path: Path) -> None:
    house = county(tmp_path, 12, "hosp_lv")
    units = [UNIT | {"fixmedins_code": f"H{i}"} for i in range(20)]
    intake(write(tmp_path / "again", institutions=units), house)
    assert unread_words(Warehouse.open(house), DAY) == {}


def test_but_not_before_it_was_sent(tmp_path: Path) -> None:
    house = county(tmp_path, 12, "hosp_lv")
    units = [UNIT | {"fixmedins_code": f"H{i}"} for i in range(20)]
    intake(write(tmp_path / "again", institutions=units), house, known_at=date(2025, 4, 10))
    held = Warehouse.open(house)
    assert "level" in unread_words(held, date(2025, 4, 9))
    assert unread_words(held, date(2025, 4, 10)) == {}


def test_a_visit_of_unknown_kind_is_neither_a_stay_nor_a_visit_to_a_counter(tmp_path: Path) -> None:
    con = open_views(Warehouse.open(county(tmp_path, 2)), DAY, "person", 0)
    assert con.execute("SELECT count(*) FROM net.settlements").fetchall() == [(20,)]
    assert con.execute("SELECT count(*) FROM net.swipes").fetchall() == [(18,)]
    assert con.execute("SELECT count(*) FROM net.stays").fetchall() == [(0,)]


def test_but_it_is_shown_and_its_money_counted(tmp_path: Path) -> None:
    house = county(tmp_path, 2)
    events = known_of(house, DAY, {"it": [VISIT["psn_no"]]}).events_of([VISIT["psn_no"]])
    assert events is not None
    assert events["kind"].value_counts().to_dict() == {"swipe": 18, "unknown": 2}
    assert not events["inside"].any()
    kinds = units_of(house, DAY)[VISIT["fixmedins_code"]]["kinds"]
    assert {k["what"]: k["visits"] for k in kinds} == {"outpatient": 18, "unknown": 2}
