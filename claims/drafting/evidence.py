"""What speaks for a local column being an official one: its name, and the shapes of its values."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cache

import numpy as np

from claims.drafting.pinyin import pinyin
from claims.drafting.profile import FEW, Profile
from claims.drafting.thesaurus import abbreviated, abbreviations, likeness, paraphrases, plain, readings
from claims.schema.code_tables import OF_COLUMN, CodeTable
from claims.schema.table import Column

#: Numbers of people, visits, bills and rows: long, many, never amounts.
NUMBERS = ("psn_no", "mdtrt_id", "setl_id", "init_setl_id", "feedetl_sn", "init_feedetl_sn", "entity_id", "insp_id")
DIAGNOSES = ("dscg_maindiag_code", "opt_diag_code", "diag_code")
#: A code of an operation (ICD-9-CM-3, national edition).
OPERATION = re.compile(r"\d\d\.\d{2,4}([xX]\d+)?")
#: What initials of other words for a column say: never enough without its values.
PARAPHRASED = 0.53
FIGURES = ("money", "price", "qty", "int", "ratio", "float")
#: Names of people have no place in the warehouse.
SURNAMED = ("姓名", "人员姓名", "患者姓名", "病人姓名", "参保人姓名", "psn_name", "patient_name", "xm")


@dataclass(frozen=True)
class Evidence:
    """How far values could be those of a column (`fits`, 0–1), how far they tell it from others (`tells`), and why."""

    fits: float
    tells: float = 0.0
    why: str = ""


@cache
def _spellings(column: Column) -> tuple[str, ...]:
    return tuple(n for n in (column.zh, *column.aliases) if not n.isascii())


@cache
def _initials(column: Column) -> frozenset[str]:
    return frozenset(a for n in _spellings(column) for a in abbreviations(n, column.kind))


@cache
def _paraphrased(column: Column) -> frozenset[str]:
    return frozenset(a for n in _spellings(column) for a in paraphrases(n))


@cache
def named(local: str, column: Column) -> tuple[float, str]:
    """How much a header looks like a column, 0–1, and in which way."""
    bare = plain(local)
    if bare in (column.name, column.canonical):
        return 1.0, "the official name"
    if bare in (a.lower() for a in column.aliases):
        return 0.97, "a known name"
    if bare == column.zh.lower():
        return 0.97, "the official Chinese name"
    best, why = 0.0, ""
    if bare.isascii():
        squeezed = bare.replace("_", "")
        if letters := abbreviated(squeezed, _initials(column)):
            best, why = {1: 0.1, 2: 0.45, 3: 0.6, 4: 0.72}.get(letters, 0.8), "initials of its Chinese name"
        elif letters := abbreviated(squeezed, _paraphrased(column)):  # so few letters say much else as well
            best, why = {1: 0.1, 2: 0.3, 3: 0.45}.get(letters, PARAPHRASED), "initials of words for it"
        english = 0.85 * likeness(bare, column.name)
        if len(squeezed) > 3:
            english = max(english, 0.8 * difflib.SequenceMatcher(None, bare, column.name).ratio() - 0.2)
        if english > best:
            best, why = english, f"like {column.name}"
        for written in _spellings(column):
            exact = squeezed == pinyin(written)
            alike = 0.95 if exact else 0.92 * likeness(bare, written) if readings(bare) else 0.0
            if alike > best:
                best, why = alike, f"pinyin of {written}" if exact else f"pinyin like {written}"
        return best, why
    for written in _spellings(column):
        alike = max(0.92 * likeness(bare, written), 0.7 * difflib.SequenceMatcher(None, bare, written).ratio())
        if alike > best:
            best, why = alike, f"like {written}"
    return best, why


def judged(column: Column, held: Profile, key: bool) -> Evidence:
    """What the values of a local column say of its being `column`; `key`: alone the key of its table."""
    if not held.values:
        return Evidence(0.9)  # the name alone decides
    if column.kind in ("date", "datetime"):
        return _moment(column, held)
    if column.kind in FIGURES:
        return _figure(column, held)
    return _word(column, held, key)


def _moment(column: Column, held: Profile) -> Evidence:
    fits, tells = held.dates, 0.1
    known = held.moments[~np.isnat(held.moments)]
    if not len(known):
        return Evidence(fits * 0.3)
    first, last = (int(str(np.quantile(known.astype(np.int64), q).astype("datetime64[s]"))[:4]) for q in (0.02, 0.98))
    lifetimes = last - first > 40
    if column.name == "brdy":
        return Evidence(fits, 0.6, f"dates from {first} to {last}") if lifetimes else Evidence(0.4 * fits)
    if lifetimes and not column.name.startswith(("psn_insu", "begn")):
        return Evidence(0.3 * fits, 0.0, f"dates from {first} to {last}")
    if column.kind == "date" and held.clocked:
        fits *= 0.8
    return Evidence(fits, tells, "dates")


def _figure(column: Column, held: Profile) -> Evidence:
    if held.dates > 0.9 and held.number < 0.5:
        return Evidence(0.0)
    fits = held.number * (1 - held.padded)
    known = held.numbers[np.isfinite(held.numbers)]
    if not len(known):
        return Evidence(0.0)
    if column.name in ("lnt", "lat"):
        low, high = (73, 136) if column.name == "lnt" else (3, 54)
        inside = float(np.mean((known >= low) & (known <= high))) if held.whole < 0.2 else 0.0
        return Evidence(inside, 0.7 * inside, f"numbers from {low} to {high}" if inside > 0.9 else "")
    flags = bool(held.counts) and set(held.counts) <= {"0", "1", "2", "0.0", "1.0"}
    if column.kind in ("money", "price") and flags and held.counts.keys() - {"0", "0.0"}:
        fits *= 0.4
    if column.kind == "int":
        fits *= held.whole
    if column.kind == "ratio":
        fits *= float(np.mean((known >= 0) & (known <= 100)))
    if column.kind in ("money", "price") and held.whole < 0.9:
        return Evidence(fits, 0.05, "amounts")
    return Evidence(fits)


def _word(column: Column, held: Profile, key: bool) -> Evidence:
    if held.type in ("DOUBLE", "FLOAT") or held.type.startswith(("TIMESTAMP", "DECIMAL")):
        fits = 0.15
    else:
        fits = 1 - max(held.dates, held.number * (1 - held.whole))
    if key:
        fits *= 1.0 if held.unique > 0.95 else 0.35
    if key and held.filled < 0.5 * held.rows:
        fits *= 0.3
    if column.name == "certno":
        share = held.certificate
        return Evidence(fits, 0.9 * share, "identity numbers with their check digit" if share > 0.5 else "")
    if column.name == "oprn_oprt_code":  # 38.0800: a number to look at, none to count
        share = held.share(OPERATION.fullmatch)
        return Evidence(max(fits, share), 0.4 * share, "codes of operations" if share > 0.8 else "")
    if column.name in DIAGNOSES:
        return Evidence(
            fits * (0.25 + 0.75 * held.icd), 0.35 * held.icd, "codes of diagnoses" if held.icd > 0.8 else ""
        )
    if column.name in NUMBERS:
        if held.counts and held.filled > 5 * FEW:
            return Evidence(0.3 * fits)
        alone = 0.3 if column.name == "feedetl_sn" and held.unique > 0.98 and held.filled == held.rows else 0.0
        return Evidence(fits * (1 - held.chinese), alone, "a number of its own in each row" if alone else "")
    if column.kind == "text":
        return Evidence(fits * (0.5 + 0.5 * held.chinese), 0.1 * held.chinese)
    if table := OF_COLUMN.get(column.name):
        return _coded(table, held, fits)
    if column.name == "medins_type":
        kinds = held.share(lambda v: any(k in v for k in ("医院", "卫生", "诊所", "药店", "门诊部", "保健院")))
        fewer = kinds if held.counts and held.unique < 0.5 else 0.0  # the names of institutions say it too
        fits *= 1.0 if held.unique < 0.5 or held.filled < 10 else 0.4
        return Evidence(fits * (0.6 + 0.4 * fewer), 0.6 * fewer, "kinds of institutions" if fewer > 0.8 else "")
    if column.name in ("admdvs", "insuplc_admdvs"):
        areas = held.share(lambda v: v.isdigit() and len(v) == 6 and "11" <= v[:2] <= "82")
        return Evidence(fits * (0.4 + 0.6 * areas), 0.4 * areas, "numbers of areas" if areas > 0.9 else "")
    return Evidence(fits)


def _coded(table: CodeTable, held: Profile, fits: float) -> Evidence:
    """A coded column: few values, and the more of them are codes or words of its table, the surer."""
    if not held.counts:
        return Evidence(0.2 if held.distinct > 5 * FEW else 0.4)
    total = sum(held.counts.values())
    known = sum(n for v, n in held.counts.items() if table.word(v)) / total
    # 0 and 1 are codes of any table; longer codes and words tell one
    telling = sum(n for v, n in held.counts.items() if table.word(v) and (len(v) > 1 or not v.isascii())) / total
    bare = sum(n for v, n in held.counts.items() if v.lstrip("0") and table.word(v.zfill(2))) / total
    known = max(known, bare)
    many = len(held.counts) > 2 * len(table.codes) + 2
    return Evidence(
        fits * (0.8 + 0.2 * known) * (0.5 if many else 1.0),
        0.5 * telling if len(held.counts) > 1 else 0.3 * telling,
        f"{known:.0%} of its values are codes of {table.zh}" if known > 0.5 else "",
    )
