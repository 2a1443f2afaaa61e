"""In what unit a table's amounts are, 元 or 分: by their cents, by lines against settlements, by price times number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from claims.drafting.matching import Matched
from claims.drafting.profile import Export, Profile
from claims.drafting.relations import parts, product
from claims.schema.mapping import UNITS
from claims.store.sql import name

#: Share of amounts that are no whole hundreds from which whole numbers are 分.
CENTS = 0.3
#: Amounts without which nothing can be said.
FEWEST = 10
MARKS = (("元", "yuan"), ("分", "fen"), ("万元", "wan"))


@dataclass
class Unit:
    """The unit of a table, the columns that differ from it, why, and whether it was only guessed."""

    unit: str = "yuan"
    other: dict[str, str] = field(default_factory=dict)  # official column → its own unit
    why: str = "no amount tells otherwise"
    guessed: bool = True


def units(export: Export, matched: Sequence[Matched]) -> dict[str, Unit]:
    """Table → its unit."""
    found = {one.table.name: _alone(one) for one in matched}
    decided = [u.unit for u in found.values() if not u.guessed]
    common = max(set(decided), key=decided.count) if decided else "yuan"
    for unit in found.values():
        if unit.guessed and decided and common != unit.unit:
            unit.unit, unit.why = common, "as in the other tables; no amount of this one tells"
    _between(export, matched, found)
    return found


def marked(local: str) -> str | None:
    """The unit a header itself names: ``费用(分)``; such a column needs none in the mapping."""
    bare = local.strip().replace("（", "(").replace("）", ")")
    return next((unit for mark, unit in MARKS if bare.endswith(f"({mark})")), None)


def _alone(one: Matched) -> Unit:
    """By the amounts of the table itself."""
    held = {
        c.name: one.dataset.columns[one.pairs[c.name].local]
        for c in one.table.columns
        if c.kind in ("money", "price") and c.name in one.pairs
    }
    told = {official: said for official, p in held.items() if (said := marked(p.name) or _of_cents(p))}
    if not told:
        return Unit()
    common = max(("yuan", "fen", "wan"), key=lambda u: list(told.values()).count(u))
    bearer = next(o for o, u in told.items() if u == common)
    why = f"{held[bearer].name} has fractions" if common == "yuan" else f"{held[bearer].name} is whole, with odd cents"
    if marked(held[bearer].name):
        why = f"the header {held[bearer].name} says so"
    unit = Unit(common, {}, why, guessed=False)
    total = held.get("medfee_sumamt")
    unit.other = {
        o: u
        for o, u in told.items()
        if u != common and not marked(held[o].name) and (u == "yuan" or (total is not None and _above(held[o], total)))
    }
    if one.table.name == "fee_details" and (found := product(one.dataset)) and found.factor == 100:
        official = next((o for o, p in one.pairs.items() if p.local == found.price), "")
        if official and unit.unit == "fen" and not marked(found.price):
            unit.other[official] = "yuan"
    if one.table.name == "settlements" and (summed := parts(one.dataset)):
        unit.why += f"; {summed[0]} = {' + '.join(summed[1])} in {summed[2]:.0%} of rows"
    return unit


def _above(part: Profile, total: Profile) -> bool:
    """Whether a part is often more than the whole, as 分 are of 元."""
    both = np.isfinite(part.numbers) & np.isfinite(total.numbers) & (part.numbers != 0)
    return bool(both.sum()) and float(np.mean(np.abs(part.numbers[both]) > np.abs(total.numbers[both]))) > 0.3


def _of_cents(profile: Profile) -> str | None:
    known = [n for n in profile.numbers if n == n and n != 0]
    if len(known) < FEWEST:
        return None
    if profile.whole < 0.98:
        return "yuan"
    return "fen" if profile.cents > CENTS and max(map(abs, known)) >= 100 and profile.distinct > 5 else None


def _between(export: Export, matched: Sequence[Matched], found: dict[str, Unit]) -> None:
    """The sum of a settlement's lines is its total: what they say of each other's units."""
    by_table = {m.table.name: m for m in matched}
    bills, lines = by_table.get("settlements"), by_table.get("fee_details")
    if not bills or not lines:
        return
    key, total = bills.local("setl_id"), bills.local("medfee_sumamt")
    foreign, amount = lines.local("setl_id"), lines.local("det_item_fee_sumamt")
    if key is None or foreign is None:
        key, foreign = bills.local("mdtrt_id"), lines.local("mdtrt_id")
    if not (key and total and foreign and amount):
        return
    figure = "TRY_CAST(plain(translate(narrow({0}), '￥¥ 元', '')) AS DOUBLE)"
    ratio = export.con.execute(
        f"""
            SELECT median(l.fen / b.fen), count(*)
            FROM (
                SELECT {name(key)} AS id, sum({figure.format(name(total))}) AS fen
                FROM {bills.dataset.sample}
                GROUP BY 1
            ) b
            JOIN (
                SELECT {name(foreign)} AS id, sum({figure.format(name(amount))}) AS fen
                FROM {lines.dataset.relation}
                WHERE {name(foreign)} IN (SELECT {name(key)} FROM {bills.dataset.sample})
                GROUP BY 1
            ) l USING (id)
            WHERE b.fen <> 0
        """
    ).fetchall()[0]
    if not ratio[1] or ratio[0] is None:
        return
    mine = found["settlements"].other.get("medfee_sumamt") or marked(total) or found["settlements"].unit
    theirs = found["fee_details"].other.get("det_item_fee_sumamt") or marked(amount) or found["fee_details"].unit
    said = f"the lines of a settlement add up to {ratio[0]:.4g} of its total"
    if 0.8 < ratio[0] * UNITS[theirs] / UNITS[mine] < 1.25:
        found["fee_details"].why += f"; {said}"
        return
    for unit in ("yuan", "fen", "wan"):
        if 0.8 < ratio[0] * UNITS[unit] / UNITS[mine] < 1.25:
            found["fee_details"].unit, found["fee_details"].why, found["fee_details"].guessed = unit, said, False
            return
    found["fee_details"].guessed = True
    found["fee_details"].why += f"; but {said}"
