"""What columns say of one another: numbers found again in another table, and amounts that add up or multiply."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from claims.drafting.matching import Matched, Relation
from claims.drafting.profile import DATABASE_ROWS, Dataset, Export, Profile

Found = dict[tuple[str, str], list[Relation]]

#: (table, key) → the columns of any table that hold its values.
LINKS: dict[tuple[str, str], tuple[str, ...]] = {
    ("persons", "psn_no"): ("psn_no", "rel_psn_no"),
    ("institutions", "fixmedins_code"): ("fixmedins_code", "entity_id"),
    ("doctors", "dr_codg"): ("atddr_no", "chfpdr_code", "bilg_dr_codg", "orders_dr_code", "oper_dr_code"),
    ("settlements", "setl_id"): ("setl_id", "init_setl_id"),
    ("settlements", "mdtrt_id"): ("mdtrt_id", "entity_id"),
    ("fee_details", "feedetl_sn"): ("init_feedetl_sn",),
    ("catalog", "med_list_codg"): ("med_list_codg",),
    ("diagnosis_names", "diag_code"): ("dscg_maindiag_code", "opt_diag_code", "diag_code"),
}
ENOUGH = 20  # filled rows from which no overlap at all speaks against a link
Figures = npt.NDArray[np.float64]


def relate(export: Export, matched: Sequence[Matched]) -> dict[int, Found]:
    """Data set → (local column, official column) → what relations say of that pair."""
    found: dict[int, Found] = {m.dataset.number: defaultdict(list) for m in matched}
    for one in matched:
        for local, official, relation in (
            *_links(export, one, matched),
            *_referred(export, one, matched),
            *_stays(one),
            *_item_kinds(one),
            *_products(one),
            *_sums(one),
        ):
            found[one.dataset.number][local, official].append(relation)
    return found


def _links(export: Export, child: Matched, matched: Sequence[Matched]) -> Iterator[tuple[str, str, Relation]]:
    for (table, key), officials in LINKS.items():
        here = [o for o in officials if o in child.table]
        for parent in matched:
            local = parent.local(key)
            if parent.table.name != table or local is None or not here:
                continue
            held = parent.dataset.columns[local]
            for column, profile in child.dataset.columns.items():
                same = parent is child
                if (same and column == local) or not _comparable(profile, held):
                    continue
                share = export.overlap(child.dataset, column, parent.dataset, local)
                names = [o for o in here if not (same and o == key)]
                shown = f"{share:.0%} of its values are {local} of {parent.dataset.title}"
                if share >= (0.2 if "entity_id" in here else 0.5):  # an inspection's object is of several kinds
                    yield from ((column, o, Relation(0.7 * share / len(names) ** 0.5, shown)) for o in names)
                elif share < 0.02 and parent.dataset.rows < DATABASE_ROWS and profile.filled >= ENOUGH and not same:
                    yield from ((column, o, Relation(-0.4, shown)) for o in names if o != "entity_id")


def _referred(export: Export, one: Matched, matched: Sequence[Matched]) -> Iterator[tuple[str, str, Relation]]:
    """A number of its own in each row by which other tables name people, institutions or doctors."""
    key = one.table.key[0]
    if one.table.name not in ("persons", "institutions", "doctors"):
        return
    for local, held in one.dataset.columns.items():
        if (
            held.unique < 0.9
            or held.filled < 0.9 * held.rows
            or held.dates > 0.5
            or held.length < 3
            or held.chinese > 0.3
        ):
            continue
        naming = [
            f"{column} of {other.dataset.title}"
            for other in matched
            if other is not one and other.table.name in ("settlements", "fee_details")
            for column, profile in other.dataset.columns.items()
            if _comparable(profile, held) and export.overlap(other.dataset, column, one.dataset, local) > 0.8
        ]
        if naming:
            yield local, key, Relation(0.65, f"its values stand in {naming[0]}")


def _stays(one: Matched) -> Iterator[tuple[str, str, Relation]]:
    """A column whose values part visits of a night or more from the others tells the kind of visit."""
    begin, end = one.local("begntime"), one.local("endtime")
    if one.table.name != "settlements" or not begin or not end:
        return
    columns = one.dataset.columns
    days = columns[end].moments.astype("datetime64[D]") - columns[begin].moments.astype("datetime64[D]")
    nights = days.astype("float64") > 0
    for local, held in columns.items():
        if len(held.counts) < 3 or held.filled < 0.95 * held.rows or held.dates > 0.5:
            continue
        of: dict[str, list[bool]] = defaultdict(list)
        for cell, stayed in zip(held.cells, nights.tolist(), strict=True):
            of[cell or ""].append(stayed)
        right = sum(max(sum(rows), len(rows) - sum(rows)) for rows in of.values()) / max(len(nights), 1)
        plain = max(float(np.mean(nights)), 1 - float(np.mean(nights)))
        if plain < 0.999 and right - plain > 0.6 * (1 - plain):
            yield local, "med_type", Relation(0.6, "its values part stays from visits of a day")


def _item_kinds(one: Matched) -> Iterator[tuple[str, str, Relation]]:
    """A column of several values of which each item has but one tells the kind of item."""
    item = one.local("med_list_codg")
    if one.table.name != "fee_details" or not item:
        return
    items = one.dataset.columns[item].cells
    for local, held in one.dataset.columns.items():
        if not 5 <= len(held.counts) <= 30 or held.filled < 0.95 * held.rows:
            continue
        of: dict[str, set[str]] = defaultdict(set)
        for code, cell in zip(items, held.cells, strict=True):
            of[code or ""].add(cell or "")
        if len(of) > 2 * len(held.counts) and np.mean([len(kinds) == 1 for kinds in of.values()]) > 0.95:
            yield local, "med_chrgitm_type", Relation(0.5, "each item has one of its values")


def _comparable(child: Profile, parent: Profile) -> bool:
    if not child.values or child.dates > 0.5 or child.number * (1 - child.whole) > 0.5 or child.distinct < 2:
        return False
    return parent.length >= 3 and abs(child.length - parent.length) <= 4


@dataclass(frozen=True)
class Product:
    """An amount that is the product of two others, times `factor`: 100 where the amount is in 分, the price in 元."""

    quantity: str
    price: str
    amount: str
    factor: int
    share: float


def product(dataset: Dataset) -> Product | None:
    """The columns a × b = c of a data set, if there are such."""
    figures = _figures(dataset)
    best: Product | None = None
    for (a, x), (b, y) in combinations(figures.items(), 2):
        for c, z in figures.items():
            if c in (a, b):
                continue
            use = (z != 0) & (np.abs(x) != 1) & (np.abs(y) != 1) & np.isfinite(x * y * z)
            if use.sum() < 10 or len(np.unique(x[use])) < 3 or len(np.unique(y[use])) < 3:
                continue
            for factor in (1, 100):
                wanted = np.abs(x[use] * y[use]) * factor
                share = float(np.mean(np.abs(wanted - np.abs(z[use])) <= 0.011 * factor**0.5 + 0.002 * np.abs(z[use])))
                if share > max(0.8, best.share if best else 0.0):
                    quantity, price = (a, b) if _whole(x) >= _whole(y) else (b, a)
                    best = Product(quantity, price, c, factor, share)
    return best


def _whole(x: Figures) -> float:
    known = x[np.isfinite(x)]
    return float(np.mean(known == np.round(known))) - float(np.median(np.abs(known))) / 1e6


def _products(one: Matched) -> Iterator[tuple[str, str, Relation]]:
    if one.table.name in ("fee_details", "stock_moves") and (found := product(one.dataset)):
        why = f"{found.quantity} × {found.price} = {found.amount} in {found.share:.0%} of rows"
        yield found.quantity, "cnt", Relation(0.5, why)
        yield found.price, "pric", Relation(0.5, why)
        if "det_item_fee_sumamt" in one.table:
            yield found.amount, "det_item_fee_sumamt", Relation(0.6, why)


def parts(dataset: Dataset) -> tuple[str, tuple[str, ...], float] | None:
    """The amount that is the sum of three others, and these, if there are such."""
    figures = {
        c: x for c, x in _figures(dataset).items() if np.mean(np.nan_to_num(x) != 0) > 0.02 and len(np.unique(x)) > 5
    }
    best: tuple[str, tuple[str, ...], float] | None = None
    for total, t in figures.items():
        smaller = {
            c: np.nan_to_num(x) for c, x in figures.items() if c != total and np.nanmean(np.abs(x) <= np.abs(t)) > 0.95
        }
        for trio in combinations(smaller, 3):
            rows = [smaller[c] for c in trio]
            mixed = (sum((r != 0).astype(int) for r in rows) > 1) & np.isfinite(t)
            if mixed.sum() < 20:
                continue
            share = float(np.mean(np.abs(sum(rows)[mixed] - t[mixed]) < 0.02))  # type: ignore[index]
            if share > max(0.8, best[2] if best else 0.0):
                best = (total, trio, share)
    return best


def _sums(one: Matched) -> Iterator[tuple[str, str, Relation]]:
    if one.table.name == "settlements" and (found := parts(one.dataset)):
        total, trio, share = found
        why = f"{total} = {' + '.join(trio)} in {share:.0%} of rows"
        yield total, "medfee_sumamt", Relation(0.6, why)
        for part in trio:
            for official in ("fund_pay_sumamt", "acct_pay", "psn_cash_pay"):
                yield part, official, Relation(0.25, why)


def _figures(dataset: Dataset) -> dict[str, Figures]:
    return {
        c: p.numbers
        for c, p in dataset.columns.items()
        if p.values and p.number > 0.9 and p.dates < 0.5 and p.padded < 0.05 and (p.distinct > 5 or p.whole < 0.9)
    }
