"""What a coded column's values mean: words that stand in a code table, zeros a spreadsheet dropped, and for codes
nobody knows what their rows do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from claims.drafting.matching import Matched
from claims.drafting.profile import Profile
from claims.schema.code_tables import OF_COLUMN, CodeTable
from claims.schema.codes import VISIT_CLASS, is_inpatient

#: Rows from which what a code's rows do may speak against what the code says.
ENOUGH = 30
#: Share of rows below which a code nobody knows is told, not guessed at.
RARE = 0.002
#: Kind of charge → words in the names of its items; the first kind that holds counts.
ITEMS = (
    ("01", ("床位",)), ("02", ("诊察", "诊查", "会诊")), ("13", ("挂号",)), ("07", ("护理",)), ("10", ("饮片",)),
    ("03", ("CT", "彩超", "超声", "心电", "核磁", "镜检", "摄影", "X线", "DR")),
    ("04", ("测定", "化验", "血常规", "尿常规", "功能")), ("06", ("切除", "成形术", "手术")),
    ("09", ("胶囊", "注射液", "缓释片", "片")), ("11", ("颗粒", "丸", "口服液", "滴丸")),
    ("08", ("导管", "敷料", "注射器", "输液器", "支架", "缝线")), ("05", ("治疗", "针刺", "推拿", "注射")),
)  # fmt: skip


@dataclass
class Values:
    """What a draft says of one coded column."""

    pad: int = 0
    values: dict[str, str] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)  # med_type only: local code → class of visit
    notes: dict[str, str] = field(default_factory=dict)  # local value → why, where it is a guess
    unknown: dict[str, int] = field(default_factory=dict)  # values that mean nothing to us, with their rows
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def doubtful(self) -> bool:
        """Whether a person should look at it."""
        return bool(self.notes or self.unknown)


def values_of(one: Matched, official: str, matched: Sequence[Matched]) -> Values | None:
    """What the values of a matched column mean; None where the column has no code table or holds too many values."""
    table, local = OF_COLUMN.get(official), one.local(official)
    if table is None or local is None:
        return None
    held = one.dataset.columns[local]
    if not held.counts:
        return None
    found = Values(counts=held.counts)
    width = {len(code.code) for code in table.codes}
    known = {code.code for code in table.codes}
    for value, rows in held.counts.items():
        bare = value.removesuffix(".0") if value.removesuffix(".0").isdigit() else value
        if bare in known:
            continue
        if bare.isdigit() and len(width) == 1 and bare.zfill(max(width)) in known:
            found.pad = max(width)
        elif (code := table.word(bare)) and code != bare:
            found.values[value] = code
        elif not code:
            found.unknown[value] = rows
    _doubt(one, official, table, held, found, matched)
    for value in found.notes:
        found.unknown.pop(value, None)
    return found


def _doubt(
    one: Matched, official: str, table: CodeTable, held: Profile, found: Values, matched: Sequence[Matched]
) -> None:
    """What the rows of a code do, where the code says nothing or something they contradict."""
    match official:
        case "gend":
            _sexes(one, held, found)
        case "refd_setl_flag":
            _refunds(one, held, found)
        case "med_type":
            _visits(one, held, found, matched)
        case "hosp_lv":
            _levels(one, held, found)
        case "fixmedins_type":
            _units(one, held, found)
        case "insutype":
            _schemes(one, held, found)
        case "med_chrgitm_type":
            _charges(one, table, held, found)
        case _:
            pass


def _by_value(held: Profile, other: Sequence[object]) -> dict[str, list[object]]:
    rows: dict[str, list[object]] = {}
    for cell, beside in zip(held.cells, other, strict=True):
        if cell is not None:
            rows.setdefault(cell, []).append(beside)
    return rows


def _sexes(one: Matched, held: Profile, found: Values) -> None:
    """The last digit but one of an identity number is odd for men."""
    local = one.local("certno")
    numbers = one.dataset.columns[local].cells if local and one.dataset.columns[local].certificate > 0.5 else None
    strange = set(held.counts) - {"1", "2", "9"} - set(found.values)
    zeros = held.counts.get("0", 0) > 0.2 * sum(held.counts.values())
    if numbers is not None:
        odd = {
            v: float(np.mean([int(str(c)[16]) % 2 for c in cells if c and len(str(c)) == 18]))
            for v, cells in _by_value(held, numbers).items()
            if sum(c is not None and len(str(c)) == 18 for c in cells) >= ENOUGH
        }
        said = {v: found.values.get(v, v) for v in odd}
        if zeros or strange or any((o > 0.7) != (said[v] == "1") for v, o in odd.items() if o > 0.7 or o < 0.3):
            for value, share in odd.items():
                if share > 0.9 or share < 0.1:
                    found.values[value] = "1" if share > 0.5 else "2"
                    found.unknown.pop(value, None)
            return
    if zeros:
        for value in sorted(held.counts):
            if value in ("0", "1", "2"):
                found.values[value] = {"0": "2", "1": "1", "2": "2"}[value]
                found.notes[value] = "0 and 1 as sexes: which is which nothing here tells"
    elif {"1", "2"} <= set(held.counts) and strange:
        return


def _refunds(one: Matched, held: Profile, found: Values) -> None:
    """A refund's total is below zero."""
    local = one.local("medfee_sumamt")
    if local is None:
        return
    below = {
        v: float(np.mean(np.array(x, np.float64) < 0))
        for v, x in _by_value(held, one.dataset.columns[local].numbers.tolist()).items()
    }
    total = sum(held.counts.values())
    meant = {v: found.values.get(v, v) for v in held.counts}
    wrong = any(meant[v] == "1" and held.counts[v] > 0.5 * total for v in meant) or bool(found.unknown)
    if not wrong:
        return
    for value, rows in held.counts.items():
        refund = below.get(value, 0.0) > 0.5 or (value not in below and rows < 0.2 * total)
        found.values[value] = "1" if refund else "0"
        found.notes[value] = f"{below.get(value, 0.0):.0%} of its totals are below zero"


