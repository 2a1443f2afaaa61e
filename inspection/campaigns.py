"""Campaigns (专项): what an office looks at for a season, as a table: which suspects belong to one, and which claims it is about.

Shipped in campaigns.toml; WAREHOUSE/campaigns.toml changes single keys, adds campaigns, or leaves one out (`off = true`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from claims.errors import UserError
from claims.schema.code_tables import OF_COLUMN
from claims.schema.tables import CANONICAL
from claims.store.sql import quote
from claims.store.warehouse import Warehouse
from features.asof import open_views
from features.declarations import load_catalog
from features.declare import REGISTRY
from features.evaluable import absent_features, said_of, unread_words
from features.grains import SCHEMES
from inspection.sites import Site

FILE = Path(__file__).with_name("campaigns.toml")
OWN = "campaigns.toml"
UNEVALUABLE = "不可评估"


@dataclass(frozen=True)
class Campaign:
    """As in campaigns.toml, which says what each key means."""

    name: str
    about: str = ""
    schemes: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    insutype: tuple[str, ...] = ()
    psn_type: tuple[str, ...] = ()
    visit_class: tuple[str, ...] = ()
    dx: str = ""
    units: str = ""
    charges: tuple[str, ...] = ()
    items: str = ""
    resale: bool = False
    traced: bool = False
    whole: bool = False
    needs: tuple[str, ...] = ()

    @property
    def by_line(self) -> bool:
        """Whether its claims are told by their lines."""
        return bool(self.charges or self.items or self.resale or self.traced)

    def claimed(self, told: Mapping[str, Any]) -> bool:
        """Whether a suspect's own claims are of the campaign, by what a list tells of it: insutype, psn_type (code or word), dx, visit_class, unit_kind, unit_name."""
        return bool(
            (self.insutype and _coded("insutype", told.get("insutype"), self.insutype))
            or (self.psn_type and _coded("psn_type", told.get("psn_type"), self.psn_type))
            or (self.visit_class and told.get("visit_class") in self.visit_class)
            or (self.dx and re.search(self.dx, str(told.get("dx") or "").upper()))
            or (self.units and re.search(self.units, f"{told.get('unit_kind') or ''} {told.get('unit_name') or ''}"))
        )

    def belongs(self, schemes: Collection[str], rules: Collection[str], told: Mapping[str, Any]) -> bool:
        """Whether a suspect is one of the campaign: by what it is suspected of, or (`whole`) by its claims."""
        return (
            not set(self.schemes).isdisjoint(schemes)
            or not set(self.rules).isdisjoint(rules)
            or (self.whole and self.claimed(told))
        )

    def yuan(self, row: Mapping[str, Any], told: Mapping[str, Any]) -> float | None:
        """What of a row's sum at risk is the campaign's: all of it where it belongs by its claims; else what its rules name, None where the row does not tell."""
        amount = float(row.get("amount_at_risk_yuan") or 0)
        if self.whole and self.claimed(told):
            return amount
        by_rule: Mapping[str, float] = row.get("rule_yuan") or {}
        mine = [by_rule[r] for r in self.rules if r in by_rule]
        return round(min(sum(mine), amount), 2) if mine else None

    def to_json(self) -> dict[str, Any]:
        return {k: list(v) if isinstance(v, tuple) else v for k, v in vars(self).items()}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Campaign:
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in said.items()}
        return cls(**values)


def _coded(column: str, value: Any, prefixes: tuple[str, ...]) -> bool:
    """Whether a code, or its word on lists, begins with one of these."""
    text = str(value or "")
    return text.startswith(prefixes) or text in _words(column, prefixes)


@cache
def _words(column: str, prefixes: tuple[str, ...]) -> frozenset[str]:
    return frozenset(c.zh for c in OF_COLUMN[column].codes if c.code.startswith(prefixes))


