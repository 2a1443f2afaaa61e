"""What a code means, and which version of a finding holds at a moment."""

from datetime import datetime

import pandas as pd
import pytest

from claims.schema.outcomes import CODES, OUTCOMES, PRESENCE, codes, conclusions, findings, last_word


def versions(*rows: tuple[str, int, str, str]) -> pd.DataFrame:
    """(insp_id, version_no, known on a day of March, outcome_code) about person p."""
    frame = pd.DataFrame(rows, columns=["insp_id", "version_no", "known_at", "outcome_code"])
    frame["known_at"] = pd.to_datetime("2025-03-" + frame["known_at"])
    return frame.assign(entity_type="P", entity_id="p", finding_no="1", insp_time=pd.Timestamp("2025-03-01"))


WITHDRAWN = versions(("J1", 1, "05", "O1_FRAUD"), ("J1", 2, "20", "O6_CLEAR"))


def test_every_code_of_the_standard_has_a_class() -> None:
    assert [c[:2] for c in OUTCOMES] == [f"O{i}" for i in range(1, 10)]
    assert [c[:2] for c in PRESENCE] == [f"B{i}" for i in range(1, 10)]
    assert codes("confirmed") == ("O1_FRAUD", "O2_IRREGULAR", "O3_BREACH", "B4_ABSENT", "B5_NO_SUCH", "B7_ID_MISMATCH")
    assert codes("missing", OUTCOMES) == ("O5_INSUFFICIENT", "O7_UNABLE", "O9_DUPLICATE")
    assert not any(o.weight for o in CODES.values() if o.klass in ("error", "missing"))
    assert not any(o.conclusive for o in CODES.values() if o.klass == "missing")


@pytest.mark.parametrize(
    ("day", "code"), [(4, None), (5, "O1_FRAUD"), (19, "O1_FRAUD"), (20, "O6_CLEAR"), (31, "O6_CLEAR")]
)
def test_the_version_last_known_counts_once(day: int, code: str | None) -> None:
    found = findings(WITHDRAWN, moment=datetime(2025, 3, day, 23, 59))
    assert found["code"].tolist() == ([code] if code else [])
    turned = findings(WITHDRAWN.iloc[::-1], moment=datetime(2025, 3, day, 23, 59))
    assert turned.equals(found), "the order of the files does not matter"


def test_findings_of_one_inspection_and_inspections_of_one_entity_stay_apart() -> None:
    second = WITHDRAWN.assign(finding_no="2")
    other = versions(("J2", 1, "07", "O1_FRAUD"))
    assert last_word(pd.concat([WITHDRAWN, second, other]), "inspections")["outcome_code"].tolist() == [
        "O6_CLEAR", "O6_CLEAR", "O1_FRAUD",
    ]  # fmt: skip


def test_rows_without_a_number_stand_for_themselves() -> None:
    checks = pd.DataFrame({"check_id": [None, None], "mdtrt_id": ["a", "b"], "check_time": pd.Timestamp("2025-03-01"), "result_code": "B4_ABSENT"})  # fmt: skip
    assert findings(None, checks)["entity_id"].tolist() == ["a", "b"]


def test_letters_and_words_name_the_same_grain_and_strangers_nobody() -> None:
    table = pd.concat([WITHDRAWN.tail(1).assign(entity_type=t, insp_id=t) for t in ("P", "person", "L", None)])
    assert findings(table)["grain"].tolist() == ["person", "person"]


def test_an_unknown_word_is_no_verdict() -> None:
    found = findings(WITHDRAWN.tail(1).assign(outcome_code="骗保"))
    assert found[["outcome", "weight", "conclusive"]].to_numpy().tolist() == [["missing", 0.0, False]]


def test_the_conclusion_of_the_latest_period_holds_and_a_look_at_a_bed_concludes_nothing() -> None:
    early = versions(("J1", 1, "05", "O1_FRAUD")).assign(period_end=pd.Timestamp("2025-01-31"))
    late = versions(("J2", 1, "04", "O6_CLEAR")).assign(period_end=pd.Timestamp("2025-02-28"))
    open_ = versions(("J3", 1, "09", "O7_UNABLE")).assign(period_end=pd.Timestamp("2025-03-08"))
    held = conclusions(findings(pd.concat([early, late, open_])), "person")
    assert held["finding_id"].to_dict() == {"p": "J2"}
    checks = pd.DataFrame({"check_id": ["c1", "c2"], "mdtrt_id": ["a", "b"], "check_time": pd.Timestamp("2025-03-01"), "result_code": ["B1_IN_BED", "B4_ABSENT"]})  # fmt: skip
    assert list(conclusions(findings(None, checks), "admission").index) == ["b"]
