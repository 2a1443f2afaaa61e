"""Counties of the product's own simulator in the referee's form, so that they are judged as the others are.

The product takes in the county as simulated, with all its tables, and hides what came after the date by itself. The referee gets the same county with the
columns it reads. As in its own worlds a stay is guilty that should not have been paid at all, not one whose charges alone were wrong. Its truth differs in two
points: a person or an institution is guilty from the first day to the last, and a bed is empty if it was so at that very evening.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import duckdb

from benchmarks.accuracy_county import HOUR, County
from benchmarks.accuracy_product import ROOT
from features.grains import CHARGES

PERSONS: Final = 16_000
MONTHS: Final = 15
COUNTIES: Final = 3
LIKE_OTHERS: Final = {"abundance": 4, "skill": 0.5}
"""What `xiezhi simulate` is told so that guilty stays, what inspectors confirm and what simple opponents find are as in `pilot` and `second` (benchmarks.worlds_compare)."""
_CLAIMS: Final = {
    "settlements": "SELECT * FROM '{c}/settlements.parquet'",
    "fee_details": "SELECT * FROM '{c}/fee_details.parquet'",
    "institutions": "SELECT * FROM '{c}/institutions.parquet'",
    "presence_checks": "SELECT * FROM '{c}/presence_checks.parquet'",
    "persons": """
        SELECT p.*, p.curr_addr_code AS curr_addr, p.emp_no AS emp_name, r.opsp_dise_code, r.opsp_begndate
        FROM '{c}/persons.parquet' p LEFT JOIN (
            SELECT psn_no, min(opsp_dise_code) AS opsp_dise_code, min(opsp_begndate) AS opsp_begndate
            FROM '{c}/chronic_registry.parquet' GROUP BY psn_no) r USING (psn_no)""",
    "inspections": """
        SELECT * REPLACE (coalesce(conclude_time, insp_time) AS insp_time), CASE
            WHEN outcome_code IN ('O1_FRAUD', 'O2_IRREGULAR', 'O3_BREACH') THEN 'confirmed'
            WHEN outcome_code IN ('O4_ERROR', 'O6_CLEAR', 'O8_EXPLAINED') THEN 'refuted'
            ELSE 'inconclusive' END AS finding
        FROM '{c}/inspections.parquet'""",
}
_PERIOD: Final = "scheme, DATE '1900-01-01' AS \"begin\", DATE '2999-12-31' AS \"end\", 0 AS perp"
_TRUTH: Final = {
    "admission": """
        SELECT mdtrt_id, scheme, amount_fen / 100.0 AS excess_fund_amt, scheme NOT IN ({charges}) AS whole_stay, 0 AS perp, 0 AS camouflage,
            mdtrt_id IN (SELECT mdtrt_id FROM '{t}/absences.parquet'
                WHERE "begin" <= TIMESTAMP '{at}' AND "end" > TIMESTAMP '{at}') AS absent_at_night
        FROM '{t}/admissions.parquet'
        UNION ALL SELECT DISTINCT mdtrt_id, '', 0.0, false, 0, 0, true FROM '{t}/absences.parquet'
        WHERE "begin" <= TIMESTAMP '{at}' AND "end" > TIMESTAMP '{at}'
            AND mdtrt_id NOT IN (SELECT mdtrt_id FROM '{t}/admissions.parquet')""",
    "person": f"SELECT psn_no, {_PERIOD} FROM '{{t}}/persons.parquet'",
    "institution": f"SELECT fixmedins_code, {_PERIOD} FROM '{{t}}/institutions.parquet'",
    "doctor": f"SELECT dr_codg, {_PERIOD} FROM '{{t}}/doctors.parquet'",
    "ring": f"SELECT ring_id, psn_no, {_PERIOD} FROM '{{t}}/rings.parquet'",
    "innocent": "SELECT grain, entity_id, innocent AS klass FROM '{t}/innocents.parquet'",
    "settlement": "SELECT '' AS setl_id, '' AS mdtrt_id, '' AS scheme, 0.0 AS amt, 0 AS perp, TIMESTAMP '1900-01-01' AS t",
}


def simulated(folder: Path, persons: int, months: int, seed: int) -> Path:
    """The county made by `xiezhi simulate`, once."""
    told = "".join(f"-{name}{value}" for name, value in LIKE_OTHERS.items())
    county = folder / f"county-{persons}-{months}-{seed}{told}"
    if not (county / "truth").is_dir():
        print(f"own county {seed}: xiezhi simulate", file=sys.stderr, flush=True)
        size = ["--persons", str(persons), "--months", str(months), "--seed", str(seed)]
        size += [word for name, value in LIKE_OTHERS.items() for word in (f"--{name}", str(value))]
        command = [sys.executable, "-m", "xiezhi", "simulate", "--out", str(county.resolve()), *size]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return county


def referee_form(county: Path, out: Path, moment: str) -> None:
    """Write claims/ and truth/ of a simulated county in the referee's columns; amounts as DOUBLE, as its own exports have them."""
    con = duckdb.connect()
    charges = ", ".join(f"'{code}'" for code in sorted(CHARGES))
    places = {"c": str(county / "claims"), "t": str(county / "truth"), "at": moment, "charges": charges}
    for folder, queries in (("claims", _CLAIMS), ("truth", _TRUTH)):
        (out / folder).mkdir(parents=True, exist_ok=True)
        for name, query in queries.items():
            file = out / folder / f"{'truth_' if folder == 'truth' else ''}{name}.parquet"
            made = con.sql(query.format(**places))
            told = zip(made.columns, made.types, strict=True)
            cells = [f'"{c}"::DOUBLE AS "{c}"' if str(t).startswith("DECIMAL") else f'"{c}"' for c, t in told]
            con.sql(f"SELECT {', '.join(cells)} FROM ({query.format(**places)})").write_parquet(str(file))
    (out / "truth" / "meta.json").write_text(json.dumps({"drift": "2999-01-01"}), "utf-8")


def last_day(county: Path) -> str:
    """The last day with a settlement."""
    found = duckdb.connect().execute(f"SELECT max(setl_time)::DATE::VARCHAR FROM '{county}/claims/settlements.parquet'")
    (day,) = found.fetchall()[0]
    return str(day)


def own_county(work: Path, persons: int, months: int, seed: int) -> County:
    """A simulated county at its last day."""
    county = simulated(work / "own", persons, months, seed)
    day = last_day(county)
    folder = work / "own" / f"{county.name}-{day}"
    if not (folder / "truth" / "meta.json").exists():
        referee_form(county, folder, f"{day} {HOUR}")
    return County(f"own {seed}", day, folder / "claims", folder / "truth", folder, lambda: county, None)
