"""A finding withdrawn on review (欺诈骗保 → 未见异常, the same inspection delivered again) is no longer held against anybody, by any reader."""

from datetime import date, datetime

import pandas as pd
import pytest

from claims.intake.pipeline import intake
from claims.schema.outcomes import conclusions, findings
from claims.store.findings import read_findings
from claims.store.warehouse import Warehouse
from features.asof import open_views
from features.checking.precision import decided_cases
from features.networks.search import cases_of
from tests.claims.county import VISIT, Row, write
from training.dataset import read_labels
from training.evaluation.prospective import outcomes_after

STAY = VISIT | {"med_type": "21", "endtime": "2025-03-05 09:00:00", "setl_time": "2025-03-05 09:30:00"}
FOUND: Row = {
    "insp_id": "J1", "finding_no": "1", "entity_type": "admission", "entity_id": "M1", "period_end": "2025-03-05", "insp_time": "2025-03-10 10:00:00",
    "conclude_time": "2025-03-20 10:00:00", "outcome_code": "O1_FRAUD",
}  # fmt: skip
BEFORE, AFTER = date(2025, 4, 30), date(2025, 7, 31)
"""The finding is known from 20 March; the review of 15 June came in with the extract of 30 June."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("withdrawn")
    other = FOUND | {"insp_id": "J2", "entity_type": "P", "entity_id": "P2"}
    first = write(folder / "1", settlements=[STAY], inspections=[FOUND, other])
    intake(str(first), folder / "house", known_at=date(2025, 3, 31))
    review = FOUND | {"outcome_code": "O6_CLEAR", "conclude_time": "2025-06-15 10:00:00"}
    intake(
        str(write(folder / "2", persons=[], institutions=[], inspections=[review])),
        folder / "house",
        known_at=date(2025, 6, 30),
    )
    return Warehouse.open(folder / "house")


def confirmed(house: Warehouse, reader: str, as_of: date) -> set[str]:
    """Whom a reader holds for confirmed at a date."""
    if reader == "labels":
        found = read_labels(house.root, as_of)
        return set(found.loc[(found["outcome"] == "confirmed") & ~found["soft"].astype(bool), "entity_id"])
    if reader == "soft labels":
        found = read_labels(house.root, as_of)
        return {"M1" if e == "P1" else e for e in found.loc[found["soft"].astype(bool), "entity_id"] if e == "P1"}
    if reader == "rule feedback":
        return set(decided_cases(house, as_of).query("confirmed")["entity_id"])
    if reader == "ring seeds":
        con = open_views(house, as_of, "person", 0)
        return {"M1" if p == "P1" else p for p in cases_of(con)["psn_no"]}
    if reader == "lists":
        found = read_findings(house, datetime.combine(as_of, datetime.max.time()))
        held = pd.concat([conclusions(found, g) for g in ("admission", "person")])
        return set(held.index[held["outcome"] == "confirmed"])
    found = pd.concat([outcomes_after(house, g, date(2025, 3, 1), as_of) for g in ("admission", "person")])  # type: ignore[arg-type]
    return set(found.loc[found["y"] == 1, "entity_id"])


@pytest.mark.parametrize("reader", ["labels", "rule feedback", "ring seeds", "lists", "evaluation"])
def test_withdrawn_on_review_is_no_longer_confirmed(house: Warehouse, reader: str) -> None:
    assert confirmed(house, reader, BEFORE) == {"M1", "P2"}, "until the review is known the finding holds"
    assert confirmed(house, reader, AFTER) == {"P2"}


def test_its_patient_is_no_longer_marked(house: Warehouse) -> None:
    assert confirmed(house, "soft labels", BEFORE) == {"M1"}
    assert confirmed(house, "soft labels", AFTER) == set()


@pytest.mark.parametrize("as_of", [date(2025, 3, 19), BEFORE, AFTER])
def test_readers_outside_the_views_agree_with_the_views(house: Warehouse, as_of: date) -> None:
    con = open_views(house, as_of, "person", 0)
    seen = findings(con.execute("FROM main.inspections").df()).drop(columns="known_at")
    read = read_findings(house, datetime.combine(as_of, datetime.max.time())).drop(columns="known_at")
    by = ["grain", "entity_id", "source_table", "finding_id"]
    seen, read = (f.sort_values(by, ignore_index=True) for f in (seen, read))  # a table has no order
    pd.testing.assert_frame_equal(seen, read, check_dtype=False)
