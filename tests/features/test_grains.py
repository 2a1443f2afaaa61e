"""A grain is one record: what it lacks is refused where it is written, and its peers are read from columns, not from the text that names them."""

from dataclasses import replace
from typing import get_args

import duckdb
import pytest

from claims.errors import DeclarationError, UserError
from features.grains import GRAINS, Grain, GrainSpec, PeerGroups, declare_grain, spec_of

WARD = replace(GRAINS["institution"], page_title="病区疑点清单")


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        (replace(WARD, peers=PeerGroups()), "peers are missing"),
        (replace(WARD, peers=PeerGroups(("level",), "level")), "peers are missing"),
        (replace(WARD, table=""), "active or table is missing"),
        (replace(WARD, key="", window_days=0), "key is missing; window_days is missing"),
        (WARD, "its name is not in Grain"),
    ],
)
def test_a_grain_that_lacks_something_is_refused_with_file_and_line(spec: GrainSpec, problem: str) -> None:
    with pytest.raises(DeclarationError, match=rf"test_grains\.py:\d+: grain ward: .*{problem}"):
        declare_grain("ward", spec)  # type: ignore[arg-type]
    assert "ward" not in GRAINS


def test_a_grain_is_declared_once() -> None:
    with pytest.raises(DeclarationError, match=r"already declared in features/grains\.py:\d+"):
        declare_grain("person", GRAINS["person"])


def test_every_name_has_a_record_and_an_unknown_one_is_told_in_a_sentence() -> None:
    assert set(GRAINS) == set(get_args(Grain))
    assert spec_of("person") is GRAINS["person"]
    with pytest.raises(UserError, match="unknown grain 'ward'; choose one of admission"):
        spec_of("ward")


@pytest.mark.parametrize("grain", GRAINS)
def test_the_groups_are_named_from_the_shared_columns_alone(grain: Grain) -> None:
    peers = GRAINS[grain].peers
    columns = ", ".join(f"NULL::VARCHAR AS {c}" for c in peers.columns)
    with duckdb.connect() as con:
        con.execute(f'CREATE TABLE shared AS SELECT {columns}, false AS "open"')
        assert con.execute(f"SELECT {peers.fine} IS NOT NULL, {peers.coarse} IS NOT NULL FROM shared").fetchall() == [
            (True, True)
        ]
