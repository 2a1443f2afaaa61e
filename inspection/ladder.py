"""The table offices publish of their hospitals, and the thousand points (千分制) with a credit grade proposed from them, by a month's stays.

Points and grades are the office's: a TOML file of `[[indicators]]` (column, name, points, good, bad) and `[grades]` (A = 900 …). A figure of fewer than ten stays is neither published nor
scored: a unit is scored out of what could be measured, and nothing where less than half of the points could.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from claims.errors import UserError
from claims.store.warehouse import Warehouse
from features.asof import open_views
from features.reversal_modes import HORIZON_DAYS
from inspection.estimate import FEW, SMALL

_STAYS = """
    SELECT s.fixmedins_code AS unit, coalesce(i.fixmedins_name, s.fixmedins_code) AS name, coalesce(i.level, 0) AS level, coalesce(i.area, '') AS area, date_trunc('month', s.end_date)::DATE AS month,
        count(*) AS stays, sum(s.medfee_fen) / 100.0 AS cost, sum(coalesce(s.fund_fen, 0) + coalesce(s.acct_fen, 0)) / 100.0 AS paid, sum(coalesce(s.nights, 0)) AS nights,
        count(DISTINCT s.psn_no) AS persons, count(*) FILTER (s.dscg_way = '2') AS transfers, count(*) FILTER (s.oprn_oprt_code IS NOT NULL) AS operated
    FROM net.stays s LEFT JOIN main.institutions i USING (fixmedins_code)
    WHERE s.settled AND NOT s."open" AND s.medfee_fen > 0 AND s.end_date >= ?::DATE
    GROUP BY ALL
"""
_SPENT = """
    SELECT fixmedins_code AS unit, date_trunc('month', coalesce(setl_time, happened_at))::DATE AS month, sum(coalesce(fund_pay_sumamt_fen, 0)) / 100.0 AS spent
    FROM net.settlements WHERE coalesce(manual_flag, '0') <> '1' AND coalesce(setl_time, happened_at) >= ?::DATE GROUP BY ALL
