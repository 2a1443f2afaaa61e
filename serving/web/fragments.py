"""`{% once KEY, … %} … {% endonce %}` in a template: a part of a page that says the same to everybody, written once a process.

What stands in it may depend on its keys and on what a run published, on nothing else: not on who asks, nor on cases.
"""

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser

MOST: Final = 16_000_000
"""Characters kept in a language, of parts between a row and the evidence of a suspect; those used longest ago go first."""


class Once(Extension):
    """The tag. A key that is not hashable is a fault of the template and raises TypeError."""

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.tags = {"once"}
        self.kept: OrderedDict[tuple[Any, ...], str] = OrderedDict()
        self.size = 0
        self.lock = threading.Lock()
        self.places = itertools.count()

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        keys = parser.parse_tuple(with_condexpr=True)
        body = parser.parse_statements(("name:endonce",), drop_needle=True)
        place = nodes.Const(next(self.places))
        return nodes.CallBlock(self.call_method("_part", [place, keys]), [], [], body).set_lineno(line)

    def _part(self, place: int, keys: Any, caller: Callable[[], str]) -> str:
        key = (place, *(keys if isinstance(keys, tuple) else (keys,)))
        with self.lock:
            if key in self.kept:
                self.kept.move_to_end(key)
                return self.kept[key]
        made = caller()
        with self.lock:
            self.size += len(made) - len(self.kept.pop(key, ""))
            self.kept[key] = made
            while self.size > MOST and self.kept:
                self.size -= len(self.kept.popitem(last=False)[1])
        return made
