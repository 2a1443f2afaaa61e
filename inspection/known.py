"""What the warehouse knew, on a day, of the numbers that a list from outside names: settlements, persons, lines of bills, numbers that look like a bent one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Final

import duckdb
import pandas as pd

from claims.errors import UserError
from claims.schema.tables import CANONICAL
from claims.store.known import known_sql, stored_columns
from claims.store.sql import name
from claims.store.warehouse import Warehouse
from features.asof import moment_of

BILL: Final = (
    "setl_id", "mdtrt_id", "psn_no", "fixmedins_code", "is_inpatient", "begntime", "endtime", "setl_time",
    "medfee_sumamt_fen", "fund_pay_sumamt_fen", "refd_setl_flag", "init_setl_id",
)  # fmt: skip
LINE: Final = (
    "mdtrt_id",
    "setl_id",
    "feedetl_sn",
    "med_list_codg",
    "hilist_name",
    "cnt_e4",
    "det_item_fee_sumamt_fen",
    "happened_at",
)


@dataclass(frozen=True)
class Claims:
    """bills: settlements that a list could mean (BILL), refunded: those taken back whole; stays: what was told of their stays (mdtrt_id,
    dscg_maindiag_code, endtime); units: code → (name, area); persons: certificate → numbers; ids: field → numbers the warehouse knows among those asked; beds: 病案号 → stays."""

    bills: pd.DataFrame
    refunded: frozenset[str]
    stays: pd.DataFrame
    units: Mapping[str, tuple[str, str]]
    persons: Mapping[str, tuple[str, ...]]
    ids: Mapping[str, frozenset[str]]
    alike: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    beds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Reader:
    """The known rows of some tables of a warehouse on a day, as SQL over one connection. Close it."""

    def __init__(self, warehouse: Path | str, as_of: date | datetime) -> None:
        self.house, self.moment = Warehouse.open(warehouse), moment_of(as_of)
        self.con = duckdb.connect()
        self.con.execute("SET threads=2; SET memory_limit='3GB'; SET TimeZone='Asia/Shanghai'")

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.con.close()

    def rows(self, table: str, columns: Sequence[str], where: str = "", **asked: Iterable[str]) -> pd.DataFrame:
        """Columns of a table (missing where nothing is stored) under a condition on `f` that may name lists of `asked` ($name)."""
        declared = CANONICAL[table]
        wanted = {c: declared.canonical_columns[c] for c in columns}
        stored = stored_columns(self.house, declared) if table in self.house.tables() else []
        here = [c for c in columns if c in stored]
        layout = declared.layouts[0]
        sql = (
            known_sql(self.house, declared, self.moment, layout, None, here, [where] if where else []) if here else None
        )
        if sql is None:
            return pd.DataFrame({c: pd.Series(dtype="object") for c in columns})
        cells = ", ".join(name(c) if c in here else f"NULL::{kind} AS {name(c)}" for c, kind in wanted.items())
        given = {k: sorted({str(v) for v in values}) for k, values in asked.items()}
        return pd.DataFrame(self.con.execute(f"SELECT {cells} FROM ({sql})", given or None).df())


def units_of(reader: Reader) -> dict[str, tuple[str, str]]:
    """Code → (name, area) of every unit known."""
    found = reader.rows("institutions", ["fixmedins_code", "fixmedins_name", "area_code", "admdvs"])
    rows = found.astype(object).where(found.notna(), None).to_dict("records")
    return {
        str(r["fixmedins_code"]): (str(r["fixmedins_name"] or ""), str(r["area_code"] or r["admdvs"] or ""))
        for r in rows
    }


def load_claims(warehouse: Path | str, as_of: date | datetime, asked: Mapping[str, Collection[str]]) -> Claims:
    """What is known of the numbers `asked` (setl_id, mdtrt_id, ipt_no, psn_no, certno). UserError for a warehouse without settlements."""
    wanted = {f: set(asked.get(f, ())) for f in ("setl_id", "mdtrt_id", "ipt_no", "psn_no", "certno", "fixmedins_code")}
    with Reader(warehouse, as_of) as reader:
        if "settlements" not in reader.house.tables():
            raise UserError(f"{warehouse} 中没有结算单；请先用 xiezhi intake 接收")
        holders = reader.rows("persons", ["psn_no", "certno"], "list_contains($who, f.certno)", who=wanted["certno"])
        persons: dict[str, tuple[str, ...]] = {}
        for certno, group in holders.groupby("certno"):
            persons[str(certno)] = tuple(sorted(set(group["psn_no"])))
        people = wanted["psn_no"] | {p for found in persons.values() for p in found}
        beds = reader.rows("visits", ["ipt_no", "mdtrt_id"], "list_contains($no, f.ipt_no)", no=wanted["ipt_no"])
        stays = wanted["mdtrt_id"] | set(beds["mdtrt_id"])
        every = (
            wanted["setl_id"] | stays | people | wanted["certno"] | wanted["fixmedins_code"]
        )  # a column may be called by another's name
        bills = reader.rows(
            "settlements", BILL,
            "(f.setl_id IN (SELECT unnest($a)) OR f.mdtrt_id IN (SELECT unnest($a)) OR f.psn_no IN (SELECT unnest($a)))", a=every,
        )  # fmt: skip
        own = set(bills["setl_id"])
        back = reader.rows(
            "settlements", ["init_setl_id", "medfee_sumamt_fen"], "f.init_setl_id IN (SELECT unnest($s))", s=own
        )
        refunded = taken_back(bills, back)
        codes = units_of(reader)
        told = reader.rows(
            "discharges",
            ["mdtrt_id", "dscg_maindiag_code", "endtime"],
            "f.mdtrt_id IN (SELECT unnest($m))",
            m=set(bills["mdtrt_id"]),
        )
        alike = _alike(reader, wanted, bills, set(codes))
    ids = {
        "setl_id": own, "mdtrt_id": set(bills["mdtrt_id"]), "psn_no": set(bills["psn_no"]), "certno": set(persons),
        "fixmedins_code": set(codes), "ipt_no": set(beds["ipt_no"]),
    }  # fmt: skip
    return Claims(
        bills,
        frozenset(refunded),
        told,
        codes,
        persons,
        {k: frozenset(v) for k, v in ids.items()},
        alike,
        {str(no): tuple(sorted(set(g["mdtrt_id"]))) for no, g in beds.groupby("ipt_no")},
    )


def taken_back(bills: pd.DataFrame, back: pd.DataFrame) -> set[str]:
    """Refunds themselves, and settlements of which nothing is left after what was given back (`back`: init_setl_id, medfee_sumamt_fen below 0)."""
    given = back.groupby("init_setl_id")["medfee_sumamt_fen"].sum()
    rest = bills["medfee_sumamt_fen"].fillna(0) + bills["setl_id"].map(given).fillna(0)
    gone = bills["setl_id"].isin(given.index) & (rest <= 0)
    return set(bills.loc[gone | (bills["refd_setl_flag"].astype(str) == "1"), "setl_id"])


def not_refunded(bills: pd.DataFrame) -> pd.DataFrame:
    """The settlements and refunds of visits of which something is left: sums over them are net (contract.md §6.3)."""
    net = bills.groupby("mdtrt_id")["medfee_sumamt_fen"].transform("sum")
    return bills[net > 0]


def lines_of(warehouse: Path | str, as_of: date | datetime, bills: Iterable[str]) -> pd.DataFrame:
    """The fee lines of some settlements."""
    with Reader(warehouse, as_of) as reader:
        return reader.rows("fee_details", LINE, "f.setl_id IN (SELECT unnest($s))", s=bills)


def _alike(
    reader: Reader, wanted: Mapping[str, set[str]], bills: pd.DataFrame, codes: set[str]
) -> dict[str, dict[str, str]]:
    """Field → number nobody has → the one number of ours that it would be with its lost zeros in front, or with other digits than 0 behind the fifteenth."""
    found: dict[str, dict[str, str]] = {}
    for column in ("setl_id", "mdtrt_id", "psn_no"):
        lost = {v for v in wanted[column] - set(bills[column]) if v.isdigit()}
        if not lost:
            continue
        short, long = (
            {v for v in lost if not v.startswith("0")},
            {v[:15] for v in lost if len(v) > 15 and set(v[15:]) == {"0"}},
        )
        near = reader.rows(
            "settlements", [column], f"((f.{column}[1] = '0' AND ltrim(f.{column}, '0') IN (SELECT unnest($z)))"
            f" OR left(f.{column}, 15) IN (SELECT unnest($h)))", z=short, h=long,
        )  # fmt: skip
        known: dict[str, set[str]] = {}
        for number in set(near[column].dropna()):
            known.setdefault(number.lstrip("0"), set()).add(number)
            known.setdefault(number[:15] + "0" * (len(number) - 15), set()).add(number)
        found[column] = {v: next(iter(known[v])) for v in lost if len(known.get(v, ())) == 1}
    zeros = {c.lstrip("0"): c for c in codes if c.startswith("0")}
    found["fixmedins_code"] = {v: zeros[v] for v in wanted["fixmedins_code"] - codes if v in zeros}
    return found
