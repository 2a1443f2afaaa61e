"""Many evenings of bed checks: the first tenth, county-dates drawn whole, evenings pooled as one county, looks followed. All evenings are made up."""

import re
from typing import Any

import numpy as np
import pytest

from benchmarks.accuracy_judge import PRODUCT
from benchmarks.evenings import EVENINGS, evenings_of
from benchmarks.evenings_looks import as_happened, followed
from benchmarks.evenings_page import clusters, first_ten, first_tenth, interval, page, tenth
from benchmarks.evenings_pool import apart, checks_of, drawn, pooled, together

EMPTY = [0.0] * 10
BOTH = [1.0, 1.0] + [0.0] * 8


def evening(
    ours: list[float],
    theirs: list[float],
    day: int = 1,
    guilty: int = 2,
    stays: int = 30,
    world: str = "second",
    chances: tuple[float, ...] = (0.9, 0.8, 0.3, 0.2, 0.1),
) -> dict[str, Any]:
    hits = {PRODUCT: ours, "lightgbm": theirs, "random": [guilty / stays] * 10}
    told = [[f"S{k}", p, p, int(k < len(ours) and ours[k])] for k, p in enumerate(chances)]
    return {
        "world": world, "fitted": "2025-08-01", "at": f"2025-08-{day:02d} 20:00:00", "commit": "abc1234", "insured": 24_000,
        "open": stays, "guilty": guilty, "looked": 0, "hits": hits, "stays": told,
    }  # fmt: skip


def test_evenings_follow_the_fit_night_by_night() -> None:
    found = evenings_of("2025-07-30")
    assert len(found) == EVENINGS
    assert (found[0], found[1]) == ("2025-07-31 20:00:00", "2025-08-01 20:00:00")


def test_the_first_tenth_is_of_the_open_stays_and_all_empty_beds_count() -> None:
    late = [0.0] * 5 + [1.0] + [0.0] * 4
    told = [evening(BOTH, late, stays=30), evening(EMPTY, late, stays=60, guilty=1)]
    assert [tenth(e) for e in told] == [3, 6]
    assert first_tenth(told, PRODUCT) == pytest.approx(2 / 3)
    assert first_tenth(told, "lightgbm") == pytest.approx(1 / 3)
    assert first_ten(told, "lightgbm") == pytest.approx(0.1)


def test_whole_county_dates_are_drawn_and_two_of_them_give_no_interval() -> None:
    two = [evening(BOTH, EMPTY, day, world=w) for w in ("second", "pilot") for day in (2, 3)]
    assert [len(v) for v in clusters(two).values()] == [2, 2]
    assert interval(two, lambda e: first_ten(e, PRODUCT)) is None
    three = [*two, evening(EMPTY, EMPTY, world="own 21"), evening(EMPTY, EMPTY, 2, world="own 21")]
    low, high = interval(three, lambda e: first_ten(e, PRODUCT), draws=200) or (0.0, 0.0)
    assert [low, high] == pytest.approx([0.2 / 3, 0.2])


def test_a_pooled_county_ranks_all_open_stays_by_one_chance() -> None:
    one = evening([1.0, 0.0], [0.0, 1.0], stays=20, guilty=1, chances=(0.9, 0.1))
    other = evening([0.0, 1.0], [1.0, 0.0], stays=60, guilty=2, chances=(0.8, 0.7))
    # by chance 2 × 3 / 80; the two likeliest stays are 0.9 (empty) and 0.8 (not); by place the 60 stays give 1/60 and 2/60 before 1/20
    assert together([one, other], checks=2) == pytest.approx((0.075, 1.0, 1.0, 1.0))
    assert together([one, other], checks=3)[1] == 2.0
    assert together([one, other], checks=3)[2] == 2.0


def test_a_county_is_drawn_up_to_its_insured_and_no_evening_twice() -> None:
    told = [evening(BOTH, EMPTY, day) for day in range(1, 31)]
    taken = drawn(told, np.random.default_rng(0), insured=100_000)
    assert len(taken) == 5
    assert len({e["at"] for e in taken}) == 5
    assert len(drawn(told[:2], np.random.default_rng(0), insured=100_000)) == 2
    pool = pooled(told, draws=20)
    assert (pool.evenings, pool.open) == (17.0, 510.0)
    # 17 evenings with 2 empty of 30: sixty checks by chance find 4, the product's all 34
    assert [pool.random, pool.found] == pytest.approx([4.0, 34.0])
    assert (pool.times, pool.low, pool.enough(8.5), pool.enough(8.6)) == (8.5, 8.5, 1.0, 0.0)
    assert (pool.insured, pool.checks) == (408_000.0, 60.0)


def test_one_evening_of_each_county_date_has_as_many_checks_a_head() -> None:
    told = [evening(BOTH, EMPTY, day, world=w) for w in ("second", "pilot") for day in range(1, 6)]
    assert [e["world"] for e in apart(told, np.random.default_rng(0))] == ["second", "pilot"]
    assert (checks_of(400_000), checks_of(900_000), checks_of(48_000), checks_of(1_000)) == (60, 60, 7, 1)
    pool = pooled(told, apart, draws=5)
    assert (pool.evenings, pool.insured, pool.checks, pool.found) == (2.0, 48_000.0, 7.0, 4.0)


def test_a_bed_looked_at_in_vain_gives_way_on_the_next_evening() -> None:
    # S0 lies in bed every evening; S3, fourth, does not
    nights = [evening([0, 0, 0, 1.0], EMPTY, day, guilty=1, stays=10, world="own 21", chances=(0.5, 0.45, 0.4, 0.35)) for day in (1, 2, 3)]  # fmt: skip
    seen, unseen = followed([nights], checks=2)
    assert (unseen.empty, unseen.stays, unseen.tenth) == (0, 0, 0.0)
    # S0 and S1 lay in bed on the first evening, so S3 is met on the second and stands first on the third
    assert [seen.empty, seen.stays, seen.tenth] == pytest.approx([2, 1, 1 / 3])
    assert (seen.evenings, seen.beds) == (3, 3)


def test_as_it_happened_only_evenings_with_looks_count() -> None:
    moved = evening(BOTH, EMPTY, stays=10, guilty=1)
    moved["stays"] = [["A", 0.6, 0.3, 1], ["B", 0.5, 0.5, 0]]
    assert as_happened([moved]) == (0, 0, 0.0, 0.0)
    assert as_happened([moved | {"looked": 1}]) == (1, 1, 1.0, 0.0)


def test_what_falls_short_and_losses_stand_first() -> None:
    made = page([evening(EMPTY, BOTH), evening(BOTH, EMPTY, 4, 0) | {"world": "pilot", "hits": {PRODUCT: EMPTY, "lightgbm": EMPTY, "random": EMPTY}}])  # fmt: skip
    assert "6 of 8 figures lie below" in made
    assert "- **Falls short.** 2 evenings of 2 county-dates with 2 empty beds; 200 evenings were asked" in made
    assert made.index("| second 2025-08-01 | of the empty") < made.index("| pilot 2025-08-01 | of the empty")
    assert "make evenings" in made
    assert not re.search(r"(?<![\w.])/(\w+/)+\w+", made)
