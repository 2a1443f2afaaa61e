"""Which charts to pull at a unit, and from what was found in them to all of its stays: a stratified sample with its factor, an estimate and never a claim."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from claims.errors import UserError
from inspection.draw import pivotal, spread
from inspection.estimate import Estimate, meaning, total
from inspection.seed import random_for

CLAIM = "推算金额，仅供估计规模，不作认定依据；认定以逐份核实的病历为准"


def pull(stays: pd.DataFrame, unit: str, size: int, seed: str) -> pd.DataFrame:
    """`size` stays of a unit: mdtrt_id, stratum (cost third × operated), cost, chance, factor (stays that one chart stands for).

    Dear stays are likelier, by the root of their cost: excess lies there. UserError where the unit has none; fewer than `size` are all pulled.
    """
    mine = stays[stays["unit"] == unit].sort_values("mdtrt_id").reset_index(drop=True)
    if mine.empty:
        raise UserError(f"机构 {unit} 在此期间没有已结算的住院；请检查编码和日期")
    if size < 1:
        raise UserError(f"--size {size}：请给出正整数")
    third = pd.qcut(mine["cost"].rank(method="first"), min(3, len(mine)), labels=False)
    stratum: pd.Series = third.astype(str) + np.where(mine["operated"].astype(bool), "手术", "非手术")
    chance = spread(size, np.sqrt(mine["cost"].to_numpy(dtype=float)))
    drawn = pivotal(chance, stratum.tolist(), random_for("charts", unit, seed))
    told = mine[["mdtrt_id", "cost"]].assign(stratum=stratum, chance=chance, factor=1 / chance)
    return told[drawn].reset_index(drop=True)


def stratum_zh(code: str, kind: str = "病历") -> str:
    """A stratum in words; kind: 病历 of stays, else of receipts, which fund or account paid."""
    dear = {"0": "低费", "1": "中费", "2": "高费"}.get(code[:1], code[:1])
    own = code[1:] if kind == "病历" else {"手术": "统筹", "非手术": "个账或自费"}.get(code[1:], code[1:])
    return f"{dear}{own}"


@dataclass(frozen=True)
class Extrapolated:
    """Found in the charts, estimated for the unit; amounts in yuan."""

    checked: int
    missing: int
    found: float
    estimate: Estimate
    text: str


def extrapolate(pulled: pd.DataFrame, results: pd.DataFrame, stays: int, level: float = 0.8) -> Extrapolated:
    """From `results` (mdtrt_id, amount: yuan wrongly charged, 0 = clean, empty = not to be had) to all `stays` of the unit.

    UserError for a chart that was not pulled, or an amount that is none; charts without a result are missing, not clean.
    """
    given = results.assign(mdtrt_id=results["mdtrt_id"].astype(str))
    if strange := sorted(set(given["mdtrt_id"]) - set(pulled["mdtrt_id"].astype(str))):
        raise UserError(f"病历 {strange[0]} 不在抽取名单中，结果未采用；请核对就诊号")
    if (twice := given["mdtrt_id"][given["mdtrt_id"].duplicated()]).size:
        raise UserError(f"病历 {twice.iloc[0]} 填了两次；每份病历一行")
    amount = pd.to_numeric(given["amount"], errors="coerce").set_axis(given["mdtrt_id"])
    wrong = given.loc[given["amount"].notna() & amount.isna().to_numpy(), "mdtrt_id"]
    if len(wrong) or (amount < 0).any():
        who = wrong.iloc[0] if len(wrong) else str(amount.index[amount < 0][0])
        raise UserError(f"病历 {who} 的金额不是非负数；无问题填 0，无法核查留空")
    known = pulled.assign(amount=amount.reindex(pulled["mdtrt_id"].astype(str)).to_numpy()).dropna(subset=["amount"])
    said = total(known["amount"].to_numpy(), known["chance"].to_numpy(), stays, level)
    found, missing = float(known["amount"].sum()), len(pulled) - len(known)
    told = "" if said.value is None else f"{meaning(level)}。"
    text = f"抽取 {len(pulled)} 份，已核 {len(known)} 份，查出 {found:,.2f} 元；推算全部 {stays} 例住院 {said.told(',.0f')} 元。{told}{CLAIM}"
    return Extrapolated(len(known), missing, found, said, text)
