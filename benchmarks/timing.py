"""Time and memory of calls."""

import os
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from threadpoolctl import threadpool_limits


class Timing(NamedTuple):
    """Wall-clock times of repeated calls, in milliseconds."""

    median_ms: float
    best_ms: float


def timed(call: Callable[[], object], repeats: int) -> Timing:
    """Call once to warm up, then `repeats` times."""
    call()
    times_ms = []
    for _ in range(repeats):
        start_s = time.perf_counter()
        call()
        times_ms.append(1e3 * (time.perf_counter() - start_s))
    return Timing(statistics.median(times_ms), min(times_ms))


def peak_memory_mb(call: Callable[[], object]) -> float:
    """What a call allocates at most, numpy arrays included."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


@contextmanager
def one_core() -> Iterator[None]:
    """One thread per library and, where the system lets a process choose, one core."""
    with threadpool_limits(1):
        if not hasattr(os, "sched_setaffinity"):
            yield
            return
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {max(before)})
        try:
            yield
        finally:
            os.sched_setaffinity(0, before)
