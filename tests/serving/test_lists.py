"""A list: its rows, its reasons, and what leaves as CSV, workbook and JSON."""

import csv
import io
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from claims.errors import UserError
from claims.shown_text import harmless
from serving.lists.dossier import check_known, dossier
from serving.lists.export import as_csv, write
from serving.lists.model_told import signals_of
from serving.lists.reasons import honest_of, reasons_of, worse_than_peers
from serving.lists.schema import DISCLAIMER, check_grain
from serving.lists.worklist import assemble

from .conftest import AS_OF, GRAINS, county, made_list

FIRST = "rank,grain,as_of,entity_id,risk,amount_at_risk_yuan,scheme,slot,reason_1,reason_2,reason_3"
FULL = FIRST + ",probability,amount_low_yuan,amount_high_yuan,innocent,area,fixmedins_code,psn_no,evidence_rows,model"


@pytest.mark.parametrize("grain", GRAINS)
def test_csv_columns_are_the_contract(grain: str) -> None:
    header = as_csv(made_list(grain)[0]).splitlines()[0]
    assert (
        header
        == FULL
        + (",members" if grain == "ring" else "")
        + ",returning,probability_low,probability_high,stratum,scheme_2"
    )


def test_rows_are_ranked_once_each_and_by_risk() -> None:
    worklist, _, _ = made_list("person", top=10)
    rows = worklist.rows
    assert rows["entity_id"].is_unique
    assert list(rows["rank"]) == list(range(1, len(rows) + 1))
    ranked = rows[rows["slot"] == "ranked"]
    assert len(ranked) == 10
    assert ranked["risk"].is_monotonic_decreasing
    assert set(rows["slot"]) == {"ranked", "draw", "control"}
    assert rows["evidence_rows"].gt(0).any()


def test_the_list_is_the_same_whatever_the_order_of_rows() -> None:
    matrix, scored = county("doctor")
    shuffled = replace(scored, frame=scored.frame.sample(frac=1, random_state=3))
    first = assemble(matrix, scored, 10, as_of=AS_OF, grain="doctor")
    second = assemble(matrix, shuffled, 10, as_of=AS_OF, grain="doctor")
    pd.testing.assert_frame_equal(first.rows, second.rows)


def test_reasons_are_worse_than_peers_and_carry_their_number() -> None:
    matrix, scored = county("admission")
    for entity_id in list(matrix.X.index[:12]):
        reasons = reasons_of(matrix, scored.contributions, entity_id)
        assert len({r.column for r in reasons}) == len(reasons) <= 3
        for r in reasons:
            assert worse_than_peers(matrix.columns[r.column].worse, r.value, r.peer, 99)
            assert r.innocent
            assert r.text.startswith(("住院", "日均", "与"))
        used = [r.contribution for r in reasons if r.contribution > 0]
        assert used == sorted(used, reverse=True)


def test_a_named_scheme_has_a_reason_that_speaks_for_it() -> None:
    matrix, scored = county("admission")
    spoken = 0
    for entity_id in list(matrix.X.index[:40]):
        usual = reasons_of(matrix, scored.contributions, entity_id, limit=2)
        several = {r.scheme for r in reasons_of(matrix, scored.contributions, entity_id, limit=9)}
        for scheme in sorted(several - {r.scheme for r in usual} - {""}):
            named = reasons_of(matrix, scored.contributions, entity_id, limit=2, scheme=scheme)
            assert named[:1] == usual[:1]
            assert len(named) == 2
            spoken += named[-1].scheme == scheme
    assert spoken > 0


@pytest.mark.parametrize(
    ("worse", "value", "peer", "z", "expected"),
    [
        ("high", 2.0, 1.0, 0.1, True),
        ("high", 1.0, 1.0, 0.0, False),
        ("low", 0.5, 1.0, -0.1, True),
        ("low", 2.0, 1.0, 5.0, False),
        ("either", 2.0, 1.0, -2.5, True),
        ("either", 2.0, 1.0, 1.9, False),
        ("high", float("nan"), 1.0, 0.0, False),
    ],
)
def test_worse_than_peers(worse: str, value: float, peer: float, z: float, expected: bool) -> None:
    assert worse_than_peers(worse, value, peer, z) is expected


def test_a_ring_with_an_innocent_explanation_is_not_ranked_but_shown() -> None:
    worklist, _, _ = made_list("ring", top=118)
    explained = worklist.explained
    assert list(explained["innocent"]) == ["透析同班次：固定星期、固定机构"]
    assert not set(explained["entity_id"]) & set(worklist.rows["entity_id"])
    assert worklist.facts["explained"] == 1


def test_contributions_add_up_to_the_raw_score() -> None:
    for grain in GRAINS:
        _, dossiers, _ = made_list(grain)
        for found in dossiers.values():
            total = found["base"] + sum(c["contribution"] for c in found["contributions"])
            assert total == pytest.approx(found["raw"], abs=1e-9)


def test_explain_refuses_an_unknown_id_and_offers_near_ones_but_no_persons() -> None:
    with pytest.raises(UserError, match="M202500001"):
        check_known(["M202500001", "M202500002"], "admission", "M20250000l")
    with pytest.raises(UserError) as error:
        check_known(["429001198000001"], "person", "429001198000002")
    assert "429001198000001" not in str(error.value)
    with pytest.raises(UserError, match="admission, person"):
        check_grain("hospital")


