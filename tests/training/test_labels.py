"""What an inspection teaches, and what it does not."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from claims.schema.outcomes import OUTCOMES, PRESENCE
from training.labels import decided, load_labels


def inspections(*rows: tuple[str, str, str], **extra: object) -> pd.DataFrame:
    """(entity_type, entity_id, outcome_code) rows, inspected 2025-03-01."""
    frame = pd.DataFrame(rows, columns=["entity_type", "entity_id", "outcome_code"])
    frame["insp_id"] = [f"J{i}" for i in range(len(frame))]
    frame["insp_time"] = pd.Timestamp("2025-03-01")
    frame["period_end"] = date(2025, 2, 10)
    frame["known_at"] = pd.Timestamp("2025-03-05 10:00")
    return frame.assign(**extra)


def test_every_code_of_the_standard_is_placed() -> None:
    assert set(OUTCOMES) == {
        f"O{i}_{n}"
        for i, n in enumerate(
            ["FRAUD", "IRREGULAR", "BREACH", "ERROR", "INSUFFICIENT", "CLEAR", "UNABLE", "EXPLAINED", "DUPLICATE"], 1
        )
    }
    assert len(PRESENCE) == 9


@pytest.mark.parametrize("code", ["O5_INSUFFICIENT", "O7_UNABLE", "O9_DUPLICATE", "", "XX"])
def test_what_could_not_be_checked_is_missing_never_negative(code: str) -> None:
    labels = load_labels(inspections(("admission", "a", code)))
    assert labels["outcome"].tolist() == ["missing"]
    assert decided(labels, "admission").empty


def test_error_without_intent_is_neither() -> None:
    assert decided(load_labels(inspections(("admission", "a", "O4_ERROR"))), "admission").empty


def test_nothing_is_known_before_its_time() -> None:
    table = inspections(("admission", "a", "O1_FRAUD"))
    assert load_labels(table, as_of=date(2025, 3, 4)).empty
    assert len(load_labels(table, as_of=date(2025, 3, 5))) == 1, "the whole of the as-of day counts"
    assert len(load_labels(table.drop(columns="known_at"), as_of=date(2025, 3, 1))) == 1


def test_one_entity_one_label_confirmed_beats_refuted() -> None:
    labels = load_labels(
        inspections(("person", "p", "O6_CLEAR"), ("person", "p", "O2_IRREGULAR"), ("person", "p", "O7_UNABLE"))
    )
    assert labels["outcome"].tolist() == ["confirmed"]


def test_presence_checks_speak_about_stays() -> None:
    checks = pd.DataFrame(
        {
            "mdtrt_id": ["a", "b", "c", "d"],
            "check_time": pd.Timestamp("2025-03-01 21:00"),
            "result_code": ["B4_ABSENT", "B1_IN_BED", "B8_UNABLE", "B6_DISCHARGED"],
            "source": "random",
        }
    )
    labels = load_labels(None, checks).set_index("entity_id")
    assert labels["outcome"].to_dict() == {"a": "confirmed", "b": "refuted", "c": "missing", "d": "error"}
    assert labels.loc["b", "weight"] < 1, "in bed tonight clears only half"
    assert labels.loc["a", "scheme"] == "T01"


def test_confirmed_stays_mark_softly_and_soft_labels_never_count() -> None:
    stays = pd.DataFrame(
        {"mdtrt_id": ["a", "b"], "psn_no": ["p", "q"], "fixmedins_code": ["h", "k"], "atddr_no": ["d", None]}
    )
    table = inspections(
        ("admission", "a", "O1_FRAUD"), ("admission", "b", "O6_CLEAR"), ("institution", "h", "O6_CLEAR")
    )
    labels = load_labels(table, stays=stays)
    soft = labels[labels["soft"]]
    assert set(zip(soft["grain"], soft["entity_id"], strict=True)) == {("person", "p"), ("doctor", "d")}, (
        "h has a finding of its own"
    )
    assert (soft["weight"] < 0.5).all()
    assert decided(labels, "person").empty


def test_money_in_fen_or_yuan() -> None:
    yuan = load_labels(inspections(("admission", "a", "O1_FRAUD"), amt_confirmed=89.85))
    fen = load_labels(inspections(("admission", "a", "O1_FRAUD"), amt_confirmed_fen=8985))
    assert yuan["amount_fen"].tolist() == fen["amount_fen"].tolist() == [8985.0]


def test_no_tables_no_labels_no_error() -> None:
    labels = load_labels(None, None, None, date(2025, 1, 1))
    assert labels.empty
    assert decided(labels, "admission").empty
    assert np.issubdtype(labels["known_at"].dtype, np.datetime64)
