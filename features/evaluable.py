"""What a warehouse cannot answer (不可评估), and why: tables and columns nobody sent, coded columns with too many codes
nobody mapped. Such a number is missing, never zero, and the lists say so (contract.md §4)."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime

from claims.schema.tables import CANONICAL
from claims.settings import settings
from claims.store.claim_store import ClaimStore
from claims.store.warehouse import Warehouse
from claims.unmapped import unmapped
from features.declarations import load_catalog
from features.declare import REGISTRY, Feature, amount_name
from features.grains import GRAINS
from features.reversal_modes import ROWS


def unread_words(warehouse: Warehouse, as_of: date | datetime) -> dict[str, str]:
    """Word of SQL → why nobody may go by it: coded columns of whose rows too many carry codes nobody mapped, and the
    views whose rows are chosen by such a column (a stay is what `med_type` says is one)."""
    limit = settings().limits.unmapped
    found: dict[str, str] = {}
    for one in unmapped(warehouse.facts.get("by_batch", {}), as_of):
        if one.share >= limit:
            found |= dict.fromkeys(sorted(one.coded.words), one.zh)
    for view, condition in ROWS.items():
        if told := sorted(found.keys() & _words(condition)):
            found[view] = found[told[0]]
    return found


def absent_features(
    store: ClaimStore, features: Iterable[Feature], unread: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Features that this store cannot answer, each with the reason; `unread`: what unread_words gives of it."""
    unread = unread or {}
    asked = list(features)
    absent = {f.name: why for f in asked if (why := _lacks(store, f) or _unreadable(f, unread))}
    if any(f.by == "judged" for f in asked):  # told of judged stays, it goes by the numbers of the stays
        gone: dict[str, str] = {}
        for f in (f for grain, spec in GRAINS.items() if spec.yearly for f in REGISTRY.by_claims(grain)):
            if why := _lacks(store, f) or _unreadable(f, unread):
                gone |= dict.fromkeys((n for c in f.columns() for n in (c, amount_name(c))), why)
        absent |= {f.name: why for f in asked if f.by == "judged" and (why := _unreadable(f, gone))}
    return absent


def not_evaluated(warehouse: Warehouse, as_of: date | datetime) -> dict[str, list[str]]:
    """Reason → the rules that codes nobody mapped keep from being evaluated, of all grains."""
    unread = unread_words(warehouse, as_of)
    if not unread:
        return {}
    found: dict[str, list[str]] = {}
    absent = absent_features(warehouse, (f for f in load_catalog().values() if f.by != "county"), unread)
    for f in load_catalog().values():
        why = absent.get(f.name)
        if f.rule and why in unread.values() and f.rule not in found.setdefault(str(why), []):
            found[str(why)].append(f.rule)
    return {why: sorted(rules) for why, rules in found.items()}


def _lacks(store: ClaimStore, f: Feature) -> str:
    """The optional table or column that a declaration needs and nobody sent; '' if all are there."""
    lacks = ""
    for need in f.needs:
        table, _, columns = need.partition(".")
        if table not in store.tables() or (columns and not set(columns.split("|")) & set(store.columns(table))):
            lacks = said_of(need)
    return lacks


def said_of(need: str) -> str:
    """That a table, or one of the columns `table.a|b`, was not sent: by the names an officer knows, with those of the
    schema behind."""
    table, _, columns = need.partition(".")
    known = CANONICAL.get(table)
    zh = known.zh if known else table
    if not columns:
        return f"缺少表 {zh}（{table}）"
    told = [known[c] for c in columns.split("|")] if known else []
    return f"缺少列 {zh}：" + "或".join(f"{c.zh}（{table}.{c.name}）" for c in told)


def _unreadable(f: Feature, unread: Mapping[str, str]) -> str:
    """Why the SQL of a declaration, or the peers it is held against, may not be gone by; '' if it may."""
    if not unread:
        return ""
    words = _words(f.sql())
    words |= set(GRAINS[f.grain].peers.columns) if f.peers is not None else set()
    return next((unread[w] for w in sorted(words & unread.keys())), "")


def _words(sql: str) -> set[str]:
    return set(re.findall(r"\w+", sql))
