"""The rules' SQL as SQLite says it: one declaration, two engines.

DuckDB plans a statement anew each time it is asked, SQLite keeps its plans; on one person's rows planning is nearly all
there is to do. sqlglot reads the text, names every column by its table, and tells the types; what SQLite has no words
for becomes a function of sqlite_functions.py. What cannot be said with certainty raises Untold, and DuckDB is asked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlglot
from sqlglot import exp, transforms
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from features.checking.sqlite_functions import DAY, micros

Columns = dict[str, str]


class Untold(Exception):
    """SQL of which it is not certain what it is in SQLite."""


@dataclass
class Dictionary:
    """What names mean: `tables` are `schema.name` → column → DuckDB type. `standing` gives the name of a table with the
    rows of a query over nothing but tables that stand, and notes it; None of any other query. `constant` says what a
    moment or day written in the SQL is, where it stands for the moment of the check."""

    tables: Mapping[str, Columns]
    standing: Callable[[exp.Expr], str | None] = lambda _: None
    constant: Callable[[str], str | None] = lambda _: None
    ctes: set[str] = field(default_factory=set)


def in_sqlite(sql: str, reading: str, names: Dictionary) -> exp.Expr:
    """A SELECT of DuckDB in SQLite's words; unqualified tables are of the schema `reading`, or main. Raises Untold."""
    try:
        tree = sqlglot.parse_one(sql, read="duckdb")
        _all_columns_grouped(tree)
        _place(tree, reading, names)
        _semi_joined_on(tree)
        _kinds_told(tree)
        tree = qualify(
            tree, schema=dict(names.tables), dialect="duckdb", validate_qualify_columns=False, isolate_tables=False
        )
        tree = annotate_types(tree, schema=dict(names.tables), dialect="duckdb")
        for node in reversed(list(tree.walk())):
            told = _told(node, names)
            if told is not node:
                if told.type is None or told.type.this == exp.DataType.Type.UNKNOWN:
                    told.type = node.type
                node.replace(told)
        for select in list(tree.find_all(exp.Select)):
            changed = _select(select)
            if select is tree:
                tree = changed
            elif changed is not select:
                select.replace(changed)
        return tree
    except SqlglotError as error:
        raise Untold(str(error)) from error


def text_of(tree: exp.Expr) -> str:
    """SQLite's text of what `in_sqlite` gave. Raises Untold."""
    try:
        return tree.sql(dialect="sqlite", unsupported_level=sqlglot.ErrorLevel.RAISE)
    except SqlglotError as error:
        raise Untold(str(error)) from error


def _place(tree: exp.Expr, reading: str, names: Dictionary) -> None:
    """Tables by their full name in one identifier; queries over standing tables as tables."""
    ctes = {c.alias for c in tree.find_all(exp.CTE)}
    for table in list(tree.find_all(exp.Table)):
        if not table.name or (not table.db and table.name in ctes):
            continue
        schema = table.db or (reading if f"{reading}.{table.name}" in names.tables else "main")
        name = f"{schema}.{table.name}"
        if name not in names.tables:
            raise Untold(f"no table {name}")
        alias = table.alias or table.name
        table.set("db", None)
        table.set("this", exp.to_identifier(name, quoted=True))
        table.set("alias", exp.TableAlias(this=exp.to_identifier(alias)))
    for query in list(tree.find_all(exp.Subquery, exp.CTE)):
        if not isinstance(query.this, exp.Query):
            continue
        if isinstance(query, exp.Subquery) and not isinstance(query.parent, exp.From | exp.Join):
            continue
        if query.root() is not tree:  # inside one that was put in its place already
            continue
        name_ = names.standing(query.this)
        if name_ is not None:
            query.this.parent = None
            query.set("this", exp.select("*").from_(exp.Table(this=exp.to_identifier(name_, quoted=True))))


