"""Three suspects of the pilot export, down to their rows, recounted from the raw files by plain pandas that knows nothing of this project.

    python -m benchmarks.by_hand --pilot PILOT/claims --house WAREHOUSE [--as-of 2025-09-28] > docs/figures/by_hand.md
    … --rows      also prints the rows behind each number; the committed page only counts them: an export's rows stay out of this project

A stay, a card and a unit: those whose scheme's own numbers stand out most (the fixed score of benchmarks/coverage.py; no label, no model). Of each,
the numbers that are recounted here, the sentence the list prints, how many rows lie behind it, and the same number from the raw settlements and fee lines.
Members are numbers, units letters; no code of the export is printed. A suspect is a lead, never a verdict.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from datetime import time as clock
from pathlib import Path

import pandas as pd

from benchmarks.coverage_scores import Sheet, open_sheets, own_scores
from claims.intake.pipeline import intake
from features.checking.hits import rows_that_hit
from features.columns import columns_of
from features.declarations import load_catalog
from features.evidence import gather_evidence
from features.grains import GRAINS, SCHEMES, Grain
from features.matrix import crowd_of
from features.partition import Partition
from features.reasons import render

STAYS = ("21", "22", "23", "24", "25", "26", "28", "2105", "2106", "2107", "52")
#: Grain, scheme by whose numbers the suspect is chosen, columns recounted.
SUSPECTS: tuple[tuple[Grain, str, tuple[str, ...]], ...] = (
    ("admission", "T01", ("outside_swipe_days", "longest_gap_hours", "idle_days", "daily_fee_without_bed")),
    ("person", "T14", ("visits_days_365", "visits_units_90", "visits_yuan_365", "graph_multi_days_365")),
    ("institution", "T08", ("account_round_share_90", "account_mean_fen_90", "account_same_sum_share_90", "refund_quick_times_90")),
)  # fmt: skip
SHOWN = 8


@dataclass
class Masks:
    """Members as numbers, units as letters, in order of appearance."""

    members: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)

    def member(self, code: str) -> str:
        return self.members.setdefault(code, f"member {len(self.members) + 1}")

    def unit(self, code: str) -> str:
        return self.units.setdefault(code, f"unit {chr(65 + len(self.units) % 26)}{len(self.units) // 26 or ''}")


class Raw:
    """The raw files and the recounts, as a clerk would do them with a spreadsheet."""

    def __init__(self, folder: Path, day: date) -> None:
        self.settlements = pd.read_parquet(folder / "settlements.parquet")
        self.lines = pd.read_parquet(folder / "fee_details.parquet")
        self.now = pd.Timestamp(datetime.combine(day, clock(23, 59, 59, 999999)))
        s = self.settlements
        back = set(s.loc[s["refd_setl_flag"] == "1", "init_setl_id"])
        self.bills = s[(s["refd_setl_flag"] == "0") & ~s["setl_id"].isin(back)]
        self.originals = s[s["refd_setl_flag"] == "0"]

    def swipes(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows[~rows["med_type"].isin(STAYS) & rows["setl_id"].notna()]

    def since(self, rows: pd.DataFrame, days: int) -> pd.DataFrame:
        return rows[rows["begntime"] > self.now - pd.Timedelta(days=days)]

    def stay(self, visit: str) -> pd.Series:
        return self.bills[self.bills["mdtrt_id"] == visit].iloc[0]

    def stay_lines(self, visit: str) -> pd.DataFrame:
        return self.lines[(self.lines["mdtrt_id"] == visit) & (self.lines["cnt"] > 0)]

    def outside_swipe_days(self, visit: str) -> float:
        stay = self.stay(visit)
        own = self.swipes(self.originals[self.originals["psn_no"] == stay["psn_no"]])
        day = own["begntime"].dt.normalize()
        last = stay["endtime"].normalize() if pd.notna(stay["endtime"]) else self.now.normalize() + pd.Timedelta(days=1)
        inside = own[
            (day > stay["begntime"].normalize()) & (day < last) & (own["fixmedins_code"] != stay["fixmedins_code"])
        ]
        return float(inside["begntime"].dt.date.nunique())

    def longest_gap_hours(self, visit: str) -> float:
        lines = self.stay_lines(visit)
        times = lines.loc[lines["med_chrgitm_type"] != "01", "fee_ocur_time"].sort_values()
        return float(times.diff().max().total_seconds() / 3600)

    def _bed_days(self, visit: str) -> int:
        stay = self.stay(visit)
        end = stay["endtime"] if pd.notna(stay["endtime"]) else self.now
        return max(1, (end.normalize() - stay["begntime"].normalize()).days)

    def _night_lines(self, visit: str) -> pd.DataFrame:
        lines, begin = self.stay_lines(visit), self.stay(visit)["begntime"].normalize()
        day = lines["fee_ocur_time"].dt.normalize()
        return lines[(day >= begin) & (day < begin + pd.Timedelta(days=self._bed_days(visit)))]

    def idle_days(self, visit: str) -> float:
        lines = self._night_lines(visit)
        active = lines[~lines["med_chrgitm_type"].isin(["01", "02", "07", "12", "13"])]
        return float(self._bed_days(visit) - active["fee_ocur_time"].dt.date.nunique())

    def daily_fee_without_bed(self, visit: str) -> float:
        lines = self._night_lines(visit)
        return float(lines.loc[lines["med_chrgitm_type"] != "01", "det_item_fee_sumamt"].sum() / self._bed_days(visit))

    def _card(self, person: str, days: int) -> pd.DataFrame:
        own = self.bills[self.bills["psn_no"] == person]
        return self.since(own[own["setl_id"].notna() | own["med_type"].isin(STAYS)], days)

    def visits_days_365(self, person: str) -> float:
        return float(self._card(person, 365)["begntime"].dt.date.nunique())

    def visits_units_90(self, person: str) -> float:
        return float(self._card(person, 90)["fixmedins_code"].nunique())

    def visits_yuan_365(self, person: str) -> float:
        own = self._card(person, 365)
        ward = own["med_type"].isin(STAYS)
        return float(round(own["fund_pay_sumamt"].fillna(0).sum() + own.loc[~ward, "acct_pay"].fillna(0).sum(), 2))

    def graph_multi_days_365(self, person: str) -> float:
        own = self._card(person, 365)
        return float((own.groupby(own["begntime"].dt.date)["fixmedins_code"].nunique() >= 2).sum())

    def _till(self, unit: str) -> pd.DataFrame:
        own = self.swipes(self.bills[self.bills["fixmedins_code"] == unit])
        return self.since(own[own["acct_pay"] > 0], 90)

    def account_round_share_90(self, unit: str) -> float:
        cents = (self._till(unit)["acct_pay"] * 100).round()
        return float(((cents >= 5000) & (cents % 5000 == 0)).mean())

    def account_mean_fen_90(self, unit: str) -> float:
        return float(self._till(unit)["acct_pay"].mean())

    def account_same_sum_share_90(self, unit: str) -> float:
        sums = (self._till(unit)["acct_pay"] * 100).round()
        return float(sums.value_counts().iloc[0] / len(sums))

    def refund_quick_times_90(self, unit: str) -> float:
        own = self.originals[self.originals["fixmedins_code"] == unit]
        refunds = self.settlements[self.settlements["refd_setl_flag"] == "1"].set_index("init_setl_id")["setl_time"]
        refunds = refunds[~refunds.index.duplicated()]
        own = self.since(own[own["setl_id"].isin(refunds.index)], 90)
        return float(((own["setl_id"].map(refunds) - own["setl_time"]) <= pd.Timedelta(minutes=10)).sum())


def suspect(sheets: dict[Grain, Sheet], grain: Grain, scheme: str) -> str:
    """The entity whose scheme's own numbers stand out most; ties by id."""
    return str(own_scores(sheets, grain, scheme).score.sort_index().idxmax())