def _visits(one: Matched, held: Profile, found: Values, matched: Sequence[Matched]) -> None:
    """Nights between begin and end make a stay; a pharmacy's visit is a purchase; a disease's code a chronic visit."""
    begin, end = one.local("begntime"), one.local("endtime")
    nights = None
    if begin and end:
        columns = one.dataset.columns
        days = columns[end].moments.astype("datetime64[D]") - columns[begin].moments.astype("datetime64[D]")
        nights = _by_value(held, days.astype("float64").tolist())
    shops, where = _shops(matched), one.local("fixmedins_code")
    bought = _by_value(held, one.dataset.columns[where].cells) if where and shops else {}
    disease = one.local("dise_codg")
    chronic = _by_value(held, one.dataset.columns[disease].cells) if disease else {}
    pairs = _sample_counts(held)
    for value, rows in held.counts.items():
        stays = float(np.mean([d > 0 for d in nights.get(value, [])])) if nights and nights.get(value) else None  # type: ignore[operator]
        code = found.values.get(value, value)
        klass = VISIT_CLASS.get(code)
        if klass is None and (value not in found.unknown or rows < RARE * held.filled):
            continue
        seen = pairs.get(value, 0)
        if klass is not None:
            if stays is None or seen < ENOUGH:
                continue
            if is_inpatient(klass) and klass != "day_surgery" and stays < 0.1:
                guess = "outpatient"
            elif not is_inpatient(klass) and stays > 0.7:
                guess = "inpatient"
            else:
                continue
        elif stays is not None and stays > 0.5:
            guess = "inpatient"
        elif bought.get(value) and np.mean([c in shops for c in bought[value]]) > 0.7:
            guess = "pharmacy"
        elif chronic.get(value) and np.mean([c is not None for c in chronic[value]]) > 0.6:
            guess = "chronic"
        else:
            guess = "outpatient"
        found.values.pop(value, None)
        found.classes[value] = guess
        share = "" if stays is None else f"{stays:.0%} of its visits last a night or more"
        found.notes[value] = f"by what its {rows:,} rows do: {share or 'no end of visits here'}"


