"""The supporting tables: persons, institutions, doctors, catalogue, beds, registry, filings, households, calendar, agreements, policy parameters."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa

from simulator import visits as v_
from simulator import writing as w
from simulator.fee_lines import limits
from simulator.population import CLINIC, KIND_NAME, PHARMACY, Array, World
from simulator.price_catalog import SEX
from simulator.stays import Stays


def digest(seed: int, kind: str, values: Array, size: int = 20) -> Array:
    """Keyed pseudonyms, one per distinct value."""
    unique, index = np.unique(values, return_inverse=True)
    text = np.array(
        [hashlib.blake2b(f"{seed}/{kind}/{x}".encode(), digest_size=size // 2).hexdigest() for x in unique], object
    )
    return np.asarray(text[index])


def write_all(world: World, s: Stays, beds: dict[str, Array], folder: Path) -> dict[str, int]:
    tables = {
        "persons": _persons(world), "institutions": _institutions(world), "doctors": _doctors(world), "catalog": _catalog(world), "beds": _beds(world, beds),
        "diagnosis_names": pa.table({"diag_code": pa.array(world.dx.code, pa.string()), "diag_name": pa.array(world.dx.name, pa.string())}), "chronic_registry": _registry(world), "filings": _filings(world, s),
        "household_links": _households(world), "calendar": _calendar(world), "agreement_periods": _agreements(world), "policy_params": _policy(world),
    }  # fmt: skip
    return {name: w.write(table, folder / f"{name}.parquet") for name, table in tables.items()}


def _text(values: Array, missing: Array | None = None) -> pa.Array:
    return pa.array(values, pa.string(), mask=missing)


def _persons(world: World) -> pa.Table:
    p, seed = world.p, world.seed
    n = len(p["age"])
    rng = world.rng("persons table")
    start = np.maximum(p["brdy"] + 30, world.span.start // 86400 - rng.integers(200, 5200, n))
    human = np.where(p.get("twin", np.full(n, -1)) >= 0, p.get("twin", np.full(n, -1)), np.arange(n))
    phone = np.where(rng.random(n) < 0.4, p["house"] + 10**7, np.arange(n))
    return pa.table({
        "psn_no": _text(p["psn_no"]), "certno": _text(digest(seed, "cert", human)), "psn_cert_type": w.constant(n, "01"), "gend": _text(p["sex"].astype("U1")), "brdy": w.day(p["brdy"]), "insutype": _text(p["insutype"]),
        "psn_type": _text(p["psn_type"]), "psn_insu_stas": _text(np.where(p["death"] >= 0, "4", "1")), "psn_insu_date": w.day(start), "paus_insu_date": w.day(np.zeros(n), np.ones(n, bool)), "cvlserv_flag": w.flags(p["civil"]),
        "insuplc_admdvs": w.constant(n, w.COUNTY), "emp_no": _text(digest(seed, "emp", p["emp"], 16), p["emp"] < 0), "psn_idet_type": _text(p["idet"], (p["idet"] == "") | p["unlisted"]), "curr_addr_code": _text(world.villages["code"][p["village"]]),
        "tel_hash": _text(digest(seed, "tel", phone, 16)), "mulaid_grp_id": _text(digest(seed, "mulaid", p["house"], 16), ~p["mulaid"]), "death_date": w.day(p["death"], p["death"] < 0),
    })  # fmt: skip


def _institutions(world: World) -> pa.Table:
    i, seed = world.i, world.seed
    n = len(i["kind"])
    rng = world.rng("institutions table")
    beds = i["beds"]
    pharmacy = i["kind"] == PHARMACY
    town = world.villages["town"][i["village"]]
    no_beds = beds == 0
    hours = rng.integers(0, 4000, n)
    return pa.table({
        "fixmedins_code": _text(i["code"]), "fixmedins_name": _text(i["name"]), "fixmedins_type": _text(np.where(pharmacy, "2", "1")), "medins_type": _text(np.array(KIND_NAME, object)[i["kind"]]), "hosp_lv": _text(i["hosp_lv"]),
        "medinslv": _text(np.array(["9", "1", "2", "3"], object)[i["level"]]), "biznat": _text(np.where(i["private"], "民营", "公立")), "admdvs": w.constant(n, w.COUNTY), "area_code": _text(np.array([f"{w.COUNTY}{t + 101}" for t in town], object)),
        "aprv_bed_cnt": pa.array(beds.astype(np.int32), mask=no_beds), "hi_crtf_bed_cnt": pa.array(beds.astype(np.int32), mask=no_beds), "dr_psncnt": pa.array(np.where(pharmacy, 0, i["doc_count"]).astype(np.int32)),
        "phar_psncnt": pa.array(np.where(i["kind"] < CLINIC, 1 + beds // 40, np.where(pharmacy, rng.integers(1, 5, n), 0)).astype(np.int32)), "nurs_psncnt": pa.array(np.where(pharmacy, 0, np.round(beds * 0.5)).astype(np.int32)),
        "tecn_psncnt": pa.array((beds // 12).astype(np.int32)), "lnt": pa.array(np.round(113.2 + i["x"] / 96.0, 5)), "lat": pa.array(np.round(30.3 + i["y"] / 111.0, 5)), "biz_area": pa.array(np.round(60 + 120 * i["size"], 0), mask=~pharmacy),
        "open_24h_flag": w.flags(i["open24"]), "sp_drugstore_flag": w.flags(i["dual"]), "cred_lv": _text(rng.choice(np.array(["A", "B", "C"], object), n, p=[0.5, 0.4, 0.1])), "uscc": _text(digest(seed, "uscc", i["owner"] * 3, 18)),
        "legrep_hash": _text(digest(seed, "legrep", i["owner"], 18)), "begntime": w.moment((world.span.start // 86400 - 300 - hours) * 86400), "endtime": w.moment(np.zeros(n), np.ones(n, bool)), "vali_flag": w.constant(n, "1"), "agreement_stas": w.constant(n, "正常"),
    })  # fmt: skip


def _doctors(world: World) -> pa.Table:
    d, i = world.d, world.i
    n = len(d["inst"])
    keep = i["kind"][d["inst"]] != PHARMACY
    staff = world.rng("staff").integers(0, len(world.p["age"]), n)
    d["person"] = staff
    table = pa.table({
        "dr_codg": _text(d["code"]), "fixmedins_code": _text(i["code"][d["inst"]]), "hosp_dept_code": _text(d["dept"]), "dr_pro_tech_duty": _text(d["duty"]), "hi_dr_flag": w.constant(n, "1"), "mul_prac_flag": w.flags(d["multi"]),
        "main_pracins_flag": w.constant(n, "1"), "hi_serv_stas": w.constant(n, "0"), "begndate": w.day(np.full(n, world.span.start // 86400 - 900)), "enddate": w.day(np.zeros(n), np.ones(n, bool)), "certno": _text(digest(world.seed, "cert", staff)),
    })  # fmt: skip
    return table.filter(pa.array(keep))


def _catalog(world: World) -> pa.Table:
    it = world.items
    n = len(it.code)
    cap = limits(world)
    start, cut = world.span.start // 86400 - 1200, world.cut_day
    sex = np.full(n, "", object)
    for name, who in SEX.items():
        sex[it[name]] = str(who)
    mutex = np.full(n, "", object)
    for k, pair in enumerate(
        (
            ("一级护理", "二级护理", "三级护理", "特级护理"),
            ("普通床位费", "三人间床位费", "监护床位费"),
        )
    ):
        for name in pair:
            mutex[it[name]] = f"MX{k:02d}"
    daily = np.isin(it.charge, (1, 7)) | (it.name == "住院诊察费")

    def rows(where: Array, begin: Array, end: Array, ended: Array, price: Array) -> pa.Table:
        k = where
        return pa.table({
            "med_list_codg": _text(it.code[k]), "begndate": w.day(begin), "name": _text(it.name[k]), "list_type": _text(it.list_type[k]), "med_chrgitm_type": _text(np.array([f"{c:02d}" for c in it.charge[k]], object)),
            "chrgitm_lv": _text(np.array([f"{c:02d}" for c in it.level[k]], object)), "pric_uplmt_amt": w.decimal(price * 10_000, 16, 6), "lmt_gend": _text(sex[k], sex[k] == ""), "lmt_hosp_lv": _text(np.full(len(k), "2", object), ~it.limited[k]), "max_days": pa.array(np.full(len(k), 90, np.int32), mask=it.days[k] == 0),
            "max_freq": pa.array(np.ones(len(k), np.int32), mask=~daily[k]), "freq_window_days": pa.array(np.ones(len(k), np.int32), mask=~daily[k]), "mutex_group": _text(mutex[k], mutex[k] == ""),
            "resale_risk_flag": w.flags(it.resale[k]), "generic_code": _text(it.generic[k]), "pack_factor": pa.array(it.days[k].clip(1).astype(np.int32)), "infusion_flag": w.flags(it.infusion[k]), "std_minutes": pa.array(np.where(it.charge[k] == 5, 20, 10).astype(np.int32), mask=it.list_type[k] != "201"),
            "enddate": w.day(end, ~ended),
        })  # fmt: skip

    every, cutters = np.arange(n), np.flatnonzero(it.cut)
    old = rows(every, np.full(n, start), np.full(n, cut - 1), it.cut, cap)
    new = rows(
        cutters,
        np.full(len(cutters), cut),
        np.zeros(len(cutters)),
        np.zeros(len(cutters), bool),
        np.round(cap[cutters] * 0.47).astype(np.int64) + 1,
    )
    return pa.concat_tables([old, new])


def _beds(world: World, beds: dict[str, Array]) -> pa.Table:
    number = beds["number"]
    return pa.table(
        {
            "fixmedins_code": _text(world.i["code"][beds["inst"]]),
            "hosp_bed_no": _text(number.astype(str)),
            "hosp_bed_type": w.constant(len(number), "1"),
            "bed_ward": _text((number // 40 + 1).astype(str)),
            "hosp_bed_room": _text((number // 3 + 1).astype(str)),
        }
    )


def _registry(world: World) -> pa.Table:
    """N33: some true registrations enter the register weeks after they hold."""
    p, rng = world.p, world.rng("registry table")
    rows = np.flatnonzero(v_.registered_mask(world))
    n = len(rows)
    begin = world.span.start // 86400 - rng.integers(30, 1500, n)
    late = rng.random(n) < 0.03
    begin = np.where(
        late, world.span.start // 86400 + np.minimum(29, rng.integers(0, max(2, world.span.days // 2), n)), begin
    )
    codes = np.array(["M03900", "M01600", "M04600", "M05300", "M08301", "M06900", "M02300", "M00203", "M07801"], object)
    generals = world.of_kind(0, 1)
    return pa.table({"psn_no": _text(p["psn_no"][rows]), "opsp_dise_code": _text(codes[p["dx_chronic"][rows]]), "opsp_begndate": w.day(begin), "opsp_enddate": w.day(np.zeros(n), np.ones(n, bool)), "annual_limit": w.yuan(rng.choice([300_000, 480_000, 600_000], n)),
                     "reg_org": _text(world.i["code"][generals[rng.integers(0, len(generals), n)]]), "last_review_date": w.day(np.maximum(begin, world.span.start // 86400 - 200)), "review_cycle": _text(rng.choice(np.array(["年", "三年"], object), n))})  # fmt: skip


def _filings(world: World, s: Stays) -> pa.Table:
    rows = list(world.filings)
    for k in np.flatnonzero(s["home"]):
        rows.append(
            {
                "person": int(s["person"][k]),
                "kind": "家庭病床",
                "begin": int(s["adm"][k]) // 86400,
                "end": min(int(s["end"][k]), world.span.stop) // 86400,
            }
        )
    for k in np.flatnonzero((s["innocent"] == "N16") & (world.rng("referral").random(len(s["person"])) < 0.7)):
        rows.append(
            {
                "person": int(s["person"][k]),
                "kind": "转诊",
                "begin": int(s["adm"][k]) // 86400,
                "end": int(s["end"][k]) // 86400,
            }
        )
    long = np.flatnonzero(v_.registered_mask(world))[::9]
    rows += [
        {"person": int(x), "kind": "长处方", "begin": world.span.start // 86400, "end": world.span.stop // 86400}
        for x in long
    ]
    rows = [r for r in rows if r["begin"] <= world.span.stop // 86400]
    rows.sort(key=lambda r: (r["person"], r["begin"], r["kind"]))
    who = np.array([r["person"] for r in rows], np.int64)
    return pa.table(
        {
            "psn_no": _text(world.p["psn_no"][who]),
            "kind": _text(np.array([r["kind"] for r in rows], object)),
            "begndate": w.day(np.array([r["begin"] for r in rows])),
            "enddate": w.day(np.array([r["end"] for r in rows])),
            "org": w.constant(len(rows), "医保中心"),
        }
    )


def _households(world: World) -> pa.Table:
    p = world.p
    n = len(p["house"])
    a = np.flatnonzero(p["house"][:-1] == p["house"][1:])
    known = world.rng("links").random(len(a)) < 0.6
    a = a[known | (p["mulaid"][a] & p["mulaid"][np.minimum(a + 1, n - 1)])]
    number = p["psn_no"].astype(str)
    return pa.table(
        {
            "psn_no": _text(number[a]),
            "rel_psn_no": _text(number[a + 1]),
            "relation": w.constant(len(a), "同户"),
            "source": _text(np.where(p["mulaid"][a], "家庭共济", "户籍")),
        }
    )


def _calendar(world: World) -> pa.Table:
    c = world.calendar
    policy = c["flu"] > 0.75
    return pa.table(
        {
            "date": w.day(c["day"]),
            "holiday_flag": w.flags(c["holiday"]),
            "pension_day_flag": w.flags(c["pension"]),
            "account_topup_day_flag": w.flags(c["topup"]),
            "epidemic_flag": w.flags(policy),
            "system_cutover_flag": w.flags(c["cutover"]),
        }
    )


def _agreements(world: World) -> pa.Table:
    i = world.i
    n = len(i["kind"])
    closed = world.truth.pop("suspended", [])
    inst = np.concatenate([np.arange(n), np.array([r[0] for r in closed], np.int64)])
    begin = np.concatenate([np.full(n, world.span.start // 86400 - 300), np.array([r[1] for r in closed], np.int64)])
    end = np.concatenate([np.full(n, world.span.stop // 86400 + 100), np.array([r[2] for r in closed], np.int64)])
    return pa.table(
        {
            "fixmedins_code": _text(i["code"][inst]),
            "begndate": w.day(begin),
            "stas": _text(np.where(np.arange(len(inst)) < n, "normal", "suspended")),
            "enddate": w.day(end),
            "doc_no": w.constant(len(inst), None),
        }
    )


def _policy(world: World) -> pa.Table:
    start = world.span.start // 86400 - 400
    rows = [
        ("long_prescription_days", "84"),
        ("fund_cap_390", "90000"),
        ("fund_cap_310", "320000"),
        ("deductible_level_1_yuan", "300"),
        ("deductible_level_2_yuan", "500"),
        ("deductible_level_3_yuan", "800"),
        ("second_stay_deductible_share", "0.5"),
    ]
    n = len(rows)
    return pa.table(
        {
            "admdvs": w.constant(n, w.COUNTY),
            "key": pa.array([r[0] for r in rows]),
            "begndate": w.day(np.full(n, start)),
            "value": pa.array([r[1] for r in rows]),
            "enddate": w.day(np.zeros(n), np.ones(n, bool)),
            "doc_no": w.constant(n, None),
        }
    )