def _all_columns_grouped(tree: exp.Expr) -> None:
    """GROUP BY ALL as the columns it stands for."""
    for group in list(tree.find_all(exp.Group)):
        if not group.args.get("all"):
            continue
        select = group.parent
        assert isinstance(select, exp.Select)
        plain = [e.unalias() for e in select.expressions if e.find(exp.AggFunc) is None]
        if any(e.is_star for e in plain):
            raise Untold("GROUP BY ALL of a star")
        plain = [e for e in plain if not isinstance(e, exp.Literal | exp.Null | exp.Boolean)]
        group.replace(exp.Group(expressions=[e.copy() for e in plain]))


def _semi_joined_on(tree: exp.Expr) -> None:
    """USING of a SEMI or ANTI join as the condition it is."""
    for join in list(tree.find_all(exp.Join)):
        if join.kind not in ("SEMI", "ANTI") or not (using := join.args.get("using")):
            continue
        select = join.parent
        if isinstance(select, exp.Table):  # FROM a SEMI JOIN b
            table, select = select, select.find_ancestor(exp.Select)
            assert select is not None
            select.set("joins", table.args["joins"] + (select.args.get("joins") or []))
            table.set("joins", None)
        if not isinstance(select, exp.Select) or select.args["joins"][0] is not join:
            raise Untold(f"USING behind other joins: {join.sql('duckdb')[:80]}")
        sides = [select.args["from_"].this, join.this]
        for i, side in enumerate(sides):
            if not side.alias_or_name:
                side.set("alias", exp.TableAlias(this=exp.to_identifier(f"side_{i}")))
        left, right = (side.alias_or_name for side in sides)
        join.set("using", None)
        join.set(
            "on",
            exp.and_(*(exp.EQ(this=exp.column(c.name, left), expression=exp.column(c.name, right)) for c in using)),
        )


#: Kinds of functions that sqlglot does not know.
_KINDS = {"hash": "BIGINT", "to_seconds": "INTERVAL", "to_days": "INTERVAL", "regexp_split_to_array": "VARCHAR[]"}


def _kinds_told(tree: exp.Expr) -> None:
    for call in list(tree.find_all(exp.Anonymous)):
        if (kind := _KINDS.get(str(call.this).lower())) is not None:
            told = exp.Cast(this=call.copy(), to=exp.DataType.build(kind, dialect="duckdb"))
            call.replace(told)


# Expressions.

_T = exp.DataType.Type
_WHOLE = {_T.INT, _T.BIGINT, _T.SMALLINT, _T.TINYINT, _T.UBIGINT, _T.UINT, _T.INT128, _T.USMALLINT, _T.UTINYINT}
_REAL = {_T.DOUBLE, _T.FLOAT, _T.DECIMAL}
_TEXT = {_T.TEXT, _T.VARCHAR, _T.CHAR}
_MOMENT = {_T.TIMESTAMP, _T.TIMESTAMPNTZ}


def _kind(node: exp.Expr) -> Any:
    kind = node.type.this if node.type is not None else _T.UNKNOWN
    return _kind(node.this) if kind == _T.UNKNOWN and isinstance(node, exp.Paren | exp.Alias) else kind


def _call(name: str, *args: Any, kind: Any = None) -> exp.Expr:
    made = exp.Anonymous(this=name, expressions=[exp.convert(a) if not isinstance(a, exp.Expr) else a for a in args])
    if kind is not None:
        made.type = exp.DataType.build(kind)
    return made


def _same(node: exp.Expr) -> exp.Expr:
    return node


def _number(n: int) -> exp.Expr:
    made: exp.Expr = exp.Literal.number(abs(n))
    return made if n >= 0 else exp.Paren(this=exp.Neg(this=made))


def _told(node: exp.Expr, names: Dictionary) -> exp.Expr:
    """A node whose children are said in SQLite's words already."""
    how = _HOW.get(type(node))
    if how is None and isinstance(node, exp.Func | exp.IntDiv | exp.ILike) and not isinstance(node, _SAME):
        raise Untold(f"a function {node.sql('duckdb')[:80]}")
    return how(node, names) if how else node


