"""The medoid of one mask with many points, against the whole distance matrix.

The matrix of 20,000 points would take 3.2 GB, so it is built for 4,000, where both must find the
same point; its figures for more are extrapolated: time and memory grow with the square.
"""

from functools import partial
from typing import Final

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.spatial.distance import cdist

from benchmarks.timing import one_core, peak_memory_mb, timed
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.lift.medoid import medoid_index

_FIT_MATRIX: Final = 4_000
_POINTS: Final = 20_000
_REPEATS: Final = 5


def main() -> None:
    """Measure and print the table."""
    table = Table(title="medoid of one mask on one core")
    for heading in ("points", "on", "ours ms", "matrix ms", "ours MB", "matrix MB"):
        table.add_column(heading, justify="left" if heading == "on" else "right")
    with one_core():
        for name, points_m in {"a truck": truck(_POINTS), "a ball": ball(_POINTS)}.items():
            add_rows(table, name, points_m)
    table.caption = "~ extrapolated"
    Console().print(table)


def add_rows(table: Table, name: str, points_m: NDArrayFloat) -> None:
    """Measure some of the points by both ways, then all by ours."""
    some_m = points_m[:_FIT_MATRIX]
    assert medoid_index(some_m) == matrix_medoid_index(some_m)
    by_matrix = partial(matrix_medoid_index, some_m)
    matrix_ms, matrix_mb = timed(by_matrix, _REPEATS).median_ms, peak_memory_mb(by_matrix)
    for part_m, sign in ((some_m, ""), (points_m, "~")):
        factor = (len(part_m) / len(some_m)) ** 2
        table.add_row(
            f"{len(part_m):,}",
            name,
            f"{timed(partial(medoid_index, part_m), _REPEATS).median_ms:.1f}",
            f"{sign}{factor * matrix_ms:,.0f}",
            f"{peak_memory_mb(partial(medoid_index, part_m)):.1f}",
            f"{sign}{factor * matrix_mb:,.0f}",
        )


def matrix_medoid_index(points_m: NDArrayFloat) -> int:
    """The definition: the least row sum of all distances."""
    return int(np.argmin(cdist(points_m, points_m).sum(axis=1)))


def truck(count: int) -> NDArrayFloat:
    """Points on the two sides of a truck that a sensor sees, in any order."""
    generator = np.random.default_rng(0)
    on_side = generator.random(count) < 0.75
    along_m = np.where(on_side, generator.uniform(0, 8, count), 0.0)
    across_m = np.where(on_side, 0.0, generator.uniform(0, 2.5, count))
    points_m: NDArrayFloat = np.column_stack([along_m, across_m, generator.uniform(0, 3, count)])
    points_m += generator.normal(0, 0.02, (count, 3))
    return points_m


def ball(count: int) -> NDArrayFloat:
    """Points all around: the sums near the middle differ least."""
    return np.random.default_rng(0).normal(0, 1, (count, 3))


if __name__ == "__main__":
    main()