def _sample_counts(held: Profile) -> Counter[str]:
    return Counter(held.values)


def _shops(matched: Sequence[Matched]) -> set[str | None]:
    """Numbers of the pharmacies, by their names."""
    for one in matched:
        code, named = one.local("fixmedins_code"), one.local("fixmedins_name")
        if one.table.name == "institutions" and code and named:
            columns = one.dataset.columns
            cells = zip(columns[code].cells, columns[named].cells, strict=True)
            return {c for c, n in cells if n and ("药店" in n or "药房" in n or "大药" in n)}
    return set()


def _levels(one: Matched, held: Profile, found: Values) -> None:
    """1, 2, 3 and 9 alone are 一级, 二级, 三级 and 未定级, no codes of the long list."""
    if set(held.counts) <= {"0", "1", "2", "3", "9", "4"} and {"1", "2"} & set(held.counts):
        level = {"1": "09", "2": "06", "3": "03", "0": "11", "9": "11", "4": "11"}
        found.pad = 0
        found.values = {v: level[v] for v in sorted(held.counts)}
        found.notes = dict.fromkeys(found.values, "taken for 一级, 二级, 三级: the long list would have more codes")
        return
    for value, code in found.values.items():
        if value in ("三级", "二级", "一级"):
            found.notes[value] = f"without 甲乙丙; written as {code}, the level is the same"


def _units(one: Matched, held: Profile, found: Values) -> None:
    """Pharmacies are told by their names."""
    local = one.local("fixmedins_name")
    if local is None:
        return
    names = _by_value(held, one.dataset.columns[local].cells)
    shops = {
        v: float(np.mean([bool(n) and "药" in str(n) and "医" not in str(n) for n in x])) for v, x in names.items()
    }
    for value, share in shops.items():
        meant = found.values.get(value, value)
        if len(names[value]) >= 3 and (meant not in ("1", "2") or (share > 0.7) != (meant == "2")):
            found.values[value] = "2" if share > 0.7 else "1"
            found.notes[value] = f"{share:.0%} of their names are pharmacies'"


def _schemes(one: Matched, held: Profile, found: Values) -> None:
    """Only employees have a personal account."""
    account = one.local("acct_pay") or one.local("balc")
    if account is None or len(found.unknown) != 2:
        return
    paid = {
        v: float(np.mean(np.nan_to_num(np.array(x, np.float64)) > 0))
        for v, x in _by_value(held, one.dataset.columns[account].numbers.tolist()).items()
        if v in found.unknown
    }
    if len(paid) == 2 and max(paid.values()) > 2 * min(paid.values()) + 0.1:
        for value, share in paid.items():
            found.values[value] = "310" if share == max(paid.values()) else "390"
            found.notes[value] = f"{share:.0%} of its rows have a personal account"


def _charges(one: Matched, table: CodeTable, held: Profile, found: Values) -> None:
    """The kind of a charge by the names of its items."""
    local = one.local("hilist_name")
    if local is None or not found.unknown:
        return
    names = _by_value(held, one.dataset.columns[local].cells)
    for value in list(found.unknown):
        seen = Counter(
            next((code for code, words in ITEMS if any(w in str(n) for w in words)), "")
            for n in names.get(value, [])
            if n
        )
        code, times = seen.most_common(1)[0] if seen else ("", 0)
        if code and times > 0.6 * sum(seen.values()):
            found.values[value] = code
            found.notes[value] = f"by the names of its items ({times} of {sum(seen.values())} looked at)"
    numbered = {v: re.sub(r"\D", "", v).zfill(2) for v in held.counts}
    if sum(numbered[v] == c for v, c in found.values.items()) >= 3 and all(
        numbered[v] == c for v, c in found.values.items()
    ):
        for value in [v for v in found.unknown if v not in found.values and table.word(numbered[v])]:
            found.values[value] = numbered[value]
            found.notes[value] = "by its number, as the others"
