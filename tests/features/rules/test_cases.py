"""The cases beside each rule: at least three that must hit and three that must not, asked of the declaration itself."""

from collections.abc import Sequence

import pandas as pd
import pytest

from claims.errors import DeclarationError
from features.bucket import evaluate
from features.checking.cases import Drawing, cases_of, drawing_of, expanded, parse
from features.checking.hits import rules_of
from features.declare import REGISTRY
from features.limits import hold_against
from tests.features.catalog.drawn import draw
from tests.features.catalog.stays_drawn import stays

RULES = list(dict.fromkeys(str(f.rule) for f in rules_of()))
LEAST = 3


def asked(drawing: Drawing, names: list[str], ids: Sequence[str] = ()) -> pd.DataFrame:
    """The named declarations for `ids`, or everybody in the cases, held against their peers; index entity_id."""
    tables = {name: stays(text) if name == "stays" else text for name, text in drawing.tables.items()}
    con = draw(**tables)
    con.execute("CREATE OR REPLACE TABLE main.focus (entity_id VARCHAR)")
    everybody = dict.fromkeys([*ids, *(c.entity for c in drawing.cases), *drawing.peers])
    con.executemany("INSERT INTO main.focus VALUES (?)", [[e] for e in everybody])
    features = [REGISTRY[n] for n in names]
    values = evaluate(con, features).set_index("entity_id")
    con.close()
    groups = pd.DataFrame({"peer_group": "g", "peer_group_coarse": "g"}, index=values.index)
    return hold_against(values, groups, features)[0]


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_hits_whom_it_must_and_nobody_else(rule: str) -> None:
    drawing = drawing_of(rule)
    must = [c for c in drawing.cases if c.hit]
    assert len(must) >= LEAST, "cases that must hit"
    assert len(drawing.cases) - len(must) >= LEAST, "cases that must not"
    names = list(dict.fromkeys(c.measure for c in drawing.cases))
    assert {REGISTRY[n].rule for n in names} == {rule}
    found = asked(drawing, names)
    column = {n: REGISTRY[n].columns()[0] for n in names}
    wrong = [c.text() for c in drawing.cases if (found[column[c.measure]][c.entity] > 0) != c.hit]
    assert wrong == []
    untold = [c.text() for c in drawing.cases if c.hit and pd.isna(found[column[c.measure]][c.entity])]
    assert untold == []


def test_ordinary_practice_has_no_hit_of_any_rule() -> None:
    drawing = drawing_of("clean")
    assert sum(len(ids) for ids in drawing.nobody.values()) >= 30
    for grain, ids in drawing.nobody.items():
        names = [f.name for f in rules_of() if f.grain == grain and f.by not in ("judged", "county")]
        found = asked(drawing, names, ids)
        columns = [c for n in names for c in REGISTRY[n].columns()]
        hit: pd.Series = found[columns].gt(0).stack()  # type: ignore[assignment]
        assert hit[hit].index.tolist() == [], f"{grain}: an innocent is hit"


def test_rows_are_counted_and_days_added() -> None:
    assert expanded("a{1..3} bob 06-29+{i} T23:50+{i}") == [
        f"a{i} bob {d} T23:5{i}" for i, d in ((1, "06-30"), (2, "07-01"), (3, "07-02"))
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("hit ann x", "needs a measure"),
        ("measure rule_r01\nclear ann x", "why must it not be hit"),
        ("measure rule_r01\nhit ann", "a sentence"),
        ("ann shop", "is no table, row or case"),
    ],
)
def test_a_slip_is_told_with_its_line(text: str, why: str) -> None:
    with pytest.raises(DeclarationError, match=rf"R00.txt:\d+: .*{why}"):
        parse(text, "R00.txt")


def test_a_rule_without_cases_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"R99 has no cases"):
        cases_of("R99")