def campaigns(warehouse: Path | None = None) -> dict[str, Campaign]:
    """By name: those shipped, as the office of the warehouse changed them. UserError naming file, campaign and key."""
    found = {name: _campaign(FILE, name, said) for name, said in _read(FILE).items()}
    own = warehouse / OWN if warehouse is not None else None
    if own is not None and own.exists():
        for name, said in _read(own).items():
            if isinstance(said, dict) and said.pop("off", False):
                found.pop(name, None)
            else:
                found[name] = _campaign(own, name, said, found.get(name))
    return found


def campaign(name: str, warehouse: Path | None = None) -> Campaign:
    """One by its name. UserError where there is none."""
    known = campaigns(warehouse)
    if name not in known:
        raise UserError(f"没有名为 {name!r} 的专项；现有：{'、'.join(known)}（xiezhi campaign list）")
    return known[name]


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UserError(f"{path}：读不到（{error.strerror}）；请检查路径") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}：不是有效的 TOML 文件（{error}）；请改正该行，中文名称要加引号") from None


def _campaign(path: Path, name: str, said: Any, base: Campaign | None = None) -> Campaign:
    kinds = {f.name: str(f.type) for f in fields(Campaign) if f.name != "name"}
    if not isinstance(said, dict):
        raise UserError(f"{path}：{name} 不是一节；写作 ['{name}']，下面逐行写设置")
    for key, value in said.items():
        if key not in kinds:
            raise UserError(f"{path}：[{name}] 不认识的设置 {key}；可用：{'、'.join(kinds)}、off")
        listed = kinds[key].startswith("tuple")
        if not (
            isinstance(value, list) and all(isinstance(v, str) for v in value)
            if listed
            else type(value).__name__ == kinds[key]
        ):
            raise UserError(
                f"{path}：[{name}] {key} 应为{'文字的列表' if listed else '文字' if kinds[key] == 'str' else 'true 或 false'}"
            )
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in said.items()}
    made = replace(base or Campaign(name), **values)
    if unknown := sorted(set(made.schemes) - set(SCHEMES)):
        raise UserError(f"{path}：[{name}] 没有疑点类型 {'、'.join(unknown)}；见 docs/rules.md")
    load_catalog()
    if unknown := sorted(set(made.rules) - {f.rule for f in REGISTRY.values() if f.rule}):
        raise UserError(f"{path}：[{name}] 没有规则 {'、'.join(unknown)}；见 xiezhi rules list")
    for key in ("dx", "units", "items"):
        try:
            re.compile(getattr(made, key))
        except re.error as error:
            raise UserError(f"{path}：[{name}] {key} 不是有效的正则表达式（{error}）") from None
    for need in made.needs:
        table, _, columns = need.partition(".")
        if table not in CANONICAL or not set(columns.split("|")) <= set(CANONICAL[table].canonical_columns):
            raise UserError(f"{path}：[{name}] needs 中的 {need} 不是 docs/tables.md 的表和列")
    if not (made.schemes or made.rules or made.whole):
        raise UserError(f"{path}：[{name}] 没有 schemes、rules，也没有 whole = true，什么都不会属于它")
    return made


def lacking(house: Warehouse, as_of: date, every: Collection[Campaign]) -> dict[str, str]:
    """Of campaigns that these claims cannot answer (不可评估): what is missing. Its columns, or those of all its rules."""
    catalog = [f for f in load_catalog().values() if f.by != "county" and f.rule]
    absent = absent_features(house, catalog, unread_words(house, as_of))
    answered = {f.rule for f in catalog if f.name not in absent}
    found = {}
    for one in every:
        gone = [said_of(n) for n in one.needs if not _there(house, n)]
        if not gone and one.rules and not one.schemes and not set(one.rules) & answered:
            gone = sorted({why for f in catalog if f.rule in one.rules and (why := absent.get(f.name))})
        if gone:
            found[one.name] = "；".join(gone)
    return found


def must_be_answered(house: Warehouse, as_of: date, one: Campaign) -> None:
    """UserError naming what the claims lack for a campaign."""
    if gone := lacking(house, as_of, [one]):
        raise UserError(f"专项 {one.name} {UNEVALUABLE}：{gone[one.name]}；补送后再试")


