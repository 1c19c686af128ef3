"""A table as a picture: bars of what was measured, with its spread, and the paper's figures."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.figure import Figure

_HERE, _PAPER = "#2b6cb0", "#dd6b20"


@dataclass(frozen=True)
class Bars:
    """A figure of each row.

    Args:
        title: Of the table.
        axis: What the figure is, with its unit.
        names: Of the rows, from top to bottom.
        here: Measured, None where it was not.
        deviations: Over runs, None of one run.
        paper: The paper's, None where it has none.
    """

    title: str
    axis: str
    names: Sequence[str]
    here: Sequence[float | None]
    deviations: Sequence[float | None]
    paper: Sequence[float | None]


def draw_bars(bars: Bars) -> str:
    """The picture as SVG, the same text for the same figures."""
    with mpl.rc_context(
        {
            "svg.hashsalt": bars.title,
            "svg.fonttype": "none",
            "font.size": 9,
            "text.parse_math": False,  # a dollar is a dollar
        }
    ):
        figure = Figure(figsize=(8, 1.2 + 0.24 * len(bars.names)), layout="constrained")
        axes = figure.subplots()
        measured, here = _known(bars.here)
        axes.barh(
            measured,
            here,
            xerr=[bars.deviations[row] or 0.0 for row in measured],
            color=_HERE,
            label="measured here, ± standard deviation over runs",
            height=0.65,
        )
        given, paper = _known(bars.paper)
        axes.plot(paper, given, "D", color=_PAPER, label="paper")
        axes.set_yticks(range(len(bars.names)), list(bars.names))
        axes.set_ylim(len(bars.names) - 0.5, -0.5)
        axes.set_xlim(left=0)
        axes.set_xlabel(bars.axis)
        axes.grid(axis="x", alpha=0.3)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        figure.suptitle(bars.title, fontsize=10)
        figure.legend(loc="outside lower center", ncols=2, frameon=False)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


def _known(values: Sequence[float | None]) -> tuple[list[int], list[float]]:
    """Rows that have a value, and the values."""
    known = {row: value for row, value in enumerate(values) if value is not None}
    return list(known), list(known.values())
