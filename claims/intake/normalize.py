"""SQL that turns one source column into its canonical value, or into NULL where it cannot (contract.md §6.2).

Every expression is vectorised DuckDB: a fast cast first, and the slow chain of habits only for the rows the cast
refused. A value that is present but has no canonical form quarantines its row; nothing is ever skipped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from string import ascii_letters

from claims.schema.code_tables import OF_COLUMN, CodeTable
from claims.schema.mapping import UNITS, ColumnRule
from claims.schema.table import Column
from claims.store.sql import name, one_of, quote

MISSING = (
    *("", "NULL", "null", "Null", "\\N", "None", "NaN", "nan", "NaT", "(null)", "(NULL)", "(Null)", "<null>", "<NULL>"),
    *("N/A", "n/a", "nil", "/", "-", "--", "—", "——", "－", "无", "空", "0000-00-00", "0000-00-00 00:00:00"),
)
#: Blanks of all kinds, and signs without width that come along with copied text.
WHITE = " \t\u00a0\u3000\ufeff\u200b\u200c\u200d\u200e\u200f\u2060"
FULL, HALF = "０１２３４５６７８９－／．：，（）＋％＿　", "0123456789-/.:,()+%_ "
FULL += "".join(chr(0xFEE0 + ord(c)) for c in ascii_letters)
HALF += ascii_letters
#: What stands around an amount in yuan, besides ￥.
CURRENCY = "^(人民币|RMB|CNY)|(元整|圆整|元|圆|RMB|CNY)$"
REASON = {"code": "Q04", "text": "Q05", "date": "Q02", "datetime": "Q02", "money": "Q03", "price": "Q03", "qty": "Q03"}
#: Columns that hold the number of an identity card (GB 11643).
CERTIFICATES = ("certno",)
#: Columns that say yes or no, and how systems write that; what their code set adds (退费, 有效) is known there.
FLAGS = {column: codes for column, codes in OF_COLUMN.items() if {c.code for c in codes.codes} == {"0", "1"}}
#: Columns whose words leave no doubt: what the code set knows of them is read as the code.
SPELT = FLAGS | {column: OF_COLUMN[column] for column in ("gend", "lmt_gend")}
YES_NO = {
    "0": ("0", "00", "否", "n", "no", "f", "false", "off", "×", "x", "b'\\x00'", "\\x00"),
    "1": ("1", "01", "是", "y", "yes", "t", "true", "on", "√", "✓", "v", "有", "b'\\x01'", "\\x01"),
}
NUMBERS = ("money", "price", "qty", "int", "ratio", "float")
REASON |= {"int": "Q03", "ratio": "Q03", "float": "Q03", "bool": "Q03"}


_missing = ", ".join(map(quote, MISSING))
_any = "[-/.年]?[0-9]{1,2}[-/.月]?[0-9]{1,2}"
#: A date that stands for none: open ends, the first and last days systems know, zeros.
_no_date = (
    f"^ *(9999{_any}|(2999|3000|4712)[-/.年]?12[-/.月]?31|3000[-/.年]?0?1[-/.月]?0?1|0001{_any}"
    "|1753[-/.年]?0?1[-/.月]?0?1|1899[-/.]?12[-/.]?3|1900[-/.年]?0?1[-/.月]?0?[01](日|[ T].*|0{4,6})?[ ]*$|0{8,14}$"
    "|31-(DEC|12月 ?)-(9999|4712)|-?infinity$)"
)
NO_DATE = f"regexp_matches({{0}}, {quote(_no_date)})"
_half_days = quote("(?i)(上午|下午|凌晨|早上|中午|晚上|[ap][.]?m)")
_separated = "replace(replace(translate(x, '年月/.點点時', '----时时时'), '日', ' '), 'T', ' ')"
_formats = str(
    [
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%d",
        "%Y-%m-%d %H:%M:%S.%f",
        "%Y-%m-%d %H时%M分%S秒",
        "%Y-%m-%d %H时%M分",
        "%Y-%m-%d %H时",
        "%Y-%m-%d %H",
    ]
)

MACROS = (
    # ="00123" is how a system keeps Excel from cutting the zeros
    f"""MACRO unquoted(x) AS CASE
        WHEN prefix(x, '=') AND regexp_matches(x, '^="[^"]*"[ 	]*$') THEN trim(split_part(x, '"', 2), {quote(WHITE)})
        ELSE trim(x, {quote(WHITE)}) END""",
    # most values are plain ASCII of some length without a blank at either end: those are what they are
    f"""MACRO clean(x) AS CASE WHEN strlen(x) > 4 AND strlen(x) = length(x) AND NOT prefix(x, '0000-')
        AND NOT prefix(x, '=') AND NOT prefix(x, '(') AND NOT prefix(x, '<') AND NOT contains(x, chr(9))
        AND NOT prefix(x, ' ') AND NOT suffix(x, ' ') THEN x
        WHEN unquoted(x) IN ({_missing}) THEN NULL ELSE unquoted(x) END""",
    f"MACRO narrow(x) AS CASE WHEN strlen(x) = length(x) THEN x ELSE translate(x, {quote(FULL)}, {quote(HALF)}) END",
    # codes: Excel's apostrophe and `.0` go, zeros stay, an exponent or a formula's error is damage beyond repair
    """MACRO as_code(x) AS CASE
        WHEN contains(x, '+') AND regexp_matches(x, '^[0-9](\\.[0-9]+)?[eE]\\+[0-9]+$') THEN NULL
        WHEN prefix(x, '#') AND regexp_matches(x, '^#(N/A|REF!|VALUE!|NAME[?]|DIV/0!|NUM!|NULL!|SPILL!)$') THEN NULL
        WHEN suffix(x, '.0') AND regexp_matches(x, '^[0-9]+\\.0$') THEN left(x, length(x) - 2)
        WHEN prefix(x, '''') THEN ltrim(x, '''')
        ELSE x END""",
    # an identity card's number: 17 digits and their check digit; 15 digits are the same without century and check
    """MACRO card_day(x) AS TRY_CAST(x[7:10] || '-' || x[11:12] || '-' || x[13:14] AS DATE)""",
    """MACRO with_check_digit(x) AS
        x || '10X98765432'[1 + (list_sum(list_transform(range(1, 18), lambda i: TRY_CAST(x[i] AS INTEGER)
            * [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2][i])) % 11)::INTEGER]""",
    # what stands for none: a word, one character again and again, a day of birth no calendar has, a check digit that is
    # not its own, a masked number
    """MACRO certificate_of(x) AS CASE
        WHEN replace(x, left(x, 1), '') = '' OR regexp_matches(x, '^(无|未|没|暂|不详|N/A)') THEN NULL
        WHEN regexp_matches(x, '^[0-9]{17}[0-9Xx]$') THEN CASE WHEN card_day(x) IS NOT NULL
            AND with_check_digit(left(x, 17)) = upper(x) THEN upper(x) END
        WHEN regexp_matches(x, '^[0-9]{15}$') AND card_day(left(x, 6) || '19' || substr(x, 7)) IS NOT NULL
            THEN with_check_digit(left(x, 6) || '19' || substr(x, 7))
        WHEN contains(x, '*') OR length(x) < 6 THEN NULL
        WHEN strlen(x) <> length(x) AND length(regexp_replace(x, '[^0-9]', '', 'g')) < 3 THEN NULL
        ELSE x END""",
    """MACRO certificate(x) AS
        certificate_of(regexp_replace(translate(x, 'Ｘｘ', 'XX'), '[ \t\u3000\u00a0]', '', 'g'))""",
    "MACRO sane(t) AS CASE WHEN t >= TIMESTAMP '1900-01-02' AND t < TIMESTAMP '2101-01-01' THEN t END",
    # the shapes a legacy export writes a time in
    f"""MACRO written_time(x) AS try_strptime(trim(regexp_replace({_separated}, ' +', ' ', 'g')), {_formats})""",
    # 上午/下午, AM/PM before or behind the time: noon is 12 PM, midnight 12 AM
    """MACRO half_day_time(x) AS CASE
        WHEN NOT regexp_matches(x, '[^0-9:](12|0?[1-9]|1[01]):') THEN NULL
        WHEN regexp_matches(x, '(早|晚)上 ?12:') THEN NULL
        ELSE written_time(regexp_replace(x, '(?i)(上午|下午|凌晨|早上|中午|晚上|[ap]m)', ' '))
            + CASE WHEN regexp_matches(x, '中午 ?11:') THEN INTERVAL 0 HOUR
                WHEN regexp_matches(x, '(?i)(下午|中午|晚上|pm)') THEN INTERVAL 12 HOUR ELSE INTERVAL 0 HOUR END
            - CASE WHEN regexp_matches(x, '[^0-9]12:') THEN INTERVAL 12 HOUR ELSE INTERVAL 0 HOUR END
        END""",
    # a fraction of a second, as databases and JDBC write it
    """MACRO whole_seconds(x) AS
        CASE WHEN contains(x, '.') THEN regexp_replace(x, '(:[0-9]{2})[.][0-9]{1,9}', '\\1') ELSE x END""",
    # a day, a month by name (Oracle: 03-JAN-25, 03-1月 -25; SQL Server: Mar 1 2025) and what follows → year first
    """MACRO month_of(m) AS CASE WHEN suffix(m, '月') THEN TRY_CAST(rtrim(m, '月') AS INTEGER)
        ELSE nullif(strpos('.janfebmaraprmayjunjulaugsepoctnovdec', lower(left(m, 3))) + 1, 1) // 3 END""",
    """MACRO dated(y, m, d, rest) AS y || '-' || lpad(CAST(month_of(m) AS VARCHAR), 2, '0') || '-' || lpad(d, 2, '0')
        || regexp_replace(rest, '^[ ]*([0-9]{1,2})[.]([0-9]{2})[.]([0-9]{2})', ' \\1:\\2:\\3')""",
    # two digits of a year as Oracle reads them (RR), but none that is still to come
    """MACRO century(y) AS CASE WHEN length(y) = 4 THEN y WHEN y <= strftime(now(), '%y') THEN '20' || y
        WHEN y >= '50' THEN '19' || y END""",
    """MACRO day_first(x) AS regexp_replace(
        regexp_replace(x, '^([A-Za-z]{3,9}) +([0-9]{1,2}),? +([0-9]{4})', '\\2-\\1-\\3'),
        '^([0-9]{4})-([A-Za-z]{3})-([0-9]{1,2})', '\\3-\\2-\\1')""",
    # 31-12月-99 is 1999 or, of no end, 9999: nobody can tell
    """MACRO month_named(x) AS CASE WHEN regexp_matches(x, '(?i)^31-(dec|12月 ?)-99') THEN x
        WHEN regexp_matches(x, '(?i)^[0-9 -]*(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|[0-9]{1,2}月 ?-)')
        THEN coalesce(list_transform([regexp_extract(day_first(x),
            '^([0-9]{1,2})[- ]([A-Za-z]{3,9}|[0-9]{1,2}月) ?[- ]([0-9]{4}|[0-9]{2})(.*)$', ['d', 'm', 'y', 'rest'])],
            lambda p: dated(century(p.y), p.m, p.d, p.rest))[1], x)
        ELSE x END""",
    # an offset of +08:00 (and Go's CST), a day of the week: they add nothing
    """MACRO unzoned(x) AS CASE WHEN contains(x, '+08') AND length(x) > 9
        THEN regexp_replace(x, ' ?[+]08(:?00)?( CST)?$', '')
        WHEN regexp_matches(x, '(星期|礼拜|周)')
        THEN trim(regexp_replace(x, '[ (]*(星期|礼拜|周)[一二三四五六日天]\\)?', ''))
        ELSE x END""",
    """MACRO slow_time(x) AS CASE
        WHEN regexp_matches(x, '(?i)(上午|下午|凌晨|早上|中午|晚上|[ap]m)') THEN half_day_time(x)
        WHEN regexp_matches(x, '^[0-9]{8}$') THEN TRY_CAST(left(x, 4) || '-' || x[5:6] || '-' || x[7:8] AS TIMESTAMP)
        WHEN regexp_matches(x, '^[0-9]{14}$') THEN TRY_CAST(left(x, 4) || '-' || x[5:6] || '-' || x[7:8] || ' '
            || x[9:10] || ':' || x[11:12] || ':' || x[13:14] AS TIMESTAMP)
        WHEN regexp_matches(x, '^[0-9]{12}$') THEN TRY_CAST(left(x, 4) || '-' || x[5:6] || '-' || x[7:8] || ' '
            || x[9:10] || ':' || x[11:12] AS TIMESTAMP)
        WHEN regexp_matches(x, '^[0-9]{8}[ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2})?$') THEN TRY_CAST(left(x, 4)
            || '-' || x[5:6] || '-' || x[7:8] || ' ' || substr(x, 10) AS TIMESTAMP)
        WHEN regexp_matches(x, '^[2-7][0-9]{4}([.][0-9]+)?$') THEN TIMESTAMP '1899-12-30'
            + to_days(CAST(floor(TRY_CAST(x AS DOUBLE)) AS INTEGER))
                + to_seconds(CAST(round((TRY_CAST(x AS DOUBLE) % 1) * 86400) AS INTEGER))
        WHEN regexp_matches(x, ' 24:00(:00)?$')
            THEN TRY_CAST(trim(regexp_replace(translate(x, '/.', '--'), ' 24:00(:00)?$', '')) AS TIMESTAMP)
                + INTERVAL 1 DAY
        WHEN regexp_matches(x, '^[0-9]{4}[-/.年]')
            THEN written_time(x)
        END""",
    # other signs for the same: a comma or points between the parts, words for hour and minute, p.m., an apostrophe
    f"""MACRO tidy_time(x) AS CASE
        WHEN regexp_matches(x, '^[0-9]{{8}}[ T][0-9]{{6}}$') THEN left(x, 8) || substr(x, 10)
        WHEN regexp_matches(x, '^[0-9]{{17}}$') THEN left(x, 14)
        WHEN regexp_matches(x, '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[- ][0-9]{{2}}[.][0-9]{{2}}[.][0-9]{{2}}([.][0-9]+)?$')
            THEN left(x, 10) || ' ' || replace(x[12:19], '.', ':')
        WHEN regexp_matches(x, ':[0-9]{{2}},[0-9]+$') THEN left(x, strpos(x, ',') - 1)
        WHEN prefix(x, chr(39)) THEN ltrim(x, chr(39))
        WHEN regexp_matches(x, '^[0-9]{{8,14}}[.]0+$') THEN split_part(x, '.', 1)
        WHEN regexp_matches(x, {_half_days}) THEN regexp_replace(regexp_replace(regexp_replace(x,
            '([0-9]{{1,2}})[时点]([0-9]{{1,2}})分?', '\\1:\\2'), '(:[0-9]{{1,2}})([0-9]{{2}})秒', '\\1:\\2'),
            '(?i)([ap])[.]m[.]?', '\\1m')
        ELSE x END""",
    # what DuckDB's own cast reads as the formats would: ten or nineteen characters, year first and two digits for each
    # part: `9:05:00 PM` is nineteen characters too, and the cast would drop what follows the time
    """MACRO fast_time(x) AS CASE
        WHEN regexp_full_match(x, '(190[1-9]|19[1-9][0-9]|20[0-9]{2})([-/][0-9]{2}){2}( [0-9]{2}:[0-9]{2}:[0-9]{2})?')
            THEN TRY_CAST(x AS TIMESTAMP)
        WHEN strlen(x) IN (10, 19) AND x[5] IN ('-', '/') AND x[8] IN ('-', '/')
        AND (strlen(x) = 10 OR (x[14] = ':' AND x[17] = ':')) AND NOT contains(x, '+')
        AND NOT prefix(x, '1900') THEN TRY_CAST(x AS TIMESTAMP) END""",
    # numbers: ￥ 元 thousands 12.50- (12.50) １２; exponents only where a double was written
    """MACRO plain(x) AS CASE
        WHEN regexp_matches(x, '^-?[0-9]+([.][0-9]*)?$') OR regexp_matches(x, '^-?[.][0-9]+$') THEN x
        WHEN regexp_matches(x, '^[+]([0-9]+([.][0-9]*)?|[.][0-9]+)$') THEN substr(x, 2)
        WHEN regexp_matches(x, '^-?[0-9]{1,3}(,[0-9]{3})+([.][0-9]*)?$') THEN replace(x, ',', '')
        WHEN regexp_matches(x, '^([0-9]+|[0-9]{1,3}(,[0-9]{3})+)([.][0-9]*)?-$') THEN '-'
            || replace(rtrim(x, '-'), ',', '')
        WHEN regexp_matches(x, '^\\(([0-9]+|[0-9]{1,3}(,[0-9]{3})+)([.][0-9]*)?\\)$') THEN '-'
            || replace(trim(x, '()'), ',', '')
        WHEN regexp_matches(x, '^-?[0-9]([.][0-9]+)?[eE]-?[0-9]{1,2}$')
            THEN CAST(TRY_CAST(x AS DECIMAL(18, 6)) AS VARCHAR)
        END""",
)


