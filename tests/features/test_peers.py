"""What a value is held against: the median of peers is numpy's to the last bit."""

import numpy as np
import pytest

from features.peers import middle


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 10, 101, 1000])
def test_the_middle_of_sorted_numbers_is_their_median(n: int) -> None:
    rng = np.random.default_rng(n)
    for digits in range(0, 12, 3):
        found = np.sort(np.round(rng.lognormal(size=n), digits))
        assert middle(found) == np.median(found)
