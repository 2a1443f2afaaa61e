"""Pages that were written before: where all that a page says is the same, so is the page, and it is written once a process.

A key names everything the page depends on but the person's own name and number and the minute it is printed at, which are put in afterwards: what was published (a run never changes),
the address and its filters, area, rights, language, and what the desk says of the cases on it, as it was just read. So a page never crosses a role, an area or a language,
and a case that moved on is another page.
"""

import functools
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from markupsafe import escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from serving.desk.database import now
from serving.desk.people import Person
from serving.web import render

MOST: Final = 64_000_000
"""Bytes of pages kept in a process; those asked for longest ago go first."""
NAME: Final = f"name-{secrets.token_hex(16)}"
ACCOUNT: Final = secrets.randbelow(9 * 10**30) + 10**30
"""Stand-ins that nobody can guess, for what is put in afterwards."""
WHEN: Final = f"when-{secrets.token_hex(16)}"


Parts = tuple[bytes, ...]
"""A page cut at its stand-ins, which are the odd ones of its parts."""
_STAND_INS: Final = (NAME.encode(), str(ACCOUNT).encode(), WHEN.encode())
_CUT: Final = re.compile(b"(" + b"|".join(_STAND_INS) + b")")


@dataclass(frozen=True)
class Key:
    """What a page depends on. Of a long list it is long, and its hash is asked for several times a page."""

    parts: tuple[Any, ...]
    hashed: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hashed", hash(self.parts))

    def __hash__(self) -> int:
        return self.hashed


class Kept:
    """Pages by key, at most `most` bytes of them."""

    def __init__(self, most: int = MOST) -> None:
        self.most, self.size = most, 0
        self.pages: OrderedDict[Key, Parts] = OrderedDict()
        self.lock = threading.Lock()

    def page(self, key: Key, made: Callable[[], bytes]) -> Parts:
        """The page of a key, written now if it is not there."""
        with self.lock:
            if (found := self.pages.get(key)) is not None:
                self.pages.move_to_end(key)
                return found
        parts = tuple(_CUT.split(made()))
        with self.lock:
            self.size += _size(parts) - _size(self.pages.pop(key, ()))
            self.pages[key] = parts
            while self.size > self.most and self.pages:
                self.size -= _size(self.pages.popitem(last=False)[1])
        return parts


def _size(parts: Parts) -> int:
    return sum(map(len, parts))


KEPT: Final = Kept()


def respond(request: Request, template: str, key: tuple[Any, ...], data: Callable[[], Mapping[str, Any]]) -> Response:
    """The page that `render.respond` makes of `data()`, which may depend on nothing but the key and what the whole key below names."""
    if render.wants_json(request):
        return render.respond(request, template, data())
    who, spoken, may = render.person(request), render.language(request), render.rights(request)
    here = request.scope["path"]

    def made() -> bytes:
        stand_in = replace(who, person_id=ACCOUNT, name=NAME, shown=NAME)
        return render.written(template, data(), spoken, here, stand_in, may, WHEN).encode()

    parts = KEPT.page(Key((template, spoken, here, who.area, may, key)), made)
    return HTMLResponse(filled(parts, who, render.moment(now())))


def filled(parts: Parts, who: Person, when: str) -> bytes:
    """A kept page with whose it is and when it was asked for."""
    own = dict(zip(_STAND_INS, (_shown(who.shown), str(who.person_id).encode(), when.encode()), strict=True))
    return b"".join(own[p] if i % 2 else p for i, p in enumerate(parts))


@functools.lru_cache(maxsize=1024)
def _shown(name: str) -> bytes:
    """A person's name as it stands on a page."""
    return render.upright(str(escape(name))).encode()
