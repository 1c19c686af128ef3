"""Small charts as SVG, drawn by hand: the page needs no library and no network."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat

_WIDTH, _HEIGHT = 330, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 42, 10, 26, 40
_TICKS: Final = 5


@dataclass(frozen=True, eq=False)
class Line:
    """One line of a chart.

    Args:
        key: Names the line over all charts, a word of letters, digits and `_`.
        title: Shown when the pointer rests on it.
        color: As CSS has it.
        x: (P,) places.
        y: (P,) values; NaN leaves a gap.
        notes: What a point tells besides, P of them or none.
    """

    key: str
    title: str
    color: str
    x: NDArrayFloat
    y: NDArrayFloat
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Axis:
    """A direction of a chart.

    Args:
        label: What it measures.
        low: Value at its begin.
        high: Value at its end.
        ticks: Names by place; none: round numbers.
    """

    label: str
    low: float
    high: float
    ticks: Mapping[float, str] | None = None

    def named(self) -> Mapping[float, str]:
        """Names by place."""
        if self.ticks is not None:
            return self.ticks
        step = _round_step((self.high - self.low) / _TICKS)
        places = np.arange(math.ceil(self.low / step), math.floor(self.high / step + 1e-9) + 1)
        return {float(place * step): f"{place * step:g}" for place in places}


def line_chart(
    title: str, x: Axis, y: Axis, lines: Sequence[Line], dots: bool = True, diagonal: bool = False
) -> str:
    """Lines over an axis; each is a group of the class `s s-KEY`, by which a page can hide it.

    Args:
        title: Above it.
        x: From left to right.
        y: From the bottom to the top.
        lines: Points beyond the axes are left out.
        dots: Whether each point has a dot, which tells its value.
        diagonal: Whether to draw where both values are equal.
    """
    parts = [f'<text x="{_LEFT}" y="15" class="title">{escape(title)}</text>', *_frame(x, y)]
    if diagonal:
        (x1, y1), (x2, y2) = (_place(x, y, value, value) for value in (x.low, x.high))
        parts.append(f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" class="diagonal"/>')
    parts += [_drawn(line, x, y, dots) for line in lines]
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" xmlns="http://www.w3.org/2000/svg">'
        f"{''.join(parts)}</svg>"
    )


def share_bar(shares: Mapping[str, float], colors: Mapping[str, str], width_px: int = 240) -> str:
    """A bar whose parts are shares of a whole, each telling its name."""
    parts: list[str] = []
    start = 0.0
    for name, share in shares.items():
        if share > 0:
            parts.append(
                f'<rect x="{start * width_px:.1f}" y="0" width="{share * width_px:.1f}" '
                f'height="14" fill="{colors[name]}"><title>{escape(name)}: {share:.1%}</title>'
                "</rect>"
            )
        start += share
    return (
        f'<svg width="{width_px}" height="14" viewBox="0 0 {width_px} 14" role="img" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def upper_limit(lines: Sequence[Line], least: float) -> float:
    """A round end of an axis that all lines stay below."""
    values = np.concatenate([line.y for line in lines]) if lines else np.empty(0)
    known = values[np.isfinite(values)]
    highest = float(known.max(initial=least))
    step = _round_step(highest / _TICKS)
    return step * math.ceil(highest / step - 1e-9)


def _frame(x: Axis, y: Axis) -> list[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    parts = []
    for value, name in y.named().items():
        _, at = _place(x, y, x.low, value)
        parts.append(f'<path d="M{_LEFT} {at:.1f}H{right}" class="grid"/>')
        parts.append(f'<text x="{_LEFT - 5}" y="{at + 3.5:.1f}" class="tick end">{name}</text>')
    for value, name in x.named().items():
        at, _ = _place(x, y, value, y.low)
        parts.append(
            f'<text x="{at:.1f}" y="{bottom + 14}" class="tick middle">{escape(name)}</text>'
        )
    middle = (_LEFT + right) / 2
    parts.append(f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" class="axis"/>')
    parts.append(
        f'<text x="{middle}" y="{_HEIGHT - 8}" class="tick middle">{escape(x.label)}</text>'
    )
    turned = f"rotate(-90 11 {(_TOP + bottom) / 2})"
    parts.append(
        f'<text x="11" y="{(_TOP + bottom) / 2}" class="tick middle" transform="{turned}">'
        f"{escape(y.label)}</text>"
    )
    return parts


def _drawn(line: Line, x: Axis, y: Axis, dots: bool) -> str:
    path: list[str] = []
    points: list[str] = []
    pen = "M"
    for index, (at, value) in enumerate(zip(line.x.tolist(), line.y.tolist(), strict=True)):
        if math.isnan(value) or not (x.low <= at <= x.high and y.low <= value <= y.high):
            pen = "M"
            continue
        left, top = _place(x, y, at, value)
        path.append(f"{pen}{left:.1f} {top:.1f}")
        pen = "L"
        if dots:
            note = f", {line.notes[index]}" if line.notes else ""
            told = escape(f"{line.title}: {value:.3g}{note}")
            points.append(
                f'<circle cx="{left:.1f}" cy="{top:.1f}" r="2.6" fill="{line.color}">'
                f"<title>{told}</title></circle>"
            )
    return (
        f'<g class="s s-{line.key}"><path d="{"".join(path) or "M0 0"}" fill="none" '
        f'stroke="{line.color}" stroke-width="1.6"><title>{escape(line.title)}</title></path>'
        f"{''.join(points)}</g>"
    )


def _place(x: Axis, y: Axis, at: float, value: float) -> tuple[float, float]:
    wide, high = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    share_x = (at - x.low) / ((x.high - x.low) or 1.0)
    share_y = (value - y.low) / ((y.high - y.low) or 1.0)
    return _LEFT + share_x * wide, _HEIGHT - _BOTTOM - share_y * high


def _round_step(step: float) -> float:
    """1, 2 or 5 times a power of ten, not less."""
    if step <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(step))
    return next(f * power for f in (1, 2, 5, 10) if f * power >= step * (1 - 1e-9))
