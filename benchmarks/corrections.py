"""Ten kinds of correction end to end: what a later delivery corrects changes from the moment it is known, and nothing else.

    python -m benchmarks.corrections CLAIMS [--share 0.05] [--work DIR] [--write]

CLAIMS is a folder of Parquet in the pilot's form. A share of its persons is taken in, then one delivery with ten kinds of correction, whose extract ends a
week later. Compared with a warehouse that never had them: before that moment every view is equal; from it on exactly the corrected rows differ, nothing stands
twice, and the entities concerned have other numbers. Whole lists are compared too, with a third warehouse that had both deliveries as one (benchmarks/corrected_lists.py).
The same delivery again is duplicates from first to last. Exit code 1 where something else holds.
`--write` puts the table into docs/figures/corrections.md.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd

from benchmarks.corrected_lists import LISTS, doubled, effect, place, unequal, whole_list
from claims.intake.layout import contents_of
from claims.intake.pipeline import intake
from claims.intake.undo import history, undo
from claims.schema.mapping import SHIPPED
from claims.store.files import put
from claims.store.sql import copy_to, parquet
from claims.store.warehouse import Warehouse
from features.asof import open_views
from features.build import build
from features.grains import GRAINS, Grain

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "figures" / "corrections.md"
BEFORE, AFTER = date(2025, 9, 28), date(2025, 10, 5)
VIEWS = (
    "main.clock_collapsed", "kept.settlements", "net.settlements", "net.stays", "net.lines", "main.refunds", "main.persons", "main.institutions", "main.doctors", "main.inspections",
    "main.agreement_periods",
)  # fmt: skip


#: Views that show beside each row what its unit is: the corrected level of one changes that of all its rows.
OF_A_UNIT = ("kept.settlements", "net.settlements", "net.stays")
OF_UNIT = "level, area, medins_type"
#: A doctor at a unit nobody told of before counts as always there (docs/design.md §3).
KNOWN_ALONG = {"main.doctors": (0, 1, 0)}
BEFORE_SAID = {(0, 0, 0): "equal", (0, 1, 0): "one more, counted as always known"}


@dataclass(frozen=True)
class Kind:
    """One kind of correction: its table, SQL of the corrected rows over the first delivery's tables, whom it is about, and by view how many rows go and come."""

    name: str
    table: str
    rows: str
    about: tuple[str, str]  # grain and SQL of the entity's id over the corrected row
    changes: dict[str, tuple[int, int]]


