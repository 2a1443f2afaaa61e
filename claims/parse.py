"""SQL that turns one source column into its canonical value, or into NULL where it cannot (tables.md §6.2).

Every expression is vectorised DuckDB: a fast cast first, and the slow chain of habits only for the rows the cast refused.
A value that is present but has no canonical form quarantines its row; nothing is ever skipped.
"""

from __future__ import annotations

from dataclasses import dataclass

from claims.mapping import UNITS, ColumnRule
from claims.tables import Column

MISSING = ("", "NULL", "null", "\\N", "-", "--", "无", "None", "NaN", "nan", "NaT", "0000-00-00", "0000-00-00 00:00:00")
WHITE = " \t\u00a0\u3000\ufeff"
FULL, HALF = "０１２３４５６７８９－／．：，（）＋％　", "0123456789-/.:,()+% "
REASON = {"code": "Q04", "text": "Q05", "date": "Q02", "datetime": "Q02", "money": "Q03", "price": "Q03", "qty": "Q03"}
REASON |= {"int": "Q03", "ratio": "Q03", "float": "Q03", "bool": "Q03"}


def quote(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def name(text: str) -> str:
    """A SQL identifier."""
    return '"' + text.replace('"', '""') + '"'


_missing = ", ".join(map(quote, MISSING))
_epochs = ", ".join(
    map(quote, ("1900-01-01", "1900/1/1", "1900/01/01", "19000101", "1900-01-01 00:00:00", "1900-1-1", "1900年1月1日"))
)
_separated = "replace(replace(translate(x, '年月/.', '----'), '日', ' '), 'T', ' ')"
_formats = "['%Y-%m-%d %H:%M:%S', '%Y-%m-%d %H:%M', '%Y-%m-%d', '%Y-%m-%d %H:%M:%S.%f', '%Y-%m-%d %H时%M分%S秒', '%Y-%m-%d %H时%M分', '%Y-%m-%d %H']"

MACROS = (
    # most values are plain ASCII of some length: those need no more than a trim
    f"""MACRO clean(x) AS CASE WHEN strlen(x) > 4 AND strlen(x) = length(x) AND NOT prefix(x, '0000-') AND NOT contains(x, chr(9)) THEN nullif(trim(x), '')
        WHEN trim(x, {quote(WHITE)}) IN ({_missing}) THEN NULL ELSE trim(x, {quote(WHITE)}) END""",
    f"MACRO narrow(x) AS CASE WHEN strlen(x) = length(x) THEN x ELSE translate(x, {quote(FULL)}, {quote(HALF)}) END",
    # codes: Excel's apostrophe and `.0` go, zeros stay, an exponent is damage beyond repair
    """MACRO as_code(x) AS CASE
        WHEN contains(x, '+') AND regexp_matches(x, '^[0-9](\\.[0-9]+)?[eE]\\+[0-9]+$') THEN NULL
        WHEN suffix(x, '.0') AND regexp_matches(x, '^[0-9]+\\.0$') THEN left(x, length(x) - 2)
        WHEN prefix(x, '''') THEN ltrim(x, '''')
        ELSE x END""",
    "MACRO sane(t) AS CASE WHEN t >= TIMESTAMP '1900-01-02' AND t < TIMESTAMP '2101-01-01' THEN t END",
    # the shapes a legacy export writes a time in; an offset from UTC is only taken off when it is +08:00
    f"""MACRO slow_time(x) AS CASE
        WHEN regexp_matches(x, '^[0-9]{{8}}$') THEN TRY_CAST(left(x, 4) || '-' || x[5:6] || '-' || x[7:8] AS TIMESTAMP)
        WHEN regexp_matches(x, '^[0-9]{{14}}$') THEN TRY_CAST(left(x, 4) || '-' || x[5:6] || '-' || x[7:8] || ' ' || x[9:10] || ':' || x[11:12] || ':' || x[13:14] AS TIMESTAMP)
        WHEN regexp_matches(x, '^[0-9]{{12}}$') THEN TRY_CAST(left(x, 4) || '-' || x[5:6] || '-' || x[7:8] || ' ' || x[9:10] || ':' || x[11:12] AS TIMESTAMP)
        WHEN regexp_matches(x, '^[0-9]{{8}}[ T][0-9]{{1,2}}:[0-9]{{2}}(:[0-9]{{2}})?$') THEN TRY_CAST(left(x, 4) || '-' || x[5:6] || '-' || x[7:8] || ' ' || substr(x, 10) AS TIMESTAMP)
        WHEN regexp_matches(x, '^[2-7][0-9]{{4}}([.][0-9]+)?$') THEN TIMESTAMP '1899-12-30' + to_days(CAST(floor(TRY_CAST(x AS DOUBLE)) AS INTEGER)) + to_seconds(CAST(round((TRY_CAST(x AS DOUBLE) % 1) * 86400) AS INTEGER))
        WHEN regexp_matches(x, '^[0-9]{{1,2}}-[0-9]{{1,2}}月-[0-9]{{2}}$') THEN TRY_CAST('20' || split_part(x, '-', 3) || '-' || rtrim(split_part(x, '-', 2), '月') || '-' || split_part(x, '-', 1) AS TIMESTAMP)
        WHEN regexp_matches(x, '^[0-9]{{4}}.*[+]08:?00$') THEN TRY_CAST(replace(regexp_replace(x, '[+]08:?00$', ''), 'T', ' ') AS TIMESTAMP)
        WHEN regexp_matches(x, ' 24:00(:00)?$') THEN TRY_CAST(trim(regexp_replace(translate(x, '/.', '--'), ' 24:00(:00)?$', '')) AS TIMESTAMP) + INTERVAL 1 DAY
        WHEN regexp_matches(x, '^[0-9]{{4}}[-/.年]') THEN try_strptime(trim(regexp_replace({_separated}, ' +', ' ', 'g')), {_formats})
        END""",
    """MACRO as_time(x, n) AS coalesce(
        CASE WHEN length(x) IN (10, 19) AND x[5:5] IN ('-', '/') AND NOT contains(x, '+') THEN sane(TRY_CAST(x AS TIMESTAMP)) END,
        sane(slow_time(n)))""",
    # numbers: ￥ 元 thousands 12.50- (12.50) １２; exponents only where a double was written
    """MACRO plain(x) AS CASE
        WHEN regexp_matches(x, '^-?[0-9]+([.][0-9]*)?$') OR regexp_matches(x, '^-?[.][0-9]+$') THEN x
        WHEN regexp_matches(x, '^[+][0-9]+([.][0-9]*)?$') THEN substr(x, 2)
        WHEN regexp_matches(x, '^-?[0-9]{1,3}(,[0-9]{3})+([.][0-9]*)?$') THEN replace(x, ',', '')
        WHEN regexp_matches(x, '^([0-9]+|[0-9]{1,3}(,[0-9]{3})+)([.][0-9]*)?-$') THEN '-' || replace(rtrim(x, '-'), ',', '')
        WHEN regexp_matches(x, '^\\(([0-9]+|[0-9]{1,3}(,[0-9]{3})+)([.][0-9]*)?\\)$') THEN '-' || replace(trim(x, '()'), ',', '')
        WHEN regexp_matches(x, '^-?[0-9]([.][0-9]+)?[eE]-?[0-9]{1,2}$') THEN CAST(TRY_CAST(x AS DECIMAL(18, 6)) AS VARCHAR)
        END""",
)


@dataclass(frozen=True)
class Parsed:
    """SQL of one column in three steps, each a SELECT level so that no expression is repeated: `raw` gives ``r_NAME``, `clean` (what was
    written, NULL if missing) gives ``c_NAME``, `narrow` gives ``n_NAME``, and `typed` is the canonical value, NULL if it has none."""

    column: Column
    raw: str
    clean: str
    narrow: str | None
    typed: str
    lossy: bool = False  # a damaged value is dropped and counted, the row kept (certificates Excel destroyed)


def _decimal(clean: str, narrow: str | None, scale: int, factor: int) -> str:
    if narrow is None:
        return f"TRY_CAST(round(TRY_CAST({clean} AS DOUBLE) * {factor}) AS BIGINT)"
    kind = f"DECIMAL(18, {scale})"
    fast = f"CASE WHEN length({clean}) < 16 AND NOT contains({clean}, '_') AND NOT contains(lower({clean}), 'e') THEN TRY_CAST({clean} AS {kind}) END"
    number = f"coalesce({fast}, TRY_CAST(plain({narrow}) AS {kind}))"
    return f"TRY_CAST(round(CAST({number} AS DECIMAL(30, {scale})) * {factor}, 0) AS BIGINT)"


def parse_column(column: Column, rule: ColumnRule, source_type: str, unit: str, local: str, keyed: str = "") -> Parsed:
    """SQL for a column read from `local` (SQL over the source's columns) of DuckDB type `source_type`; `unit` is the money unit."""
    kind = column.kind
    numeric = kind in ("money", "price", "qty", "int", "ratio", "float")
    timed = kind in ("date", "datetime")
    r, c, n = (name(f"{step}_{column.name}") for step in "rcn")
    text = source_type == "VARCHAR" or bool(rule.values)
    native_time = timed and not text and (source_type.startswith("TIMESTAMP") or source_type == "DATE")
    if numeric and not text:
        clean = f"CASE WHEN NOT isnan({r}) THEN {r} END" if source_type in ("DOUBLE", "FLOAT") else r
        return Parsed(column, local, clean, None, _number(column, rule, unit, c, None))
    if native_time:
        clean = f"CASE WHEN CAST({r} AS TIMESTAMP) > TIMESTAMP '1900-01-01' THEN CAST({r} AS TIMESTAMP) END"
        typed = f"date_trunc('second', sane({c}))"
        return Parsed(column, local, clean, None, f"CAST({typed} AS {column.sql_type})")
    raw = local if source_type == "VARCHAR" else f"CAST({local} AS VARCHAR)"
    if source_type == "BOOLEAN":
        raw = f"CAST(CAST({local} AS INTEGER) AS VARCHAR)"
    clean = f"clean({r})"
    if timed:
        clean = f"CASE WHEN prefix({r}, '1900') AND trim({r}) IN ({_epochs}) THEN NULL ELSE clean({r}) END"
    narrow = f"narrow({c})"
    if rule.values:
        narrow = (
            f"CASE narrow({c}) "
            + " ".join(f"WHEN {quote(k)} THEN {quote(v)}" for k, v in rule.values.items())
            + f" ELSE narrow({c}) END"
        )
    if kind == "text":
        return Parsed(column, raw, clean, narrow if rule.values else None, n if rule.values else c)
    if kind in ("code", "bool"):
        typed = f"as_code({n})"
        if rule.pad:
            typed = f"CASE WHEN length({typed}) < {rule.pad} THEN lpad({typed}, {rule.pad}, '0') ELSE {typed} END"
        return Parsed(
            column, raw, clean, narrow, f"{keyed}({typed})" if keyed else typed, lossy=column.name == "certno"
        )
    if timed:
        formats = f"try_strptime({n}, [{', '.join(map(quote, rule.formats))}])" if rule.formats else ""
        value = n if rule.values else c
        typed = f"coalesce(sane({formats}), as_time({value}, {n}))" if formats else f"as_time({value}, {n})"
        return Parsed(column, raw, clean, narrow, f"CAST(date_trunc('second', {typed}) AS {column.sql_type})")
    narrow = f"translate({narrow}, '￥¥ ', '')"
    if kind == "money" and (rule.unit or unit) == "yuan":
        narrow = f"rtrim({narrow}, '元')"
    return Parsed(column, raw, clean, narrow, _number(column, rule, unit, c if not rule.values else n, n))


def _number(column: Column, rule: ColumnRule, unit: str, clean: str, narrow: str | None) -> str:
    factor = UNITS[rule.unit or unit]
    if column.kind == "money":
        return _decimal(clean, narrow, 6 if factor > 100 else 4, factor)
    if column.kind == "price":
        return _decimal(clean, narrow, 6, factor * 10_000)
    if column.kind == "qty":
        return _decimal(clean, narrow, 4, 10_000)
    if narrow is None:
        if column.kind == "int":
            return f"CASE WHEN {clean} = floor({clean}) THEN TRY_CAST({clean} AS BIGINT) END"
        if column.kind == "ratio":
            return f"CAST(CASE WHEN abs({clean}) > 1 THEN {clean} / 100.0 ELSE {clean} END AS DOUBLE)"
        return f"CASE WHEN isfinite(CAST({clean} AS DOUBLE)) THEN CAST({clean} AS DOUBLE) END"
    if column.kind == "int":
        return f"coalesce(TRY_CAST(CASE WHEN regexp_matches({narrow}, '^-?[0-9]+$') THEN {narrow} END AS BIGINT), TRY_CAST(regexp_extract(plain({narrow}), '^(-?[0-9]+)([.]0*)?$', 1) AS BIGINT))"
    if column.kind == "ratio":
        return f"CASE WHEN suffix({narrow}, '%') OR abs(TRY_CAST(plain(rtrim({narrow}, '%')) AS DOUBLE)) > 1 THEN TRY_CAST(plain(rtrim({narrow}, '%')) AS DOUBLE) / 100 ELSE TRY_CAST(plain({narrow}) AS DOUBLE) END"
    return f"TRY_CAST(plain({narrow}) AS DOUBLE)"
