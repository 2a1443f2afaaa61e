"""Columns for tests: what a matrix needs to know of one, in a line."""

from typing import Any

from features.columns import Column, Role
from features.declare import Feature


def a_column(
    name: str, label: str, scheme: str, worse: str, role: Role = "value", *, own: str = "", key: str = "", **fields: Any
) -> Column:
    """A column of the matrix of stays. `own`: its name without prefix and window; `key`: whom it is about, if a parent; `fields`: of its declaration."""
    given: dict[str, Any] = {
        "name": own or name, "label": label, "unit": "次", "grain": "admission", "scheme": scheme, "by": "person", "reversed": "net", "windows": (0,),
        "rows": "SELECT 1", "measure": "count(*)", "worse": worse, "reason": "共{value}次", "innocent": "家属代购",
    } | fields  # fmt: skip
    feature = Feature(**given)
    return Column(
        name=name,
        own=name.rpartition("__")[2],
        feature=feature,
        window=feature.windows[0],
        role=role,
        about=feature.grain,
        key=key,
    )