LATE = "SELECT * FROM settlements WHERE refd_setl_flag = '0' AND setl_time > TIMESTAMP '2025-09-01' AND medfee_sumamt > 20 AND acct_pay = 0 AND med_type = '11'"
DAY = "fixmedins_code, setl_time::DATE"
OPEN = "SELECT * FROM settlements WHERE refd_setl_flag = '0' AND setl_time > TIMESTAMP '2025-09-01' AND setl_time < TIMESTAMP '2025-09-20' AND med_type IN ('11', '41')"
UPLOADED = f"SELECT * FROM ({OPEN}) WHERE ({DAY}) = (SELECT ({DAY}) FROM ({OPEN}) GROUP BY {DAY} ORDER BY count(*) DESC, 1 LIMIT 1)"
KINDS = (
    Kind("death", "persons", "SELECT * REPLACE (DATE '2025-08-20' AS death_date) FROM persons WHERE psn_no = (SELECT min(psn_no) FROM settlements WHERE setl_time > TIMESTAMP '2025-09-10' AND med_type = '41')",
         ("person", "psn_no"), {"main.persons": (1, 1)}),
    Kind("address", "persons", "SELECT * REPLACE ('429004000001' AS curr_addr) FROM persons WHERE psn_no = (SELECT max(psn_no) FROM settlements WHERE setl_time > TIMESTAMP '2025-09-10')",
         ("", "psn_no"), {"main.persons": (1, 1)}),
    Kind("bed count", "institutions", "SELECT * REPLACE (3 AS aprv_bed_cnt) FROM institutions WHERE fixmedins_code = (SELECT fixmedins_code FROM settlements WHERE med_type LIKE '2%' GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1)",
         ("institution", "fixmedins_code"), {"main.institutions": (1, 1)}),
    Kind("five settlements of a batch-uploaded day", "settlements", f"SELECT * REPLACE (medfee_sumamt + 1 AS medfee_sumamt, psn_cash_pay + 1 AS psn_cash_pay) FROM ({UPLOADED}) ORDER BY setl_id LIMIT 5",
         ("institution", "fixmedins_code"), {"kept.settlements": (5, 5), "net.settlements": (5, 5)}),
    Kind("finding withdrawn", "inspections", "SELECT * REPLACE ('inconclusive' AS finding, NULL AS violation_class, 0.0 AS violation_amt) FROM inspections WHERE finding = 'confirmed' AND entity_type = 'institution' AND entity_id IN (SELECT fixmedins_code FROM settlements WHERE setl_time > TIMESTAMP '2025-09-01' AND setl_time < TIMESTAMP '2025-09-28') AND entity_id IN (SELECT entity_id FROM inspections WHERE entity_type = 'institution' GROUP BY 1 HAVING count(*) = 1) ORDER BY insp_id LIMIT 1",
         ("institution", "entity_id"), {"main.inspections": (1, 1)}),
    Kind("refund later", "settlements", f"SELECT * REPLACE ('R' || setl_id AS setl_id, 'R' || mdtrt_id AS mdtrt_id, setl_time + INTERVAL 2 DAY AS setl_time, -medfee_sumamt AS medfee_sumamt, -fund_pay_sumamt AS fund_pay_sumamt, -hifp_pay AS hifp_pay, -psn_cash_pay AS psn_cash_pay, -inscp_scp_amt AS inscp_scp_amt, '1' AS refd_setl_flag, setl_id AS init_setl_id) FROM ({LATE}) WHERE setl_time < TIMESTAMP '2025-09-20' AND setl_id NOT IN (SELECT init_setl_id FROM settlements WHERE init_setl_id IS NOT NULL) ORDER BY setl_id DESC LIMIT 1",
         ("person", "psn_no"), {"main.refunds": (0, 1), "net.settlements": (1, 0)}),
    Kind("line corrected", "fee_details", "SELECT * REPLACE (cnt + 1 AS cnt, det_item_fee_sumamt + pric AS det_item_fee_sumamt) FROM fee_details WHERE bilg_dr_codg IS NOT NULL AND init_feedetl_sn IS NULL AND cnt > 0 AND fee_ocur_time > TIMESTAMP '2025-09-10' ORDER BY mdtrt_id, feedetl_sn LIMIT 1",
         ("doctor", "bilg_dr_codg"), {"net.lines": (1, 1)}),
    Kind("level of an institution", "institutions", "SELECT * REPLACE ('05' AS hosp_lv) FROM institutions WHERE fixmedins_type = '1' AND hosp_lv <> '05' AND fixmedins_code = (SELECT min(fixmedins_code) FROM settlements JOIN institutions USING (fixmedins_code) WHERE fixmedins_type = '1' AND hosp_lv NOT IN ('05', '11') AND aprv_bed_cnt IS NULL OR hosp_lv = '08')",
         ("", "fixmedins_code"), {"main.institutions": (1, 1)}),
    Kind("doctor moved", "doctors", "SELECT *, NULL::DATE AS begndate, DATE '2025-09-29' AS enddate FROM (SELECT * FROM doctors ORDER BY dr_codg LIMIT 1) UNION ALL SELECT * REPLACE ((SELECT max(fixmedins_code) FROM institutions WHERE fixmedins_type = '1') AS fixmedins_code), DATE '2025-09-30', NULL FROM (SELECT * FROM doctors ORDER BY dr_codg LIMIT 1)",
         ("", "dr_codg"), {"main.doctors": (1, 2)}),
    Kind("agreement ended", "agreement_periods", "SELECT * REPLACE (DATE '2025-09-15' AS enddate) FROM agreement_periods ORDER BY 1 LIMIT 1",
         ("", "fixmedins_code"), {"main.agreement_periods": (1, 1)}),
)  # fmt: skip


