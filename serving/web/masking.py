"""Personal numbers leave masked: one walk over everything a page or its JSON twin is about to say."""

import functools
from collections.abc import Mapping
from typing import Any

from claims.shown_text import mask
from features.grains import GRAINS


def masked_once(document: Mapping[str, Any], grain: str) -> dict[str, Any]:
    """`masked` of a document as a run publishes it, which never changes: walked once a process. Not to be written to."""
    return _once(_Same(document), grain)


class _Same:
    """A document as a key: equal to itself alone."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document

    def __hash__(self) -> int:
        return id(self.document)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.document is other.document


@functools.lru_cache(maxsize=512)
def _once(same: _Same, grain: str) -> dict[str, Any]:
    return masked(same.document, grain)


def masked(document: Mapping[str, Any], grain: str) -> dict[str, Any]:
    """The document with every personal number masked: values of psn_no, members, and the id of a person, wherever they stand."""
    numbers = _numbers(document, _personal(grain) or _personal(document.get("grain")))
    found: dict[str, Any] = _walk(document, numbers, "")
    return found


def _personal(grain: Any) -> bool:
    """Whether the ids of a grain are personal numbers; not for a list that is of no grain (tonight's bed check)."""
    return any(name == grain and spec.personal for name, spec in GRAINS.items())


def _numbers(value: Any, people: bool, key: str = "") -> set[str]:
    if isinstance(value, Mapping):
        out: set[str] = set()
        for k, v in value.items():
            out |= _numbers(v, people, str(k))
        if _personal(value.get("about")) and isinstance(value.get("subject"), str):
            out.add(value["subject"])
        return out
    if isinstance(value, list | tuple):
        return set().union(*(_numbers(v, people, key) for v in value)) if value else set()
    if isinstance(value, str) and value:
        if key == "members":
            return set(value.split(";"))
        if key == "psn_no" or (people and key == "entity_id"):
            return {value}
    return set()


def _walk(value: Any, numbers: set[str], key: str) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _walk(v, numbers, str(k)) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_walk(v, numbers, key) for v in value]
    if isinstance(value, str):
        if key == "members":
            return ";".join(mask(v) for v in value.split(";"))
        return mask(value) if value in numbers else value
    return value
