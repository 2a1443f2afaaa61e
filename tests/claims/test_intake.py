"""One delivery: every row counted, every clock right, the same delivery twice changes nothing."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest

from claims.errors import UserError
from claims.intake.pipeline import Counts, intake
from claims.intake.quarantine import list_quarantine
from claims.store.warehouse import Warehouse, bucket_of
from tests.claims.county import LINE, UNIT, VISIT, refund, write


def rows(house: Path, table: str, columns: str, layout: str | None = None) -> list[tuple]:
    opened = Warehouse.open(house)
    files = [str(p) for p in opened.files(table, layout)]
    with duckdb.connect() as con:
        return (
            con.execute(f"SELECT {columns} FROM read_parquet(?, union_by_name=true) ORDER BY ALL", [files]).fetchall()
            if files
            else []
        )


def test_one_row_becomes_a_visit_a_discharge_and_a_settlement(tmp_path: Path) -> None:
    stay = VISIT | {"med_type": "21", "endtime": "2025-03-05 10:00:00", "setl_time": "2025-03-09 11:00:00"}
    done = intake(write(tmp_path / "in", settlements=[stay], fee_details=[LINE]), tmp_path / "house")
    assert done.tables["settlements"] == Counts(1, 1, 0, 0)
    house = tmp_path / "house"
    assert rows(house, "visits", "known_at, visit_class, is_inpatient") == [
        (datetime(2025, 3, 1, 9), "inpatient", True)
    ]
    assert rows(house, "discharges", "known_at") == [(datetime(2025, 3, 5, 10),)]
    assert rows(house, "settlements", "known_at, medfee_sumamt_fen, version_no") == [
        (datetime(2025, 3, 9, 11), 10010, 1)
    ]
    assert rows(house, "fee_details", "known_at, setl_known_at, cnt_e4, pric_e6, det_item_fee_sumamt_fen") == [
        (datetime(2025, 3, 1, 9, 10), datetime(2025, 3, 9, 11), 20000, 50_050_000, 10010)
    ]
    assert rows(house, "visits", "psn_no", "institution") == rows(house, "visits", "psn_no", "person")


def test_an_open_stay_has_no_discharge_and_no_settlement(tmp_path: Path) -> None:
    money = dict.fromkeys(("medfee_sumamt", "fund_pay_sumamt", "hifp_pay", "acct_pay", "psn_cash_pay"), "")
    opened = VISIT | money | {"setl_id": "", "med_type": "21", "endtime": "", "setl_time": ""}
    intake(
        write(tmp_path / "in", settlements=[VISIT | {"mdtrt_id": "M0"}, opened], fee_details=[LINE | {"setl_id": ""}]),
        tmp_path / "house",
    )
    house = tmp_path / "house"
    assert [r[0] for r in rows(house, "visits", "mdtrt_id")] == ["M0", "M1"]
    assert [r[0] for r in rows(house, "discharges", "mdtrt_id")] == ["M0"]
    assert rows(house, "fee_details", "setl_id, setl_known_at") == [(None, None)]


def test_the_same_file_twice_changes_nothing(tmp_path: Path) -> None:
    source = write(
        tmp_path / "in",
        settlements=[VISIT],
        fee_details=[LINE, LINE | {"feedetl_sn": "2", "fee_ocur_time": "2025-02-30"}],
    )
    first = intake(source, tmp_path / "house")
    again = intake(source, tmp_path / "house")
    assert first.tables["fee_details"] == Counts(2, 1, 1, 0)
    assert again.tables["fee_details"] == Counts(2, 0, 0, 2)
    assert not again.published
    assert again.version == first.version


def test_the_same_rows_in_another_file_are_duplicates(tmp_path: Path) -> None:
    intake(write(tmp_path / "a", settlements=[VISIT], fee_details=[LINE]), tmp_path / "house")
    more = VISIT | {
        "setl_id": "S2",
        "mdtrt_id": "M2",
        "setl_time": "2025-04-01 09:00:00",
        "begntime": "2025-04-01 08:00:00",
        "endtime": "",
    }
    done = intake(write(tmp_path / "b", settlements=[VISIT, more], fee_details=[LINE]), tmp_path / "house")
    assert done.tables["settlements"] == Counts(2, 1, 0, 1)
    assert done.tables["persons"].duplicates == 2


def test_a_correction_is_a_new_version_known_from_its_own_extract(tmp_path: Path) -> None:
    house = tmp_path / "house"
    intake(write(tmp_path / "a", settlements=[VISIT]), house, known_at=date(2025, 3, 31))
    intake(write(tmp_path / "b", settlements=[VISIT | {"psn_cash_pay": "11.00"}]), house, known_at=date(2025, 4, 30))
    end = datetime(2025, 4, 30, 23, 59, 59)
    assert rows(house, "settlements", "version_no, known_at, psn_cash_pay_fen") == [
        (1, datetime(2025, 3, 1, 9, 30), 1000),
        (2, end, 1100),
    ]
    assert rows(house, "superseded", "table_name, key, version_no, superseded_at", "person") == [
        ("settlements", "S1", 1, end)
    ]
    assert len(rows(house, "visits", "mdtrt_id")) == 1  # the registration did not change


def test_a_row_an_earlier_extract_should_have_held_is_known_from_the_later_one(tmp_path: Path) -> None:
    house = tmp_path / "house"
    intake(write(tmp_path / "a", settlements=[VISIT]), house, known_at=date(2025, 3, 31))
    late = VISIT | {"setl_id": "S2", "mdtrt_id": "M2"}
    fresh = VISIT | {
        "setl_id": "S3",
        "mdtrt_id": "M3",
        "begntime": "2025-04-02 08:00:00",
        "endtime": "2025-04-02 08:00:00",
        "setl_time": "2025-04-02 09:00:00",
    }
    intake(write(tmp_path / "b", settlements=[late, fresh]), house, known_at=date(2025, 4, 30))
    known = dict(rows(house, "settlements", "setl_id, known_at"))
    assert known["S2"] == datetime(2025, 4, 30, 23, 59, 59)
    assert known["S3"] == datetime(2025, 4, 2, 9)


def test_settling_a_line_later_is_a_new_version_of_it(tmp_path: Path) -> None:
    house = tmp_path / "house"
    money = dict.fromkeys(("medfee_sumamt", "fund_pay_sumamt", "hifp_pay", "acct_pay", "psn_cash_pay"), "")
    opened = VISIT | money | {"setl_id": "", "med_type": "21", "endtime": "", "setl_time": ""}
    intake(
        write(tmp_path / "a", settlements=[opened], fee_details=[LINE | {"setl_id": ""}]),
        house,
        known_at=date(2025, 3, 2),
    )
    closed = VISIT | {"med_type": "21", "endtime": "2025-03-05 10:00:00", "setl_time": "2025-03-09 11:00:00"}
    intake(write(tmp_path / "b", settlements=[closed], fee_details=[LINE]), house, known_at=date(2025, 3, 31))
    assert rows(house, "fee_details", "version_no, setl_id, known_at") == [
        (1, None, datetime(2025, 3, 1, 9, 10)), (2, "S1", datetime(2025, 3, 9, 11)),
    ]  # fmt: skip
    assert rows(house, "discharges", "known_at") == [(datetime(2025, 3, 5, 10),)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"begntime": "20260229"}, "Q02"), ({"medfee_sumamt": "1,2.3.4"}, "Q03"), ({"psn_no": ""}, "Q01"), ({"setl_id": ""}, "Q01"),
        ({"mdtrt_id": "4.29E+17"}, "Q04"), ({"endtime": "2025-02-01 09:00:00"}, "Q07"), ({"begntime": "1950-01-01 00:00:00"}, "Q07"),
        ({"medfee_sumamt": "10010.00"}, "Q10"), ({"psn_no": "P\x01"}, "Q11"), ({"medfee_sumamt": "-3"}, "Q07"),
    ],
)  # fmt: skip
def test_every_fault_has_its_reason(tmp_path: Path, change: dict, reason: str) -> None:
    sound = VISIT | {"setl_id": "S0", "mdtrt_id": "M0"}
    done = intake(write(tmp_path / "in", settlements=[sound, VISIT | change]), tmp_path / "house")
    assert done.tables["settlements"] == Counts(2, 1, 1, 0)
    held = list_quarantine(tmp_path / "house")
    assert list(held["reason_code"]) == [reason]
    assert list(held["line"]) == [3]
    assert held["raw"].iloc[0]


def test_the_same_key_of_another_person_is_a_conflict(tmp_path: Path) -> None:
    done = intake(write(tmp_path / "in", settlements=[VISIT, VISIT | {"psn_no": "P2"}]), tmp_path / "house")
    assert done.reasons["settlements"] == {"Q12": 1}


def test_a_line_waits_for_its_visit(tmp_path: Path) -> None:
    house = tmp_path / "house"
    intake(write(tmp_path / "a", settlements=[VISIT | {"mdtrt_id": "M9", "setl_id": "S9"}], fee_details=[LINE]), house)
    assert list(list_quarantine(house)["reason_code"]) == ["Q09"]
    done = intake(write(tmp_path / "b", settlements=[VISIT]), house)
    assert done.readmitted == {"fee_details": 1}
    assert list_quarantine(house).empty
    assert len(rows(house, "fee_details", "mdtrt_id")) == 1


def test_an_orphan_refund_waits_for_its_original_and_both_orders_agree(tmp_path: Path) -> None:
    back = refund(VISIT)
    one = intake(write(tmp_path / "x", settlements=[back]), tmp_path / "h1")
    assert one.reasons["settlements"] == {"Q08": 1}
    assert intake(write(tmp_path / "y", settlements=[VISIT]), tmp_path / "h1").readmitted == {"settlements": 1}
    intake(write(tmp_path / "z", settlements=[back, VISIT]), tmp_path / "h2")
    what = "setl_id, init_setl_id, medfee_sumamt_fen, refd_setl_flag, version_no"
    assert rows(tmp_path / "h1", "settlements", what) == rows(tmp_path / "h2", "settlements", what)
    assert [r[0] for r in rows(tmp_path / "h1", "visits", "mdtrt_id")] == ["M1"]  # a refund is no visit


def test_a_refund_without_a_link_finds_the_nearest_original(tmp_path: Path) -> None:
    earlier = VISIT | {
        "setl_id": "S0",
        "mdtrt_id": "M0",
        "setl_time": "2025-02-01 09:00:00",
        "begntime": "2025-02-01 08:00:00",
        "endtime": "",
    }
    intake(write(tmp_path / "in", settlements=[earlier, VISIT, refund(VISIT, init_setl_id="")]), tmp_path / "house")
    assert ("RS1", "S1") in rows(tmp_path / "house", "settlements", "setl_id, init_setl_id")


def test_two_equally_near_originals_are_ambiguous(tmp_path: Path) -> None:
    twin = VISIT | {"setl_id": "S0", "mdtrt_id": "M0"}
    done = intake(write(tmp_path / "in", settlements=[twin, VISIT, refund(VISIT, init_setl_id="")]), tmp_path / "house")
    assert done.reasons["settlements"] == {"Q08": 1}


@pytest.mark.parametrize(
    "changes",
    [
        {
            "refd_setl_flag": "1",
            "medfee_sumamt": "100.10",
            "fund_pay_sumamt": "60.00",
            "hifp_pay": "60.00",
            "acct_pay": "30.10",
            "psn_cash_pay": "10.00",
        },
        {"refd_setl_flag": ""},
    ],
)
def test_every_way_of_writing_a_refund_becomes_one(tmp_path: Path, changes: dict) -> None:
    intake(write(tmp_path / "in", settlements=[VISIT, refund(VISIT) | changes]), tmp_path / "house")
    assert ("RS1", -10010, "1", "S1") in rows(
        tmp_path / "house", "settlements", "setl_id, medfee_sumamt_fen, refd_setl_flag, init_setl_id"
    )


@pytest.mark.parametrize(
    "written",
    [
        "2025-03-01 09:00:00",
        "2025/3/1 9:00:00",
        "20250301090000",
        "2025.03.01 09:00:00",
        "2025年3月1日 9时0分0秒",
        "２０２５-０３-０１ 09:00:00",
        "45717.375",
        "2025-03-01T09:00:00+08:00",
    ],
)
def test_every_way_of_writing_a_time(tmp_path: Path, written: str) -> None:
    intake(write(tmp_path / "in", settlements=[VISIT | {"begntime": written, "endtime": ""}]), tmp_path / "house")
    assert rows(tmp_path / "house", "visits", "happened_at") == [(datetime(2025, 3, 1, 9),)]


@pytest.mark.parametrize("written", ["1,234.50", "１２３４.50", "￥1234.5", "1234.50元", " 1234.5 ", "1.2345E3"])
def test_every_way_of_writing_an_amount(tmp_path: Path, written: str) -> None:
    intake(write(tmp_path / "in", settlements=[VISIT | {"medfee_sumamt": written}]), tmp_path / "house")
    assert rows(tmp_path / "house", "settlements", "medfee_sumamt_fen") == [(123450,)]


def test_rows_lie_in_the_bucket_of_their_key(tmp_path: Path) -> None:
    many = [VISIT | {"setl_id": f"S{i}", "mdtrt_id": f"M{i}", "psn_no": f"P{i}"} for i in range(20)]
    intake(write(tmp_path / "in", settlements=many), tmp_path / "house")
    opened = Warehouse.open(tmp_path / "house")
    for bucket in range(opened.buckets):
        for file in opened.files("settlements", "person", bucket):
            for (person,) in duckdb.connect().execute("SELECT psn_no FROM read_parquet(?)", [str(file)]).fetchall():
                assert bucket_of(person, opened.buckets) == bucket


def test_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    source = write(tmp_path / "in", settlements=[VISIT, refund(VISIT)], fee_details=[LINE])
    digests = []
    for house in ("a", "b"):
        intake(source, tmp_path / house)
        digests.append(Warehouse.open(tmp_path / house).manifest["tables"])
    assert digests[0] == digests[1]


@pytest.mark.parametrize("name", ["nothing", "folder"])
def test_a_source_without_tables_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match=r"no file|no table"):
        intake(tmp_path / name, tmp_path / "house")
    assert not (tmp_path / "house" / "CURRENT").exists()


def test_keyed_columns_leave_no_number_behind(tmp_path: Path) -> None:
    mapping = tmp_path / "m.toml"
    mapping.write_text('[tables.persons]\nkeyed = ["psn_no"]\n')
    intake(write(tmp_path / "in", settlements=[VISIT], institutions=[UNIT]), tmp_path / "house", mapping)
    kept = [r[0] for r in rows(tmp_path / "house", "persons", "psn_no")]
    assert all(len(k) == 64 for k in kept)
    assert (tmp_path / "house" / "key").stat().st_mode & 0o777 == 0o600
    import hashlib
    import hmac

    secret = bytes.fromhex((tmp_path / "house" / "key").read_text().strip())
    assert hmac.new(secret, b"P1", hashlib.sha256).hexdigest() in kept


@pytest.mark.slow
def test_the_pilot_comes_in_whole(pilot: Path, tmp_path: Path) -> None:
    done = intake(pilot, tmp_path / "house", "pilot")
    assert done.tables["settlements"] == Counts(331_765, 331_765, 0, 0)
    assert done.tables["fee_details"] == Counts(1_172_381, 1_172_381, 0, 0)
    house = Warehouse.open(tmp_path / "house")
    assert house.rows("visits") == 330_430
    assert house.rows("discharges") == 330_337
    assert house.rows("settlements") == 331_665
    assert house.buckets == 1
    assert house.verify_all() == len(list((tmp_path / "house" / "tables").rglob("*.parquet")))