def _there(house: Warehouse, need: str) -> bool:
    table, _, columns = need.partition(".")
    return bool(set(columns.split("|")) & set(house.columns(table)))


def claims_of(warehouse: Path | str, as_of: date, one: Campaign, days: int = 365) -> pd.DataFrame:
    """Per unit with claims of the campaign in the last `days`: fixmedins_code, claims, fen (billed). UserError where the claims lack its columns."""
    house = Warehouse.open(warehouse)
    must_be_answered(house, as_of, one)
    found = []
    for bucket in range(house.buckets):
        con = open_views(house, as_of, "institution", bucket, lines=one.by_line)
        try:
            found.append(_claims(con, one, days))
        finally:
            con.close()
    return pd.concat(found, ignore_index=True).sort_values("fixmedins_code", ignore_index=True)


def of_campaign(warehouse: Path | str, as_of: date, sites: Sequence[Site], one: Campaign) -> list[Site]:
    """The units that have claims of the campaign, each with what it billed of them (`fen`). UserError where the claims lack its columns, or no unit has any."""
    fen = claims_of(warehouse, as_of, one).set_index("fixmedins_code")["fen"].to_dict()
    found = [replace(s, fen=int(fen[s.id])) for s in sites if s.id in fen]
    if not found:
        raise UserError(f"{as_of} 前一年内没有机构发生专项 {one.name} 的费用；请检查数据日期和专项设置")
    return found


def _claims(con: duckdb.DuckDBPyConnection, one: Campaign, days: int) -> pd.DataFrame:
    visit = [
        *(f"starts_with(coalesce(s.insutype, p.insutype, ''), {quote(c)})" for c in one.insutype),
        *(f"starts_with(coalesce(s.psn_type, p.psn_type, ''), {quote(c)})" for c in one.psn_type),
        *([f"s.visit_class IN ({_list(one.visit_class)})"] if one.visit_class else []),
        *([f"regexp_matches(coalesce(st.dx, ''), {quote(one.dx)})"] if one.dx else []),
        *([f"regexp_matches(concat_ws(' ', i.medins_type, i.fixmedins_name), {quote(one.units)})"] if one.units else []),
    ]  # fmt: skip
    line = [
        *([f"l.med_chrgitm_type IN ({_list(one.charges)})"] if one.charges else []),
        *([f"regexp_matches(coalesce(c.name, l.hilist_name, ''), {quote(one.items)})"] if one.items else []),
        *(["c.resale_risk_flag = '1'"] if one.resale else []),
        *(["l.drug_trac_codg IS NOT NULL"] if one.traced else []),
    ]
    where = ["s.happened_at > (SELECT t FROM main.asof) - to_days(?)"]
    where += [f"({' OR '.join(visit)})"] if visit else []
    if line:
        where.append(
            "s.mdtrt_id IN (SELECT l.mdtrt_id FROM net.lines l LEFT JOIN (SELECT med_list_codg, any_value(name) AS name,"
            " max(resale_risk_flag) AS resale_risk_flag FROM main.catalog GROUP BY 1) c USING (med_list_codg)"
            f" WHERE {' AND '.join(line)})"
        )
    return con.execute(
        f"""SELECT s.fixmedins_code, count(*) AS claims, sum(coalesce(s.medfee_sumamt_fen, 0))::BIGINT AS fen
        FROM net.settlements s
        LEFT JOIN main.persons p ON p.psn_no = s.psn_no
        LEFT JOIN net.stays st ON st.mdtrt_id = s.mdtrt_id
        LEFT JOIN main.institutions i ON i.fixmedins_code = s.fixmedins_code
        WHERE {" AND ".join(where)}
        GROUP BY 1""",
        [days],
    ).df()


def _list(values: tuple[str, ...]) -> str:
    return ", ".join(quote(v) for v in values)
