"""A feature is an aggregate over evidence rows, declared once; everything else about it is derived.

Adding one: write a `declare(...)` in `features/catalog/`. Value, evidence, reason, docs, monotone constraint and
tests follow. A typo fails at import, with the file and line of the declaration.
"""

import hashlib
import json
import re
import string
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, get_args

import pandas as pd

from claims.errors import DeclarationError
from features.grains import GRAINS, SCHEMES, Grain, Layout, Reversed, Worse
from features.thresholds import settings

REASON_FIELDS = frozenset({"window", "value", "unit", "peer", "percentile", "n"})
Kind = Literal["feature", "context", "hard", "lead", "KPI", "DQ"]

#: Not said (yet): what several declarations have in common is a Feature too, and `declare(common, name=…)` says the
#: rest.
_UNSAID: Any = ""


@dataclass(frozen=True)
class GraphMeasure:
    """A pure function of the evidence rows: frame sorted by (entity_id, happened_at) → frame indexed by entity_id.

    Features that share `function` are computed in one call; each takes its own `column`.
    """

    function: Callable[[pd.DataFrame], pd.DataFrame]
    column: str


@dataclass(frozen=True)
class CountyGraph:
    """A number that only the graph of the whole county has: the ring search writes it as `column` of its table about
    the grain.

    Such a declaration is by="county". Its rows read what the search left beside the ring partition: `meetings`, the
    settlements of unexplained groups (psn_no, fixmedins_code, dr_codg, fen, row_table, row_id, happened_at), or
    `ring_meetings`, those of every ring (entity_id, …). `weight` is what a ring's number adds to the ring's declared
    risk (models/ring_risk.py), with `log` its ln(1 + x).
    """

    column: str
    weight: float = 0.0
    log: bool = False


@dataclass(frozen=True, kw_only=True)
class PeerTest:
    """The rule holds only for entities that stand apart from their peers (codes.md): whoever does not has no hit.

    `statistic` is a SQL aggregate over the rule's rows, NULL for whom it says nothing about; its peers are the
    entities of the same group that have one (dx3 × level × class for stays, see features/entities.py), the next
    coarser group below `least` of them, nobody below `least` of all. One of `quantile`, `z` and `times` (of the
    median) is the limit; with `excess` only what exceeds that quantile of the peers counts into the amount.
    """

    statistic: str
    side: Literal["high", "low"]
    quantile: float | None = None
    z: float | None = None
    times: float | None = None
    excess: float | None = None
    least: int = 10


@dataclass(frozen=True, init=False)
class Of:
    """How a declaration is told of one grain: `key`, the SQL expression of the entity's key, stands wherever its SQL
    says `$entity`.

    `overrides` are the fields of the declaration that read otherwise of this grain (its name, its reason, …).
    """

    key: str
    overrides: Mapping[str, Any]

    def __init__(self, key: str = "", **overrides: Any) -> None:
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "overrides", overrides)


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One number about one kind of entity, or with `told_of` about several: declare() makes one feature of each grain.

    `rows` is a SELECT over the as-of views of docs/design.md §4 and must give `entity_id, happened_at, row_table,
    row_id`; an optional boolean `hit` marks the rows that are the evidence proper. `measure` is a SQL aggregate
    over the rows. `windows` are days on the happened clock; 0 means all rows. `by` is the layout in which the rows
    of one entity lie complete. `needs` names optional tables or `table.column`s (`table.one|other`: any of them)
    without which the feature is absent (and says so). Minute-level SQL filters on `NOT clock_collapsed`: units
    whose clock collapsed (D08). `amount` is a SQL aggregate in fen over the same rows (codes.md: what is at
    risk).

    Ways past the bucket, all of them declared: with `peers` a rule is held against its peers once all buckets
    are measured; where an entity's rows lie in several buckets (a doctor's; a unit's by="person") or `across` is
    given, they are gathered first and `across`, a SELECT over the table `gathered`, makes the evidence of them;
    by="judged" reads `judged`, the stays of the last year with the admission rules they break; by="county" is measured
    by the ring search (CountyGraph).

    `told_of` says the same number of several grains: `$entity` in the SQL (the only thing ever filled in) is that
    grain's key.

    `at_counter` is False for a rule that a claim with its patient's past cannot answer: it looks at other patients or
    is itself an outcome. `outcome` says that the number is itself what an inspection found: shown, never learned from.

    kind="context" says what kind of entity it is (its size, its mix): nobody is suspect by it, so it has no scheme, no
    direction and no place in the scorers that know no findings; only what findings taught reads it.

    `excuses` names the innocent (N05) whom the number shows to be one: such a feature lowers risks. `also` are the
    other schemes whose trace codes.md says the number is: it is measured once and counted for each. `widely` says why
    a rule rightly hits more innocents than a rule may (benchmarks/flood.py).
    """

    name: str = ""
    label: str = ""
    unit: str = ""
    grain: Grain = _UNSAID
    told_of: Mapping[Grain, Of] = field(default_factory=dict, compare=False)
    scheme: str = ""
    by: Layout = _UNSAID
    reversed: Reversed = "net"
    windows: tuple[int, ...] = ()
    rows: str = ""
    measure: "str | GraphMeasure | CountyGraph" = ""
    worse: Worse = "high"
    reason: str = ""
    innocent: str = ""
    empty: float | None = 0.0
    needs: tuple[str, ...] = ()
    kind: Kind = "feature"
    rule: str | None = None
    family: str = ""
    amount: "str | GraphMeasure | None" = None
    exempt: tuple[str, ...] = ()
    peers: PeerTest | None = None
    across: str | None = None
    outcome: bool = False
    excuses: str = ""
    also: tuple[str, ...] = ()
    widely: str = ""
    source: str = ""
    at_counter: bool = True
    where: str = field(default="", compare=False)

    def columns(self) -> list[str]:
        """Column names in a feature partition, one per window."""
        return [column_name(self.name, w) for w in self.windows]

    @property
    def title(self) -> str:
        """Its label as it stands alone: an innocent's mark says that it is one."""
        return f"正常相似：{self.label}" if self.excuses else self.label

    @property
    def schemes(self) -> tuple[str, ...]:
        """Every scheme it is a trace of, its own first; none of context."""
        return () if self.kind == "context" else (self.scheme, *self.also)

    @property
    def astray(self) -> bool:
        """Whether rows of one entity lie in several buckets."""
        grain = GRAINS[self.grain]
        return grain.spread or self.by not in grain.layouts

    @property
    def spans(self) -> bool:
        """Whether rows of one entity lie in several buckets, or rows of all entities are needed at once."""
        return self.by not in ("judged", "county") and (self.astray or self.across is not None)

    def sql(self) -> str:
        """All SQL of the declaration, for finding the columns it names."""
        told = self.measure if isinstance(self.measure, str) else ""
        test = self.peers.statistic if self.peers else ""
        return " ".join((self.rows, self.across or "", told, self.amount if isinstance(self.amount, str) else "", test))