#: The SELECT levels a cell goes through, in this order. A level only names columns of the levels before it, so that
#: nothing is worked out twice (DuckDB pulls an expression that is repeated out of its CASE and would work it out for
#: every row).
LEVELS = ("raw", "fast", "sane", "clean", "narrow", "bare", "dated", "tidy", "slow")


@dataclass(frozen=True)
class Parsed:
    """SQL of one column: `steps` are level → expression (gives the column ``LEVEL_NAME``), `typed` is the canonical
    value, NULL if it has none, and `written` is not NULL where something is written that `fast` did not read."""

    column: Column
    steps: dict[str, str]
    typed: str
    written: str
    lossy: bool = False  # a damaged value is dropped and counted, the row kept (certificates Excel destroyed)
    quick: str = ""  # the level that reads a plainly written cell; "" where there is none

    @property
    def unread(self) -> str:
        """SQL: something is written that the quick level does not read."""
        return f"({step('raw', self.column.name)} IS NOT NULL AND {step(self.quick, self.column.name)} IS NULL)"

    def quickly(self) -> Parsed:
        """The column by its quick level alone, in rows of which no cell is `unread`; itself where it has none."""
        if not self.quick:
            return self
        steps = {level: sql for level, sql in self.steps.items() if level in LEVELS[: LEVELS.index(self.quick) + 1]}
        return replace(self, steps=steps, typed=_whole(self.column, step(self.quick, self.column.name)))


