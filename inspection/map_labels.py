"""Names beside points of a picture so that none lies over another, over a point, or outside: greedily, each at the first of some places around its point that is free.

Points whose names crowd each other most go first. What finds no place for its name gets a number, and that is drawn even where it must lie over something.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SIZE: Final = 12
"""Of a letter, in pixels: a Chinese one is as wide as high, a Latin one about three fifths of that."""
POINT: Final = 8
NEAR: Final = 9
FAR: Final = 26
_ROUND: Final = tuple(math.tau * k / 16 for k in range(16))
Box = tuple[float, float, float, float]
"""left, top, right, bottom."""


@dataclass(frozen=True)
class Label:
    """A name or (number > 0) the number that stands for it; x, y: where its line of text begins; line: the point it is led to, where it stands apart."""

    x: float
    y: float
    said: str
    number: int = 0
    line: tuple[float, float] | None = None

    @property
    def end(self) -> tuple[float, float]:
        """Where the line from the point meets the text."""
        x = self.line[0] if self.line else self.x
        return min(max(x, self.x), self.x + wide(self.said)), self.y - 4


def wide(text: str) -> float:
    """Pixels of a line of text."""
    return sum(SIZE if ord(c) > 0x2E7F else 0.62 * SIZE for c in text)


def labelled(points: Sequence[tuple[float, float]], words: Sequence[str], width: float, height: float) -> list[Label]:
    """A label for each point, in their order; numbers count from 1 in their order too."""
    taken: list[Box] = [(x - POINT, y - POINT, x + POINT, y + POINT) for x, y in points]
    crowd = [sum(abs(x - p) < 120 and abs(y - q) < 40 for p, q in points) for x, y in points]
    found: dict[int, Label] = {}
    for i in sorted(range(len(points)), key=lambda i: (-crowd[i], i)):
        place = _free(points[i], words[i], taken, i, width, height)
        if place is not None:
            found[i], box = place
            taken.append(box)
    out, number = [], 0
    for i in range(len(points)):
        if i not in found:
            number += 1
            said = str(number)
            place = _free(points[i], said, taken, i, width, height)
            label, box = place or _at(points[i], said, NEAR, 4)
            taken.append(box)
            found[i] = Label(label.x, label.y, said, number, label.line)
        out.append(found[i])
    return out


def _at(point: tuple[float, float], said: str, right: float, down: float) -> tuple[Label, Box]:
    x, y = point[0] + right, point[1] + down
    far = max(abs(right if right > 0 else right + wide(said)), abs(down)) > NEAR + SIZE
    return Label(x, y, said, line=point if far else None), (x - 1, y - SIZE, x + wide(said) + 1, y + 3)


def _free(point: tuple[float, float], said: str, taken: Sequence[Box], own: int, width: float, height: float) -> tuple[Label, Box] | None:  # fmt: skip
    """The first place around a point where the text lies over nothing; its own point is no hindrance to a text beside it."""
    long = wide(said)
    places = [(NEAR, 4.0), (-NEAR - long, 4.0), (-long / 2, -NEAR - 2.0), (-long / 2, NEAR + SIZE + 0.0), (NEAR, -NEAR), (NEAR, NEAR + SIZE - 2.0),
              (-NEAR - long, -NEAR), (-NEAR - long, NEAR + SIZE - 2.0), (FAR, -FAR), (FAR, FAR + SIZE), (-FAR - long, -FAR), (-FAR - long, FAR + SIZE)]  # fmt: skip
    if long < 3 * SIZE:  # a number is short: farther round its point, before it lies over something
        places += [(r * math.cos(a) - long / 2, r * math.sin(a) + 4) for r in range(20, 121, 10) for a in _ROUND]
    for right, down in places:
        label, box = _at(point, said, right, down)
        inside = box[0] >= 0 and box[1] >= 30 and box[2] <= width and box[3] <= height
        if inside and not any(_meet(box, other) for i, other in enumerate(taken) if i != own or label.line):
            return label, box
    return None


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