def cut(claims: Path, share: float, out: Path) -> duckdb.DuckDBPyConnection:
    """The first delivery: a share of the persons with all that is theirs, and an open agreement of every unit. Returns its tables."""
    con = duckdb.connect()
    out.mkdir(parents=True)
    persons = f"SELECT DISTINCT psn_no FROM {parquet([claims / 'persons.parquet'])} WHERE hash(psn_no) % 10000 < {round(share * 10000)}"
    con.execute(f"CREATE TABLE chosen AS {persons}")
    for file in sorted(claims.glob("*.parquet")):
        rows = f"FROM {parquet([file])}"
        if file.stem in ("persons", "settlements", "fee_details"):
            rows = f"FROM {parquet([file])} SEMI JOIN chosen USING (psn_no)"
        con.execute(f"CREATE TABLE {file.stem} AS {rows}")
        if file.stem == "settlements":  # the busiest day of a unit came in one go at night
            at = "CAST(setl_time AS DATE) + INTERVAL 1430 MINUTE"
            con.execute(
                f"UPDATE settlements SET begntime = {at}, endtime = {at}, setl_time = {at} WHERE setl_id IN (SELECT setl_id FROM ({UPLOADED}))"
            )
        con.execute(copy_to(f"FROM {file.stem}", out / file.name))
    con.execute(
        "CREATE TABLE agreement_periods AS SELECT fixmedins_code, DATE '2024-01-01' AS begndate, NULL::DATE AS enddate FROM institutions"
    )
    con.execute(copy_to("FROM agreement_periods", out / "agreement_periods.parquet"))
    return con


def deliver(con: duckdb.DuckDBPyConnection, out: Path) -> dict[str, int]:
    """The corrections as one delivery; rows by kind."""
    out.mkdir(parents=True)
    counts = {}
    for i, kind in enumerate(KINDS):
        folder = out / kind.table
        folder.mkdir(exist_ok=True)
        con.execute(f"CREATE TABLE kind{i} AS {kind.rows}")
        con.execute(copy_to(f"FROM kind{i}", folder / f"{i:02d}.parquet"))
        counts[kind.name] = con.execute(f"SELECT count(*) FROM kind{i}").fetchall()[0][0]
    return counts


def views(house: Path, at: date) -> Iterator[tuple[str, pd.DataFrame]]:
    with open_views(Warehouse.open(house), at, "institution", 0) as con:
        for view in VIEWS:
            yield (
                view,
                con.execute(f"SELECT * EXCLUDE ({OF_UNIT}) FROM {view}" if view in OF_A_UNIT else f"FROM {view}").df(),
            )


def differences(one: Path, other: Path, at: date) -> dict[str, tuple[int, int, int]]:
    """By view: rows only in the first, rows only in the second, keys that stand twice in the second."""
    found = {}
    for (view, a), (_, b) in zip(views(one, at), views(other, at), strict=True):
        with duckdb.connect() as con:
            con.register("a", a)
            con.register("b", b)
            gone, came = (
                con.execute(f"SELECT count(*) FROM (FROM {x} EXCEPT ALL FROM {y})").fetchall()[0][0]
                for x, y in ("ab", "ba")
            )
            twice = con.execute(
                "SELECT count(*) FROM (SELECT 1 FROM (SELECT b AS r FROM b) GROUP BY r HAVING count(*) > 1)"
            ).fetchall()[0][0]
            before = con.execute(
                "SELECT count(*) FROM (SELECT 1 FROM (SELECT a AS r FROM a) GROUP BY r HAVING count(*) > 1)"
            ).fetchall()[0][0]
        found[view] = (gone, came, twice - before)
    return found


def grain_of(name: str) -> Grain:
    """The grain of that name."""
    return next(grain for grain in GRAINS if grain == name)


