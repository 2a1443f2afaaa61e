"""From a warehouse to a list with all it shows: scores, remarks on the data, claim rows, stays and swipes, dossiers, the bed check."""

from pathlib import Path

import pandas as pd
import pytest

from claims.errors import UserError
from claims.quality import QualityFinding
from claims.store.warehouse import Warehouse, empty_manifest
from features.declare import REGISTRY
from features.evidence import gather_evidence
from models.score import in_order
from serving.lists import bedcheck
from serving.lists.bedcheck import build_bedcheck, check_stays, home_beds, prepare_bedcheck, rank_beds
from serving.lists.claims_behind import claim_rows
from serving.lists.prepare import build_worklist, prepare
from serving.lists.quality_notes import quality_notes
from serving.lists.source import scored_matrix, scored_whole
from serving.lists.who import known_of
from tests.features.county import T, built
from tests.worlds import Worlds

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def warehouse(worlds: Worlds) -> Path:
    return built(worlds, "plain").warehouse


def test_a_list_has_rows_reasons_claim_rows_and_a_dossier_each(warehouse: Path) -> None:
    made = prepare(warehouse, T, "person", 8)
    rows = made.worklist.rows
    assert rows["slot"].value_counts()["ranked"] == 8
    assert set(made.dossiers) == set(rows["entity_id"])
    first = rows.sort_values("rank").iloc[0]
    told = made.dossiers[first["entity_id"]]
    assert told["raw"] == pytest.approx(told["base"] + sum(c["contribution"] for c in told["contributions"]))
    evidence = made.evidence(first["entity_id"])
    assert list(evidence.columns) == ["理由", "数据表", "记录号", "发生时间", "计入本项（元）"]
    assert len(evidence) > 0
    assert pd.to_datetime(evidence["发生时间"]).max() <= pd.Timestamp(T) + pd.Timedelta(days=1)
    assert made.evidence("nobody").empty


def test_the_list_alone_is_the_prepared_one(warehouse: Path) -> None:
    alone = build_worklist(warehouse, T, "institution", 5)
    assert alone.rows["rank"].is_unique
    pd.testing.assert_frame_equal(alone.rows, prepare(warehouse, T, "institution", 5, dossiers=False).worklist.rows)
    with pytest.raises(UserError, match="--top 0"):
        prepare(warehouse, T, "institution", 0)
    with pytest.raises(UserError, match="bed"):
        prepare(warehouse, T, "bed", 5)


def test_claim_rows_are_the_evidence_and_nobody_has_none(warehouse: Path) -> None:
    matrix, _ = scored_matrix(warehouse, T, "person")
    empty = pd.Series(dtype="float64")
    column = next(c for f in REGISTRY.of("person") for c in f.columns() if (matrix.X.get(c, empty) > 0).sum() > 1)
    fires = matrix.X[column].nlargest(2).index
    keys = [("person", column, str(e)) for e in fires]
    found = claim_rows(warehouse, T, [*keys, ("person", column, "")])
    assert set(found) == set(keys)
    for frame in found.values():
        assert len(frame) > 0
        assert frame["happened_at"].is_monotonic_increasing
    with pytest.raises(UserError, match="no_such_column"):
        claim_rows(warehouse, T, [("person", "no_such_column", str(fires[0]))])


def test_events_are_those_of_the_people_known_by_then(warehouse: Path) -> None:
    matrix, _ = scored_matrix(warehouse, T, "admission")
    stay = matrix.entities.iloc[0]
    who = stay["psn_no"]
    early, late = (known_of(warehouse, day, {"it": [who], "no": ["nobody"]}) for day in (T.replace(month=4), T))
    seen = late.events_of([who])
    assert seen is not None
    assert set(seen["psn_no"]) == {who}
    assert stay.name in set(seen["id"])
    assert seen["begin_at"].is_monotonic_increasing
    before = early.events_of([who])
    assert before is None or len(before) < len(seen)
    assert late.events_of(["nobody"]) is None
    told = late.told("admission", str(stay.name), stay)
    assert {"gend", "age", "insutype", "unit_name"} <= set(told)
    assert known_of(warehouse, T, {}).events == {}


def test_remarks_on_the_data_are_notes_and_a_stop_is_a_refusal(
    warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def finding(severity: str) -> QualityFinding:
        return QualityFinding(code="x", severity=severity, zh="三成结算单没有明细", en="a third has no lines")  # type: ignore[arg-type]

    monkeypatch.setattr("serving.lists.quality_notes.check", lambda house, as_of: [finding("warn")])
    assert [n.text for n in quality_notes(warehouse, T)] == ["三成结算单没有明细"]
    monkeypatch.setattr("serving.lists.quality_notes.check", lambda house, as_of: [finding("warn"), finding("stop")])
    with pytest.raises(UserError, match="no list is made on this data: a third has no lines"):
        prepare(warehouse, T, "person", 5)


def test_the_bed_check_lists_open_stays_alone(warehouse: Path) -> None:
    made = build_bedcheck(warehouse, T, 5)
    matrix, _ = scored_whole(warehouse, T, "admission")
    assert len(made.rows) > 0
    assert matrix.entities.loc[made.rows["entity_id"], "open"].all()
    assert not set(made.rows["entity_id"]) & home_beds(warehouse, T, matrix.entities["psn_no"].astype(str))
    assert made.rows["probability"].isna().all()
    with pytest.raises(UserError, match="--top 0"):
        build_bedcheck(warehouse, T, 0)


def test_claim_rows_asked_of_all_grains_at_once_are_those_of_each(warehouse: Path) -> None:
    listed = build_bedcheck(warehouse, T, 20).rows
    wanted = sorted({key for keys in listed["keys"] for key in keys})
    together = claim_rows(warehouse, T, wanted)
    assert set(together) == set(wanted)
    assert len({grain for grain, _, _ in wanted}) > 1
    for grain in {grain for grain, _, _ in wanted}:
        asked = [(column, entity) for g, column, entity in wanted if g == grain]
        for (column, entity), rows in gather_evidence(warehouse, T, grain, asked, records=True).items():  # type: ignore[arg-type]
            pd.testing.assert_frame_equal(together[grain, column, entity], rows)


def test_the_list_of_beds_is_in_the_order_of_all_open_stays(warehouse: Path) -> None:
    made, night = build_bedcheck(warehouse, T, 5), rank_beds(warehouse, T)
    listed = made.rows[made.rows["slot"] == "ranked"]
    assert list(listed["entity_id"]) == list(in_order(night.beds.frame))[: len(listed)]
    assert list(listed["risk"]) == [round(float(night.beds.frame.at[i, "risk"]), 6) for i in listed["entity_id"]]


def test_without_stays_no_bed_can_be_checked(tmp_path: Path) -> None:
    nothing = empty_manifest(1)
    with pytest.raises(UserError, match="no stays"):
        check_stays(Warehouse(tmp_path, nothing))
    visits = nothing | {"tables": {"visits": {"person": {"0": [{"path": "x", "rows": 1}]}}}}
    with pytest.raises(UserError, match="no discharges, fee_details"):
        check_stays(Warehouse(tmp_path, visits))


def test_a_bed_at_home_is_no_empty_bed(warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    matrix, _ = scored_whole(warehouse, T, "admission")
    home = str(matrix.entities.index[matrix.entities["open"].astype(bool)][0])
    monkeypatch.setattr(bedcheck, "home_beds", lambda house, at, persons: {home})
    made = prepare_bedcheck(warehouse, T, 1000, dossiers=False).worklist
    assert home not in set(made.rows["entity_id"])
    assert made.facts["home_beds_left_out"] == 1
