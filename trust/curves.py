"""The picture of `load`: time and memory by number of frames."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from trust.clone import PROJECT
from trust.outcome import Cell, Measured

IMAGE: Final = PROJECT / "docs" / "images" / "trust_load.svg"

_TIME, _MEMORY = re.compile(r"([\d,]+) frames \(s\)"), re.compile(r"([\d,]+) \(MB\)")


def draw(load: Measured | None, path: Path = IMAGE) -> None:
    """Draw what was measured, if it was; the same numbers give the same bytes."""
    if load is None:
        return
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    with mpl.rc_context({"svg.hashsalt": "trust", "font.size": 8}):
        figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
        for axis, pattern, label in zip(
            axes, (_TIME, _MEMORY), ("time (s)", "largest process (MB)"), strict=True
        ):
            for row in load.outcome.rows:
                axis.plot(*points(row, pattern), marker="o", markersize=3, label=row["stage"])
            axis.set(xscale="log", yscale="log", xlabel="frames", ylabel=label)
            axis.grid(alpha=0.3)
        axes[1].set_ylim(bottom=50)
        axes[1].legend(bbox_to_anchor=(1.02, 1.0), loc="upper left", frameon=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)


def points(
    row: Mapping[str, Cell], pattern: re.Pattern[str]
) -> tuple[Sequence[int], Sequence[float]]:
    """Numbers of frames, and what a row has for them."""
    found = [(match[1], value) for head, value in row.items() if (match := pattern.fullmatch(head))]
    return [int(head.replace(",", "")) for head, _ in found], [float(value) for _, value in found]
