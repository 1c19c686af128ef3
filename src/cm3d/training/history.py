"""The course of a training, short enough to plot."""

from collections.abc import Mapping, Sequence

import numpy as np


def thinned(history: Sequence[Mapping[str, float]], rows: int) -> list[dict[str, float]]:
    """At most so many rows, each the mean of neighbours; `epoch` and `step` are the last one's.

    Args:
        history: One row per step, all with the same columns, `epoch` and `step` among them.
        rows: At least 1.
    """
    if len(history) <= rows:
        return [dict(row) for row in history]
    groups = np.array_split(np.arange(len(history)), rows)
    return [
        {name: float(np.mean([history[index][name] for index in group])) for name in history[0]}
        | {name: history[group[-1]][name] for name in ("epoch", "step")}
        for group in groups
    ]
