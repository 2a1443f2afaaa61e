"""Personal numbers and sensitive diagnoses leave masked: one walk over everything a page, its JSON twin or a workbook is about to say."""

import functools
from collections.abc import Iterator, Mapping
from typing import Any, Final

from claims.schema.sensitive import ADULT, COVER, MINORS, is_sensitive, tells_item, tells_place, tells_visit
from claims.shown_text import mask
from features.grains import GRAINS

DIAGNOSES: Final = {"dx": "dx_name", "dx3": "dx_name", "dise_codg": "dise_name", "opsp_dise_code": "opsp_dise_name", "diag_code": "diag_name"}  # fmt: skip
"""Fields that hold the code of a diagnosis, and where its name stands beside it."""
PLACES: Final = frozenset({"dept", "ward", "dr_dept", "hosp_dept_code", "adm_dept_codg", "dscg_caty", "bilg_dept_codg", "acord_dept_codg", "inpa_area_name", "bed_ward"})  # fmt: skip
"""Fields that name a department or ward, which may tell what is treated there."""
ITEMS: Final = ("hilist_code", "hilist_name", "medins_list_codg", "medins_list_name", "item", "drug")
"""Fields that name a drug or service; where one of a row tells what it is for, all of them are covered."""
VISITS: Final = frozenset({"what", "visit_class", "med_type", "insutype"})
"""Fields that name the kind of a visit or of its insurance."""
_APART: Final = frozenset({"doctor", "institution"})
"""Grains whose subject is no patient: where they work is no secret."""
_GROUPED: Final = "peer_group"
"""Fields that begin so name a group of peers, by its diagnosis first: F20|2|inpatient."""
_LONG: Final = 4
"""From so many characters on a code or a name is looked for inside other texts too; three may be part of any number."""


def masked_once(document: Mapping[str, Any], grain: str, hidden: frozenset[str] = frozenset()) -> dict[str, Any]:
    """`masked` of a document as a run publishes it, which never changes: walked once a process. Not to be written to."""
    return _once(_Same(document), grain, hidden)


class _Same:
    """A document as a key: equal to itself alone."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document

    def __hash__(self) -> int:
        return id(self.document)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.document is other.document


@functools.lru_cache(maxsize=512)
def _once(same: _Same, grain: str, hidden: frozenset[str]) -> dict[str, Any]:
    return masked(same.document, grain, hidden)


def masked(document: Mapping[str, Any], grain: str, hidden: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The document with every personal number masked: values of psn_no, members, and the id of a person, wherever they stand (a row that says its own grain is
    of that, whatever the document is of); and with COVER for each diagnosis of the groups in `hidden` (claims/schema/sensitive.py), code and name alike."""
    numbers = _numbers(document, _personal(grain) or _personal(document.get("grain")))
    found: dict[str, Any] = _walk(document, numbers, "")
    return without_diagnoses(found, grain, hidden)


def without_diagnoses(document: Mapping[str, Any], grain: str, hidden: frozenset[str]) -> dict[str, Any]:
    """The document with COVER for whatever tells a diagnosis of the groups in `hidden`: the diagnosis, department and ward, drugs and services, the kind of visit."""
    return _covered(dict(document), grain, hidden) if hidden else dict(document)


def covers(document: Mapping[str, Any]) -> bool:
    """Whether a masked document has something under a cover."""
    return any(v == COVER or (isinstance(v, str) and v.startswith(COVER)) for v in _values(document))


def _values(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for v in value.values():
            yield from _values(v)
    elif isinstance(value, list | tuple):
        for v in value:
            yield from _values(v)
    else:
        yield value


def _covered(document: dict[str, Any], grain: str, hidden: frozenset[str]) -> dict[str, Any]:
    age = (document.get("who") or {}).get("age")
    minor = MINORS in hidden and age is not None and age < ADULT
    told = set(_diagnoses(document, hidden, minor))
    out: dict[str, Any] = _under(document, told, hidden, minor, "", grain not in _APART)
    return out


def _diagnoses(value: Any, hidden: frozenset[str], minor: bool) -> Iterator[str]:
    """Codes and names that must not be said: of a group that is hidden, either by itself or by what stands beside it."""
    if isinstance(value, Mapping):
        for code, name in DIAGNOSES.items():
            both = [v for v in (value.get(code), value.get(name)) if isinstance(v, str) and v]
            if minor or any(is_sensitive(v, hidden) for v in both):
                yield from both
        items = [v for c in ITEMS if isinstance(v := value.get(c), str) and v]
        if any(tells_item(v, hidden) for v in items):
            yield from items
        for v in value.values():
            yield from _diagnoses(v, hidden, minor)
    elif isinstance(value, list | tuple):
        for v in value:
            yield from _diagnoses(v, hidden, minor)


def _under(value: Any, told: set[str], hidden: frozenset[str], minor: bool, key: str, places: bool) -> Any:
    if isinstance(value, Mapping):
        return {k: _under(v, told, hidden, minor, k, places) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_under(v, told, hidden, minor, key, places) for v in value]
    if not isinstance(value, str) or not value:
        return value
    if value in told:
        return COVER
    if (key in VISITS and tells_visit(value, hidden)) or (places and key in PLACES and tells_place(value, hidden)):
        return COVER
    if key.startswith(_GROUPED):
        parts = [COVER if tells_visit(p, hidden) else p for p in value.split("|")]
        if parts[0] in told or minor or is_sensitive(parts[0], hidden):
            parts[0] = COVER
        return "|".join(parts)
    for text in told:
        if len(text) >= _LONG and text in value:
            value = value.replace(text, COVER)
    return value


def _personal(grain: Any) -> bool:
    """Whether the ids of a grain are personal numbers; not for a list that is of no grain (tonight's bed check)."""
    return any(name == grain and spec.personal for name, spec in GRAINS.items())


def _numbers(value: Any, people: bool, key: str = "") -> set[str]:
    if isinstance(value, Mapping):
        out: set[str] = set()
        people = _personal(value["grain"]) if value.get("grain") in GRAINS else people
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
