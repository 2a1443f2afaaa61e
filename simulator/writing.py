"""Arrays become Parquet in official column names (tables.md §2–3). Strings of keys are made by a bijection of counters, so no
id tells when or why its row was made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from simulator import visits as v_
from simulator.fee_lines import Lines
from simulator.population import DAY, Array, World
from simulator.stays import Stays
from simulator.visits import Visits

MED = np.array(["41", "11", "13", "14", "14", "11", "19", "16", "", "21"], object)
COUNTY = "429004"


def strings(codes: Array, index: Array, missing: Array | None = None) -> pa.Array:
    """Look-up column; written as plain strings by Parquet's own dictionary."""
    mask = None if missing is None else np.asarray(missing)
    return pa.DictionaryArray.from_arrays(
        pa.array(np.asarray(index, np.int32), mask=mask), pa.array(codes, pa.string())
    )


def flags(values: Array) -> pa.Array:
    return strings(np.array(["0", "1"], object), np.asarray(values).astype(np.int32))


def constant(n: int, value: str | None) -> pa.Array:
    return (
        pa.nulls(n, pa.string())
        if value is None
        else pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array([value]))
    )


def decimal(value: Array, precision: int, scale: int, missing: Array | None = None) -> pa.Array:
    """int64 already multiplied by 10**scale → decimal128, without a Python loop."""
    n = len(value)
    raw = np.empty((n, 2), np.int64)
    raw[:, 0] = value
    raw[:, 1] = np.asarray(value) >> 63
    valid = None if missing is None or not missing.any() else pa.array(~missing).buffers()[1]
    return pa.Array.from_buffers(pa.decimal128(precision, scale), n, [valid, pa.py_buffer(raw)])


def yuan(fen: Array, missing: Array | None = None) -> pa.Array:
    return decimal(fen, 16, 2, missing)


def moment(seconds: Array, missing: Array | None = None) -> pa.Array:
    return pa.array(np.asarray(seconds, np.int64) * 1_000_000, pa.timestamp("us"), mask=missing)


def day(days: Array, missing: Array | None = None) -> pa.Array:
    return pa.array(np.asarray(days, np.int32), pa.date32(), mask=missing)


def keys(prefix: str, counter: Array, width: int, factor: int, shift: int, missing: Array | None = None) -> pa.Array:
    """prefix + (counter × factor + shift) mod a prime below 10**width: unique, and scattered."""
    prime = {12: 999_999_999_989, 13: 9_999_999_999_971}[width]
    number = (np.asarray(counter, np.int64) * factor + shift) % prime + 10**width
    text = pc.cast(pa.array(number, mask=missing), pa.string())
    return pc.binary_join_element_wise(pa.scalar(prefix), pc.utf8_slice_codeunits(text, 1), "")


def visit_key(world: World, counter: Array) -> pa.Array:
    return keys("429", counter, 13, 7_368_787, world.seed * 7919 % 10**9)


def settle_key(world: World, counter: Array, missing: Array | None = None) -> pa.Array:
    return keys("88", counter, 13, 1_299_709, world.seed * 104729 % 10**9, missing)


def write(table: pa.Table | dict[str, Any], path: Path) -> int:
    """One Parquet file without the Arrow schema, so that look-ups come back as plain strings. Returns the row count."""
    if isinstance(table, dict):
        table = pa.table(table)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd", compression_level=1, store_schema=False, row_group_size=262_144,
                   use_dictionary=[c for c in table.column_names if c not in _WIDE], write_statistics=True)  # fmt: skip
    return int(table.num_rows)


_WIDE = {
    "mdtrt_id",
    "setl_id",
    "init_setl_id",
    "feedetl_sn_",
    "fee_ocur_time",
    "begntime",
    "endtime",
    "setl_time",
    "medfee_sumamt",
    "balc",
    "bkkp_sn",
}


