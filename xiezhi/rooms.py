"""The rooms of this project have plain names (features, models …), and so may a folder of whoever uses it: ours are always found where they lie.

`import xiezhi` puts a finder in front of Python's own that answers for these names only. A folder of the same name further up the path is hidden from then on,
which is said once; a package of the same name that was imported before is refused, because half of ours would be looked for in it.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Final

ROOMS: Final = ("claims", "features", "models", "inspection", "training", "serving", "simulator", "commands")
HOME: Final = Path(__file__).resolve().parent.parent


class Ours(MetaPathFinder):
    """Finds the rooms in this project's own folder, whatever else the path holds."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return PathFinder.find_spec(fullname, [str(HOME)]) if path is None and fullname in ROOMS else None


def keep(path: Sequence[str] | None = None) -> None:
    """Put the finder in its place, once. ImportError where a package of the same name is in use already; a warning where a folder of one is hidden."""
    for room in ROOMS:
        loaded = sys.modules.get(room)
        if loaded is not None and (where := _folder(loaded)) != HOME / room:
            raise ImportError(
                f"a package named {room!r} was imported from {where}; xiezhi has one of that name: import xiezhi first, or rename yours"
            )
    if hidden := _hidden(sys.path if path is None else path):
        warnings.warn(
            f"{', '.join(hidden)}: hidden by xiezhi's own package of the same name; rename yours, or import it before and use another process for xiezhi",
            stacklevel=3,
        )
    if not any(isinstance(finder, Ours) for finder in sys.meta_path):
        sys.meta_path.insert(0, Ours())


def _folder(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).resolve().parent if file else None


def _hidden(path: Sequence[str]) -> list[str]:
    """Packages and modules of the same names that Python would have found before ours."""
    found = []
    for entry in path:
        folder = Path(entry or ".").resolve()
        if folder == HOME:
            break
        for room in ROOMS:
            found += [str(p) for p in (folder / room / "__init__.py", folder / f"{room}.py") if p.exists()]
    return found