"""
_QUOTA = "SELECT fixmedins_code AS unit, year::INTEGER AS year, sum(quota_amt_fen) / 100.0 AS quota FROM main.quota WHERE quota_amt_fen > 0 GROUP BY ALL"
MONTHS = 5
"""Months of a published run: as many as have their month of the year before within reach of the views."""
FIGURES = {
    "stays": "住院人次", "cost_per_stay": "次均费用（元）", "nights_per_stay": "平均住院日", "self_pay_share": "自付比例", "operated_share": "手术占比", "transfer_rate": "转院率",
    "stays_per_person": "人次人头比", "growth": "次均费用增长", "budget_use": "预算执行率",
}  # fmt: skip


DIGITS = {"stays": 0, "cost_per_stay": 2, "nights_per_stay": 1, "stays_per_person": 2}
"""Digits behind the point of a published figure; shares stand to a tenth of a per cent."""


def month_of(text: str) -> date:
    """First day of YYYY-MM. UserError otherwise."""
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise UserError(f"--month {text}：不是月份；写作 2026-09") from None


def next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


@dataclass(frozen=True)
class Counts:
    """By unit and month (first day): stays with name, level, area and sums; fund spent; quota by unit and year (none where nobody sent it)."""

    stays: pd.DataFrame
    spent: pd.DataFrame
    quota: pd.DataFrame


def load_counts(warehouse: Path | str, as_of: date, since: date) -> Counts:
    """What was known by `as_of` of stays ended and of money spent from `since` on."""
    house, quota = Warehouse.open(warehouse), pd.DataFrame()
    parts: dict[str, list[pd.DataFrame]] = {"stays": [], "spent": []}
    for bucket in range(house.buckets):
        con = open_views(house, as_of, "institution", bucket, lines=False)
        try:
            parts["stays"].append(con.execute(_STAYS, [since]).df())
            parts["spent"].append(con.execute(_SPENT, [since]).df())
            if bucket == 0:
                quota = con.execute(_QUOTA).df()
        finally:
            con.close()
    found = [pd.concat(p, ignore_index=True) for p in parts.values()]
    for frame in found:
        frame["month"] = pd.to_datetime(frame["month"]).dt.date
    return Counts(found[0], found[1], quota)


def public_table(warehouse: Path | str, month: date) -> pd.DataFrame:
    """unit, name, level, area and FIGURES by hospital for stays ended in that month, known by its end; growth against the same month a year before. UserError without stays."""
    table = table_of(load_counts(warehouse, next_month(month), date(month.year - 1, month.month, 1)), month)
    if table.empty:
        raise UserError(f"{month:%Y-%m} 没有已结算的住院；请换一个月份")
    return table


def public_tables(warehouse: Path | str, as_of: date) -> dict[str, pd.DataFrame]:
    """YYYY-MM → table of the last complete months by `as_of`, newest first; months without stays are left out."""
    month = (
        as_of.replace(day=1) if next_month(as_of.replace(day=1)) <= as_of + timedelta(days=1) else _month_before(as_of)
    )
    months = [month]
    while len(months) < MONTHS:
        months.append(_month_before(months[-1]))
    reach = as_of - timedelta(days=HORIZON_DAYS)
    counts = load_counts(warehouse, as_of, max(date(months[-1].year - 1, months[-1].month, 1), reach))
    made = {f"{m:%Y-%m}": table_of(counts, m, reach) for m in months}
    return {m: t for m, t in made.items() if len(t)}


def _month_before(day: date) -> date:
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def table_of(counts: Counts, month: date, reach: date = date.min) -> pd.DataFrame:
    """One month's; growth only where all of the month a year before is within reach."""
    before = date(month.year - 1, month.month, 1)
    two = counts.stays[counts.stays["month"].isin([month, *([before] if before >= reach else [])])]
    if two.empty or not (two["month"] == month).any():
        return pd.DataFrame()
    year = counts.spent[(counts.spent["month"] >= date(month.year, 1, 1)) & (counts.spent["month"] <= month)]
    spent = year.groupby("unit")["spent"].sum()
    mine = counts.quota[counts.quota["year"] == month.year] if len(counts.quota) else pd.DataFrame({"unit": [], "quota": []})  # fmt: skip
    use = spent / mine.set_index("unit")["quota"].reindex(spent.index)
    return figures(two.assign(now=two["month"] == month, budget_use=two["unit"].map(use)))


def figures(counted: pd.DataFrame) -> pd.DataFrame:
    """From sums per unit, now and a year before, to FIGURES; below ten stays missing. budget_use: fund spent since January over the year's quota."""
    now = counted[counted["now"]].set_index("unit").sort_index()
    before = counted[~counted["now"].astype(bool)].set_index("unit").reindex(now.index)
    enough = now["stays"] >= FEW
    told = pd.DataFrame(
        {"name": now["name"], "level": now["level"], "area": now["area"], "stays": now["stays"].where(enough)}
    )
    told["cost_per_stay"] = now["cost"] / now["stays"]
    told["nights_per_stay"] = now["nights"] / now["stays"]
    told["self_pay_share"] = 1 - now["paid"] / now["cost"]
    told["operated_share"] = now["operated"] / now["stays"]
    told["transfer_rate"] = now["transfers"] / now["stays"]
    told["stays_per_person"] = now["stays"] / now["persons"]
    earlier = (before["cost"] / before["stays"]).where(before["stays"] >= FEW)
    told["growth"] = told["cost_per_stay"] / earlier - 1
    told["budget_use"] = now["budget_use"]
    columns = list(FIGURES)
    told[columns] = told[columns].astype("float64").where(enough, axis=0)
    most = {"level": False, "stays": False}  # as offices compare: level by level, the large first; too few stays last
    told = told.assign(few=~enough).sort_values(["few", *most, "unit"], ascending=[True, *most.values(), True])
    return told.drop(columns="few").reset_index()


