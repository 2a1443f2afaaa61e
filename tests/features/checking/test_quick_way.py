"""The quick way of a check answers as the full way does, of every rule; what it cannot read goes the full way; and what
it keeps of everybody is nobody else's to read."""

import sqlite3
import stat
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from claims.intake.pipeline import intake
from claims.store.warehouse import Warehouse
from features.checking import history_file
from features.checking.check_claim import RuleAnswer, check_claim
from features.checking.claim_file import moment_of_claim
from features.checking.counter_store import CounterStore
from features.checking.quick_way import QuickWay
from features.checking.sqlite_functions import add_functions, micros
from features.checking.sqlite_text import Dictionary, Untold, in_sqlite, text_of
from tests.claims.county import LINE, write
from tests.features import county
from tests.worlds import Worlds

from .test_counter_store import AFTER, CLAIMS, ITEM, SHOP, STAY, SWIPE, UNIT, VISIT, hits
from .test_hits import claims_of

Claim = tuple[dict[str, Any], list[dict[str, Any]], Any]


def quick(root: Path | None) -> CounterStore:
    """A store whose checks go the quick way."""
    store = CounterStore(root)
    store.prepare()
    if root is not None:
        history_file.make(root)
    return store


def same(store: CounterStore, root: Path | None, claims: list[Claim]) -> list[list[RuleAnswer]]:
    """The answers of the quick way, which are those of the full one."""
    full, told = CounterStore(root), []
    for settlement, lines, at in claims:
        found = check_claim(settlement, lines, store, at)
        assert store.went == "quick"
        assert found == check_claim(settlement, lines, full, at), settlement["mdtrt_id"]
        told.append(found)
    return told


@pytest.fixture
def house(tmp_path: Path) -> Path:
    old = VISIT | {"setl_id": "S0", "mdtrt_id": "M0", "fixmedins_code": "S1", "med_type": "41"}
    claims = write(
        tmp_path / "one", institutions=[UNIT, SHOP], settlements=[STAY, old], fee_details=[LINE], catalog=[ITEM]
    )
    intake(claims, tmp_path / "house", known_at=date(2025, 6, 2))
    return tmp_path / "house"


def odd(claims: list[Claim]) -> Iterator[Claim]:
    """Claims as they come and as they should not: of nobody known, of unknown codes, twice over, without lines, unsettled."""
    for k, (settlement, lines, at) in enumerate(claims):
        yield settlement, lines, at
        new = {"mdtrt_id": f"NEW{k}", "setl_id": f"NEW{k}"}
        yield from (
            [(settlement | {"psn_no": "NOBODY"}, lines, at)],
            [(settlement, [line | {"med_list_codg": "ZZ"} for line in lines], at)],
            [(settlement | new, [line | new for line in lines], at)],
            [(settlement | {"fixmedins_code": "NOWHERE", "med_type": "99"}, lines * 2, at)],
            [({n: v for n, v in settlement.items() if n not in ("setl_id", "endtime")}, [], at)],
        )[k % 5]


def test_every_rule_is_answered_as_duckdb_answers_it(worlds: Worlds) -> None:
    root = county.built(worlds, "plain").warehouse
    claims = [(s, lines, moment_of_claim(s)) for s, lines in claims_of(county.source(worlds))[:25]]
    told = same(quick(root), root, list(odd(claims)))
    assert len(hits(told)) >= 5, "a world in which little is hit tests little"
    alone = same(quick(None), None, claims[:4])
    assert {a.status for answers in alone for a in answers} <= {"hit", "clear", "not_evaluable"}


def test_what_becomes_known_reaches_the_quick_way(house: Path) -> None:
    store = quick(house)
    before = same(store, house, [*CLAIMS])
    assert {("R01", "admission"), ("R12", "admission")} <= hits(before)
    filing: dict[str, object] = {"psn_no": "P1", "kind": "家庭病床", "begndate": "2025-04-01", "enddate": "2025-05-30"}
    intake(write(house.parent / "two", settlements=[], filings=[filing]), house, known_at=date(2025, 6, 20))
    history_file.make(house)
    assert same(store, house, [*CLAIMS]) != before
    assert [p.suffix for p in (house / "counter").glob("*.sqlite")] == [".sqlite"], "the other state's is put aside"


def test_what_only_duckdb_reads_goes_the_full_way(house: Path) -> None:
    store = quick(house)
    check_claim(SWIPE | {"endtime": "2025-04-20 9:00"}, [], store, AFTER)
    assert store.went == "full"
    assert store._quick is not None
    assert store._quick.con.execute('SELECT count(*) FROM "person.visits"').fetchone() == (0,), "nothing is left behind"
    check_claim(SWIPE, [], store, AFTER)
    assert store.went == "quick"


def test_until_the_history_is_there_checks_read_the_warehouse(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Path] = []
    monkeypatch.setattr(history_file, "begin", begun.append)
    store = CounterStore(house)
    store.prepare()
    answer = check_claim(SWIPE, [], store, AFTER)
    assert (store.went, begun) == ("full", [house])
    path = history_file.make(house)
    assert {stat.S_IMODE(p.stat().st_mode) for p in (path, path.parent)} == {0o600, 0o700}
    whole = path.read_bytes()
    path.write_bytes(whole[:-100] + bytes(100))
    assert check_claim(SWIPE, [], store, AFTER) == answer
    assert store.went == "full", "a damaged file is not read"
    assert history_file.make(house) == path
    assert path == history_file.place_of(Warehouse.open(house))
    assert check_claim(SWIPE, [], store, AFTER) == answer
    assert store.went == "quick"


