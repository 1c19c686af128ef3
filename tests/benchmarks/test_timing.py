import os
import time

import numpy as np
import pytest

from benchmarks.bench_medoid import matrix_medoid_index, truck
from benchmarks.timing import one_core, peak_memory_mb, timed
from cm3d.execution.devices import usable_cores
from cm3d.lift.medoid import medoid_index


def test_times_are_those_of_the_call() -> None:
    calls: list[int] = []

    def wait() -> None:
        calls.append(0)
        time.sleep(0.002)

    timing = timed(wait, 3)
    assert len(calls) == 4
    assert 2 <= timing.best_ms <= timing.median_ms < 500


def test_memory_is_that_of_the_arrays() -> None:
    assert peak_memory_mb(lambda: np.ones(1_000_000)) == pytest.approx(8, abs=0.1)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no choice of cores here")
def test_one_core_is_for_a_while() -> None:
    before = usable_cores()
    with one_core():
        assert usable_cores() == 1
    assert usable_cores() == before


def test_the_matrix_finds_our_medoid() -> None:
    points_m = truck(400)
    assert matrix_medoid_index(points_m) == medoid_index(points_m)
