"""What a list says of the data it was made of."""

from datetime import date, datetime
from pathlib import Path

from claims.errors import UserError
from claims.quality import check
from claims.store.warehouse import Warehouse
from features.asof import moment_of
from features.checking.review import silent_rules
from features.evaluable import not_evaluated
from serving.lists.schema import Note


def quality_notes(warehouse: Path, as_of: date | datetime) -> tuple[Note, ...]:
    """Remarks on the data up to `as_of`, rules that these data cannot answer, and rules that the office has not in force, as lists and pages print them.

    Raises UserError when a finding stops all ranking.
    """
    house = Warehouse.open(warehouse)
    found = check(house, as_of)
    stops = [f for f in found if f.severity == "stop"]
    if stops:
        raise UserError("no list is made on this data: " + "; ".join(f.en for f in stops))
    unanswered = [
        f"不可评估（不等于未命中）：{why}：{'、'.join(rules)}" for why, rules in not_evaluated(house, as_of).items()
    ]
    said = [*(f.zh for f in found), *unanswered, *silent_rules(warehouse, moment_of(as_of).date())]
    return tuple(Note(text=text, severity="warning") for text in said)
