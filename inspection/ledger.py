"""Draws as they are kept beside the warehouse: WAREHOUSE/draws/NAME.json, sealed; promises first, then the draw, never a second one of the same name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from claims.errors import UserError
from claims.store.files import PRIVATE, SEAL, put, read_sealed, sealed
from claims.store.findings import read_findings
from claims.store.warehouse import Warehouse
from features.asof import moment_of
from inspection.campaigns import Campaign, of_campaign
from inspection.draw import same, take
from inspection.drift import NONE, Cases, watch
from inspection.estimate import Estimate, lift, meaning, rate, total
from inspection.seed import Commitment, revealed, sealed_salt, seed_of
from inspection.sites import Site, load_sites, strata_of
from inspection.undrawn import Everybody

REMEDY = "请从备份恢复该文件"


def _path(warehouse: Path | str, name: str) -> Path:
    if not re.fullmatch(r"[\w.-]{1,64}", name) or name.startswith("."):
        raise UserError(f"抽查名称 {name!r} 不成立；只用字母、数字、汉字、- 和 _，例如 2026-W48")
    return Path(warehouse) / "draws" / f"{name}.json"


def read_draw(warehouse: Path | str, name: str) -> dict[str, Any]:
    """What is kept of a draw; empty where nothing is. Damaged where the file is."""
    path = _path(warehouse, name)
    return dict(read_sealed(path, REMEDY)) if path.exists() else {}


def _write(warehouse: Path | str, name: str, kept: dict[str, Any]) -> None:
    path = _path(warehouse, name)
    path.parent.mkdir(exist_ok=True)
    put(path, sealed({k: v for k, v in kept.items() if k != SEAL}), PRIVATE)


def promise(warehouse: Path | str, name: str, by: str, salt: str) -> Commitment:
    """Keep the hash of one person's salt. UserError where the draw was taken or the person has promised already."""
    kept = read_draw(warehouse, name)
    if "drawn" in kept:
        raise UserError(f"抽查 {name} 已抽取，不能再公布盐值；请另取名称")
    made = Commitment(by, sealed_salt(name, salt), Warehouse.open(warehouse).version)
    promised = list(kept.get("promises", []))
    if any(p["by"] == by for p in promised):
        raise UserError(f"{by} 已为抽查 {name} 公布过散列，不能更换；需重来请另取名称")
    _write(warehouse, name, {"name": name, "promises": [*promised, asdict(made)]})
    return made


def draw_units(
    warehouse: Path | str,
    as_of: date,
    name: str,
    salts: Sequence[str],
    public: str,
    share: float,
    explore: float,
    areas: Sequence[str] = (),
    campaign: Campaign | None = None,
) -> dict[str, Any]:
    """Take the draw of units and keep it; campaign: among units that have claims of it, by strata of what they billed of them. UserError where it was taken, the salts are not those promised, or nothing public came after the promises."""
    kept = read_draw(warehouse, name)
    if "drawn" in kept:
        raise UserError(f"抽查 {name} 已于数据日期 {kept['as_of']} 抽取，不能重抽；结果见 {_path(warehouse, name)}")
    promised = [Commitment(**p) for p in kept.get("promises", [])]
    told = revealed(name, promised, salts)
    house = Warehouse.open(warehouse)
    source = "外部公开值" if public else f"数据清单 {house.version}"
    if not public and house.version > max(c.version for c in promised):
        public = str(house.manifest[SEAL])
    if not 0 <= explore < 1:
        raise UserError(f"--explore {explore}：请给出 0 到 1（不含）之间的数")
    seed = seed_of(name, told, public)
    sites = open_sites(load_sites(warehouse, as_of), areas)
    if campaign is not None:
        sites = of_campaign(warehouse, as_of, sites, campaign)
    if not sites:
        raise UserError(
            f"{as_of} 前一年内{'所选片区' if areas else ''}没有发生费用的机构，无可抽取；请检查数据日期和 --area"
        )
    covered = regions_of_cases(house, as_of, sites)
    made = take(strata_of(sites), name=name, seed=seed, share=share, covered=covered, explore=explore).to_json()
    kept |= made | {
        "as_of": as_of.isoformat(),
        "covered": covered,
        "areas": list(areas),
        "campaign": None if campaign is None else campaign.to_json(),
        "salts": told,
        "public": public,
        "public_source": source,
    }
    _write(warehouse, name, kept)
    return kept


