"""Names on the plan's picture: none over another, none over a point, all of them said somewhere."""

import random

import pytest

from inspection.map_labels import NEAR, SIZE, labelled, wide


def boxes(labels: list, named: bool) -> list:  # type: ignore[type-arg]
    return [(x.x, x.y - SIZE + 1, x.x + wide(x.said), x.y + 2) for x in labels if bool(x.number) != named]


def meet(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@pytest.mark.parametrize("n", [5, 45, 120])
def test_no_name_lies_over_another_or_over_a_point(n: int) -> None:
    draw = random.Random(n)
    points = [(60 + 780 * draw.random(), 60 + 580 * draw.random()) for _ in range(n)]
    points += [(400 + draw.random(), 300 + draw.random()) for _ in range(5)]
    words = [f"周一{i % 3} 某某镇中心卫生院{i}" for i in range(len(points))]
    labels = labelled(points, words, 900, 700)
    assert len(labels) == len(points)
    names = boxes(labels, True)
    assert not [(i, j) for i, a in enumerate(names) for j, b in enumerate(names) if i < j and meet(a, b)]
    dots = [(x - 5, y - 5, x + 5, y + 5) for x, y in points]
    assert not [1 for a in names for d in dots if meet(a, d)]
    assert [x.said for x in labels if x.number] == [str(i + 1) for i in range(sum(bool(x.number) for x in labels))]
    assert all(x.said == w for x, w in zip(labels, words, strict=True) if not x.number)


def test_a_name_alone_stands_beside_its_point() -> None:
    [label] = labelled([(100, 100)], ["甲医院"], 900, 700)
    assert (label.x, label.number, label.line) == (100 + NEAR, 0, None)


def test_points_at_one_place_are_numbered() -> None:
    labels = labelled([(450.0, 350.0)] * 30, [f"很长很长的医院名称{i}" for i in range(30)], 900, 700)
    assert any(x.number for x in labels)
