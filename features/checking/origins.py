"""Where the rows of a declaration come from, read off its SQL: so that the counter need not ask a rule that no row of
the claim can answer.

A row of `SELECT … FROM swipes w JOIN … WHERE w.fund > 0` that bears the claim's id stems from a row of `swipes` with
that id and money of the fund, and of `JOIN catalog c ON …` a row that fits it is there. Looking for one costs little
beside the whole rule, and where there is none the rule says nothing of the claim. Only what follows from the SQL is
held against a row: conditions that read other tables, windows or sums are left away, so a rule may be asked in vain,
and none is passed over that would have hit.

The tree is DuckDB's own (`json_serialize_sql`), and its expressions are written back by DuckDB.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import duckdb

Tree = dict[str, Any]
#: Aggregates that hand on a value of one of their rows.
_HANDED_ON = {"any_value", "min", "max", "first", "last", "arg_max", "arg_min", "max_by", "min_by"}
#: Functions that give one of their arguments.
_ONE_OF = {"coalesce", "greatest", "least", "nullif"}


class Unknown(Exception):
    """The SQL does not say it in words this file reads."""


@dataclass(frozen=True)
class Partner:
    """A relation `g` of which a row fits the row `r`: the condition is true of the two."""

    relation: str
    condition: str


@dataclass(frozen=True)
class Origin:
    """A row `r` of `view` from which a row of a declaration stems: `value` is what the row then bears in the column
    asked for, each of `conditions` is true of it, and each of `partners` has a row that fits it."""

    view: str
    value: str
    conditions: tuple[str, ...]
    partners: tuple[Partner, ...] = ()


class Origins:
    """Reads declarations on one connection, whose current reading names the views. Sub-queries over nothing but the
    tables `standing` are partners."""

    def __init__(self, con: duckdb.DuckDBPyConnection, standing: Collection[str] = ()) -> None:
        self._con = con
        self._standing = frozenset(standing)
        self.columns: dict[str, list[str]] = {}

    @cached_property
    def sums(self) -> frozenset[str]:
        """Functions of several rows, or that make several rows of one."""
        found = self._con.execute("SELECT function_name FROM duckdb_functions() WHERE function_type = 'aggregate'")
        return frozenset(name for (name,) in found.fetchall()) | {"unnest", "unpivot"}

    def of(self, sql: str, column: str) -> list[Origin] | None:
        """Every row of `sql` whose `column` is told stems from one of these; None where the SQL does not say."""
        told = json.loads(self._con.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()[0][0])
        if told["error"] or len(told["statements"]) != 1:
            return None
        try:
            rows = list(_Query(self, told["statements"][0]["node"], {}).rows(column))
            return [self._origin(row) for row in rows]
        except Unknown:
            return None

    def columns_of(self, view: str) -> list[str]:
        if view not in self.columns:
            told = self._con.execute(f"SELECT * FROM {view} LIMIT 0").description or []
            self.columns[view] = [d[0] for d in told]
        return self.columns[view]

    def stands(self, tree: Any, scope: Collection[str]) -> bool:
        """Whether a query reads nothing but tables that stand."""
        inner = {entry["key"] for entry in tree["cte_map"]["map"]}
        paths = [path for path in _tables(tree) if path != [path[-1]] or path[0] not in inner]
        return all(
            path[-1] in self._standing and path[-1] not in scope and path[:-1] in ([], ["main"]) for path in paths
        )

    def _origin(self, row: "_Row") -> Origin:
        partners = []
        for item, conditions in row.partners:
            relation = f"({self._sql(item.query.node)})" if item.query else item.view
            partners.append(Partner(relation, " AND ".join(map(self._text, conditions))))
        return Origin(row.view, self._text(row.value), tuple(map(self._text, row.conditions)), tuple(partners))

    def _text(self, expression: Tree) -> str:
        text = self._sql({**_EMPTY, "select_list": [{**expression, "alias": ""}]})
        return f"({text.removeprefix('SELECT ')})"

    def _sql(self, node: Tree) -> str:
        tree = {"error": False, "statements": [{"node": node, "named_param_map": []}]}
        return str(self._con.execute("SELECT json_deserialize_sql(?::JSON)", [json.dumps(tree)]).fetchall()[0][0])


_EMPTY: Tree = {
    "type": "SELECT_NODE", "modifiers": [], "cte_map": {"map": []}, "select_list": [],
    "from_table": {"type": "EMPTY", "alias": "", "sample": None}, "where_clause": None, "group_expressions": [],
    "group_sets": [], "aggregate_handling": "STANDARD_HANDLING", "having": None, "sample": None, "qualify": None,
}  # fmt: skip


@dataclass(frozen=True)
class _Row:
    """A row of a view on its way up: what the columns of the query are of it (None where more than it decides)."""

    view: str
    value: Tree
    conditions: tuple[Tree, ...]
    told: Callable[[str], Tree | None]
    partners: tuple[tuple["_Item", list[Tree]], ...] = ()


@dataclass
class _Item:
    """Something in FROM. `free`: it may be missing from a row (the far side of an outer join). `needed`: conditions of
    joins that hold wherever a row of it stands."""

    columns: list[str]
    query: "_Query | None"
    view: str
    free: bool = False
    needed: list[Tree] = field(default_factory=list)


class _Query:
    def __init__(self, reader: Origins, node: Tree, scope: Mapping[str, "_Query"]) -> None:
        self.reader, self.node, self.items = reader, node, dict[str, _Item]()
        self.using: set[str] = set()
        self.scope = dict(scope)
        for entry in node["cte_map"]["map"]:
            if entry["value"].get("aliases"):
                raise Unknown
            self.scope[entry["key"]] = _Query(reader, entry["value"]["query_node"], self.scope)
        self.parts = []
        if node["type"] == "SET_OPERATION_NODE":
            if node["setop_type"] != "UNION":
                raise Unknown
            self.parts = [_Query(reader, part, self.scope) for part in node["children"]]
        elif node["type"] == "SELECT_NODE" and len(node["group_sets"]) < 2:
            self._from(node["from_table"])
        else:
            raise Unknown

    # What stands in FROM.

    def _from(self, tree: Tree) -> list[str]:
        """Adds the items of a FROM tree; returns their names."""
        kind = tree["type"]
        if kind == "EMPTY":
            return []
        if tree.get("column_name_alias"):
            raise Unknown
        if kind == "BASE_TABLE":
            path = tree["qualified_name"]["path"]
            name = tree["alias"] or path[-1]
            query = self.scope.get(path[0]) if len(path) == 1 else None
            view = ".".join(path)
            columns = query.names() if query else self.reader.columns_of(view)
            return self._add(name, _Item(columns, query, view))
        if kind == "SUBQUERY":
            query = _Query(self.reader, tree["subquery"]["node"], self.scope)
            return self._add(tree["alias"] or f"#{len(self.items)}", _Item(query.names(), query, ""))
        if kind != "JOIN" or tree["ref_type"] not in ("REGULAR", "CROSS"):
            raise Unknown
        return self._join(tree)

    def _add(self, name: str, item: _Item) -> list[str]:
        if name in self.items:
            raise Unknown
        self.items[name] = item
        return [name]

    def _join(self, tree: Tree) -> list[str]:
        how = tree["join_type"]
        left = self._from(tree["left"])
        if how in ("SEMI", "ANTI"):  # the right side is not seen from outside, nor needed here
            seen = dict(self.items)
            self._from(tree["right"])
            self.items = seen
            return left
        right = self._from(tree["right"])
        self.using.update(tree["using_columns"])
        free = {"LEFT": right, "RIGHT": left, "OUTER": left + right, "INNER": []}.get(how)
        if free is None:
            raise Unknown
        for name in free:
            self.items[name].free = True
        self._need(tree, {"LEFT": right, "RIGHT": left, "OUTER": []}.get(how, left + right))
        return left + right

    def _need(self, tree: Tree, names: list[str]) -> None:
        for name in names:
            self.items[name].needed += _all_of(tree["condition"])

    # What it gives.

    def names(self) -> list[str]:
        if self.parts:
            return self.parts[0].names()
        found: list[str] = []
        for place, tree in enumerate(self.node["select_list"]):
            found += [n for n, _, _ in self._starred(tree)] if tree["class"] == "STAR" else [_name(tree, place)]
        return found

    def _starred(self, tree: Tree) -> Iterator[tuple[str, str, Tree | None]]:
        """(name, item, expression in its place) of each column of a star."""
        if tree["columns"] or tree["expr"] or tree["rename_list"] or tree["qualified_exclude_list"]:
            raise Unknown
        placed = {entry["key"].lower(): entry["value"] for entry in tree["replace_list"]}
        left_out, seen = {n.lower() for n in tree["exclude_list"]}, set()
        if tree["relation_name"] and tree["relation_name"] not in self.items:
            raise Unknown
        for name, item in self.items.items():
            if tree["relation_name"] not in ("", name):
                continue
            for column in item.columns:
                if column.lower() in left_out or (
                    column in self.using and column in seen and not tree["relation_name"]
                ):
                    continue
                seen.add(column)
                yield column, name, placed.get(column.lower())

    def expression(self, column: str) -> Tree:
        """What stands in SELECT under that name."""
        for place, tree in enumerate(self.node["select_list"]):
            if tree["class"] != "STAR":
                if _name(tree, place).lower() == column.lower():
                    return dict(tree)
                continue
            for name, item, placed in self._starred(tree):
                if name.lower() == column.lower():
                    return placed or _column(item, name)
        raise Unknown

    def rows(self, column: str) -> Iterator[_Row]:
        if self.parts:
            place = [n.lower() for n in self.names()].index(column.lower())
            names = self.names()
            for part in self.parts:
                own = part.names()
                for row in part.rows(own[place]):
                    yield replace(row, told=_renamed(row.told, names, own))
            return
        yield from self._carried(self.expression(column))

    def _carried(self, tree: Tree) -> Iterator[_Row]:
        """Rows that bear the value of an expression of SELECT."""
        name = tree.get("function_name", "")
        if tree["class"] == "CONSTANT" and tree["literal"]["kind"] == "NULL":
            return
        if tree["class"] == "CAST":
            raise Unknown
        if tree["class"] == "FUNCTION" and name in _HANDED_ON and not tree["filter"]:
            yield from self._carried(_arguments(tree)[0])
        elif tree["type"] == "OPERATOR_COALESCE" or (tree["class"] == "FUNCTION" and name in _ONE_OF):
            for one in tree["children"] if tree["class"] == "OPERATOR" else _arguments(tree):
                yield from self._carried(one)
        elif tree["class"] == "CASE":
            for one in [c["then_expr"] for c in tree["case_checks"]] + [tree["else_expr"]]:
                yield from self._carried(one)
        else:
            yield from self._borne(tree)

    def _borne(self, tree: Tree) -> Iterator[_Row]:
        refs = list(_refs(tree))
        homes = {self._home(ref) for ref in refs}
        home = homes.pop() if len(homes) == 1 else None
        if home is None or not self._plain(tree):
            raise Unknown
        item = self.items[home]
        if item.free and tree["class"] != "COLUMN_REF":
            raise Unknown
        for row in item.query.rows(refs[0][-1]) if item.query else [_base(item.view)]:
            value = self._of(tree, home, row)
            if value is None:
                raise Unknown
            kept = [*_all_of(self.node["where_clause"]), *item.needed]
            told = tuple(c for c in (self._of(c, home, row) for c in kept) if c is not None)
            beside = tuple(self._partners(home, row, kept))
            yield _Row(row.view, value, row.conditions + told, self._teller(home, row), row.partners + beside)

    def _partners(self, home: str, row: _Row, kept: list[Tree]) -> Iterator[tuple[_Item, list[Tree]]]:
        """Other items of FROM of which a row must fit, with what is said of the two."""
        for name, item in self.items.items():
            inside = item.query is not None and not self.reader.stands(item.query.node, self.scope)
            if name == home or item.free or inside:
                continue
            told = [self._of(c, home, row, name) for c in kept if any(self._home(r) == name for r in _refs(c))]
            if found := [c for c in told if c is not None]:
                yield item, found

    def _teller(self, home: str, row: _Row) -> Callable[[str], Tree | None]:
        return lambda column: self._of(self.expression(column), home, row)

    # What of it one row decides.

    def _plain(self, tree: Any) -> bool:
        """Whether an expression reads one row only."""
        if isinstance(tree, list):
            return all(map(self._plain, tree))
        if not isinstance(tree, dict):
            return True
        odd = tree.get("class") in ("WINDOW", "SUBQUERY", "STAR", "LAMBDA", "PARAMETER", "DEFAULT")
        if odd or tree.get("function_name") in self.reader.sums:
            return False
        return all(map(self._plain, tree.values()))

    def _home(self, ref: list[str]) -> str | None:
        """The item whose column it is; None where that is not plain."""
        if len(ref) > 2:
            return None
        if len(ref) == 2:
            return ref[0] if ref[0] in self.items and ref[1] in self.items[ref[0]].columns else None
        found = [n for n, item in self.items.items() if ref[0] in item.columns]
        if len(found) > 1 and ref[0] in self.using and not any(self.items[n].free for n in found[:1]):
            return found[0]
        return found[0] if len(found) == 1 else None

    def _of(self, tree: Tree, home: str, row: _Row, partner: str = "") -> Tree | None:
        """An expression of this query over the columns of the row's view, and of a partner's; None where more than they
        decides it."""
        if not self._plain(tree):
            return None
        try:
            return dict(self._put(tree, home, row, partner, frozenset()))
        except Unknown:
            return None

    def _put(self, tree: Any, home: str, row: _Row, partner: str, within: frozenset[str]) -> Any:
        if isinstance(tree, list):
            return [self._put(t, home, row, partner, within) for t in tree]
        if not isinstance(tree, dict):
            return tree
        if tree.get("class") != "COLUMN_REF":
            return {k: self._put(v, home, row, partner, within) for k, v in tree.items()}
        ref = tree["column_names"]
        if len(ref) == 1 and not any(ref[0] in item.columns for item in self.items.values()):
            # DuckDB lets a condition name what SELECT calls so.
            if ref[0] in within:
                raise Unknown
            named = self.expression(ref[0])
            if not self._plain(named):
                raise Unknown
            return self._put(named, home, row, partner, within | {ref[0]})
        if partner and self._home(ref) == partner:
            return {**_column("g", ref[-1]), "alias": tree.get("alias", "")}
        if self._home(ref) != home:
            raise Unknown
        found = row.told(ref[-1])
        if found is None:
            raise Unknown
        return {**found, "alias": tree.get("alias", "")}


def _base(view: str) -> _Row:
    return _Row(view, {}, (), lambda column: _column("r", column))


def _column(item: str, name: str) -> Tree:
    return {"class": "COLUMN_REF", "type": "COLUMN_REF", "alias": "", "column_names": [item, name]}


def _renamed(told: Callable[[str], Tree | None], names: list[str], own: list[str]) -> Callable[[str], Tree | None]:
    return lambda column: told(own[[n.lower() for n in names].index(column.lower())])


def _name(tree: Tree, place: int) -> str:
    """What a column is called; one without a name by its place, so that nobody can name it."""
    if tree["alias"]:
        return str(tree["alias"])
    return str(tree["column_names"][-1]) if tree["class"] == "COLUMN_REF" else f"#{place}"


def _tables(tree: Any) -> Iterator[list[str]]:
    """Paths of all tables that a tree names."""
    if isinstance(tree, dict):
        if tree.get("type") == "BASE_TABLE":
            yield list(tree["qualified_name"]["path"])
        for child in tree.values():
            yield from _tables(child)
    elif isinstance(tree, list):
        for child in tree:
            yield from _tables(child)


def _arguments(tree: Tree) -> list[Tree]:
    return [one["expression"] for one in tree["arguments"]]


def _all_of(tree: Tree | None) -> list[Tree]:
    """The conditions that an AND joins."""
    if tree is None:
        return []
    if tree["type"] == "CONJUNCTION_AND":
        return [one for child in tree["children"] for one in _all_of(child)]
    return [tree]


def _refs(tree: Any) -> Iterator[list[str]]:
    if isinstance(tree, dict):
        if tree.get("class") == "COLUMN_REF":
            yield tree["column_names"]
        for child in tree.values():
            yield from _refs(child)
    elif isinstance(tree, list):
        for child in tree:
            yield from _refs(child)
