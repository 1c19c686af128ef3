"""Moments of kills: drawn from a seed, spread over a stage, as many as are asked for."""

from itertools import islice

import numpy as np

from trust.moments import chains, quotas


def test_moments_follow_from_the_seed_and_the_stage() -> None:
    first, again, other = (
        list(islice(chains(seed, name), 20))
        for seed, name in ((0, "lift"), (0, "lift"), (0, "fuse"))
    )
    assert first == again
    assert first != other


def test_moments_lie_within_a_stage_and_mostly_after_its_start() -> None:
    hits = [hit for chain in islice(chains(1, "lift"), 500) for hit in chain]
    shares = np.array([hit.share for hit in hits])
    assert 0.0 <= shares.min() < 0.05
    assert 0.9 < shares.max() < 1.0
    assert 0.15 < np.mean(shares < 0.3) < 0.35
    assert {hit.group for hit in hits} == {True, False}


def test_a_row_has_one_to_three_hits() -> None:
    assert {len(chain) for chain in islice(chains(2, "lift"), 100)} == {1, 2, 3}


def test_quotas_are_even_and_add_up() -> None:
    assert quotas(("a", "b", "c"), 8) == {"a": 3, "b": 3, "c": 2}