def step(level: str, column: str) -> str:
    """The SQL name of what a level makes of a column."""
    return name(f"{level}_{column}")


def parse_column(column: Column, rule: ColumnRule, source_type: str, unit: str, local: str, keyed: str = "") -> Parsed:
    """SQL for a column read from `local` (SQL over the source's columns) of DuckDB type `source_type`; `unit` is the
    money unit."""
    raw, clean = step("raw", column.name), step("clean", column.name)
    text = source_type == "VARCHAR" or bool(rule.values)
    if column.kind in ("date", "datetime"):
        if not text and (source_type.startswith("TIMESTAMP") or source_type == "DATE"):
            zoned = "TZ" in source_type or "TIME ZONE" in source_type
            held = f"CAST({f'CAST({raw} AS TIMESTAMPTZ)' if zoned else raw} AS TIMESTAMP)"
            none = f"NOT isfinite({held}) OR {NO_DATE.replace('{0}', f'CAST({held} AS VARCHAR)')}"
            # no day that is sane stands for none
            held = f"CASE WHEN sane({held}) IS NOT NULL OR NOT ({none}) THEN {held} END"
            typed = f"CAST(date_trunc('second', sane({clean})) AS {column.sql_type})"
            return Parsed(column, {"raw": local, "clean": held}, typed, clean)
        return _time(column, rule, _as_text(local, source_type))
    if column.kind in NUMBERS:
        if not text:
            held = f"CASE WHEN NOT isnan({raw}) THEN {raw} END" if source_type in ("DOUBLE", "FLOAT") else raw
            typed = _native_number(column, _factor(column, rule, unit), clean)
            return Parsed(column, {"raw": local, "clean": held}, typed, clean)
        return _number(column, rule, unit, _as_text(local, source_type))
    return _code(column, rule, _as_text(local, source_type), keyed)


