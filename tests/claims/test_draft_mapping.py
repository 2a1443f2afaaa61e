"""`xiezhi mapping suggest`: three exports nobody told it of, and its draft gives the warehouse of the hand's mapping but for lines it marks."""

import csv
import sqlite3
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import pytest

from claims.drafting.draft import COLUMN as COLUMN_FROM
from claims.drafting.draft import Draft, draft_mapping
from claims.drafting.evidence import judged, named
from claims.drafting.matching import assign
from claims.drafting.pinyin import initials, pinyin, syllables
from claims.drafting.profile import Dataset, _unseen
from claims.drafting.thesaurus import CONCEPTS, likeness
from claims.errors import UserError
from claims.intake.pipeline import intake
from claims.schema.mapping import parse_mapping
from claims.schema.table import Column
from claims.schema.tables import CANONICAL, SOURCE
from claims.store.warehouse import Warehouse
from simulator import simulate
from tests.claims.foreign import LOCAL, cut, foreign, renamed
from tests.conftest import shared
from tests.worlds import Worlds, code_of

SETTLEMENTS = SOURCE["settlements"]
COLUMN = {c.name: c for c in SETTLEMENTS.columns}

EXPORT = """结算流水号,就诊ID,人员编号,定点医药机构编号,医疗类别,开始时间,结算时间,医疗费总额,基金支付总额,经办备注
S1,M1,P1,H1,11,2025-03-01 09:00:00,2025-03-01 09:30:00,100.10,60.00,无
S2,M2,P2,H1,11,2025-03-02 09:00:00,2025-03-02 09:30:00,20.00,10.00,好
"""


@pytest.fixture(scope="module")
def county(worlds: Worlds) -> Path:
    def make(folder: Path) -> None:
        simulate(folder, 500, 3, 3)

    return worlds.get("drafted", code_of("simulator"), make) / "claims"


def hashes(root: Path) -> dict[tuple[str, str], tuple[int, int]]:
    """(table, column) → its filled rows and a hash of all its values with the keys they belong to."""
    house, found = Warehouse.open(root), {}
    with duckdb.connect() as con:
        for table in house.manifest["tables"]:
            files = [str(f) for f in house.files(table)]
            con.execute(f"CREATE OR REPLACE VIEW held AS FROM read_parquet({files}, union_by_name=true)")
            key = CANONICAL[table].key_sql()
            for column, *_ in con.execute("DESCRIBE held").fetchall():
                told = f'sum(hash({key}, CAST("{column}" AS VARCHAR))::HUGEINT)'
                found[table, column] = con.execute(f'SELECT count("{column}"), {told} FROM held').fetchall()[0]
    return found


def same_but_for(draft: Draft, drafted: Path, by_hand: Path) -> set[str]:
    """``table.column`` of what differs although the draft is sure of it. The parts of a settlement are columns of `settlements`."""
    a, b = hashes(drafted), hashes(by_hand)
    told = {mark.replace("table.", "") for mark in draft.check}
    parts = {"visits": "settlements", "discharges": "settlements"}
    differing = {(t, c) for t, c in {*a, *b} if a.get((t, c)) != b.get((t, c))}
    return {
        f"{t}.{c}"
        for t, c in differing
        if not {f"{parts.get(t, t)}.{c.removesuffix('_fen').removesuffix('_e6')}", t} & told
    }


@pytest.mark.parametrize("export", [renamed, foreign])
def test_a_draft_gives_the_warehouse_of_the_hand(export: object, county: Path, tmp_path: Path) -> None:
    by_hand = export(county, tmp_path / "export")  # type: ignore[operator]
    draft = draft_mapping(tmp_path / "export")
    (tmp_path / "draft.toml").write_text(draft.text, "utf-8")
    told = [
        intake(tmp_path / "export", tmp_path / f"of_{whose}", mapping).tables
        for whose, mapping in (("hand", by_hand), ("draft", tmp_path / "draft.toml"))
    ]
    assert told[0] == told[1]
    assert told[0]["settlements"].accepted > 1000
    assert same_but_for(draft, tmp_path / "of_draft", tmp_path / "of_hand") == set()
    assert len(draft.check) <= 6
    assert not draft.unknown


