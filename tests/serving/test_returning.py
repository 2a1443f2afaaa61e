"""A suspect with an earlier finding: not on the list, or on it with the finding said in every form the list leaves in."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from python_calamine import CalamineWorkbook

from features.matrix import Matrix
from models.score import Scored
from serving.lists import publish
from serving.lists.dossier import dossier
from serving.lists.dossier_text import explain_text
from serving.lists.export import as_csv, as_json, workbook
from serving.lists.worklist import assemble

from .conftest import AS_OF, county, signed_in

FINDING = "2025-03-20 欺诈骗保（JC5051302381）"


def with_finding(grain: str, place: int, *, returning: bool = True) -> tuple[Matrix, Scored, str]:
    """The county whose entity at a place in the order of risk (0 = highest) has an earlier finding."""
    matrix, scored = county(grain)
    who = str(scored.frame["risk"].sort_values(ascending=False).index[place])
    found = pd.Series("", index=scored.frame.index, dtype=object)
    found[who] = FINDING
    frame = scored.frame.assign(finding=found, returning=(found != "") & returning)
    return matrix, replace(scored, frame=frame, left_out=7), who


def test_the_list_says_who_returns_and_how_many_are_left_out() -> None:
    matrix, scored, who = with_finding("institution", 3)
    made = assemble(matrix, scored, 10, as_of=AS_OF, grain="institution")
    said = made.rows.set_index("entity_id")["returning"]
    assert said[said != ""].to_dict() == {who: FINDING}
    assert made.facts["returning"] == 1
    assert made.facts["decided"] == 7
    assert made.facts["described"]["已有结论"].startswith("7 个已有结论")


def test_whoever_returns_too_low_to_be_ranked_is_neither_drawn_nor_a_control() -> None:
    matrix, scored, _ = with_finding("institution", 0)
    names = scored.frame["risk"].sort_values(ascending=False).index
    low = scored.frame.index.isin(names[10:])
    scored = replace(scored, frame=scored.frame.assign(finding=FINDING, returning=low))
    made = assemble(matrix, scored, 10, as_of=AS_OF, grain="institution", draw_share=0.5)
    assert set(made.rows["slot"]) == {"ranked"}
    assert made.facts["population"] == 10
    assert made.facts["decided"] == 7 + 110


def test_every_form_of_the_list_says_it(tmp_path: Path) -> None:
    matrix, scored, who = with_finding("institution", 0)
    made = assemble(matrix, scored, 10, as_of=AS_OF, grain="institution")
    row = next(r for r in csv.DictReader(io.StringIO(as_csv(made))) if r["entity_id"] == who)
    assert row["returning"] == FINDING
    assert {r["returning"] for r in as_json(made)["rows"] if r["entity_id"] == who} == {FINDING}
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(workbook(made))).get_sheet_by_name("清单").to_python()
    place = sheet[1].index("复现")
    assert [line[place] for line in sheet[2:] if who in line] == [FINDING]

    told = dossier(matrix, scored, who, {}, as_of=AS_OF, grain="institution")
    (tmp_path / "lists").mkdir()
    publish.publish(tmp_path, AS_OF, {"institution": (made, {who: told})})
    client = signed_in(tmp_path)
    client.follow_redirects = True
    page = client.get("/lists/institution").text
    assert f'<span class="tag mark">复现</span><small class="inline-small">此前 {FINDING}</small>' in page
    assert "7 个已有结论" in page
    lead = int(made.rows.set_index("entity_id").at[who, "lead"])
    assert f"此前 {FINDING}" in client.get(f"/lists/institution/{lead}").text


@pytest.mark.parametrize(("returning", "said"), [(True, "复现："), (False, "已有结论：")])
def test_explain_says_whether_anything_is_newer(returning: bool, said: str) -> None:
    matrix, scored, who = with_finding("institution", 0, returning=returning)
    told = dossier(matrix, scored, who, {}, as_of=AS_OF, grain="institution")
    assert said + FINDING in explain_text(told)
    assert told["returning"] is returning