def _as_text(local: str, source_type: str) -> str:
    if source_type == "BOOLEAN":
        return f"CAST(CAST({local} AS INTEGER) AS VARCHAR)"
    return local if source_type == "VARCHAR" else f"CAST({local} AS VARCHAR)"


def _translated(rule: ColumnRule, cell: str) -> str:
    """The local value's translation, where the mapping has one."""
    arms = " ".join(f"WHEN {quote(k)} THEN {quote(v)}" for k, v in rule.values.items())
    return f"CASE {cell} {arms} ELSE {cell} END" if arms else cell


def _code(column: Column, rule: ColumnRule, raw: str, keyed: str) -> Parsed:
    r, clean, narrow, slow = (step(level, column.name) for level in ("raw", "clean", "narrow", "slow"))
    steps = {"raw": raw, "clean": f"clean({r})"}
    if column.kind == "text" and not rule.values:
        return Parsed(column, steps, clean, clean)
    steps["narrow"] = _translated(rule, f"narrow({clean})")
    if column.kind == "text":
        return Parsed(column, steps, narrow, clean)
    steps["slow"] = f"as_code({narrow})"
    typed = (
        f"CASE WHEN length({slow}) < {rule.pad} THEN lpad({slow}, {rule.pad}, '0') ELSE {slow} END"
        if rule.pad
        else slow
    )
    if column.name in SPELT:
        typed = _spelt(SPELT[column.name], typed, YES_NO if column.name in FLAGS else {})
    certificate = column.name in CERTIFICATES
    if certificate:
        typed = f"certificate({typed})"
    return Parsed(column, steps, f"{keyed}({typed})" if keyed else typed, clean, lossy=certificate)