def open_sites(sites: Sequence[Site], areas: Sequence[str] = ()) -> list[Site]:
    """Units that billed in the last year, of these areas (all where none is named): the others cannot be inspected."""
    return [s for s in sites if s.last_claim is not None and (not areas or s.area in areas)]


def regions_of_cases(house: Warehouse, as_of: date, sites: Sequence[Site]) -> list[str]:
    """Regions where a chosen case (not one by chance) was inspected in the last year."""
    found = read_findings(house, moment_of(as_of))
    since = pd.Timestamp(as_of) - pd.Timedelta(days=365)
    mine = found[
        (found["grain"] == "institution") & (found["lead_source"] != "random") & (found["inspected_at"] > since)
    ]
    chosen = set(mine["entity_id"])
    frame = strata_of(sites)
    return sorted(frame.loc[frame["entity_id"].isin(chosen), "region"].unique()) if len(frame) else []


def repeats(warehouse: Path | str, name: str) -> list[str]:
    """What differs when a kept draw is computed again; empty where it repeats. UserError where there is none."""
    kept = read_draw(warehouse, name)
    if "drawn" not in kept:
        raise UserError(f"没有名为 {name} 的抽查；先运行 xiezhi draw take")
    wrong = [] if seed_of(name, kept["salts"], kept["public"]) == kept["seed"] else ["种子与盐值、公开值不符"]
    promised = {p["sha256"] for p in kept["promises"]}
    wrong += [
        f"盐值与 {p['by']} 公布的散列不符"
        for p, s in zip(kept["promises"], kept["salts"], strict=True)
        if sealed_salt(name, s) not in promised
    ]
    day = date.fromisoformat(kept["as_of"])
    sites = open_sites(load_sites(warehouse, day), kept["areas"])
    if kept.get("campaign"):
        sites = of_campaign(warehouse, day, sites, Campaign.from_json(kept["campaign"]))
    return wrong + same(kept, strata_of(sites), kept["covered"])


def draw_name(week: str, campaign: str) -> str:
    """What a campaign's draw of a week is called: its seed depends on the name, so two draws of a week share no luck."""
    return f"{week}-{campaign}"


def drawn_of(warehouse: Path | str, name: str, asked: bool = True) -> list[str]:
    """Units of a kept draw; none where it was not asked for and is not there."""
    kept = read_draw(warehouse, name)
    if "drawn" not in kept:
        if asked:
            raise UserError(f"没有名为 {name} 的抽查；先运行 xiezhi draw take")
        return []
    return [str(d["entity_id"]) for d in kept["drawn"]]


CHOSEN = ("model", "rule")
"""Sources of cases that a list named."""
GRAINS = {"institution": "机构", "person": "人员", "admission": "住院"}


def estimates(warehouse: Path | str, as_of: date, listed: Mapping[str, pd.DataFrame] | None = None) -> dict[str, Any]:
    """Per grain, from findings by chance known by `as_of`: rate, amount (fen) and lift of what was chosen, as plain values; drift: whether they keep what lists promised.

    listed: per grain those who stood on a list and have a conclusion since (entity_id, probability, confirmed, inspected_at, lead_source, by_chance: the slot); those inspected
    in the year of `as_of` for the reason they stood there count: whoever was drawn, but checked because a later list ranked him, does not.

    Where no chance was recorded all are taken as equally likely, and said. The population of persons and stays is not known here: their amount is a mean.
    """
    house = Warehouse.open(warehouse)
    found = read_findings(house, moment_of(as_of))
    found = found[found["outcome"].isin(["confirmed", "refuted", "error"]) & (found["source_table"] == "inspections")]
    sites = open_sites(load_sites(warehouse, as_of))
    units = len(sites)
    out: dict[str, Any] = {"as_of": as_of.isoformat()}
    for grain in GRAINS:
        mine = found[found["grain"] == grain].sort_values("known_at").drop_duplicates("entity_id", keep="last")
        drawn, chosen = mine[mine["lead_source"] == "random"], mine[mine["lead_source"].isin(CHOSEN)]
        chance = drawn["selection_prob"].to_numpy(dtype=float)
        recorded = bool(len(chance)) and bool(np.isfinite(chance).all()) and bool((chance > 0).all())
        chance = chance if recorded else np.full(len(drawn), 0.5)
        hit = (drawn["outcome"] == "confirmed").to_numpy()
        money = np.where(hit, drawn["amount_fen"].fillna(0).to_numpy(dtype=float), 0.0)
        n, among = (units, everybody(sites, drawn["entity_id"].tolist())) if grain == "institution" else (10**9, None)
        picked = (chosen["outcome"] == "confirmed").to_numpy()
        out[grain] = {
            "drawn": len(drawn), "confirmed": int(hit.sum()), "chance_recorded": recorded, "population": units if grain == "institution" else None,
            "rate": rate(hit, chance, n, among=among).to_json(), "amount_fen": total(money, chance, units, among=among).to_json() if among is not None else None,
            "lift": lift(int(picked.sum()), len(picked), int(hit.sum()), len(hit)).to_json(), "drift": promises_kept((listed or {}).get(grain), as_of),
        }  # fmt: skip
    return out