def settlements_table(
    world: World,
    v: Visits,
    s: Stays,
    money: dict[str, Array],
    number: Array,
    setl: Array,
    setl_time: Array,
    beds: Array,
    refund_of: Array,
) -> pa.Table:
    """One row a settlement. `number` = visit counter, `setl` = settlement counter (-1: not settled), `refund_of` = row of the original (-1)."""
    p, i, d, dx = world.p, world.i, world.d, world.dx
    n = len(number)
    person, inst, kind = v["person"], v["inst"], v["kind"]
    k = v["stay"].clip(0)
    stay = kind == v_.STAY
    stop = world.span.stop
    end = np.where(stay, s["end"][k], v["begin"])
    opened = stay & (s["end"][k] > stop)
    none = setl < 0
    refund = refund_of >= 0
    med_codes, med = np.unique(np.where(stay, s["med"][k], MED[kind].astype("U4")), return_inverse=True)
    doctor = v["doctor"]
    blank = (doctor < 0) | (i["blank_doctor"][inst] & ((number * 7) % 10 < 5)) | (kind == v_.PH)
    nights = ((s["end"][k] // DAY) - (s["adm"][k] // DAY)).clip(0)
    level = np.where(s["nurse"][k] == 1, 1, s["nurse"][k])
    no_stay = ~stay
    first_care = np.where(level == 1, np.minimum(nights, 4), 0)
    cert = np.where(v["cert"] > 0, v["cert"], np.where(p["evoucher"][person], 1, 3))
    dept = dx.dept
    uniq_dept, dept_of = np.unique(dept.astype("U3"), return_inverse=True)
    bed_codes, bed = np.unique(beds[k] if len(beds) else np.full(n, ""), return_inverse=True)
    insu, insu_i = np.unique(p["insutype"], return_inverse=True)
    ptype, ptype_i = np.unique(p["psn_type"], return_inverse=True)
    ways, way = np.unique(s["way"][k] if len(s["way"]) else np.full(n, "1"), return_inverse=True)
    admw, adm_way = np.unique(s["adm_way"][k] if len(s["way"]) else np.full(n, "1"), return_inverse=True)
    op_days = world.items.code
    dxi = v["dx"].astype(np.int64).clip(0)
    blank_dx = (v["dx"] < 0) | stay | ((number % 100 < 35) & (i["level"][inst] == 0))
    trauma = (dx.menu[dxi] == "trauma") & (v["dx"] >= 0)
    init = np.where(refund, setl[refund_of.clip(0)], 0)
    columns: dict[str, Any] = {
        "setl_id": settle_key(world, setl.clip(0), none), "mdtrt_id": visit_key(world, number), "psn_no": strings(p["psn_no"], person), "fixmedins_code": strings(i["code"], inst),
        "insutype": strings(insu.astype(object), insu_i[person]), "psn_type": strings(ptype.astype(object), ptype_i[person]), "med_type": strings(med_codes.astype(object), med),
        "begntime": moment(np.where(stay, s["adm"][k], v["begin"])), "endtime": moment(end, opened), "setl_time": moment(setl_time, none),
        "mdtrt_cert_type": strings(np.array(["", "01", "02", "03"], object), cert, (kind == v_.MANUAL)),
        "dise_codg": strings(np.array(["M03900", "M01600", "M04600", "M05300", "M08301", "M06900", "M02300", "M00203", "M07801"], object), p["dx_chronic"][person], (kind != v_.CHRONIC)),
        "dscg_maindiag_code": strings(dx.code, dxi, no_stay | opened | (v["dx"] < 0)), "opt_diag_code": strings(dx.code, dxi, blank_dx), "er_flag": flags((kind == v_.ER) | (stay & (s["adm_way"][k] == "2"))),
        "adm_way": strings(admw.astype(object), adm_way, no_stay), "dscg_way": strings(ways.astype(object), way, no_stay | opened), "adm_dept_codg": strings(uniq_dept.astype(object), dept_of[dxi], (v["dx"] < 0)),
        "adm_bed": strings(bed_codes.astype(object), bed, no_stay | s["home"][k]), "atddr_no": strings(d["code"], doctor.clip(0), blank),
        "spga_nurscare_days": pa.array(np.zeros(n, np.int32), mask=no_stay | opened), "lv1_nurscare_days": pa.array(first_care.astype(np.int32), mask=no_stay | opened),
        "scd_nurscare_days": pa.array(np.where(level == 2, nights, np.where(level == 1, nights - first_care, 0)).astype(np.int32), mask=no_stay | opened),
        "lv3_nursecare_days": pa.array(np.where(level == 3, nights, 0).astype(np.int32), mask=no_stay | opened), "days_rinp_flag_31": strings(np.array(["1", "2"], object), s["planned"][k].astype(int), no_stay),
        "oprn_oprt_code": strings(op_days, s["surgery"][k].clip(0), no_stay | opened | (s["surgery"][k] < 0)), "trum_flag": flags(trauma),
    }  # fmt: skip
    for name in (
        "medfee_sumamt",
        "fund_pay_sumamt",
        "hifp_pay",
        "hifob_pay",
        "hifmi_pay",
        "maf_pay",
        "cvlserv_pay",
        "oth_pay",
        "acct_pay",
        "acct_mulaid_pay",
        "psn_cash_pay",
    ):
        columns[name] = yuan(money[name], none)
    columns |= {
        "fulamt_ownpay_amt": yuan(np.zeros(n, np.int64), none), "preselfpay_amt": yuan(money["preselfpay_amt"], none), "inscp_scp_amt": yuan(money["inscp_scp_amt"], none), "act_pay_dedc": yuan(money["act_pay_dedc"], none),
        "balc": yuan(money["balc"], none | ~p["employee"][person]), "refd_setl_flag": flags(refund), "init_setl_id": settle_key(world, init, ~refund), "insuplc_admdvs": constant(n, COUNTY),
        "out_flag": flags(v["remote"]), "manual_flag": flags(kind == v_.MANUAL), "vali_flag": constant(n, "1"),
    }  # fmt: skip
    return pa.table(columns)


def lines_table(
    world: World, v: Visits, line: Lines, number: Array, setl: Array, cap: Array, offset: Array
) -> pa.Table:
    """One row a fee line. `number`/`setl` are per visit row; `line["visit"]` points there; lines lie sorted by visit."""
    items, i, d = world.items, world.i, world.d
    at, item = line["visit"], line["item"]
    n = len(at)
    inst = v["inst"][at]
    none = setl[at] < 0
    fen = line["cnt"] * line["pric"]
    scope = line_scope(world, line, cap)
    doctor = v["doctor"][at]
    blank = (doctor < 0) | (v["kind"][at] == v_.PH) | (i["blank_doctor"][inst] & ((number[at] * 7) % 10 < 5))
    first = np.concatenate([[True], at[1:] != at[:-1]]) if n else np.zeros(0, bool)
    seq = (np.arange(n) - np.flatnonzero(first)[np.cumsum(first) - 1] + offset[at]) if n else at
    top = int(seq.max()) + 2 if n else 2
    # the system begins a new prescription after five drugs
    drug = np.isin(items.charge[item], (9, 11))
    drugs = np.cumsum(drug)
    before = (drugs - drug)[np.flatnonzero(first)][np.cumsum(first) - 1] if n else at
    sheet = np.maximum(0, drugs - before - 1) // 5
    numbers = np.array([str(x) for x in range(top)], object)
    initial = line.get("init", np.full(n, -1))
    ids = visit_key(world, number)
    setl_ids = settle_key(world, setl.clip(0))
    lt, lt_i = np.unique(items.list_type.astype("U3"), return_inverse=True)
    charge = np.array([f"{c:02d}" for c in range(15)], object)
    dept, dept_i = np.unique(d["dept"].astype("U3"), return_inverse=True)
    return pa.table({
        "feedetl_sn": strings(numbers, seq + 1), "init_feedetl_sn": strings(numbers, (initial + 1).clip(0, top - 1), initial < 0), "mdtrt_id": ids.take(pa.array(at)), "setl_id": setl_ids.take(pa.array(at, mask=none)),
        "psn_no": strings(world.p["psn_no"], v["person"][at]), "fixmedins_code": strings(i["code"], inst), "rxno": strings(numbers, sheet + 1, ~drug), "rx_circ_flag": flags((v["kind"][at] == v_.PH) & (v["dx"][at] >= 0)), "fee_ocur_time": moment(line["time"]),
        "med_list_codg": strings(items.code, item), "hilist_code": strings(items.code, item), "hilist_name": strings(items.name, item), "list_type": strings(lt.astype(object), lt_i[item]),
        "med_chrgitm_type": strings(charge, items.charge[item]), "chrgitm_lv": strings(np.array(["", "01", "02", "03"], object), items.level[item]), "cnt": decimal(line["cnt"] * 10_000, 16, 4),
        "pric": decimal(line["pric"] * 10_000, 16, 6), "det_item_fee_sumamt": yuan(fen), "inscp_scp_amt": yuan(scope), "overlmt_amt": yuan(over_limit(line, cap)),
        "prd_days": decimal(line["prd"].clip(0, 99) * 100, 4, 2, line["prd"] < 0), "dscg_tkdrug_flag": flags(line["take"]), "bilg_dept_codg": strings(dept.astype(object), dept_i[doctor.clip(0)], blank),
        "bilg_dr_codg": strings(d["code"], doctor.clip(0), blank),
    })  # fmt: skip


def over_limit(line: Lines, cap: Array) -> Array:
    return np.asarray(np.maximum(0, line["pric"] - cap[line["item"]]) * line["cnt"])


def line_scope(world: World, line: Lines, cap: Array) -> Array:
    """Amount inside the policy: class B bears 10 % first, what is over the limit is out."""
    fen = line["cnt"] * line["pric"]
    inside = fen - np.where(
        fen >= 0, over_limit(line, cap), -np.maximum(0, line["pric"] - cap[line["item"]]) * -line["cnt"]
    )
    return np.asarray(np.where(world.items.level[line["item"]] == 2, np.round(inside * 0.9), inside).astype(np.int64))