def test_a_rule_without_words_in_sqlite_closes_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def untold(*_: object) -> None:
        raise Untold("a function nobody knows")

    monkeypatch.setattr("features.checking.counter_store.program_of", untold)
    monkeypatch.setattr(QuickWay, "begin", untold)
    store = CounterStore(None)
    store.prepare()
    check_claim(SWIPE, [], store, AFTER)
    assert store.went == "full"


TABLE = {
    "main.t": {
        "d": "DATE",
        "m": "TIMESTAMP",
        "n": "BIGINT",
        "x": "DOUBLE",
        "s": "VARCHAR",
        "b": "BOOLEAN",
        "k": "BIGINT",
    }
}
EXPRESSIONS = [
    "d + 1", "d - 3", "d - DATE '2025-01-30'", "m::DATE", "m - INTERVAL 36 HOUR", "(m - INTERVAL 1 DAY)::DATE - 1",
    "date_diff('day', d, m)", "date_diff('minute', m, m + INTERVAL 59 SECOND)", "date_diff('year', d, m)", "date_trunc('month', m)",
    "extract(hour FROM m)", "isodow(d)", "strftime(m, '%m%d')", "epoch(m)", "make_date(2024, 2, 29)", "s || '|' || d", "s || n",
    "n / 3", "n / nullif(n - n, 0)", "0.6 * n", "0.1 * n = 0.7", "7 * 0.1", "round(x)::BIGINT", "(n / 2.0)::BIGINT", "greatest(n, NULL, 4)",
    "least(d, m::DATE)", "try_cast(s AS INT)", "try_cast('12' AS DOUBLE)", "regexp_matches(s, '^[A-Z]{2}')", "s LIKE 'aB%'", "s LIKE 'AB%'",
    "upper(s)", "coalesce(b, false)", "b IS DISTINCT FROM true", "NOT b", "nullif(s, 'x')", "list_contains(regexp_split_to_array(s, '[,;]'), 'c')",
    "len(regexp_split_to_array(s, '[,;]'))", "substr(s, 2, 3)", "s[1]", "trim(s, 'aB')", "d >= '2025-01-31'", "d = m::DATE", "m < d",
    "count(*) OVER (PARTITION BY k)", "count(DISTINCT s) OVER (PARTITION BY k)", "lag(n) OVER (PARTITION BY k ORDER BY n)",
    "sum(n) OVER (PARTITION BY k ORDER BY m RANGE BETWEEN INTERVAL 2 DAY PRECEDING AND CURRENT ROW)",
    "sum(n) OVER (PARTITION BY k ORDER BY n RANGE BETWEEN k - 1 PRECEDING AND CURRENT ROW)", "row_number() OVER (ORDER BY s NULLS FIRST, n)",
    "bool_or(b) OVER (PARTITION BY k)", "(SELECT max(o.n) FROM t o WHERE o.k = t.k)", "EXISTS (FROM t o WHERE o.n > t.n)",
]  # fmt: skip
ROWS = """SELECT * FROM (VALUES
    (DATE '2025-01-31', TIMESTAMP '2025-01-31 00:00:00', 7::BIGINT, 2.5::DOUBLE, 'aB,c', true, 1::BIGINT),
    (DATE '2024-02-29', TIMESTAMP '2025-01-30 23:59:59.5', 10, -2.5, 'XY;Z', NULL, 2),
    (DATE '1949-10-01', TIMESTAMP '2025-02-01 12:00:00', 0, 1e9, NULL, false, 2),
    (NULL, NULL, NULL, NULL, '12', true, 2)) v(d, m, n, x, s, b, k)"""


@pytest.fixture(scope="module")
def both() -> tuple[duckdb.DuckDBPyConnection, Any]:

    left, right = duckdb.connect(), sqlite3.connect(":memory:")
    left.execute(f"CREATE TABLE t AS {ROWS}")
    add_functions(right)
    right.execute('CREATE TABLE "main.t" (d, m, n, x, s, b, k)')
    for row in left.execute("FROM t").fetchall():
        right.execute('INSERT INTO "main.t" VALUES (?, ?, ?, ?, ?, ?, ?)', [plain(v) for v in row])
    return left, right


def plain(value: Any) -> Any:
    """A value of DuckDB as SQLite has it."""
    if isinstance(value, date):
        return micros(datetime.fromisoformat(value.isoformat()))
    return float(value) if type(value).__name__ == "Decimal" else value


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_words_mean_the_same(both: tuple[duckdb.DuckDBPyConnection, Any], expression: str) -> None:
    sql = f"SELECT {expression} AS told FROM t ORDER BY t.k, t.n"
    said = text_of(in_sqlite(sql, "net", Dictionary(TABLE)))
    assert [plain(v) for (v,) in both[0].execute(sql).fetchall()] == [v for (v,) in both[1].execute(said).fetchall()], (
        said
    )


@pytest.mark.parametrize(
    "expression",
    [
        "md5(s)",
        "m + INTERVAL 1 MONTH",
        "d || m::VARCHAR || x",
        "s > n",
        "m = s",
        "lag(n IGNORE NULLS) OVER (ORDER BY n)",
    ],
)
def test_what_is_not_certain_is_not_said(expression: str) -> None:
    with pytest.raises(Untold):
        text_of(in_sqlite(f"SELECT {expression} AS told FROM t", "net", Dictionary(TABLE)))