def column_name(name: str, window: int) -> str:
    """`name` for the whole history (window 0), else `name_W`."""
    return name if window == 0 else f"{name}_{window}"


def amount_name(column: str) -> str:
    """The column beside `column` that holds its amount in fen."""
    return f"{column}_fen"


class Registry(dict[str, Feature]):
    """All declarations by name, in order of declaration."""

    def of(self, grain: Grain) -> list[Feature]:
        """What is declared of a grain."""
        return [f for f in self.values() if f.grain == grain]

    def by_claims(self, grain: Grain) -> list[Feature]:
        """What is declared of a grain and measured over claim rows: the columns of its partition."""
        return [f for f in self.of(grain) if f.by != "county"]

    def by_graph(self, grain: Grain) -> list[Feature]:
        """What the graph of the whole county says of a grain; it lies beside the ring partition."""
        return [f for f in self.of(grain) if f.by == "county"]


REGISTRY = Registry()
_NOTHING = Feature()


def declare(common: Feature = _NOTHING, /, **said: Any) -> tuple[Feature, ...]:
    """Check a declaration and add it to the registry, of each grain it is told of. Raises DeclarationError naming file
    and line.

    `said` are fields of Feature. What several declarations have in common is a Feature of its own and stands first:
    `declare(stay, name="…", …)`.
    """
    frame = sys._getframe(1)
    where = f"{frame.f_code.co_filename.rsplit('features/', 1)[-1]}:{frame.f_lineno}"
    told = said.get("name") or common.name or said.get("label") or common.label
    unknown = sorted(said.keys() - _FIELDS)
    if unknown:
        raise DeclarationError(f"features/{where}: {told}: no such field(s): {', '.join(unknown)}")
    made = []
    for one in _each_grain(replace(common, **said, where=where)):
        problems = [one] if isinstance(one, str) else list(_problems(one))
        if problems or isinstance(one, str):
            name = told if isinstance(one, str) else one.name
            raise DeclarationError(f"features/{where}: {name}: " + "; ".join(problems))
        REGISTRY[one.name] = one
        made.append(one)
    return tuple(made)


#: What a declaration may say; all but what follows, of one grain otherwise too.
_FIELDS = frozenset(x.name for x in fields(Feature)) - {"where"}
_ONE_FOR_ALL = frozenset({"grain", "told_of"})
_ENTITY = re.compile(r"\$(entity\b|\{entity\})")


def _each_grain(f: Feature) -> Iterator[Feature | str]:
    """The features of one declaration, `$entity` filled in; a text says why one of them cannot be made."""
    if not f.told_of:
        yield f if not _ENTITY.search(f.sql()) else "$entity in the SQL, but told_of does not say of whom"
        return
    if f.grain:
        yield "either grain or told_of, not both"
    for grain, of in f.told_of.items():
        unknown = sorted(of.overrides.keys() - (_FIELDS - _ONE_FOR_ALL))
        if unknown:
            yield f"told_of {grain}: no such field(s) to override: {', '.join(unknown)}"
        elif not of.key.strip():
            yield f"told_of {grain}: the key is missing"
        else:
            one = replace(f, grain=grain, told_of={}, **of.overrides)
            yield (
                _of_entity(one, of.key)
                if _ENTITY.search(one.rows)
                else f"told_of {grain}: the rows do not name $entity"
            )