def published(table: pd.DataFrame) -> pd.DataFrame:
    """As it is published, in Chinese; 样本不足 where fewer than ten stays lie behind a figure."""
    told = table[["unit", "name", "level"]].rename(columns={"unit": "机构编码", "name": "机构名称", "level": "等级"})
    for column, title in FIGURES.items():
        told[title] = [shown(column, x) for x in table[column]]
    return told


def shown(column: str, value: Any) -> str:
    """One cell; 样本不足 where it is missing, a dash where there is no quota."""
    if pd.isna(value):
        return "—" if column == "budget_use" else SMALL
    return f"{value:,.{DIGITS[column]}f}" if column in DIGITS else f"{value:.1%}"


@dataclass(frozen=True)
class Indicator:
    """`points` at `good` or better, none at `bad` or worse, in proportion between; which way is worse follows from the two."""

    column: str
    name: str
    points: float
    good: float
    bad: float


@dataclass(frozen=True)
class Ladder:
    """The office's indicators and grades (name, least points of a thousand), best first."""

    indicators: tuple[Indicator, ...]
    grades: tuple[tuple[str, float], ...]


def read_ladder(path: Path) -> Ladder:
    """From a TOML file. UserError naming it and what is wrong."""
    try:
        said: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
        made = tuple(Indicator(**(x | {k: float(x[k]) for k in ("points", "good", "bad")})) for x in said["indicators"])
        grades = tuple(sorted(((str(k), float(v)) for k, v in said["grades"].items()), key=lambda g: -g[1]))
    except OSError as error:
        raise UserError(f"{path}：读不到文件（{error.strerror}）；请检查路径") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}：{error}；需要 [[indicators]]（column、name、points、good、bad）和 [grades]") from None
    if unknown := [x.column for x in made if x.column not in FIGURES]:
        raise UserError(f"{path}：没有指标 {unknown[0]}；可用 {'、'.join(FIGURES)}")
    if same := [x.name for x in made if x.good == x.bad]:
        raise UserError(f"{path}：指标 {same[0]} 的 good 与 bad 相同，无法计分")
    if not made or sum(x.points for x in made) <= 0:
        raise UserError(f"{path}：没有分值为正的指标")
    return Ladder(made, grades)


SETTINGS = "ladder.toml"
"""Below the warehouse: the office's indicators and grades, by which pages score each published month."""


def office_ladder(warehouse: Path) -> Ladder | None:
    """The office's own settings; None where it keeps none. UserError where they are wrong."""
    path = warehouse / SETTINGS
    return read_ladder(path) if path.is_file() else None


def scored(table: pd.DataFrame, ladder: Ladder) -> pd.DataFrame:
    """unit, name, each indicator's points, 总分 (of a thousand) and 建议等级; a proposal, decided by people. Counted from the figures as they are published, so that anybody
    can count it again."""
    told = table[["unit", "name"]].rename(columns={"unit": "机构编码", "name": "机构名称"}).reset_index(drop=True)
    got, could = pd.Series(0.0, index=told.index), pd.Series(0.0, index=told.index)
    whole = sum(x.points for x in ladder.indicators)
    for x in ladder.indicators:
        value = table[x.column].reset_index(drop=True).round(DIGITS.get(x.column, 3))
        points = (x.points * ((value - x.bad) / (x.good - x.bad)).clip(0, 1)).round(1)
        told[x.name] = points
        got, could = got + points.fillna(0), could + value.notna() * x.points
    total = (1000 * got / could).where(could >= whole / 2).round(0)
    told["总分"] = total
    told["建议等级"] = [
        SMALL if pd.isna(t) else next((g for g, least in ladder.grades if t >= least), "—") for t in total
    ]
    return told.sort_values(["总分", "机构编码"], ascending=[False, True], na_position="last", kind="stable").reset_index(drop=True)  # fmt: skip