def main() -> None:
    """Take in, correct, compare; print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("claims", type=Path)
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = asked.work or Path(folder)
        lines, sound = run(asked.claims, asked.share, work)
    text = "\n".join([*HEAD.format(share=asked.share).splitlines(), *lines]) + "\n"
    print(text)
    if asked.write:
        put(PAGE, text.encode())
    sys.exit(0 if sound else 1)


HEAD = """# Ten kinds of correction, end to end

Made by `python -m benchmarks.corrections CLAIMS --share {share:g} --write` on the pilot: this share of its persons, then one delivery of corrections whose extract ends on
2025-10-05, beside a warehouse that never had it.
"""


def run(claims: Path, share: float, work: Path) -> tuple[list[str], bool]:
    """The page's lines, and whether everything holds that must."""
    con = cut(claims, share, work / "first")
    plain, corrected = work / "plain", work / "corrected"
    intake(work / "first", plain, "pilot")
    shutil.copytree(plain, corrected)
    counts = deliver(con, work / "second")
    done = intake(work / "second", corrected, "pilot", AFTER)
    held = contents_of(Warehouse.open(corrected))
    shutil.copytree(work / "second", work / "again")
    for file in (work / "again").rglob("*.parquet"):  # the same rows in other bytes
        con.execute(copy_to(f"FROM {parquet([file])} ORDER BY 1 DESC", file.with_suffix(".csv"), "FORMAT csv"))
        file.unlink()
    again = intake(work / "again", corrected, "pilot", AFTER)
    repeated = {t: (c.rows_in, c.duplicates) for t, c in again.tables.items()}
    sound = all(a == b for a, b in repeated.values()) and contents_of(Warehouse.open(corrected)) == held
    early, late = differences(plain, corrected, BEFORE), differences(plain, corrected, AFTER)
    sound &= all(d == KNOWN_ALONG.get(view, (0, 0, 0)) for view, d in early.items())
    expected: dict[str, tuple[int, int]] = dict.fromkeys(VIEWS, (0, 0))
    for kind in KINDS:
        for view, (gone, came) in kind.changes.items():
            expected[view] = (expected[view][0] + gone, expected[view][1] + came)
    own = "SELECT count(*) FROM fee_details WHERE setl_id = (SELECT init_setl_id FROM kind5)"  # they go with what is refunded
    expected["net.lines"] = (expected["net.lines"][0] + con.execute(own).fetchall()[0][0], expected["net.lines"][1])
    lines = [
        "",
        "| view | rows that went | rows that came | rows twice | before it was known |",
        "|---|---|---|---|---|",
    ]
    for view, (gone, came, twice) in late.items():
        right = twice == 0 and (gone, came) == expected[view]
        sound &= right
        lines.append(
            f"| `{view}` | {gone} | {came} | {twice} | {BEFORE_SAID.get(early[view], f'differs: {early[view]}')} |{'' if right else ' ← expected ' + str(expected[view])}"
        )
    lines += ["", "| kind | rows | about | numbers that changed of it | of how many others |", "|---|---|---|---|---|"]
    frames = {}
    for grain, spec in sorted({(k.about[0], grain_of(k.about[0])) for k in KINDS if k.about[0]}):
        frames[grain] = [build(h, AFTER, spec).values() for h in (plain, corrected)]
    for i, kind in enumerate(KINDS):
        grain, key = kind.about
        if not grain:
            lines.append(f"| {kind.name} | {counts[kind.name]} | {kind.table} | | |")
            continue
        who = con.execute(f"SELECT min({key}) FROM kind{i}").fetchall()[0][0]
        a, b = frames[grain]
        both = a.index.intersection(b.index)
        changed = ((a.loc[both] != b.loc[both]) & ~(a.loc[both].isna() & b.loc[both].isna())).sum(axis=1)
        sound &= bool(changed.get(who, 0)) or kind.table == "inspections"  # of a finding the list goes, not the numbers
        lines.append(
            f"| {kind.name} | {counts[kind.name]} | {grain} | {changed.get(who, 0)} of {a.shape[1]} | {int((changed.drop(who, errors='ignore') > 0).sum())} of {len(both)} |"
        )
    told, held_so = lists(work, con, plain, corrected)
    lines, sound = [*lines, *told], sound and held_so
    taken = ", ".join(f"{t} {c.accepted}" for t, c in done.tables.items())
    lines += [
        "",
        f"Taken in: {taken}. The same delivery again in other bytes: {sum(d for _, d in repeated.values())} of {sum(n for n, _ in repeated.values())} rows duplicates, contents equal by hash.",
    ]
    said, undone = taken_back(work, plain, corrected)
    lines, sound = [*lines, *said], sound and undone
    lines += ["", "**Everything holds.**" if sound else "**Something does not hold.**"]
    return lines, sound