def _of_entity(f: Feature, key: str) -> Feature:
    """The declaration with `key` in the place of `$entity`."""

    def filled(sql: Any) -> Any:
        return string.Template(sql).safe_substitute(entity=key) if isinstance(sql, str) else sql

    return replace(
        f,
        rows=filled(f.rows),
        measure=filled(f.measure),
        amount=filled(f.amount),
        across=filled(f.across),
        peers=replace(f.peers, statistic=filled(f.peers.statistic)) if f.peers else None,
    )


_CHOICES: dict[str, tuple[str, ...]] = {
    "grain": get_args(Grain),
    "by": get_args(Layout),
    "reversed": get_args(Reversed),
    "worse": get_args(Worse),
    "kind": get_args(Kind),
}


def _problems(f: Feature) -> Iterable[str]:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", f.name):
        yield "the name must be lower_snake_case"
    if re.search(r"_\d+$", f.name):
        yield "the name must not end in a number (windows are appended)"
    if f.name in REGISTRY:
        yield f"already declared in features/{REGISTRY[f.name].where}"
    if not f.grain:
        yield "whom is it about? grain or told_of is missing"
    for field_, known in _CHOICES.items():
        if (said := getattr(f, field_)) and said not in known:
            yield f"unknown {field_} {said!r}; one of {', '.join(known)}"
    for field_ in ("by", "rows", "measure"):
        if not getattr(f, field_):
            yield f"{field_} is missing"
    lists = [field_ for field_ in ("windows", "needs", "exempt", "also") if not isinstance(getattr(f, field_), tuple)]
    if lists:
        yield f"{', '.join(lists)} must be a tuple: (90,)"
    if lists or f.grain not in GRAINS:
        return
    context = f.kind == "context"
    if context and (f.scheme or f.also or f.rule or f.worse != "either"):
        yield "context is no trace of a scheme, no rule, and neither high nor low is worse: worse='either'"
    for scheme in () if context else f.schemes:
        if scheme not in SCHEMES:
            yield f"unknown scheme {scheme!r}; codes.md has T01–T32"
    if len(set(f.schemes)) < len(f.schemes):
        yield "a scheme is named twice"
    if not f.windows or len(set(f.windows)) != len(f.windows) or any(w < 0 for w in f.windows):
        yield "windows must be distinct days, at least one, 0 for all history"
    if f.by == "judged" and not GRAINS[f.grain].told_yearly:
        yield "judged stays roll up to institutions and doctors only"
    if (f.by == "county") != isinstance(f.measure, CountyGraph):
        yield "by='county' and a CountyGraph measure go together"
    if f.by == "county" and f.windows != (0,):
        yield "a number of the county's graph has one window, 0"
    if not GRAINS[f.grain].layouts and f.by != "county":
        yield f"numbers of a {f.grain} are by='county'"
    if f.peers is not None and (f.by in ("judged", "county") or len(f.windows) > 1):
        yield "a peer test needs one window and a grain that has peers"
    if f.peers is not None and sum(x is not None for x in (f.peers.quantile, f.peers.z, f.peers.times)) != 1:
        yield "a peer test has one limit: quantile, z or times"
    if f.across is not None and "gathered" not in f.across:
        yield "across is a SELECT over `gathered`"
    unknown = {name for _, name, _, _ in string.Formatter().parse(f.reason) if name is not None} - REASON_FIELDS
    if unknown:
        yield f"reason has unknown field(s) {sorted(unknown)}; allowed: {sorted(REASON_FIELDS)}"
    if "{value}" not in f.reason:
        yield "the reason must show its {value}"
    if not f.innocent.strip():
        yield "the honest explanation (innocent) is missing"
    if f.excuses and (f.worse != "low" or not re.fullmatch(r"N\d\d", f.excuses)):
        yield "what excuses one innocent code (N05) lowers a risk: worse='low'"
    if not f.label.strip():
        yield "the label is missing"
    if f.rule is not None and not re.fullmatch(r"R\d\d", f.rule):
        yield f"rule id {f.rule!r} is not of the form R07"
    elif f.rule is not None and f.rule not in settings():
        yield f"features/thresholds.toml has no [{f.rule}]"
    for word in ("known_at", "loaded_at", "read_parquet", "current_timestamp", "now()"):
        if word in f.sql():
            yield f"{word} may not be named: the as-of views decide what is known"


def fingerprint(features: Iterable[Feature]) -> str:
    """SHA-256 over all that changes a value; a model is refused when this differs."""
    keys = (
        "name",
        "grain",
        "by",
        "reversed",
        "windows",
        "rows",
        "measure",
        "worse",
        "empty",
        "needs",
        "peers",
        "across",
    )
    body = [{k: _plain(getattr(f, k)) for k in keys} for f in sorted(features, key=lambda f: f.name)]
    return hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, CountyGraph):
        return f"county:{value.column}"
    if isinstance(value, GraphMeasure):
        return f"{value.function.__module__}.{value.function.__qualname__}:{value.column}"
    if isinstance(value, PeerTest):
        return asdict(value)
    return value