def _spelt(codes: CodeTable, cell: str, also: dict[str, tuple[str, ...]]) -> str:
    """A code in any spelling; what is none stays, and is a code nobody mapped."""
    said = {c.code: {*c.words, *also.get(c.code, ()), c.zh} for c in codes.codes}
    arms = " ".join(f"WHEN lower({cell}) IN {one_of(sorted(words))} THEN {quote(c)}" for c, words in said.items())
    return f"CASE WHEN {cell} IN {one_of(sorted(said))} THEN {cell} {arms} ELSE {cell} END"


def _time(column: Column, rule: ColumnRule, raw: str) -> Parsed:
    r, fast, sane, clean, narrow, bare, named, tidy, slow = (step(level, column.name) for level in LEVELS)
    missing = NO_DATE.replace("{0}", r)
    steps = {"raw": raw}
    first, typed, quick = clean, f"sane({slow})", ""
    if rule.values or rule.formats:
        first = narrow
    else:
        steps |= {"fast": f"fast_time({r})", "sane": f"sane({fast})"}
        missing = f"{sane} IS NOT NULL OR {missing}"
        typed, quick = f"coalesce({sane}, sane({slow}))", "sane"
    ways = [f"fast_time({first})", f"slow_time({tidy})"]
    if rule.formats:
        ways.insert(0, f"try_strptime({narrow}, [{', '.join(map(quote, rule.formats))}])")
    steps["clean"] = f"CASE WHEN {missing} THEN NULL ELSE clean({r}) END"
    steps["narrow"] = _translated(rule, f"narrow({clean})")
    steps |= {
        "bare": f"unzoned({narrow})",
        "dated": f"month_named({bare})",
        "tidy": f"whole_seconds(tidy_time({named}))",
    }
    steps["slow"] = f"CASE WHEN {narrow} IS NOT NULL THEN coalesce({', '.join(ways)}) END"
    return Parsed(column, steps, _whole(column, typed), clean, quick=quick)


