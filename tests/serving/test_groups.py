"""What a list says of each group: how many, how many should be confirmed, what became of those listed before."""

import io
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from python_calamine import CalamineWorkbook

from serving.lists import earlier, publish
from serving.lists.export import as_csv, as_json, workbook
from serving.lists.groups import HEAD, Group, false_flags, groups_of
from serving.lists.model_shift import promises_of
from serving.lists.worklist import assemble

from .conftest import AS_OF, county, signed_in

OLD, YOUNG = "60岁及以上有慢特病", "60岁以下无慢特病"


def open_ones(n: int = 200) -> pd.DataFrame:
    p = np.linspace(0.9, 0.01, n)
    stratum = np.where(np.arange(n) % 4 == 0, OLD, YOUNG)
    frame = {"stratum": stratum, "probability": p, "probability_low": p / 2, "probability_high": (1 + p) / 2}
    return pd.DataFrame(frame, index=[f"P{i}" for i in range(n)])


def followed(stratum: str, n: int, confirmed: int, p: float = 0.5) -> pd.DataFrame:
    rows = [(f"{stratum}{i}", stratum, p, i < confirmed) for i in range(n)]
    return pd.DataFrame(rows, columns=list(earlier.COLUMNS))


def test_chances_of_the_listed_add_up_per_group() -> None:
    table = open_ones()
    listed = list(table.index[:40])
    everybody, *groups = groups_of(table, listed, earlier.nobody())
    assert everybody.listed == sum(g.listed for g in groups) == 40
    assert everybody.expected == pytest.approx(table["probability"].head(40).sum(), abs=0.01)
    assert everybody.expected == pytest.approx(sum(g.expected or 0 for g in groups), abs=0.02)
    assert (everybody.low or 0) < everybody.expected < (everybody.high or 0)
    assert everybody.holds is None, "nobody was followed up"


def test_where_no_chance_is_said_none_is_added_up() -> None:
    table = open_ones().assign(probability=np.nan)
    assert groups_of(table, list(table.index[:40]), earlier.nobody())[0].expected is None


@pytest.mark.parametrize(("n", "confirmed", "holds"), [(29, 14, None), (30, 15, True), (40, 5, False)])
def test_a_chance_is_judged_from_thirty_cases_on(n: int, confirmed: int, holds: bool | None) -> None:
    table = open_ones()
    found = {g.name: g for g in groups_of(table, list(table.index[:40]), followed(OLD, n, confirmed))}
    assert (found[OLD].followed, found[OLD].confirmed, found[OLD].holds) == (n, confirmed, holds)
    assert found[YOUNG].followed == 0


def test_false_flags_count_the_cleared_per_open_case_of_each_group() -> None:
    table = open_ones()
    before = pd.concat([followed(OLD, 30, 10), followed(YOUNG, 30, 10)])
    assert false_flags(table, before, OLD) == pytest.approx((20 / 50) / (20 / 150), abs=0.01)
    assert false_flags(table, followed(OLD, 30, 10), OLD) is None, "too few cleared among the others"


def run_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: dict[str, str]) -> pd.DataFrame:
    """A list published for AS_OF, and findings: {entity: day of inspection}."""
    matrix, scored = county("person")
    made = assemble(matrix, replace(scored, frame=scored.frame.assign(stratum=OLD)), 10, as_of=AS_OF, grain="person")
    (tmp_path / "lists").mkdir()
    publish.publish(tmp_path, AS_OF, {"person": (made, {})})
    ranked = made.rows.loc[made.rows["slot"] == "ranked", "entity_id"]
    found = pd.DataFrame(
        [
            {
                "grain": "person", "entity_id": e, "outcome": "confirmed", "conclusive": True, "period_end": pd.Timestamp(d),
                "known_at": pd.Timestamp(d), "inspected_at": pd.Timestamp(d), "finding_id": e, "lead_source": "random",
            }
            for e, d in days.items()
        ]
    )  # fmt: skip
    monkeypatch.setattr(earlier, "read_findings", lambda house, moment: found[found["known_at"] <= moment])
    monkeypatch.setattr(earlier, "Warehouse", SimpleNamespace(open=lambda root: None))
    return ranked