def told(part: Partition, column: str, entity: str) -> tuple[float, str]:
    """A number of one entity and the sentence a list prints about it."""
    standing = crowd_of(part.values(), part.entities()).standing(entity, column)
    what = columns_of(part.grain)[column]
    return standing.value, render(what.feature, what.window, standing)


def row_count(rows: pd.DataFrame) -> str:
    """How many rows of which tables lie behind a number."""
    counts = rows_that_hit(rows)["row_table"].value_counts().sort_index()
    return "  rows behind it: " + (", ".join(f"{n:,} {table}" for table, n in counts.items()) or "none")


def row_lines(rows: pd.DataFrame, raw: Raw, masks: Masks) -> list[str]:
    """The first rows behind a number: when, where, how much; ids stay out."""
    hit = rows_that_hit(rows).reset_index(drop=True)
    unit_of = (
        raw.settlements.dropna(subset=["setl_id"]).drop_duplicates("setl_id").set_index("setl_id")["fixmedins_code"]
    )
    visit_of = raw.settlements.drop_duplicates("mdtrt_id").set_index("mdtrt_id")["fixmedins_code"]
    out = []
    for r in hit.head(SHOWN).itertuples():
        code = unit_of.get(r.row_id, visit_of.get(str(r.row_id).split("|")[0], None))
        money = "" if pd.isna(r.fen) else f" · {r.fen / 100:,.2f} yuan"
        out.append(
            f"  - {r.happened_at:%Y-%m-%d %H:%M} · {r.row_table} · {masks.unit(str(code)) if code else '–'}{money}"
        )
    if len(hit) > SHOWN:
        out.append(f"  - … {len(hit) - SHOWN} more rows")
    return out