def _whole(column: Column, typed: str) -> str:
    """A time to the second, a date to the day; of anything else the value itself."""
    return f"CAST(date_trunc('second', {typed}) AS {column.sql_type})" if column.kind in ("date", "datetime") else typed


def _factor(column: Column, rule: ColumnRule, unit: str) -> tuple[int, int]:
    """Decimal places read and what one unit is in canonical ones, for money, prices and quantities."""
    factor = UNITS[rule.unit or unit]
    return {"money": (6 if factor > 100 else 4, factor), "price": (6, factor * 10_000)}.get(column.kind, (4, 10_000))


def _number(column: Column, rule: ColumnRule, unit: str, raw: str) -> Parsed:
    r, fast, _, clean, narrow, _, _, _, slow = (step(level, column.name) for level in LEVELS)
    # no form that only a cast would take for a number, and short enough that a product with the factor is exact as a
    # DOUBLE (below 2^51)
    simple = f"strlen({r}) < 12 AND NOT contains({r}, '_') AND NOT contains({r}, 'e') AND NOT contains({r}, 'E')"
    typed, quick = f"TRY_CAST({slow} AS DOUBLE)", None
    if column.kind in ("money", "price", "qty"):
        places, factor = _factor(column, rule, unit)
        kept = len(str(factor)) - 1
        exact = f"CAST(TRY_CAST({slow} AS DECIMAL(18, {places})) AS DECIMAL(30, {places}))"
        typed = f"TRY_CAST(round({exact} * {factor}, 0) AS BIGINT)"
        if kept <= 6:
            rounded = f"TRY_CAST(TRY_CAST({r} AS DECIMAL(18, {places})) AS DECIMAL(18, {kept}))"
            quick = f"CASE WHEN {simple} THEN CAST(CAST({rounded} AS DOUBLE) * {factor} AS BIGINT) END"
    elif column.kind == "int":
        typed = f"TRY_CAST(regexp_extract({slow}, '^(-?[0-9]+)([.]0*)?$', 1) AS BIGINT)"
        quick = (
            f"CASE WHEN {simple} AND NOT contains({r}, '.') THEN CAST(TRY_CAST({r} AS DECIMAL(18, 0)) AS BIGINT) END"
        )
    elif column.kind == "float":
        quick = (
            f"CASE WHEN regexp_full_match({r}, '-?[0-9]{{1,15}}([.][0-9]{{1,9}})?') THEN TRY_CAST({r} AS DOUBLE) END"
        )
    tidy = f"ltrim(translate({_translated(rule, f'narrow({clean})')}, '￥¥ ', ''), chr(39))"
    yuan = column.kind == "money" and (rule.unit or unit) == "yuan"
    steps = {
        "raw": raw,
        "clean": f"clean({r})",
        "narrow": f"regexp_replace({tidy}, {quote(CURRENCY)}, '', 'g')" if yuan else tidy,
        "slow": f"plain({narrow})",
    }
    if column.kind == "ratio":
        steps["slow"] = f"TRY_CAST(plain(rtrim({narrow}, '%')) AS DOUBLE)"
        typed = f"CASE WHEN suffix({narrow}, '%') OR abs({slow}) > 1 THEN {slow} / 100 ELSE {slow} END"
    if quick and not rule.values:
        steps |= {"fast": quick, "clean": f"CASE WHEN {fast} IS NULL THEN clean({r}) END"}
        typed = f"coalesce({fast}, {typed})"
    return Parsed(column, steps, typed, clean, quick="fast" if quick and not rule.values else "")


def _native_number(column: Column, scale: tuple[int, int], cell: str) -> str:
    """A number the source already holds as one."""
    if column.kind in ("money", "price", "qty"):
        return f"TRY_CAST(round(TRY_CAST({cell} AS DOUBLE) * {scale[1]}) AS BIGINT)"
    if column.kind == "int":
        return f"CASE WHEN {cell} = floor({cell}) THEN TRY_CAST({cell} AS BIGINT) END"
    if column.kind == "ratio":
        return f"CAST(CASE WHEN abs({cell}) > 1 THEN {cell} / 100.0 ELSE {cell} END AS DOUBLE)"
    return f"CASE WHEN isfinite(CAST({cell} AS DOUBLE)) THEN CAST({cell} AS DOUBLE) END"
