"""Who pays: pooled fund, personal account, cash. All amounts are integer fen; every settlement adds up exactly.

Reimbursement after seeds.md §7 (residents 67.5 %, employees 80.5 % of stays; outpatient fund 41.5 and 53.3 yuan a visit).
The account is run through the person's visits in order: top-ups come in monthly, and it never goes below zero.
"""

from __future__ import annotations

import numpy as np

from simulator import visits as v_
from simulator.population import DAY, Array, World
from simulator.stays import Stays
from simulator.visits import Visits

BIG = 10**13


def settle(rng: np.random.Generator, world: World, v: Visits, s: Stays, total: Array, scope: Array) -> dict[str, Array]:
    """Amounts per visit (rows of v, which must lie sorted by person, begin)."""
    p, i = world.p, world.i
    n = len(total)
    person, kind = v["person"], v["kind"]
    emp, cadre = p["employee"][person], p["cadre"][person]
    level = i["level"][v["inst"]]
    stay = kind == v_.STAY
    k = v["stay"].clip(0)
    medical = kind != v_.PH
    poor = np.isin(p["idet"][person], ("特困", "低保", "脱贫不稳定户")) & (v["begin"] < p["idet_until"][person])
    year = (v["begin"] // DAY - world.span.start // DAY) // 365
    # deductible
    dedc = np.where(
        stay,
        np.array([200, 300, 500, 800])[level] * 100,
        np.where(medical & (kind != v_.DIALYSIS), np.where(emp, 2000, 1500), 0),
    )
    if stay.any():
        key = person[stay].astype(np.int64) * 8 + year[stay]
        _, first = np.unique(key, return_index=True)
        seen = np.ones(len(key), bool)
        seen[first] = False
        free = np.isin(s["innocent"][k[stay]], ("N02", "N03"))
        sub = dedc[stay]
        sub = np.where(seen, sub // 2, sub)
        sub = np.where((seen & free) | s["waived"][k[stay]] | cadre[stay], 0, sub)
        dedc[stay] = sub
    rate = np.select(
        [cadre, stay & emp, stay, kind == v_.DIALYSIS, (kind == v_.CHRONIC) & emp, kind == v_.CHRONIC, medical & emp, medical],
        [1.0, np.array([0.93, 0.92, 0.89, 0.85])[level], np.array([0.9, 0.86, 0.76, 0.62])[level], np.where(emp, 0.92, 0.85), 0.78, 0.62, 0.5, np.array([0.5, 0.48, 0.38, 0.28])[level]], 0.0)  # fmt: skip
    ceiling = np.where(
        stay | (kind == v_.DIALYSIS) | cadre, 10**9, np.where(kind == v_.CHRONIC, 60000, np.where(emp, 25000, 6000))
    )
    dedc = np.minimum(dedc, scope)
    hifp = np.minimum(np.round((scope - dedc) * rate).astype(np.int64), ceiling)
    left = total - hifp
    serious = np.where(
        stay & ~cadre, np.round(np.maximum(0, left - np.where(emp, 1_800_000, 800_000)) * 0.55).astype(np.int64), 0
    )
    hifob, hifmi = np.where(emp, serious, 0), np.where(emp, 0, serious)
    left = left - serious
    maf = np.where(poor & (stay | (kind == v_.CHRONIC)), np.round(left * 0.65).astype(np.int64), 0)
    maf = np.where(stay & s["waived"][k] & poor, np.round(left * 0.95).astype(np.int64), maf)
    civil = np.where(stay & p["civil"][person], np.round((left - maf) * 0.3).astype(np.int64), 0)
    fund = hifp + serious + maf + civil
    left = total - fund
    want = (
        emp & ~cadre & ((v["acct"] == 1) | (medical & ~stay & (rng.random(n) < 0.7)) | (stay & (rng.random(n) < 0.25)))
    ) & ~v["remote"]
    want &= kind != v_.MANUAL
    demand = np.where(want, left, 0)
    acct, balance = _account(world, v, demand)
    mulaid = np.where(v["mulaid"] & ~emp & (kind == v_.PH), left, 0)
    cash = left - acct - mulaid
    charity = stay & s["waived"][k] & ~poor  # an inducing unit pays the patient's share (T29, T02)
    gone = np.where(charity, np.round(cash * 0.9).astype(np.int64), 0)
    return {"medfee_sumamt": total, "fund_pay_sumamt": fund + gone, "hifp_pay": hifp, "hifob_pay": hifob, "hifmi_pay": hifmi, "maf_pay": maf, "cvlserv_pay": civil, "oth_pay": gone, "acct_pay": acct + mulaid,
            "acct_mulaid_pay": mulaid, "psn_cash_pay": cash - gone, "inscp_scp_amt": scope, "preselfpay_amt": total - scope, "act_pay_dedc": dedc, "balc": balance}  # fmt: skip


def _account(world: World, v: Visits, demand: Array) -> tuple[Array, Array]:
    """What the account can pay of each demand, in order, and what is left in it (a reflected walk, computed in one pass)."""
    p, person = world.p, v["person"].astype(np.int64)
    topups = np.concatenate(
        [[0], np.cumsum(world.calendar["topup"] & (np.concatenate([[False], world.calendar["topup"][:-1]]) == 0))]
    )
    offset = (v["begin"] // DAY - world.span.start // DAY + 1).clip(0, world.span.days)
    paid_in = (
        np.round(p["balance"][person] * 100).astype(np.int64)
        + np.round(p["topup"][person] * 100).astype(np.int64) * topups[offset]
    )
    total = np.cumsum(demand)
    begin = np.concatenate([[True], person[1:] != person[:-1]]) if len(person) else np.zeros(0, bool)
    group = np.cumsum(begin) - 1
    base = (total - demand)[begin][group] if len(person) else total
    walk = paid_in - (total - base)
    lack = np.maximum.accumulate(np.maximum(0, -walk) + group * BIG) - group * BIG if len(person) else walk
    before = np.where(begin, 0, np.concatenate([[0], lack[:-1]])) if len(person) else lack
    return demand - (lack - before), walk + lack