def everybody(sites: Sequence[Site], drawn: Sequence[str]) -> Everybody:
    """Units that could be drawn, with those `drawn` among them; of who was drawn and has billed nothing for a year neither stratum nor size is known."""
    strata = strata_of(sites).set_index("entity_id")["stratum"].to_dict()
    place = {s.id: i for i, s in enumerate(sites)}
    gone = [e for e in dict.fromkeys(map(str, drawn)) if e not in place]
    place |= {e: len(sites) + i for i, e in enumerate(gone)}
    size = [float(s.fen) for s in sites]
    usual = float(np.median(size)) if size else 1.0
    return Everybody(
        np.array([strata[s.id] for s in sites] + [""] * len(gone)),
        np.array(size + [usual] * len(gone)),
        np.array([place[str(e)] for e in drawn], dtype=np.int64),
    )


def promises_kept(listed: pd.DataFrame | None, as_of: date) -> dict[str, Any]:
    """Whether drawn cases are confirmed as the lists promised. The alarm begins anew every year, so that it is false in at most one year of twenty."""
    if listed is None or listed.empty:
        return watch(NONE).to_json()
    this_year = pd.to_datetime(listed["inspected_at"]) >= pd.Timestamp(as_of.year, 1, 1)
    told = listed[listed["probability"].notna() & this_year].sort_values(["inspected_at", "entity_id"])
    drawn, ranked = told["by_chance"].astype(bool), told["lead_source"].isin(CHOSEN)
    parts = told[drawn & (told["lead_source"] == "random")], told[~drawn & ranked]
    return watch(*(_cases(part) for part in parts)).to_json()


def _cases(told: pd.DataFrame) -> Cases:
    week = (pd.to_datetime(told["inspected_at"]).dt.dayofyear - 1) // 7 + 1
    return Cases(told["probability"].to_numpy(dtype=float), told["confirmed"].to_numpy(dtype=float), week.to_numpy(dtype=float))  # fmt: skip


def estimates_text(found: dict[str, Any]) -> str:
    """In Chinese, for a terminal."""
    lines = [f"截至 {found['as_of']} 的随机抽查："]
    for grain, name in GRAINS.items():
        f = found[grain]
        weighed = "" if f["chance_recorded"] or not f["drawn"] else "；抽中概率未记录，按等概率计"
        lines.append(f"{name}：抽查有结论 {f['drawn']} 个，查实 {f['confirmed']} 个{weighed}")
        lines.append(f"  查实率 {Estimate(**f['rate']).told()}")
        if f["amount_fen"]:
            fen = f["amount_fen"]
            amount = Estimate(**(fen | {k: fen[k] / 100 for k in ("value", "low", "high") if fen[k] is not None}))
            yuan = "" if amount.value is None else " 元（推算，非认定）"
            lines.append(f"  违规金额推算 {amount.told(',.0f')}{yuan}")
        lines.append(f"  名单提升倍数 {Estimate(**f['lift']).told('.1f')}")
        lines.append(f"  名单是否失准 {f['drift']['text']}")
    if any(found[g][what]["value"] is not None for g in GRAINS for what in ("rate", "lift")):
        lines.append(f"{meaning(0.95)}；80% 区间约 80 次（只算查出过金额的抽查）")
    return "\n".join(lines)
