"""A small simulated county and the ways to twist it: cut, shuffle, rename, refund. Each is taken in once and shared."""

import re
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from claims.intake.pipeline import intake
from claims.store.warehouse import Warehouse
from features.assemble import numbers
from features.build import build
from features.declarations import load_catalog
from features.declare import REGISTRY
from features.evaluable import absent_features
from features.grains import GRAINS, Grain
from features.matrix import values_of
from simulator import simulate
from tests.worlds import Worlds, code_of

PERSONS, MONTHS, SEED = 700, 6, 5
#: The as-of of every test on this county, and the moment it means.
T = date(2026, 8, 15)
MOMENT = datetime.combine(T, time(23, 59, 59, 999999))
Tables = dict[str, pd.DataFrame]
Twist = Callable[[Tables, datetime], Tables]


def read_tables(folder: Path) -> Tables:
    return {p.stem: pd.read_parquet(p) for p in sorted(folder.iterdir())}


def write_tables(tables: Tables, folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, frame in tables.items():
        frame.to_parquet(folder / f"{name}.parquet", index=False)
    return folder


def source(worlds: Worlds) -> Path:
    """Folder of the county's tables as the simulator gives them."""
    version = f"{code_of('simulator', 'claims')} {PERSONS} {MONTHS} {SEED}"
    return (
        worlds.get("county", version, lambda stage: simulate(stage / "county", PERSONS, MONTHS, SEED))
        / "county"
        / "claims"
    )


def house(worlds: Worlds, name: str) -> Path:
    """The warehouse of a twist by its name, nothing built."""
    twist, buckets = TWISTS[name]

    def make(stage: Path) -> None:
        tables = twist(read_tables(source(worlds)), MOMENT)
        intake(write_tables(tables, stage / "claims"), stage / "warehouse", buckets=buckets)

    return worlds.get(f"house-{name}", code_of("simulator", "claims", "tests/features/county.py"), make) / "warehouse"


@dataclass(frozen=True)
class Built:
    """A warehouse with the partitions of all grains at T, as if only the features in `names` were declared."""

    warehouse: Path
    names: frozenset[str]

    def values(self, grain: Grain) -> pd.DataFrame:
        """The partition's values and the county's graph's, index entity_id. Not to be changed."""
        return _values(self, grain)

    def absent(self) -> dict[str, str]:
        """Features that this warehouse has no table or column for, each with the reason."""
        return _absent(self)


@cache
def _values(built: Built, grain: Grain) -> pd.DataFrame:
    with only(built.names):
        return values_of(built.warehouse, build(built.warehouse, T, grain))


@cache
def _absent(built: Built) -> dict[str, str]:
    return absent_features(Warehouse.open(built.warehouse), [REGISTRY[name] for name in built.names])


def built(worlds: Worlds, name: str, names: Collection[str] | None = None) -> Built:
    """A twist with its features: all of them, or those of these names and what they are told from (seconds instead of a quarter of a minute)."""
    chosen = frozenset(load_catalog()) if names is None else _told_from(names)

    def make(stage: Path) -> None:
        shutil.copytree(house(worlds, name), stage / "warehouse")
        with only(chosen):
            told = {REGISTRY[name].grain for name in chosen}
            rings: set[Grain] = {"ring"} if any(REGISTRY[name].by == "county" for name in chosen) else set()
            for grain in GRAINS if names is None else sorted(told | rings):
                build(stage / "warehouse", T, grain)

    code = code_of("simulator", "claims", "features", "tests/features/county.py")
    shelf = f"features-{name}" if names is None else f"some-features-{name}"
    return Built(worlds.get(shelf, f"{code} {sorted(chosen)}", make) / "warehouse", chosen)


@contextmanager
def only(names: Collection[str]) -> Iterator[None]:
    """The registry as if only these were declared."""
    every = dict(load_catalog())
    REGISTRY.clear()
    REGISTRY.update({name: feature for name, feature in every.items() if name in names})
    try:
        yield
    finally:
        REGISTRY.clear()
        REGISTRY.update(every)


def _told_from(names: Collection[str]) -> frozenset[str]:
    """These features and the stays' own that hospitals and doctors among them are told of."""
    read = {word for name in names if REGISTRY[name].by == "judged" for word in re.findall(r"\w+", REGISTRY[name].rows)}
    return frozenset({*names, *(f.name for f in REGISTRY.of("admission") if read & set(numbers(f)))})


def same(tables: Tables, t: datetime) -> Tables:
    """As they are."""
    return tables


def cut(tables: Tables, t: datetime) -> Tables:
    """The export as the bureau would have made it at T: open stays, unsettled lines, nothing later."""
    out = dict(tables)
    s = tables["settlements"]
    s = s[s["begntime"] <= t].copy()
    refund_late = (s["refd_setl_flag"] == "1") & (s["setl_time"] > t)
    s = s[~refund_late].copy()
    unsettled = s["setl_time"] > t
    at_settlement = [
        c
        for c in s.columns
        if c.endswith(("_pay", "_amt", "_sumamt", "_selfpay"))
        or c in ("setl_id", "setl_time", "act_pay_dedc", "balc", "init_setl_id")
    ]
    for c in at_settlement:
        s[c] = s[c].where(~unsettled, None)
    staying = s["endtime"] > t
    at_discharge = [
        c for c in s.columns
        if c in ("endtime", "dscg_maindiag_code", "dscg_way", "dscg_caty", "days_rinp_flag_31", "oprn_oprt_code", "drg_code", "drg_weight", "dip_score")
        or c.endswith(("nurscare_days", "nursecare_days"))
    ]  # fmt: skip
    for c in at_discharge:
        s[c] = s[c].where(~staying, None)
    # An outpatient visit exists in an export only once it is settled.
    out["settlements"] = s[~(unsettled & (s["adm_bed"].isna()) & (s["adm_dept_codg"].isna()))]
    f = tables["fee_details"]
    f = f[f["fee_ocur_time"] <= t].copy()
    f = f[f["mdtrt_id"].isin(out["settlements"]["mdtrt_id"])].copy()
    known = set(out["settlements"]["setl_id"].dropna())
    f["setl_id"] = f["setl_id"].where(f["setl_id"].isin(known), None)
    out["fee_details"] = f
    p = tables["persons"].copy()
    if "death_date" in p:
        p["death_date"] = p["death_date"].where(pd.to_datetime(p["death_date"]) <= t, None)
    out["persons"] = p
    for name, column in (("inspections", "conclude_time"), ("presence_checks", "check_time")):
        if name in tables:
            out[name] = tables[name][pd.to_datetime(tables[name][column]) <= t]
    return out


def shuffle(tables: Tables, t: datetime) -> Tables:
    """The same rows in another order."""
    return {name: frame.sample(frac=1.0, random_state=3).reset_index(drop=True) for name, frame in tables.items()}


def rename(tables: Tables, t: datetime) -> Tables:
    """Other numbers for persons, visits, settlements and institutions; order-preserving, so that ties by id stay ties."""
    out = {}
    for name, frame in tables.items():
        frame = frame.copy()
        for column in (
            "psn_no",
            "mdtrt_id",
            "setl_id",
            "init_setl_id",
            "fixmedins_code",
            "entity_id",
            "reg_org",
            "org",
        ):
            if column in frame:
                frame[column] = (
                    ("z" + frame[column].astype("string")).astype("object").where(frame[column].notna(), None)
                )
        out[name] = frame
    return out


def refund(tables: Tables, t: datetime) -> Tables:
    """A claim and its full reversal for some persons, both known by T: for `net` as if it had never been."""
    out = dict(tables)
    s, f = tables["settlements"], tables["fee_details"]
    whole = s[
        (s["refd_setl_flag"] == "0")
        & s["setl_id"].notna()
        & (s["setl_time"] <= t)
        & ~s["setl_id"].isin(s["init_setl_id"])
    ]
    picked = whole.sort_values("setl_id").iloc[::23]
    money = [c for c in s.columns if c.endswith(("_pay", "_amt", "_sumamt", "_selfpay", "_sumamt"))]
    copies, reversals, lines = [], [], []
    for tag, sign, flag in (("c", 1, "0"), ("r", -1, "1")):
        extra = picked.copy()
        extra["setl_id"] = picked["setl_id"] + tag
        extra["mdtrt_id"] = picked["mdtrt_id"] + tag
        extra["refd_setl_flag"] = flag
        if flag == "1":
            extra["init_setl_id"] = picked["setl_id"] + "c"
            extra["setl_time"] = np.minimum(picked["setl_time"] + pd.Timedelta(minutes=3), pd.Timestamp(t))
            for c in money:
                extra[c] = -picked[c]
        (copies if sign > 0 else reversals).append(extra)
        own = f[f["setl_id"].isin(picked["setl_id"])].copy()
        own["setl_id"] = own["setl_id"] + tag
        own["mdtrt_id"] = own["mdtrt_id"] + tag
        if sign < 0:
            own["init_feedetl_sn"] = own["feedetl_sn"]
            for c in ("cnt", "det_item_fee_sumamt", "inscp_scp_amt", "fulamt_ownpay_amt"):
                if c in own:
                    own[c] = -own[c]
        lines.append(own)
    out["settlements"] = pd.concat([s, *copies, *reversals], ignore_index=True)
    out["fee_details"] = pd.concat([f, *lines], ignore_index=True)
    return out


#: Each twist with its number of buckets.
TWISTS: dict[str, tuple[Twist, int]] = {
    "plain": (same, 2),
    "cut": (cut, 2),
    "shuffled": (shuffle, 1),
    "renamed": (rename, 2),
    "refunded": (refund, 2),
}