def test_a_database_gives_the_draft_of_its_files(county: Path, tmp_path: Path) -> None:
    foreign(county, tmp_path / "export")
    of_files = draft_mapping(tmp_path / "export")
    with sqlite3.connect(tmp_path / "bureau.db") as link:
        for file in sorted((tmp_path / "export").glob("*.csv")):
            header, *rows = csv.reader(file.open(encoding="gb18030", newline=""))
            link.execute(f'CREATE TABLE "{file.stem}" ({", ".join(f"{chr(34)}{h}{chr(34)} TEXT" for h in header)})')
            link.executemany(f'INSERT INTO "{file.stem}" VALUES ({", ".join("?" * len(header))})', rows)
    of_tables = draft_mapping(f"sqlite:///{tmp_path / 'bureau.db'}")
    assert tomllib.loads(of_tables.text) == tomllib.loads(of_files.text)


def test_local_codes_are_guessed_by_what_their_rows_do_and_marked(county: Path, tmp_path: Path) -> None:
    foreign(county, tmp_path / "export", LOCAL)
    draft = draft_mapping(tmp_path / "export")
    mapping = tomllib.loads(draft.text)
    bills, units = mapping["tables"]["settlements"]["columns"], mapping["tables"]["institutions"]["columns"]
    assert mapping["visit_class"]["210"] == "inpatient"
    assert mapping["visit_class"]["300"] == "pharmacy"
    assert bills["refd_setl_flag"]["values"] == {"1": "0", "2": "1"}
    assert bills["insutype"]["values"] == {"1": "310", "2": "390"}
    assert units["fixmedins_type"]["values"] == {"A": "1", "B": "2"}
    assert mapping["tables"]["fee_details"]["columns"]["med_chrgitm_type"]["values"]["F9"] == "09"
    marked = {
        "settlements.med_type",
        "settlements.refd_setl_flag",
        "settlements.insutype",
        "institutions.fixmedins_type",
    }
    assert marked <= set(draft.check)


@pytest.mark.slow
def test_another_makers_county_under_other_names(tmp_path: Path) -> None:
    by_hand = renamed(cut(shared("data", "second", "claims"), tmp_path / "cut", "0900"), tmp_path / "export")
    draft = draft_mapping(tmp_path / "export")
    (tmp_path / "draft.toml").write_text(draft.text, "utf-8")
    told = [
        intake(tmp_path / "export", tmp_path / f"of_{whose}", mapping).tables
        for whose, mapping in (("hand", by_hand), ("draft", tmp_path / "draft.toml"))
    ]
    assert told[0] == told[1]
    assert same_but_for(draft, tmp_path / "of_draft", tmp_path / "of_hand") == set()
    assert len(draft.check) <= 10


@pytest.mark.slow
def test_the_old_systems_zip(pilot: Path, tmp_path: Path) -> None:
    draft = draft_mapping(pilot / "legacy.zip")
    (tmp_path / "draft.toml").write_text(draft.text, "utf-8")
    intake(pilot / "legacy.zip", tmp_path / "draft", tmp_path / "draft.toml")
    intake(pilot / "legacy.zip", tmp_path / "hand", "pilot_legacy")
    assert same_but_for(draft, tmp_path / "draft", tmp_path / "hand") == set()
    assert set(draft.check) <= {"institutions.admdvs", "settlements.med_type", "inspections.insp_time"}


@pytest.fixture
def small(tmp_path: Path) -> Draft:
    (tmp_path / "结算明细.csv").write_text(EXPORT, "utf-8")
    return draft_mapping(tmp_path)


def test_a_draft_says_how_sure_it_is_and_what_it_did_not_understand(small: Draft) -> None:
    columns = tomllib.loads(small.text)["tables"]["settlements"]["columns"]
    assert columns["setl_id"] == "结算流水号"
    assert columns["medfee_sumamt"] == "医疗费总额"
    assert small.sure["settlements.psn_no"] > 0.95
    assert any("经办备注" in line for line in small.unknown)
    marked = [line.split(" = ")[0] for line in small.text.splitlines() if line.endswith("← check")]
    assert {f"settlements.{c}" for c in marked if c in columns} <= set(small.check)


