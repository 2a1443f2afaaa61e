"""What a column is: a declaration in one window, the role its number plays, and whom it speaks about.

Everything that reads a matrix or a partition asks this record; nobody looks at a column's name. A matrix has the
columns of its own grain and those of the entity's parents under their prefix (features/matrix.py).
"""

from dataclasses import dataclass
from typing import Literal

from features.declare import REGISTRY, Feature, amount_name, column_name
from features.grains import GRAINS, Grain

#: value: a number · rule: hits of a rule · amount: fen at risk beside a rule · outcome: what an inspection found ·
#: graph: measured on a graph · context: what kind of entity it is, no trace of anything.
Role = Literal["value", "rule", "amount", "outcome", "graph", "context"]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of the matrix of a grain: `name` there, `own` in the partition of the grain it is `about`.

    `key` is the entity column that names whom it speaks about where that is a parent (a stay's hospital), "" where it
    is the entity itself.
    """

    name: str
    own: str
    feature: Feature
    window: int
    role: Role
    about: Grain
    key: str = ""

    @property
    def parent(self) -> bool:
        """Whether it speaks about the entity's hospital, patient or doctor."""
        return self.key != ""

    @property
    def hit(self) -> bool:
        """Whether it holds a rule's hits on the entity itself."""
        return self.role in ("rule", "outcome") and not self.parent

    @property
    def label(self) -> str:
        return self.feature.title

    @property
    def unit(self) -> str:
        return "分" if self.role == "amount" else self.feature.unit

    @property
    def scheme(self) -> str:
        return self.feature.scheme

    @property
    def worse(self) -> str:
        return self.feature.worse

    @property
    def family(self) -> str:
        """Hits of one family are one fact."""
        return self.feature.family or self.feature.scheme

    @property
    def innocent(self) -> str:
        return self.feature.innocent

    @property
    def signal(self) -> str:
        """What moves together and counts as one reason: the windows of a number; a rule in one window with its amount;
        parents stay apart.
        """
        prefix = self.name.removesuffix(self.own)
        if self.role == "amount" and self.parent:
            return self.name
        ruled = self.hit or self.role == "amount"
        return prefix + (column_name(self.feature.name, self.window) if ruled else self.feature.name)


def columns_of(grain: Grain) -> dict[str, Column]:
    """Every column a grain can have of its own, by name: of its partition, then of the county's graph."""
    return {c.name: c for f in (*REGISTRY.by_claims(grain), *REGISTRY.by_graph(grain)) for c in columns_from(f)}


def matrix_columns(grain: Grain) -> dict[str, Column]:
    """Every column the matrix of a grain can have: its own, then those of its parents under their prefix, without
    their context: what a hospital is like says nothing of one of its stays.
    """
    found = columns_of(grain)
    for parent in GRAINS[grain].parents:
        told = [c for c in columns_of(parent.grain).values() if c.role != "context"]
        found |= {c.name: c for own in told for c in [of_parent(own, parent.key, parent.prefix)]}
    return found


def columns_from(feature: Feature) -> list[Column]:
    """The columns of one declaration, one a window, each followed by its amount."""
    made = []
    for window in feature.windows:
        name = column_name(feature.name, window)
        names: list[tuple[str, Role]] = [(name, role_of(feature))]
        if feature.amount is not None:
            names.append((amount_name(name), "amount"))
        made += [
            Column(name=n, own=n, feature=feature, window=window, role=role, about=feature.grain) for n, role in names
        ]
    return made


def role_of(feature: Feature) -> Role:
    """The role of a declaration's number."""
    if feature.outcome:
        return "outcome"
    if feature.rule is not None:
        return "rule"
    if feature.kind == "context":
        return "context"
    return "value" if isinstance(feature.measure, str) else "graph"


def of_parent(column: Column, key: str, prefix: str) -> Column:
    """The column as the matrix of a grain holds it of a parent."""
    name = f"{prefix}__{column.own}"
    return Column(
        name=name,
        own=column.own,
        feature=column.feature,
        window=column.window,
        role=column.role,
        about=column.about,
        key=key,
    )
