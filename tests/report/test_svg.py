import re
from xml.etree import ElementTree

import numpy as np
import pytest

from cm3d.report.svg import Axis, Line, line_chart, share_bar, upper_limit

UNIT = Axis("a & b", 0.0, 1.0)


def line(y: list[float], x: list[float] | None = None) -> Line:
    places = np.linspace(0, 1, len(y)) if x is None else np.array(x)
    return Line("key", "a <line>", "#123456", places, np.array(y))


def test_a_line_runs_between_the_axes_and_has_gaps() -> None:
    """The chart is 330 x 230 with margins of 42, 10, 26 and 40: (0, 0) is at (42, 190)."""
    chart = line_chart("title", UNIT, UNIT, [line([0, 1, float("nan"), 0.5, 7])])
    ElementTree.fromstring(chart)
    (path,) = re.findall(r'<path d="([^"]*)" fill="none"', chart)
    assert path == "M42.0 190.0L111.5 26.0M250.5 108.0"
    assert chart.count("<circle") == 3
    assert "a &lt;line&gt;: 0.5" in chart and "a &amp; b" in chart


def test_ticks_are_round_or_named() -> None:
    assert list(Axis("", 0, 1).named().values()) == ["0", "0.2", "0.4", "0.6", "0.8", "1"]
    assert list(Axis("", 0, 0.35).named().values()) == ["0", "0.1", "0.2", "0.3"]
    assert Axis("", 0, 2, {1.0: "one"}).named() == {1.0: "one"}


@pytest.mark.parametrize(("highest", "limit"), [(0.05, 0.1), (0.43, 0.5), (2.3, 2.5)])
def test_an_axis_ends_above_all_lines(highest: float, limit: float) -> None:
    assert upper_limit([line([0, float("nan"), highest])], least=0.1) == pytest.approx(limit)


def test_a_bar_is_made_of_shares() -> None:
    bar = ElementTree.fromstring(
        share_bar({"a": 0.25, "b": 0.0, "c": 0.75}, {"a": "red", "b": "blue", "c": "green"}, 100)
    )
    parts = [(part.get("x"), part.get("width"), part.get("fill")) for part in bar]
    assert parts == [("0.0", "25.0", "red"), ("25.0", "75.0", "green")]
