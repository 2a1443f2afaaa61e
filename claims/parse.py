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
_epochs = ", ".join(map(quote, ("1900-01-01", "1900/1/1", "1900/01/01", "19000101", "1900-01-01 00:00:00", "1900-1-1", "1900年1月1日")))
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
        WHEN prefix(x, '''') THEN ltrim(narrow(x), '''')
        ELSE narrow(x) END""",
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
    """MACRO as_time(x) AS coalesce(
        CASE WHEN length(x) IN (10, 19) AND x[5:5] IN ('-', '/') AND NOT contains(x, '+') THEN sane(TRY_CAST(x AS TIMESTAMP)) END,
        sane(slow_time(narrow(x))))""",
    # numbers: ￥ 元 thousands 12.50- (12.50) １２; exponents only where a double was written
    """MACRO plain(x) AS CASE
        WHEN regexp_matches(x, '^-?[0-9]+([.][0-9]*)?$') OR regexp_matches(x, '^-?[.][0-9]+$') THEN x
        WHEN regexp_matches(x, '^[+][0-9]+([.][0-9]*)?$') THEN substr(x, 2)
        WHEN regexp_matches(x, '^-?[0-9]{1,3}(,[0-9]{3})+([.][0-9]*)?$') THEN replace(x, ',', '')
        WHEN regexp_matches(x, '^([0-9]+|[0-9]{1,3}(,[0-9]{3})+)([.][0-9]*)?-$') THEN '-' || replace(rtrim(x, '-'), ',', '')
        WHEN regexp_matches(x, '^\\(([0-9]+|[0-9]{1,3}(,[0-9]{3})+)([.][0-9]*)?\\)$') THEN '-' || replace(trim(x, '()'), ',', '')
        WHEN regexp_matches(x, '^-?[0-9]([.][0-9]+)?[eE]-?[0-9]{1,2}$') THEN CAST(TRY_CAST(x AS DECIMAL(18, 6)) AS VARCHAR)
        END""",
    "MACRO digits(x) AS plain(trim(replace(replace(replace(narrow(x), '￥', ''), '¥', ''), ' ', '')))",
)


@dataclass(frozen=True)
class Parsed:
    """SQL of one column: `clean` is what was written (NULL if missing), `typed` its canonical value (NULL if it has none)."""

    column: Column
    clean: str
    typed: str
    lossy: bool = False  # a damaged value is dropped and counted, the row kept (certificates Excel destroyed)


def _decimal(value: str, text: bool, scale: int, factor: int) -> str:
    kind = f"DECIMAL(18, {scale})"
    if text:
        number = f"coalesce(CASE WHEN length({value}) < 16 AND NOT contains({value}, '_') AND NOT contains(lower({value}), 'e') THEN TRY_CAST({value} AS {kind}) END, TRY_CAST(digits({value}) AS {kind}))"
        return f"TRY_CAST(round(CAST({number} AS DECIMAL(30, {scale})) * {factor}, 0) AS BIGINT)"
    return f"TRY_CAST(round(TRY_CAST({value} AS DOUBLE) * {factor}) AS BIGINT)"


def parse_column(column: Column, rule: ColumnRule, source_type: str, unit: str, local: str, keyed: str = "") -> Parsed:
    """SQL for a column read from `local` (a quoted identifier) of DuckDB type `source_type`; `unit` is the money unit."""
    text = source_type == "VARCHAR"
    raw = local if text else ("CAST(" + local + " AS VARCHAR)")
    clean = f"clean({raw})"
    if source_type in ("DOUBLE", "FLOAT"):
        clean = f"CASE WHEN NOT isnan({local}) THEN {raw} END"
    elif not text:
        clean = raw
    held = name("c_" + column.name)
    if not text and not rule.values and column.kind in ("money", "price", "qty", "int", "ratio", "float"):
        clean = f"CASE WHEN NOT isnan({local}) THEN {local} END" if source_type in ("DOUBLE", "FLOAT") else local
    if rule.values:
        pairs = " ".join(f"WHEN {quote(k)} THEN {quote(v)}" for k, v in rule.values.items())
        clean = f"CASE {clean} {pairs} ELSE {clean} END"
        text = True
    kind = column.kind
    native = not text
    if kind in ("code", "text"):
        typed = f"as_code({held})" if kind == "code" else held
        if rule.pad:
            typed = f"CASE WHEN length({typed}) < {rule.pad} THEN lpad({typed}, {rule.pad}, '0') ELSE {typed} END"
        if kind == "code" and source_type == "BOOLEAN":
            typed = f"CASE {held} WHEN 'true' THEN '1' WHEN 'false' THEN '0' END"
    elif kind in ("date", "datetime"):
        own = f"try_strptime({held}, [{', '.join(map(quote, rule.formats))}])" if rule.formats else ""
        typed = f"coalesce(sane({own}), as_time({held}))" if own else f"as_time({held})"
        if native and (source_type.startswith("TIMESTAMP") or source_type == "DATE"):
            typed = f"sane(CAST({held} AS TIMESTAMP))"
            clean = f"CASE WHEN {local} > TIMESTAMP '1900-01-01' THEN CAST({local} AS TIMESTAMP) END"
        else:
            clean = f"CASE WHEN prefix({raw}, '1900') AND {clean} IN ({_epochs}) THEN NULL ELSE {clean} END"
        typed = f"CAST(date_trunc('second', {typed}) AS TIMESTAMP)"
        if kind == "date":
            typed = f"CAST({typed} AS DATE)"
    elif kind == "money":
        factor = UNITS[rule.unit or unit]
        value = f"CASE WHEN suffix({held}, '元') THEN left({held}, length({held}) - 1) ELSE {held} END" if factor == 100 and text else held
        typed = _decimal(f"({value})", text, 6 if factor > 100 else 4, factor)
    elif kind == "price":
        factor = {100: 1_000_000, 1: 10_000, 1_000_000: 10_000_000_000}[UNITS[rule.unit or unit]]
        typed = _decimal(held, text, 6, factor)
    elif kind == "qty":
        typed = _decimal(held, text, 4, 10_000)
    elif kind == "int" and native:
        typed = f"CASE WHEN {held} = floor({held}) THEN TRY_CAST({held} AS BIGINT) END"
    elif kind == "ratio" and native:
        typed = f"CAST(CASE WHEN abs({held}) > 1 THEN {held} / 100.0 ELSE {held} END AS DOUBLE)"
    elif kind == "int":
        typed = f"TRY_CAST(CASE WHEN regexp_matches(digits({held}), '^-?[0-9]+([.]0*)?$') THEN split_part(digits({held}), '.', 1) END AS BIGINT)"
    elif kind == "ratio":
        number = f"TRY_CAST(digits(rtrim(narrow({held}), '%')) AS DOUBLE)"
        typed = f"CASE WHEN suffix(narrow({held}), '%') OR abs({number}) > 1 THEN {number} / 100 ELSE {number} END"
    else:
        typed = f"coalesce(TRY_CAST({held} AS DOUBLE), TRY_CAST(digits({held}) AS DOUBLE))" if text else f"TRY_CAST({held} AS DOUBLE)"
        typed = f"CASE WHEN isfinite({typed}) THEN {typed} END"
    if keyed:
        typed = f"{keyed}({typed})"
    return Parsed(column, clean, typed, lossy=column.name == "certno")