def page(pilot: Path, house: Path, day: date, *, rows: bool = False) -> str:
    """The whole page as Markdown."""
    load_catalog()
    if not (house / "CURRENT").exists():
        intake(str(pilot), house, "pilot")
    raw, masks = Raw(pilot, day), Masks()
    sheets = open_sheets(house, day, GRAINS["admission"].window_days)
    parts = {grain: sheet.part for grain, sheet in sheets.items()}
    doc = (__doc__ or "").split("\n", 1)
    out = [f"# Three suspects of the pilot, by hand\n\n{doc[0]}\n{doc[1]}"]
    for grain, scheme, columns in SUSPECTS:
        entity = suspect(sheets, grain, scheme)
        name = {"person": masks.member, "institution": masks.unit}.get(
            grain, lambda e: f"a stay of {masks.member(str(parts['admission'].entities().at[e, 'psn_no']))}"
        )(entity)
        out.append(f"\n## {GRAINS[grain].label}, {scheme} {SCHEMES[scheme]}: {name}\n")
        known = [c for c in columns if c in parts[grain].columns]
        evidence = gather_evidence(house, day, grain, [(c, entity) for c in known])
        for column in known:
            value, sentence = told(parts[grain], column, entity)
            recount: Callable[[str], float] = getattr(raw, column)
            again = recount(entity)
            agrees = (
                "agrees"
                if (pd.isna(value) and pd.isna(again)) or abs(value - again) < 1e-6 * max(1.0, abs(value))
                else "**differs**"
            )
            out.append(f"- `{column}`: {sentence}\n  product {value:,.4f} · by hand {again:,.4f} · {agrees}")
            out.append(row_count(evidence[column, entity]))
            out += row_lines(evidence[column, entity], raw, masks) if rows else []
    return "\n".join(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pilot", type=Path, required=True)
    parser.add_argument("--house", type=Path, required=True)
    parser.add_argument("--as-of", type=date.fromisoformat, default=date(2025, 9, 28))
    parser.add_argument("--rows", action="store_true")
    args = parser.parse_args()
    print(page(args.pilot, args.house, args.as_of, rows=args.rows))


if __name__ == "__main__":
    main()