def _cast(node: Any, names: Dictionary) -> exp.Expr:
    source, wanted, x = _kind(node.this), node.to.this, node.this
    if isinstance(x, exp.Anonymous) and (wanted in (_T.ARRAY, _T.INTERVAL) or x.this == "x_hash"):
        return x
    trying = isinstance(node, exp.TryCast)
    if source in _TEXT and isinstance(x, exp.Literal) and wanted in {*_MOMENT, _T.DATE}:
        return _constant(x.this, names)
    if wanted == _T.DATE and source in _MOMENT:
        return _call("x_day", x)
    if (wanted == _T.DATE and source == _T.DATE) or (wanted in _MOMENT and source in {*_MOMENT, _T.DATE}):
        return exp.Paren(this=x)
    if wanted in _TEXT:
        if source in _TEXT:
            return exp.Paren(this=x)
        if source == _T.DATE:
            return _call("x_day_text", x)
        if source in _MOMENT:
            return _call("x_moment_text", x)
        if source in _WHOLE:
            return exp.cast(x, "TEXT")
    if wanted in _WHOLE:
        if source in _WHOLE or source == _T.BOOLEAN:
            return exp.Paren(this=x)
        if source in _REAL:
            return _call("x_int", x)
        if source in _TEXT and trying:
            return _call("x_try_int", x)
    if wanted in _REAL - {_T.DECIMAL}:
        if source in _TEXT and trying:
            return _call("x_try_double", x)
        if source in _WHOLE | _REAL or source == _T.BOOLEAN:
            return exp.cast(x, "REAL")
    if source == _T.NULL or isinstance(x, exp.Null):
        return exp.Null()
    raise Untold(f"a cast from {source} to {wanted}: {node.sql('duckdb')[:120]}")


def _constant(text: str, names: Dictionary) -> exp.Expr:
    if (told := names.constant(text)) is not None:
        return sqlglot.parse_one(told, read="sqlite")
    return _number(micros(datetime.fromisoformat(text)))


