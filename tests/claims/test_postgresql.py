"""A bureau's PostgreSQL as it is found: odd types, views that are stored, other schemas, rights, and views that fail."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from claims.errors import UserError
from claims.intake.pipeline import intake
from claims.intake.quarantine import list_quarantine
from tests.claims.county import UNIT, people
from tests.claims.test_inputs import held
from tests.claims.test_sources import postgres

__all__ = ["postgres"]
pytestmark = pytest.mark.slow

MADE = """
CREATE TABLE persons (psn_no text, gend text, brdy text, insutype text, psn_type text, insuplc_admdvs text);
CREATE TABLE institutions (fixmedins_code text, fixmedins_name text, fixmedins_type text, hosp_lv text, admdvs text, aprv_bed_cnt text);
CREATE TABLE settlements (
    setl_id bigint PRIMARY KEY, mdtrt_id uuid DEFAULT gen_random_uuid(), psn_no varchar(30), fixmedins_code char(12), insutype smallint, psn_type text,
    med_type text, begntime timestamptz, endtime timestamp, setl_time text, medfee_sumamt numeric(16, 4), fund_pay_sumamt double precision,
    acct_pay real, psn_cash_pay money, refd_setl_flag bit(1), init_setl_id text, manual_flag boolean, doc json, more jsonb, tags text[], place point, raw bytea
);
INSERT INTO settlements VALUES
    (1, DEFAULT, 'P1', 'H1', 310, '1101', '11', '2025-02-28 23:30:00+00', 'infinity', '2025/3/1 下午 3:05:00', 100.10, 60, 30.1, 10, B'0', NULL, false, '{"a": 1}', '{}', '{a,b}', '(1,2)', '\\x00ff'),
    (2, DEFAULT, 'P1', 'H1', 310, '1101', '11', '2025-03-01 07:30:00.123456+08', '9999-12-31', '20250302090000', 100.10, 60, 30.1, 10, B'0', '', true, NULL, NULL, NULL, NULL, NULL);
"""  # fmt: skip


@pytest.fixture
def county(postgres: str) -> Iterator[tuple[str, object]]:
    """Address and engine of a database with these tables."""
    import sqlalchemy as sa

    engine = sa.create_engine(postgres)
    with engine.begin() as link:
        for statement in MADE.split(";\n"):
            if statement.strip():
                link.exec_driver_sql(statement)
        for table, rows in (("persons", people()), ("institutions", [UNIT])):
            for row in rows:
                cells = ", ".join(f"'{v}'" for v in row.values())
                link.exec_driver_sql(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({cells})")
    yield postgres, engine
    engine.dispose()


def run(engine: object, *statements: str) -> None:
    with engine.begin() as link:  # type: ignore[attr-defined]
        for statement in statements:
            link.exec_driver_sql(statement)


def test_types_views_schemas_rights(county: tuple[str, object], tmp_path: Path) -> None:
    url, engine = county
    done = intake(url, tmp_path / "house")
    assert done.tables["settlements"].accepted == 2, list_quarantine(tmp_path / "house")
    columns = "setl_id, fixmedins_code, begntime, endtime, setl_time, medfee_sumamt_fen, acct_pay_fen, refd_setl_flag, manual_flag"
    assert held(tmp_path / "house", "settlements", columns) == [
        ("1", "H1", datetime(2025, 3, 1, 7, 30), None, datetime(2025, 3, 1, 15, 5), 10010, 3010, "0", "0"),
        ("2", "H1", datetime(2025, 3, 1, 7, 30), None, datetime(2025, 3, 2, 9), 10010, 3010, "0", "1"),
    ]
    assert {i.name for i in done.ignored} >= {"settlements: doc", "settlements: raw"}

    # a stored view is a table
    run(engine, "ALTER TABLE settlements RENAME TO t_js", "CREATE MATERIALIZED VIEW settlements AS SELECT * FROM t_js")
    with pytest.raises(UserError, match=r"t_js \(its name is no table's\) would not be read"):
        intake(url, tmp_path / "stored")
    assert intake(url, tmp_path / "stored", allow_ignored=["t_js"]).tables["settlements"].accepted == 2

    # what lies in another schema is named
    run(
        engine,
        "DROP MATERIALIZED VIEW settlements",
        "CREATE SCHEMA his",
        "ALTER TABLE t_js SET SCHEMA his",
        "ALTER TABLE his.t_js RENAME TO settlements",
    )
    with pytest.raises(UserError, match=r"his.settlements \(it lies in another schema; give a view of it here\)"):
        intake(url, tmp_path / "other")

    # a view that fails in the middle: nothing is half written
    failing = "SELECT *, 1 / (2 - setl_id) AS share FROM his.settlements ORDER BY setl_id"
    run(engine, f"CREATE VIEW settlements AS {failing}")
    with pytest.raises(UserError, match=r"settlements cannot be read: DivisionByZero .*nothing was published"):
        intake(url, tmp_path / "failing", allow_ignored=["his.*"])
    assert not (tmp_path / "failing" / "CURRENT").exists()

    # a role without rights
    run(
        engine,
        "DROP VIEW settlements",
        "CREATE VIEW settlements AS SELECT * FROM his.settlements",
        "CREATE ROLE clerk LOGIN",
    )
    run(engine, "GRANT SELECT ON persons, institutions TO clerk")
    with pytest.raises(
        UserError, match=r"settlements cannot be read: InsufficientPrivilege after 0 rows; check rights"
    ):
        intake(url.replace("postgres:@", "clerk:@"), tmp_path / "clerk", allow_ignored=["his.*"])
    assert not (tmp_path / "clerk" / "CURRENT").exists()
