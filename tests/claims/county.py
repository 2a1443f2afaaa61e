"""A county of two people for tests: rows as dicts, written as CSV. One idea a test; change a cell to make a case."""

from __future__ import annotations

import csv
from pathlib import Path

Row = dict[str, object]

PERSON: Row = {
    "psn_no": "P1",
    "gend": "1",
    "brdy": "1960-05-01",
    "insutype": "310",
    "psn_type": "1101",
    "insuplc_admdvs": "429004",
}
UNIT: Row = {
    "fixmedins_code": "H1",
    "fixmedins_name": "某医院",
    "fixmedins_type": "1",
    "hosp_lv": "05",
    "admdvs": "429004",
    "aprv_bed_cnt": "20",
}
VISIT: Row = {
    "setl_id": "S1", "mdtrt_id": "M1", "psn_no": "P1", "fixmedins_code": "H1", "insutype": "310", "psn_type": "1101", "med_type": "11",
    "begntime": "2025-03-01 09:00:00", "endtime": "2025-03-01 09:00:00", "setl_time": "2025-03-01 09:30:00",
    "medfee_sumamt": "100.10", "fund_pay_sumamt": "60.00", "hifp_pay": "60.00", "acct_pay": "30.10", "psn_cash_pay": "10.00",
    "refd_setl_flag": "0", "init_setl_id": "",
}  # fmt: skip
LINE: Row = {
    "feedetl_sn": "1", "mdtrt_id": "M1", "setl_id": "S1", "psn_no": "P1", "fixmedins_code": "H1", "fee_ocur_time": "2025-03-01 09:10:00",
    "med_list_codg": "X001", "hilist_name": "检查", "med_chrgitm_type": "03", "cnt": "2", "pric": "50.05", "det_item_fee_sumamt": "100.10",
}  # fmt: skip


def people() -> list[Row]:
    return [PERSON, PERSON | {"psn_no": "P2", "gend": "2"}]


def refund(of: Row, **changes: object) -> Row:
    """A full refund of a settlement, under another visit, five minutes later."""
    money = ("medfee_sumamt", "fund_pay_sumamt", "hifp_pay", "acct_pay", "psn_cash_pay")
    flipped = {m: f"-{of[m]}" for m in money}
    return of | flipped | {"setl_id": f"R{of['setl_id']}", "mdtrt_id": f"R{of['mdtrt_id']}", "setl_time": "2025-03-01 09:35:00",
                           "refd_setl_flag": "1", "init_setl_id": of["setl_id"]} | changes  # fmt: skip


def write(folder: Path, **tables: list[Row]) -> Path:
    """Each table as UTF-8 CSV; persons and institutions are there unless given."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, rows in {"persons": people(), "institutions": [UNIT], **tables}.items():
        if rows:
            with (folder / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, fieldnames=list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
    return folder