def test_a_draft_is_a_mapping(small: Draft) -> None:
    assert parse_mapping(small.text).rule("settlements").columns["begntime"].sources == ("开始时间",)


def test_tables_that_must_be_there_are_told_as_missing(small: Draft) -> None:
    assert "# no table for persons" in small.text
    assert "# no table for institutions" in small.text


def test_words_of_one_meaning_are_alike() -> None:
    assert likeness("就医登记号", "就诊ID") == 1.0
    assert likeness("结算流水", "结算ID") == 1.0
    assert likeness("经办备注", "人员编号") < 0.3
    assert initials("结算单号") == "jsdh"
    assert named("psn_no", COLUMN["psn_no"])[0] == 1.0
    assert named("JSD_H", COLUMN["setl_id"])[0] > 0.6


def spelt(how: Callable[[str], str], columns: Sequence[Column]) -> dict[str, str]:
    """Headers as an old system writes them, two of one spelling told apart by a figure → official columns."""
    found: dict[str, str] = {}
    for column in columns:
        header = how(column.zh)
        while header in found:
            header += "1"
        found[header] = column.name
    return found


@pytest.mark.parametrize(
    ("how", "taken"),
    [(pinyin, 0.99), (lambda zh: "_".join(syllables(zh)).upper(), 0.99), (lambda zh: initials(zh).upper(), 0.8)],
    ids=["ruyuanriqi", "RU_YUAN_RI_QI", "RYRQ"],
)
def test_headers_in_pinyin_are_known_by_name_alone_and_none_is_taken_for_another(
    how: Callable[[str], str], taken: float
) -> None:
    right = wrong = total = 0
    for table in SOURCE.values():
        names = spelt(how, table.columns)
        held = Dataset(0, ["a"], ["a"], rows=1, columns={h: _unseen(h, "VARCHAR") for h in names})
        sure = [p for p in assign(held, table).values() if p.sure >= COLUMN_FROM and not p.doubtful]
        right += sum(names[p.local] == p.official for p in sure)
        wrong += sum(names[p.local] != p.official for p in sure)
        total += len(names)
    assert wrong == 0
    assert right > taken * total


def test_initials_of_two_columns_are_marked_with_both() -> None:
    held = Dataset(0, ["a"], ["a"], rows=1, columns={h: _unseen(h, "VARCHAR") for h in ("KSSJ", "JSSJ")})
    pairs = {p.local: p for p in assign(held, SETTLEMENTS).values()}
    assert pairs["KSSJ"].official == "begntime"
    assert not pairs["KSSJ"].doubtful
    assert {pairs["JSSJ"].official, pairs["JSSJ"].tied} == {"endtime", "setl_time"}


def test_a_column_nobody_took_is_told_with_what_it_may_be(tmp_path: Path) -> None:
    (tmp_path / "doctors.csv").write_text("YSBM,DDYYJGBH,KS\nD1,H1,A03\nD2,H1,A07\n", "utf-8")
    told = draft_mapping(tmp_path).unknown
    assert any("column KS (A03, A07); perhaps hosp_dept_code 科室" in line for line in told), told


def test_every_character_of_our_words_has_a_spelling() -> None:
    ours = {w for t in SOURCE.values() for c in t.columns for w in (c.zh, *c.aliases)} | {CONCEPTS}
    assert not {sign for w in ours for sign in w if "\u4e00" <= sign <= "\u9fff" and not pinyin(sign)}


def test_values_speak_against_a_column_of_another_kind(tmp_path: Path) -> None:
    from claims.drafting.profile import open_export

    (tmp_path / "a.csv").write_text("day,sum,word\n" + "2025-03-01 09:00:00,100.10,高血压\n" * 12, "utf-8")
    with duckdb.connect() as con:
        held = open_export(tmp_path, con, tmp_path).datasets[0].columns
        assert judged(COLUMN["setl_time"], held["day"], False).fits == 1.0
        assert judged(COLUMN["setl_time"], held["sum"], False).fits == 0.0
        assert judged(COLUMN["medfee_sumamt"], held["sum"], False).fits == 1.0
        assert judged(COLUMN["medfee_sumamt"], held["word"], False).fits == 0.0


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no file or folder"):
        draft_mapping(tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no table"):
        draft_mapping(tmp_path / "empty")
