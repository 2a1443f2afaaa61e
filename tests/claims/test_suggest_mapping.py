"""A draft of a mapping: columns found by name and by what they hold, unsure ones marked, unknown ones told; a draft can be read back."""

import tomllib
from pathlib import Path

import pytest

from claims.errors import UserError
from claims.intake.suggest_mapping import assign, fits, similarity, suggest_mapping
from claims.schema.tables import SOURCE

SETTLEMENTS = SOURCE["settlements"]
COLUMN = {c.name: c for c in SETTLEMENTS.columns}

EXPORT = """结算流水号,就诊ID,人员编号,定点医药机构编号,医疗类别,开始时间,结算时间,医疗费总额,基金支付总额,经办备注
S1,M1,P1,H1,11,2025-03-01 09:00:00,2025-03-01 09:30:00,100.10,60.00,无
S2,M2,P2,H1,11,2025-03-02 09:00:00,2025-03-02 09:30:00,20.00,10.00,无
"""


def test_the_official_name_is_sure_and_a_like_one_is_not() -> None:
    assert similarity("psn_no", COLUMN["psn_no"]) == 1.0
    assert similarity(COLUMN["psn_no"].zh, COLUMN["psn_no"]) >= 0.9
    assert 0 < similarity("人员编码号", COLUMN["psn_no"]) < 0.9
    assert similarity("经办备注", COLUMN["psn_no"]) < 0.5


def test_values_speak_against_a_column_of_another_kind() -> None:
    assert fits(["2025-03-01 09:00:00"], COLUMN["setl_time"]) == 1.0
    assert fits(["100.10", "20.00"], COLUMN["setl_time"]) == 0.0
    assert fits(["100.10", "20.00"], COLUMN["medfee_sumamt"]) == 1.0
    assert fits(["高血压"], COLUMN["medfee_sumamt"]) == 0.0


def test_each_column_is_given_once_and_the_better_one_wins() -> None:
    found = assign({"psn_no": ["P1"], "人员编号": ["P1"]}, SETTLEMENTS)
    assert found["psn_no"] == ("psn_no", 1.0)
    assert len({local for local, _ in found.values()}) == len(found)


def test_a_draft_names_the_table_its_columns_and_what_it_did_not_understand(tmp_path: Path) -> None:
    (tmp_path / "结算明细.csv").write_text(EXPORT, "utf-8")
    text, sure = suggest_mapping(tmp_path)
    columns = tomllib.loads(text)["tables"]["settlements"]["columns"]
    assert columns["setl_id"] == "结算流水号"
    assert columns["medfee_sumamt"] == "医疗费总额"
    assert columns["fund_pay_sumamt"] == "基金支付总额"
    assert "# not understood: 经办备注" in text
    assert set(sure) == {"table.settlements", *(f"settlements.{c}" for c in columns)}
    unsure = [line for line in text.splitlines() if line.endswith("← check")]
    assert len(unsure) == sum(v < 0.8 for k, v in sure.items() if not k.startswith("table."))


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no file or folder"):
        suggest_mapping(tmp_path / "gone")
    with pytest.raises(UserError, match="no file that can be read"):
        suggest_mapping(tmp_path)
