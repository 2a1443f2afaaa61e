"""Pages in English by a switch: the Chinese of the templates is the key, so a template stays one file and reads as the officer reads it.

Fragments of template text, titles and messages are looked up in english.toml beside this file; a figure between two fragments stays where it is. What comes from
declarations (reasons, rules, names of schemes and records) has no English text and stays Chinese, and the page says so.
"""

import functools
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import jinja2

CHINESE: Final = re.compile(r"[\u3400-\u9fff\uff01-\uff5e\u3000-\u303f]")
HAN: Final = re.compile(r"[\u3400-\u9fff]")
COOKIE: Final = "xiezhi_language"
_SPLIT: Final = re.compile(r'([<>"])')


@functools.cache
def catalogue() -> dict[str, str]:
    """Chinese fragment → English."""
    told: dict[str, str] = tomllib.loads((Path(__file__).parent / "english.toml").read_text(encoding="utf-8"))
    return told


def english(text: str) -> str:
    """A fragment, title or message in English where the catalogue has it; else as it is."""
    bare = text.strip(" \n\t\u3000")
    if not HAN.search(bare):
        return text
    found = catalogue().get(bare)
    if found is None:
        return text
    before, _, after = text.partition(bare)
    return (before + found + after).replace("\u3000", " ")


def translated(source: str, told: Callable[[str], str] = english) -> str:
    """The source of a template with its own words in English: text, attribute values, and string literals of
    its expressions that are no keys."""
    tokens = [(kind, value) for _, kind, value in jinja2.Environment().lex(source)]
    words = [(i, value) for i, (kind, value) in enumerate(tokens) if kind != "whitespace"]
    keys = {i for (_, a), (i, _), (_, c) in zip(words, words[1:], words[2:], strict=False) if a == "[" or c == "in"}
    out = []
    for i, (kind, value) in enumerate(tokens):
        if kind == "data":
            out.append("".join(told(part) for part in _SPLIT.split(value)))
        elif kind == "string" and HAN.search(value) and i not in keys:
            out.append(value[0] + told(value[1:-1]) + value[-1])
        else:
            out.append(value)
    return "".join(out)


class EnglishLoader(jinja2.FileSystemLoader):
    """Templates of a folder, in English."""

    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        source, name, fresh = super().get_source(environment, template)
        return translated(source), name, fresh


def fragments(source: str) -> list[str]:
    """The Chinese fragments of a template that a catalogue must hold."""
    found: list[str] = []

    def note(text: str) -> str:
        bare = text.strip(" \n\t\u3000")
        if HAN.search(bare):
            found.append(bare)
        return text

    translated(source, note)
    return found