def _interval(node: Any, names: Dictionary) -> exp.Expr:
    unit = str(node.unit).upper().rstrip("S")
    size = {"DAY": DAY, "HOUR": DAY // 24, "MINUTE": DAY // 1440, "SECOND": 1_000_000}.get(unit)
    if size is None:
        raise Untold(f"an interval in {unit}")
    n = node.this
    made: exp.Expr
    if isinstance(n, exp.Literal):
        made = _number(int(n.this) * size)
    else:
        made = exp.Paren(this=exp.Mul(this=exp.Paren(this=n), expression=_number(size)))
    made.type = exp.DataType.build("INTERVAL")
    return made


def _sum(node: Any, names: Dictionary) -> exp.Expr:
    """a + b and a - b."""
    a, b = node.left, node.right
    kinds = (_kind(a), _kind(b))
    made = type(node)

    def of(x: exp.Expr, y: exp.Expr, kind: str) -> exp.Expr:
        told = exp.Paren(this=made(this=x, expression=y))
        told.type = exp.DataType.build(kind)
        told.this.type = told.type
        return told

    if _T.INTERVAL in kinds:
        return of(a, b, "TIMESTAMP" if {*_MOMENT, _T.DATE} & set(kinds) else "INTERVAL")
    if kinds[0] == _T.DATE and kinds[1] == _T.DATE and made is exp.Sub:
        return exp.Paren(this=exp.Div(this=of(a, b, "BIGINT"), expression=_number(DAY)))
    if kinds[0] == _T.DATE and kinds[1] in _WHOLE:
        return of(a, exp.Mul(this=exp.Paren(this=b), expression=_number(DAY)), "DATE")
    if kinds[0] in _MOMENT and kinds[1] in _MOMENT and made is exp.Sub:
        return of(a, b, "INTERVAL")
    if set(kinds) <= _WHOLE | _REAL | {_T.NULL, _T.BOOLEAN}:
        return _same(node)
    raise Untold(f"{kinds[0]} and {kinds[1]} added: {node.sql('duckdb')[:120]}")


def _exact(x: exp.Expr) -> tuple[int, int] | None:
    """A decimal literal as (digits, power of ten)."""
    while isinstance(x, exp.Paren):
        x = x.this
    if isinstance(x, exp.Literal) and not x.is_string and "." in x.this and "e" not in x.this.lower():
        whole, _, part = x.this.partition(".")
        return int(whole + part), 10 ** len(part)
    return None


def _product(node: Any, names: Dictionary) -> exp.Expr:
    """DuckDB multiplies whole numbers with decimals exactly; so does this, up to the last division."""
    for one, other in ((node.left, node.right), (node.right, node.left)):
        if (decimal := _exact(one)) and _kind(other) in _WHOLE:
            digits, ten = decimal
            over = exp.Mul(this=exp.Paren(this=other), expression=_number(digits))
            told = exp.Paren(this=exp.Div(this=exp.Paren(this=over), expression=exp.Literal.number(f"{ten}.0")))
            told.type = told.this.type = exp.DataType.build("DOUBLE")
            return told
    return _same(node)


def _quotient(node: Any, names: Dictionary) -> exp.Expr:
    a, b = node.left, node.right
    if isinstance(b, exp.Literal) and float(b.this):
        told = exp.Paren(this=exp.Div(this=exp.cast(a, "REAL"), expression=b))
        told.type = exp.DataType.build("DOUBLE")
        return told
    return _call("x_div", a, b, kind="DOUBLE")


def _compared(node: Any, names: Dictionary) -> exp.Expr:
    """A day or moment held against a text is held against the day or moment that it names."""
    when = {*_MOMENT, _T.DATE}
    for one, other in ((node.this, node.expression), (node.expression, node.this)):
        if _kind(one) in when and _kind(other) in _TEXT:
            if not isinstance(other, exp.Literal):
                raise Untold(f"a moment held against a text: {node.sql('duckdb')[:120]}")
            other.replace(_constant(other.this, names))
        if _kind(one) in _TEXT and _kind(other) in _WHOLE | _REAL:
            raise Untold(f"a text held against a number: {node.sql('duckdb')[:120]}")
    return _same(node)


def _joined(node: Any, names: Dictionary) -> exp.Expr:
    """a || b."""
    for side in ("this", "expression"):
        x, kind = node.args[side], _kind(node.args[side])
        if kind == _T.DATE:
            node.set(side, _call("x_day_text", x, kind="TEXT"))
        elif kind in _MOMENT:
            node.set(side, _call("x_moment_text", x, kind="TEXT"))
        elif kind not in _TEXT | _WHOLE | {_T.NULL}:
            raise Untold(f"a {kind} in a text: {node.sql('duckdb')[:120]}")
    return _same(node)


def _anonymous(node: Any, names: Dictionary) -> exp.Expr:
    name = str(node.this).lower()
    if name == "hash":
        return _call("x_hash", *node.expressions, kind="BIGINT")
    if name == "to_seconds":
        return _call("x_seconds", *node.expressions, kind="INTERVAL")
    if name == "to_days":
        return _interval(exp.Interval(this=node.expressions[0], unit=exp.var("DAY")), names)
    if name == "regexp_split_to_array":
        return _call("x_split", *node.expressions, kind="ARRAY")
    if name.startswith("x_"):
        return _same(node)
    raise Untold(f"a function {name}")


def _aggregate(node: Any, names: Dictionary) -> exp.Expr:
    """Sums and the like keep the kind of what they are of, where sqlglot does not know it."""
    if _kind(node) == _T.UNKNOWN:
        inner = node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
        node.type = inner.type
    return _same(node)


def _counted(node: Any, names: Dictionary) -> exp.Expr:
    if not isinstance(node.this, exp.Distinct):
        return _same(node)
    told = node.this.expressions
    if len(told) == 1 and isinstance(told[0], exp.Tuple | exp.Struct):
        told = told[0].expressions
    one = _call("x_row", *told) if len(told) > 1 else told[0]
    if isinstance(node.parent, exp.Window):
        return _call("x_count_distinct", one, kind="BIGINT")
    node.this.set("expressions", [one])
    return _same(node)


def _concatenated(node: Any, names: Dictionary) -> exp.Expr:
    inner, order = node.this, []
    if isinstance(inner, exp.Order):
        order = [o.this for o in inner.expressions]
        if any(o.args.get("desc") for o in inner.expressions):
            raise Untold("string_agg in falling order")
        inner = inner.this
    distinct = isinstance(inner, exp.Distinct)
    text = inner.expressions[0] if distinct else inner
    if isinstance(text, exp.Order):
        order, text = [o.this for o in text.expressions], text.this
    between = node.args.get("separator") or exp.Literal.string(",")
    if isinstance(between, exp.Order):
        order, between = [o.this for o in between.expressions], between.this
    return _call("x_joined", int(distinct), between, text, *order, kind="TEXT")


def _window(node: Any, names: Dictionary) -> exp.Expr:
    """A frame whose width the row tells."""
    spec = node.args.get("spec")
    start = spec.args.get("start") if spec is not None else None
    if not isinstance(start, exp.Expr) or isinstance(start, exp.Literal) or start.find(exp.Column) is None:
        return _same(node)
    order = node.args["order"].expressions
    fits = spec.args["kind"] == "RANGE" and spec.args["start_side"] == "PRECEDING" and spec.args["end"] == "CURRENT ROW"
    if not fits or len(order) != 1 or not isinstance(node.this, exp.Sum) or order[0].args.get("desc"):
        raise Untold(f"a frame: {node.sql('duckdb')[:160]}")
    node.set("this", _call("x_sum_within", node.this.this, order[0].this.copy(), start, kind="DOUBLE"))
    spec.set("start", "UNBOUNDED")
    return _same(node)


def _length(node: Any, names: Dictionary) -> exp.Expr:
    return _call("x_length", node.this, kind="BIGINT") if _kind(node.this) == _T.ARRAY else node


def _bracket(node: Any, names: Dictionary) -> exp.Expr:
    if _kind(node.this) not in _TEXT or len(node.expressions) != 1 or not isinstance(node.expressions[0], exp.Literal):
        raise Untold(f"a part of {node.sql('duckdb')[:80]}")
    place = int(node.expressions[0].this) + 1
    return _call("substr", node.this, place, 1, kind="TEXT")


def _unit(node: Any) -> str:
    return str(node.args["unit"].name if node.args.get("unit") else "day").lower()


def _extract(node: Any, names: Dictionary) -> exp.Expr:
    unit = node.this.name.lower()
    if unit not in ("hour", "minute", "second", "day", "month", "year", "isodow"):
        raise Untold(f"the {unit} of a moment")
    return _call("x_part", unit, node.expression, kind="BIGINT")


def _ignoring(node: Any, names: Dictionary) -> exp.Expr:
    """any_value says it of itself."""
    if isinstance(node.this, exp.Anonymous) and node.this.this in ("x_any", "x_arg_max"):
        return _same(node.this)
    raise Untold(f"IGNORE NULLS: {node.sql('duckdb')[:80]}")


def _over(x: exp.Expr, number: str) -> exp.Expr:
    return exp.Paren(this=exp.Div(this=x, expression=exp.Literal.number(number)))


def _named(name: str, kind: Any = None) -> Callable[[Any, Dictionary], exp.Expr]:
    def told(node: Any, names: Dictionary) -> exp.Expr:
        args = [a for a in (node.this, node.args.get("expression")) if a is not None]
        return _call(name, *args, *node.expressions, kind=kind)

    return told


_HOW: dict[type, Callable[[Any, Dictionary], exp.Expr]] = {
    exp.Cast: _cast, exp.TryCast: _cast, exp.Interval: _interval, exp.Add: _sum, exp.Sub: _sum, exp.Mul: _product,
    exp.Div: _quotient, exp.DPipe: _joined, exp.Anonymous: _anonymous, exp.Sum: _aggregate, exp.Min: _aggregate,
    exp.Max: _aggregate, exp.Count: _counted, exp.GroupConcat: _concatenated, exp.Window: _window, exp.Length: _length,
    exp.Bracket: _bracket, exp.Extract: _extract,
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ), _compared),
    exp.DateDiff: lambda n, _: _call("x_diff", _unit(n), n.expression, n.this, kind="BIGINT"),
    exp.TimestampTrunc: lambda n, _: _call("x_trunc", _unit(n), n.this, kind="TIMESTAMP"),
    exp.DateTrunc: lambda n, _: _call("x_trunc", _unit(n), n.this, kind="TIMESTAMP"),
    exp.TimeToStr: lambda n, _: _call("x_strftime", n.this, n.args["format"], kind="TEXT"),
    exp.TimeToUnix: lambda n, _: _over(exp.cast(n.this, "REAL"), "1000000.0"),
    exp.DayOfWeekIso: lambda n, _: _call("x_part", "isodow", n.this, kind="BIGINT"),
    exp.DateFromParts: lambda n, _: _call("x_date", n.args["year"], n.args["month"], n.args["day"], kind="DATE"),
    exp.RegexpLike: lambda n, _: _call("x_regexp", n.this, n.expression, kind="BOOLEAN"),
    exp.ArrayContains: lambda n, _: _call("x_contains", n.this, n.expression, kind="BOOLEAN"),
    exp.Greatest: _named("x_greatest"), exp.Least: _named("x_least"),
    exp.LogicalOr: lambda n, _: exp.Max(this=n.this), exp.LogicalAnd: lambda n, _: exp.Min(this=n.this),
    exp.AnyValue: lambda n, _: _call("x_any", n.this),
    exp.ArgMax: lambda n, _: _call("x_arg_max", n.this, n.expression),
    exp.IgnoreNulls: _ignoring, exp.ConcatWs: lambda n, _: _call("x_concat_ws", *n.expressions, kind="TEXT"),
    exp.Upper: _named("x_upper", "TEXT"), exp.Radians: _named("x_radians"), exp.Cos: _named("x_cos"),
    exp.Sin: _named("x_sin"),
    exp.Asin: _named("x_asin"), exp.Sqrt: _named("x_sqrt"), exp.Pow: _named("x_pow"), exp.Floor: _named("x_floor"),
}  # fmt: skip


#: Functions that mean the same in both.
_SAME = (
    exp.And, exp.Or, exp.Coalesce, exp.If, exp.Case, exp.Exists, exp.Nullif, exp.Abs, exp.Trim, exp.Substring,
    exp.Replace,
    exp.Round, exp.RowNumber, exp.DenseRank, exp.Rank, exp.Lag, exp.Lead, exp.Avg, exp.Explode,
)  # fmt: skip


# Queries.


def _select(select: exp.Select) -> exp.Expr:
    """Clauses that SQLite has not: QUALIFY, SEMI and ANTI joins, unnest in SELECT."""
    for explode in list(select.find_all(exp.Explode)):
        if explode.parent_select is not select:
            continue
        alias = f"unnested_{len(select.args.get('joins') or [])}"
        explode.replace(exp.column("value", alias, quoted=True))
        call = exp.Anonymous(this="json_each", expressions=[explode.this])
        each = exp.Table(this=call, alias=exp.TableAlias(this=exp.to_identifier(alias)))
        select.append("joins", exp.Join(this=each, kind="CROSS"))
    changed = transforms.eliminate_semi_and_anti_joins(select)
    return transforms.eliminate_qualify(changed)
