"""Campaigns: a table that an office may change, suspects by scheme, rule or claims, and what the export lacks."""

from pathlib import Path

import pytest

from claims.errors import UserError
from claims.store.warehouse import Warehouse
from inspection.campaigns import Campaign, campaign, campaigns, claims_of, lacking
from inspection.sites import load_sites
from serving.lists.prepare import build_worklist
from tests.features.county import T, house
from tests.worlds import Worlds

EIGHT = ["门诊慢特病", "离休干部", "骨科高值耗材", "价格", "意外伤害", "精神与康复", "超量开药", "追溯码"]


@pytest.fixture(scope="module")
def plain(worlds: Worlds) -> Path:
    return house(worlds, "plain")


def test_the_eight_of_the_brief_are_there() -> None:
    assert list(campaigns()) == EIGHT


def test_a_suspect_belongs_by_scheme_by_rule_or_by_its_claims() -> None:
    known = campaigns()
    assert known["超量开药"].belongs({"T13"}, (), {})
    assert known["超量开药"].belongs({"T01"}, ("R39",), {})
    assert not known["超量开药"].belongs({"T01"}, ("R01",), {"visit_class": "outpatient"}), (
        "its claims alone do not make one"
    )
    cadre = known["离休干部"]
    assert all(
        cadre.belongs({"T01"}, (), told)
        for told in ({"insutype": "离休人员医疗保障"}, {"psn_type": "离休"}, {"psn_type": "1300"})
    )
    assert not cadre.belongs({"T01"}, (), {"insutype": "310", "psn_type": "1101"})
    ward = known["精神与康复"]
    assert ward.belongs({"T01"}, (), {"dx": "f20.900"})
    assert ward.belongs({"T01"}, (), {"unit_name": "第三康复医院"})


def test_the_money_of_a_row_is_counted_by_its_rules_where_it_tells() -> None:
    one = Campaign("x", schemes=("T20",), rules=("R53", "R54"), visit_class=("chronic",), whole=True)
    row = {"amount_at_risk_yuan": 100.0, "rule_yuan": {"R53": 30.0, "R01": 80.0}}
    assert one.yuan(row, {}) == 30.0
    assert one.yuan({**row, "rule_yuan": {"R53": 80.0, "R54": 80.0}}, {}) == 100.0, "never more than the row's"
    assert one.yuan({**row, "rule_yuan": {"R01": 80.0}}, {}) is None
    assert one.yuan({"amount_at_risk_yuan": 100.0}, {}) is None, "a list published before"
    assert one.yuan(row, {"visit_class": "chronic"}) == 100.0


def test_an_office_changes_the_table(tmp_path: Path) -> None:
    (tmp_path / "campaigns.toml").write_text(
        '["价格"]\nrules = ["R53"]\n["追溯码"]\noff = true\n["眼科"]\nschemes = ["T21"]\nunits = "眼"\n', "utf-8"
    )
    known = campaigns(tmp_path)
    assert list(known) == [n for n in EIGHT if n != "追溯码"] + ["眼科"]
    assert (known["价格"].rules, known["价格"].schemes) == (("R53",), campaigns()["价格"].schemes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('["价格"]\nrule = ["R53"]', "不认识的设置 rule"),
        ('["价格"]\nrules = "R53"', "rules 应为文字的列表"),
        ('["价格"]\nrules = ["R99"]', "没有规则 R99"),
        ('["价格"]\nschemes = ["T99"]', "没有疑点类型 T99"),
        ('["新"]\nabout = "x"', "什么都不会属于它"),
        ('["新"]\nschemes = ["T01"]\ndx = "("', "dx 不是有效的正则表达式"),
        ('["新"]\nschemes = ["T01"]\nneeds = ["a.b"]', "a.b 不是 docs/tables.md"),
        ("x = 1", "x 不是一节"),
        ("[价格", "TOML"),
    ],
)
def test_a_wrong_table_names_the_file_and_the_key(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "campaigns.toml").write_text(text, "utf-8")
    with pytest.raises(UserError, match=words) as error:
        campaigns(tmp_path)
    assert "campaigns.toml" in str(error.value)
    with pytest.raises(UserError, match="没有名为"):
        campaign("没有")


def test_what_the_export_lacks_is_named(plain: Path) -> None:
    every = [*campaigns().values(), Campaign("照护", schemes=("T01",), needs=("settlements.terminal_id|opter_id",))]
    gone = lacking(Warehouse.open(plain), T, every)
    assert "drug_trac_codg" in gone["追溯码"]
    assert "价格" not in gone
    with pytest.raises(UserError, match=r"追溯码 不可评估：缺少列 费用明细：药品追溯码（fee_details\.drug_trac_codg）"):
        claims_of(plain, T, campaigns()["追溯码"])
    with pytest.raises(UserError, match="不可评估"):
        build_worklist(plain, T, "person", 5, campaign=campaigns()["追溯码"])


def test_claims_of_a_campaign_are_part_of_all_claims(plain: Path) -> None:
    every = claims_of(plain, T, campaigns()["价格"]).set_index("fixmedins_code")
    drugs = claims_of(plain, T, campaigns()["超量开药"]).set_index("fixmedins_code")
    ward = claims_of(plain, T, campaigns()["精神与康复"]).set_index("fixmedins_code")
    assert set(every.index) == {s.id for s in load_sites(plain, T) if s.last_claim}
    for some in (drugs, ward):
        assert 0 < some["claims"].sum() < every["claims"].sum()
        assert (some["claims"] <= every["claims"].reindex(some.index)).all()


def test_a_list_of_a_campaign_ranks_its_suspects_among_themselves(plain: Path) -> None:
    one = campaigns()["价格"]
    rows = build_worklist(plain, T, "admission", 8, campaign=one).rows
    every = build_worklist(plain, T, "admission", 8).rows
    assert len(rows) > 0
    assert all(one.belongs({r["scheme"], r["scheme_2"]}, r["rule_yuan"], {}) for r in rows.to_dict("records"))
    assert set(rows["entity_id"]) != set(every["entity_id"])
    assert [r["risk"] for r in rows.to_dict("records") if r["slot"] == "ranked"] == sorted(
        (r["risk"] for r in rows.to_dict("records") if r["slot"] == "ranked"), reverse=True
    )