def taken_back(work: Path, plain: Path, corrected: Path) -> tuple[list[str], bool]:
    """The corrections taken back, and taken in again by another mapping (a bureau that learns of settlements two days late): by hash of every table."""
    other = work / "late.toml"
    text = (SHIPPED / "pilot.toml").read_text("utf-8")
    other.write_text(text + "\n[tables.settlements]\nlag_days = 2\n", "utf-8")
    first, twice = contents_of(Warehouse.open(plain)), Warehouse.open(corrected).manifest["batches"]
    for batch in reversed(twice[1:]):
        undo(corrected, batch["batch"])
    back = contents_of(Warehouse.open(corrected))
    shutil.copytree(plain, work / "never")
    for house in (corrected, work / "never"):
        intake(work / "second", house, other, AFTER)
    again, never = (contents_of(Warehouse.open(house)) for house in (corrected, work / "never"))
    told = [f"{b['batch']} {'taken back' if b['undone_at'] else 'in force'}" for b in history(corrected)]
    same = sum(first[t] == back.get(t) for t in first), sum(never[t] == again.get(t) for t in never)
    line = (
        f"Undo: the corrections taken back, {same[0]} of {len(first)} tables are by hash those of the warehouse that never had them; taken in again by another mapping "
        f"(`lag_days = 2`), {same[1]} of {len(never)} are those of one that only had them so. History: {', '.join(told)}."
    )
    return ["", line], first == back and never == again and again != first


def lists(work: Path, con: duckdb.DuckDBPyConnection, plain: Path, corrected: Path) -> tuple[list[str], bool]:
    """What the corrections do to the lists, in lines of the page, and whether it is what it should be."""
    for file in (work / "first").glob("*.parquet"):
        folder = work / "both" / file.stem
        folder.mkdir(parents=True)
        shutil.copy(file, folder / "00-first.parquet")
        for later in sorted((work / "second" / file.stem).glob("*.parquet")):
            shutil.copy(later, folder / f"later-{later.name}")
    intake(work / "both", work / "once", "pilot", AFTER)
    lines = [
        "",
        "| list | before it was known: differ | known, against one delivery of all: differ | twice | on it | with other numbers | others whose score moved, by places | came or went |",
        "|---|---|---|---|---|---|---|---|",
    ]
    sound, places = True, {}
    for grain in LISTS:
        a, b = (whole_list(house, AFTER, grain) for house in (plain, corrected))
        early = unequal(*(whole_list(house, BEFORE, grain) for house in (plain, corrected)))
        again = unequal(b, whole_list(work / "once", AFTER, grain))
        count, own, others, most, gone = effect(a, b)
        sound &= not (early or again or doubled(b)) and own > 0
        places[grain] = (a, b)
        lines.append(
            f"| {grain} | {early} | {again} | {doubled(b)} | {count:,} | {own} | {others} by up to {most} | {gone} |"
        )
    lines += ["", "| kind | list | place before | place after |", "|---|---|---|---|"]
    for i, kind in enumerate(KINDS):
        grain, key = kind.about
        if grain in places:
            who = con.execute(f"SELECT min({key}) FROM kind{i}").fetchall()[0][0]
            before, after = (place(at, who) for at in places[grain])
            sound &= before != after or kind.table != "inspections"
            lines.append(f"| {kind.name} | {grain} | {before} | {after} |")
    return lines, sound


if __name__ == "__main__":
    main()