def test_only_those_inspected_after_their_list_and_known_by_now_are_followed_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, scored = county("person")
    first = list(scored.frame["risk"].sort_values(ascending=False).index[:4])
    late, future = AS_OF.replace(year=AS_OF.year + 1), AS_OF.replace(year=AS_OF.year + 2)
    days = dict(zip(first, (str(AS_OF), str(late), str(late), str(future)), strict=True))
    ranked = list(run_of(tmp_path, monkeypatch, days | {"nobody": str(late)}))
    assert set(first) <= set(ranked)
    found, damaged = earlier.listed_before(tmp_path, late, "person")
    assert sorted(found["entity_id"]) == sorted(first[1:3])
    assert set(found["stratum"]) == {OLD}
    assert damaged == []
    assert earlier.listed_before(tmp_path, AS_OF, "person")[0].empty, "a list does not follow up itself"


def test_the_drawn_are_followed_up_apart_from_the_ranked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    late = AS_OF.replace(year=AS_OF.year + 1)
    everybody = {str(e): str(late) for e in county("person")[1].frame.index}
    ranked = set(run_of(tmp_path, monkeypatch, everybody))
    drawn = set(earlier.listed_before(tmp_path, late, "person", earlier.DRAWN)[0]["entity_id"])
    assert drawn
    assert not drawn & ranked
    assert set(earlier.listed_before(tmp_path, late, "person")[0]["entity_id"]) == ranked


def test_the_model_page_holds_the_drawn_against_their_promises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    late = AS_OF.replace(year=AS_OF.year + 1)
    run_of(tmp_path, monkeypatch, {str(e): str(late) for e in county("person")[1].frame.index})
    drawn = earlier.listed_before(tmp_path, late, "person", earlier.DRAWN)[0]
    told = promises_of(tmp_path, late, "person")
    assert len(drawn)
    assert [(p["n"], p["confirmed"]) for p in told["periods"]] == [(len(drawn), len(drawn)), (0, 0), (0, 0), (0, 0)]
    promised = int(drawn["probability"].notna().sum())
    assert (told["alarm"]["n"], told["alarm"]["listed"]) == (promised, 0), "a visit by chance is none of the list's"


def test_a_damaged_earlier_list_is_named_and_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_of(tmp_path, monkeypatch, {})
    (file,) = (tmp_path / "lists").glob("*/*/lists/person.json")
    file.write_bytes(file.read_bytes().replace(b"T01", b"T02", 1))
    found, damaged = earlier.listed_before(tmp_path, date(AS_OF.year + 1, 1, 1), "person")
    assert found.empty
    assert len(damaged) == 1


def test_every_form_of_the_list_says_it(tmp_path: Path) -> None:
    matrix, scored = county("person")
    frame = scored.frame.assign(stratum=OLD, probability=0.5, probability_low=0.3, probability_high=0.7)
    made = assemble(matrix, replace(scored, frame=frame), 10, as_of=AS_OF, grain="person")
    everybody: dict[str, Any] = as_json(made)["facts"]["groups"][0]
    assert everybody["expected"] == pytest.approx(5.0)
    assert as_csv(made).splitlines()[1].endswith(f"0.3,0.7,{OLD},T02")
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(workbook(made))).get_sheet_by_name("人群").to_python()
    assert tuple(sheet[1]) == HEAD
    assert sheet[2][:4] == ["全体", "120", "10", "5.0（3.0～7.0）"]
    assert Group.of(everybody).row()[0] == "全体"
    (tmp_path / "lists").mkdir()
    publish.publish(tmp_path, AS_OF, {"person": (made, {})})
    client = signed_in(tmp_path)
    page = client.get("/lists/person").text
    assert "5.0（3.0～7.0）" in page
    assert OLD in page
