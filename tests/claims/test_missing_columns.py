"""What a mapping cannot fill is told in one message, of all tables; a header may go by several names."""

from pathlib import Path

import pytest

from claims.errors import UserError
from claims.intake.pipeline import intake
from claims.store.warehouse import Warehouse
from tests.claims.county import LINE, VISIT, write

MAPPING = '[tables.settlements]\n[tables.settlements.columns]\nmed_type = { from = ["医疗类别码", "med_type"] }\natddr_no = { from = ["经手医生", ""] }\n'


def test_missing_columns_of_all_tables_stand_in_one_message(tmp_path: Path) -> None:
    visit = {k: v for k, v in VISIT.items() if k not in ("mdtrt_id", "psn_no")}
    line = {k: v for k, v in LINE.items() if k != "mdtrt_id"}
    write(tmp_path / "in", settlements=[visit], fee_details=[line])
    with pytest.raises(UserError) as told:
        intake(tmp_path / "in", tmp_path / "w")
    for words in (
        "settlements.csv: no column for mdtrt_id (就诊ID), psn_no",
        "fee_details.csv: no column for mdtrt_id",
        "mapping suggest",
    ):
        assert words in str(told.value)
    assert str(told.value).count("mapping suggest") == 1


def test_a_column_may_go_by_several_names_and_be_absent(tmp_path: Path) -> None:
    write(tmp_path / "in", settlements=[VISIT])
    (tmp_path / "m.toml").write_text(MAPPING, "utf-8")
    assert intake(tmp_path / "in", tmp_path / "w", tmp_path / "m.toml").tables["settlements"].accepted == 1
    assert Warehouse.open(tmp_path / "w").files("settlements")


def test_no_name_of_several_is_there(tmp_path: Path) -> None:
    write(tmp_path / "in", settlements=[VISIT])
    (tmp_path / "m.toml").write_text(MAPPING.replace(', "med_type"', ', "就医类别码"'), "utf-8")
    with pytest.raises(UserError, match="the mapping reads 医疗类别码 or 就医类别码 of table settlements"):
        intake(tmp_path / "in", tmp_path / "w", tmp_path / "m.toml")


def test_columns_a_table_should_have_are_told_where_they_are_absent(tmp_path: Path) -> None:
    visit = {k: v for k, v in VISIT.items() if k not in ("psn_type", "med_type")}
    assert "settlements: no column for psn_type (人员类别), med_type (医疗类别)" in "\n".join(
        n for n in intake(write(tmp_path / "in", settlements=[visit]), tmp_path / "w").notes
    )
    assert intake(write(tmp_path / "all", settlements=[VISIT], fee_details=[LINE]), tmp_path / "v").notes == []