def test_numbers_stay_numbers_in_csv() -> None:
    assert harmless("平安") == "平安"
    worklist, _, _ = made_list("admission")
    row = next(csv.DictReader(io.StringIO(as_csv(worklist))))
    assert float(row["risk"]) > 0
    assert float(row["amount_low_yuan"]) <= float(row["amount_at_risk_yuan"]) <= float(row["amount_high_yuan"])


def test_json_holds_what_the_csv_hides(tmp_path: Path) -> None:
    worklist, _, _ = made_list("admission")
    document = json.loads(write(worklist, tmp_path / "list.json").read_text("utf-8"))
    assert document["disclaimer"] == DISCLAIMER
    assert {"selection_prob", "lead"} <= set(document["rows"][0])
    assert len(document["rows"]) == len(worklist.rows)


def test_csv_has_a_bom_and_is_written_whole(tmp_path: Path) -> None:
    worklist, _, _ = made_list("admission")
    out = write(worklist, tmp_path / "list.csv")
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    assert [p.name for p in tmp_path.iterdir()] == ["list.csv"]


def test_bad_destinations(tmp_path: Path) -> None:
    worklist, _, _ = made_list("admission")
    for name in ("list.pdf", "list"):
        with pytest.raises(UserError, match="csv"):
            write(worklist, tmp_path / name)
    with pytest.raises(UserError, match="cannot write"):
        write(worklist, tmp_path / "absent" / "list.csv")
    assert not list(tmp_path.iterdir())


def test_equal_lists_give_equal_bytes(tmp_path: Path) -> None:
    for suffix in (".csv", ".json", ".xlsx"):
        first = write(made_list("ring")[0], tmp_path / f"a{suffix}").read_bytes()
        second = write(made_list("ring")[0], tmp_path / f"b{suffix}").read_bytes()
        assert first == second, suffix


def test_dossier_is_json(tmp_path: Path) -> None:
    matrix, scored = county("admission")
    found = dossier(matrix, scored, matrix.X.index[0], {}, as_of=date(2025, 9, 28), grain="admission")
    json.dumps(found, allow_nan=False)


def test_a_mark_of_innocence_clears_and_never_accuses() -> None:
    matrix, scored = county("admission")
    column, entity_id = "same_bag", str(matrix.X.index[0])
    told = replace(matrix.columns[column].feature, name="stay_like_n01", label="透析", worse="low", excuses="N01")
    marked = replace(matrix.columns[column], feature=told)
    matrix = replace(matrix, columns={**matrix.columns, column: marked}, X=matrix.X.assign(same_bag=0.0))
    assert column not in {r.column for r in reasons_of(matrix, scored.contributions, entity_id, limit=9)}
    assert not any("N01" in text for text in honest_of(matrix, entity_id, []))
    matrix.X.loc[entity_id, column] = 1.0
    assert honest_of(matrix, entity_id, [])[0] == "数据中已有记录：透析", "in words, without the code"


def test_many_of_one_chance_stand_in_the_order_of_risk_never_of_money() -> None:
    matrix, scored = county("person")
    raw = scored.frame["raw"]
    money = raw.rank(ascending=False).astype("int64") * 1000
    made = assemble(
        matrix,
        replace(scored, frame=scored.frame.assign(risk=0.05, placed=raw, amount_fen=money)),
        10,
        as_of=AS_OF,
        grain="person",
    )
    listed = made.rows.loc[made.rows["slot"] == "ranked", "entity_id"]
    assert list(raw[listed]) == sorted(raw, reverse=True)[:10]


def test_a_levelled_list_says_what_it_costs_and_another_that_it_is_none() -> None:
    matrix, scored = county("person")
    stratum = np.where(np.arange(len(scored.frame)) % 4 == 0, "60岁及以上有慢特病", "60岁以下无慢特病")
    turned = scored.frame["raw"].sample(frac=1.0, random_state=0).to_numpy()
    fair = replace(scored, frame=scored.frame.assign(stratum=stratum, placed=turned))
    made = assemble(matrix, fair, 10, as_of=AS_OF, grain="person")
    everybody, *groups = made.facts["groups"]
    assert everybody["population"] == sum(g["population"] for g in groups) == made.facts["population"]
    assert everybody["listed"] == sum(g["listed"] for g in groups) == made.facts["ranked"]
    assert "不因年老" in made.facts["described"]["公平"]
    assert "代价" in made.facts["described"]["公平"]
    plain = assemble(
        matrix, replace(scored, frame=scored.frame.assign(stratum=stratum)), 10, as_of=AS_OF, grain="person"
    )
    assert plain.facts["described"]["公平"].startswith("按风险排序，未按人群拉平")
    assert "公平" not in assemble(matrix, scored, 10, as_of=AS_OF, grain="person").facts["described"]


def test_a_calendar_day_beside_a_moment_is_printed_without_an_hour() -> None:
    from serving.lists.dossier import records_of

    at = pd.to_datetime(["2026-08-29 08:10", "2026-08-30 00:00"])
    frame = pd.DataFrame({"happened_at": at.normalize(), "day": pd.to_datetime(["2026-08-29", None]), "last_at": at})
    assert [r["day"] for r in records_of(frame)] == ["2026-08-29", None]
    assert records_of(frame)[0]["last_at"] == "2026-08-29 08:10"
    assert records_of(frame)[0]["happened_at"] == "2026-08-29 00:00", "a moment stays a moment"


def test_a_list_of_nobody_has_no_signals() -> None:
    """A county without rings is a county."""
    matrix, scored = county("ring")
    assert signals_of(matrix, scored.contributions)
    assert signals_of(matrix, scored.contributions.iloc[:0]) == []
