"""The rules alone: who hits, on which rows, for how much; and a rule's text as an officer reads it.

The same declarations, as-of views and SQL as in the feature partitions; only the rules are evaluated, so `run_rules` needs no partition.
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path

import duckdb
import pandas as pd

from claims.errors import UserError
from claims.warehouse import Warehouse
from features.asof import open_views, read_as
from features.build import absent_features, check_date, evaluate, measure
from features.declare import REGISTRY, Feature, GraphMeasure, column_name, load_catalog
from features.entities import focus_sql
from features.grains import GRAINS, LABEL, WINDOW_DAYS
from features.rules.settings import setting, thresholds

KIND_ZH = {
    "hard": "明确违规（仍须两人复核）",
    "lead": "疑点线索",
    "KPI": "机构指标",
    "DQ": "数据质量",
    "feature": "特征",
}
AMOUNT_ZH = {
    "M-LINE": "命中明细的政策范围内金额", "M-EXC": "超出部分的金额", "M-STAY": "该次住院的基金支付", "M-SETL": "命中结算的基金与账户支付",
    "M-ACCT": "命中结算的账户支付", "M-GAP": "超出预期的部分（推算）", "M-0": "不计金额",
}  # fmt: skip
HITS = ["rule", "grain", "entity_id", "hits", "amount_fen"]
ROWS = ["rule", "grain", "entity_id", "row_table", "row_id", "happened_at", "fen"]


def rules_of(numbers: Sequence[str] | None = None) -> list[Feature]:
    """Declarations of the rules named, all if None. Raises UserError for a number nobody declared."""
    load_catalog()
    found = sorted((f for f in REGISTRY.values() if f.rule), key=lambda f: (str(f.rule), GRAINS.index(f.grain)))
    if numbers is None:
        return found
    known = {str(f.rule) for f in found}
    for number in numbers:
        if number.upper() not in known:
            raise UserError(f"no rule {number!r} is declared; `xiezhi rules show` knows {', '.join(sorted(known))}")
    return [f for f in found if f.rule in {n.upper() for n in numbers}]


def unavailable(root: Path | str, numbers: Sequence[str] | None = None) -> dict[str, str]:
    """Rules that cannot be judged on this warehouse (不可评估), each with the table or column that is missing."""
    return absent_features(Warehouse.open(Path(root)), rules_of(numbers))


def run_rules(root: Path | str, as_of: date | datetime, rules: Sequence[str] | None = None) -> pd.DataFrame:
    """Every hit: `rule, grain, entity_id, hits, amount_fen`, one row per rule, grain and entity that hits.

    `hits` counts in the rule's own unit, `amount_fen` is the amount at risk in 分. Entities active in the default window of their grain
    are looked at. Raises UserError for an unknown rule or a date outside the data.
    """
    parts = []
    for feature, values in _values(Path(root), as_of, rules_of(rules)):
        for window in feature.windows:
            column = column_name(feature.name, window)
            hit = values[values[column] > 0]
            fen = hit[f"{column}_fen"] if feature.amount is not None else pd.Series(0.0, index=hit.index)
            parts.append(
                pd.DataFrame({
                    "rule": feature.rule, "grain": feature.grain, "entity_id": hit["entity_id"], "hits": hit[column].astype("float64"),
                    "amount_fen": fen.fillna(0.0).round().astype("int64"),
                })
            )  # fmt: skip
    if not parts:
        return pd.DataFrame(columns=HITS)
    found = pd.concat(parts, ignore_index=True)
    # One rule may speak of a grain in two ways (R67 counts and costs); the entity is named once.
    found = found.groupby(["rule", "grain", "entity_id"], as_index=False).agg(
        hits=("hits", "sum"), amount_fen=("amount_fen", "max")
    )
    return found[HITS].sort_values(["rule", "grain", "entity_id"], ignore_index=True)


def hit_rows(root: Path | str, as_of: date | datetime, rules: Sequence[str] | None = None) -> pd.DataFrame:
    """The claim rows behind the hits: `rule, grain, entity_id, row_table, row_id, happened_at, fen` (fen of the row, missing where rows carry none)."""
    warehouse = Warehouse.open(Path(root))
    check_date(warehouse, as_of)
    wanted = rules_of(rules)
    absent = absent_features(warehouse, wanted)
    parts = []
    for feature, values in _values(Path(root), as_of, wanted):
        for window in feature.windows:
            ids = values.loc[values[column_name(feature.name, window)] > 0, "entity_id"]
            if len(ids) and feature.name not in absent:
                parts.append(_rows(warehouse, as_of, feature, window, ids))
    if not parts:
        return pd.DataFrame(columns=ROWS)
    rows = pd.concat(parts, ignore_index=True).drop_duplicates(["rule", "grain", "entity_id", "row_table", "row_id"])
    return rows[ROWS].sort_values(
        ["rule", "grain", "entity_id", "happened_at", "row_table", "row_id"], ignore_index=True
    )


def _buckets(warehouse: Warehouse, as_of: date | datetime, layout: str) -> Iterator[duckdb.DuckDBPyConnection]:
    scratch = Path(tempfile.mkdtemp(prefix="rules-"))
    try:
        for bucket in range(warehouse.buckets):
            con = open_views(warehouse, as_of, layout, bucket, temp=scratch)  # type: ignore[arg-type]
            try:
                yield con
            finally:
                con.close()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _values(root: Path, as_of: date | datetime, features: Sequence[Feature]) -> Iterator[tuple[Feature, pd.DataFrame]]:
    """Each rule with the values of all entities in focus; every bucket of a layout is opened once."""
    warehouse = Warehouse.open(root)
    check_date(warehouse, as_of)
    absent = absent_features(warehouse, features)
    features = [f for f in features if f.name not in absent and f.grain != "ring"]
    frames: dict[str, list[pd.DataFrame]] = {f.name: [] for f in features}
    gathered: dict[str, list[pd.DataFrame]] = {}
    for layout in sorted({f.by for f in features}):
        here = [f for f in features if f.by == layout]
        for con in _buckets(warehouse, as_of, layout):
            for grain in dict.fromkeys(f.grain for f in here):
                read_as(con, "net")
                con.execute(f"CREATE OR REPLACE TABLE main.focus AS {focus_sql(grain, WINDOW_DAYS[grain])}")
                own = [f for f in here if f.grain == grain]
                if grain == "doctor":
                    for f in own:
                        gathered.setdefault(f.name, []).append(_focus_rows(con, f))
                    continue
                values = evaluate(con, own)
                for f in own:
                    names = [
                        n
                        for w in f.windows
                        for n in (column_name(f.name, w), f"{column_name(f.name, w)}_fen")
                        if n in values
                    ]
                    frames[f.name].append(values[["entity_id", *names]])
    for f in features:
        if f.grain == "doctor":
            yield f, _span(gathered.get(f.name, []), f, as_of)
        elif frames[f.name]:
            yield f, pd.concat(frames[f.name], ignore_index=True)


def _focus_rows(con: duckdb.DuckDBPyConnection, feature: Feature) -> pd.DataFrame:
    read_as(con, feature.reversed)
    return con.execute(f"SELECT r.* FROM ({feature.rows}) r SEMI JOIN main.focus USING (entity_id)").df()


def _span(frames: list[pd.DataFrame], feature: Feature, as_of: date | datetime) -> pd.DataFrame:
    """Doctors lie in several buckets: their rows are gathered first and measured once."""
    from features.asof import moment_of

    rows = pd.concat(
        [f for f in frames if len(f)] or frames[:1] or [pd.DataFrame({"entity_id": []})], ignore_index=True
    )
    names = [n for w in feature.windows for n in (column_name(feature.name, w), f"{column_name(feature.name, w)}_fen")]
    if rows.empty:
        return pd.DataFrame(columns=["entity_id", *names])
    con = duckdb.connect()
    try:
        con.execute(
            "CREATE TABLE main.asof AS SELECT ?::TIMESTAMP AS t, ?::TIMESTAMP::DATE AS d", [moment_of(as_of)] * 2
        )
        con.register("incoming", rows)
        con.execute("CREATE TABLE feature_rows AS FROM incoming")
        parts = measure(con, "feature_rows", [feature])
    finally:
        con.close()
    return pd.concat(parts, axis=1).fillna(0.0).rename_axis("entity_id").reset_index()


def _rows(
    warehouse: Warehouse, as_of: date | datetime, feature: Feature, window: int, ids: "pd.Series[str]"
) -> pd.DataFrame:
    parts = []
    for con in _buckets(warehouse, as_of, feature.by):
        con.execute("CREATE TABLE main.focus (entity_id VARCHAR)")
        con.register("ids", pd.DataFrame({"entity_id": ids.astype(str)}))
        con.execute("INSERT INTO main.focus SELECT entity_id FROM ids")
        frame = _focus_rows(con, feature)
        if window:
            limit = pd.Timestamp(con.execute("SELECT t FROM main.asof").fetchall()[0][0]) - pd.Timedelta(days=window)
            frame = frame[frame["happened_at"] > limit]
        parts.append(frame)
    rows = pd.concat(parts, ignore_index=True)
    if "hit" in rows.columns and rows["hit"].fillna(False).astype(bool).any():
        rows = rows[rows["hit"].fillna(False).astype(bool)]
    fen = next((c for c in ("fen", "scope_fen", "own_fund_fen") if c in rows.columns), None)
    amounts = pd.to_numeric(rows[fen], errors="coerce").round() if fen else pd.Series(float("nan"), index=rows.index)
    return rows[["entity_id", "row_table", "row_id", "happened_at"]].assign(
        rule=feature.rule, grain=feature.grain, fen=amounts
    )


def show_rule(number: str) -> str:
    """A rule as text: name, kind, library entry, thresholds, exemptions, amount basis, SQL of each grain. Raises UserError if unknown."""
    number = number.upper()
    found = rules_of([number])
    first = found[0]
    basis = setting(number, "amount")
    lines = [
        f"{number} {setting(number, 'name')}",
        f"类别：{KIND_ZH[first.kind]}（{first.kind}）  骗保类型：{first.scheme}  规则族：{first.family}",
        f"两库：{setting(number, 'library') or '无对应条目'}",
        "阈值：" + ("；".join(f"{k} = {v}" for k, v in thresholds(number).items()) or "无"),
        "豁免：" + (" ".join(dict.fromkeys(e for f in found for e in f.exempt)) or "无"),
        f"金额口径：{basis} {AMOUNT_ZH.get(basis, '')}",
        f"可能的正常解释：{first.innocent}",
    ]
    for f in found:
        measured = (
            f.measure
            if not isinstance(f.measure, GraphMeasure)
            else f"{f.measure.function.__name__}:{f.measure.column}"
        )
        lines += [
            "", f"—— {LABEL[f.grain]}（{f.name}，{'按人' if f.by == 'person' else '按机构'}读取，窗口 {', '.join(map(str, f.windows))} 天）",
            f"理由：{f.reason}", f"需要：{', '.join(f.needs) or '核心表'}", f"计数：{measured}", f"金额：{f.amount or '不计'}", "SQL：", f.rows.strip(),
        ]  # fmt: skip
    return "\n".join(lines)
