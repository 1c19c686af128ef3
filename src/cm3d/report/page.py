"""One HTML page, well-formed as XML, that opens from disk: words, tables, charts and pictures."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

# Of label sets and models, in the order in which they come.
_COLORS: Final = (
    "#f59e0b", "#0ea5e9", "#8b5cf6", "#10b981", "#ef4444", "#ec4899",
    "#64748b", "#84cc16", "#14b8a6", "#6366f1", "#a16207",
)  # fmt: skip

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --faint: #888; --good: #16803c; --bad: #c02626; }
body { font: 14px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 1180px;
       padding: 0 18px 60px; }
h1 { font-size: 22px; margin: 18px 0 4px; } h2 { font-size: 17px; margin: 30px 0 6px; }
h3 { font-size: 14px; margin: 14px 0 4px; }
p { margin: 4px 0 8px; max-width: 900px; } .faint { color: var(--faint); }
table { border-collapse: collapse; margin: 6px 0; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 9px; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child, .words td, .words th { text-align: left; } th { font-weight: 600; }
.better { color: var(--good); } .worse { color: var(--bad); }
small { display: block; font-size: 11px; line-height: 1.1; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 6px; }
.charts svg { width: 100%; height: auto; } .wide { overflow-x: auto; }
svg text { fill: currentColor; font: 11px system-ui, sans-serif; }
svg .title { font-weight: 600; font-size: 12px; } svg .tick { font-size: 10px; opacity: .75; }
svg .middle { text-anchor: middle; } svg .end { text-anchor: end; }
svg .grid { stroke: currentColor; opacity: .12; } svg .axis { stroke: currentColor; opacity: .5;
       fill: none; } svg .diagonal { stroke: currentColor; opacity: .4; stroke-dasharray: 4 4; }
.legend { position: sticky; top: 0; background: Canvas; padding: 8px 0; z-index: 1;
       border-bottom: 1px solid var(--line); }
.legend label { margin-right: 14px; white-space: nowrap; cursor: pointer; }
.swatch { display: inline-block; width: 12px; height: 12px; border-radius: 3px;
       vertical-align: -1px; margin: 0 5px 0 2px; }
.frames { display: grid; grid-template-columns: repeat(auto-fill, minmax(330px, 1fr)); gap: 12px; }
figure { margin: 0; } figure img { width: 100%; display: block; border-radius: 4px; }
figcaption { font-size: 12px; padding: 3px 0; } .note { color: var(--bad); }
.key { margin-right: 16px; white-space: nowrap; }
"""

# A box of the legend shows or hides the lines of its label set in all charts.
_SCRIPT: Final = """
document.querySelectorAll('.legend input').forEach(function (box) {
  function show() {
    document.querySelectorAll('svg .s-' + box.value).forEach(function (line) {
      line.style.display = box.checked ? '' : 'none';
    });
  }
  box.addEventListener('change', show);
  show();
});
"""


@dataclass(frozen=True)
class Cell:
    """A figure with its change against the baseline.

    Args:
        text: The figure.
        change: The change, with its sign; empty where there is none to compare with.
        is_better: Whether the change is for the better; None where it is neither.
    """

    text: str
    change: str = ""
    is_better: bool | None = None

    def html(self) -> str:
        """As the content of a table's cell."""
        if not self.change:
            return escape(self.text)
        kind = {True: ' class="better"', False: ' class="worse"', None: ' class="faint"'}
        return f"{escape(self.text)}<small{kind[self.is_better]}>{escape(self.change)}</small>"


@dataclass(frozen=True)
class Picture:
    """A keyframe that was drawn.

    Args:
        images: Bytes of WebP files, one above the other.
        caption: What it shows, a line each.
    """

    images: Sequence[bytes]
    caption: Sequence[str]

    def html(self) -> str:
        """As a figure."""
        images = "".join(
            f'<img alt="{escape(self.caption[0])}" loading="lazy" '
            f'src="data:image/webp;base64,{base64.b64encode(image).decode()}"/>'
            for image in self.images
        )
        lines = "<br/>".join(escape(line) for line in self.caption)
        return f"<figure>{images}<figcaption>{lines}</figcaption></figure>"


@dataclass
class Page:
    """A page that grows from top to bottom.

    Args:
        title: Its name.
        parts: HTML so far.
    """

    title: str
    parts: list[str] = field(default_factory=list)

    def heading(self, text: str, level: int = 2) -> None:
        """Begin a section."""
        self.parts.append(f"<h{level}>{escape(text)}</h{level}>")

    def words(self, text: str, kind: str = "") -> None:
        """A paragraph; `kind` is a class of the style."""
        self.parts.append(f'<p class="{kind}">{escape(text)}</p>')

    def table(
        self, head: Sequence[str], rows: Sequence[Sequence[Cell | str]], kind: str = "figures"
    ) -> None:
        """A table of `figures` or `words`; of its cells, texts are HTML already."""
        cells = [
            "".join(f"<td>{cell.html() if isinstance(cell, Cell) else cell}</td>" for cell in row)
            for row in rows
        ]
        names = "".join(f"<th>{escape(name)}</th>" for name in head)
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        self.parts.append(
            f'<div class="wide"><table class="{kind}"><thead><tr>{names}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>"
        )

    def charts(self, charts: Sequence[str]) -> None:
        """Charts side by side."""
        self.parts.append(f'<div class="charts">{"".join(charts)}</div>')

    def pictures(self, pictures: Sequence[Picture]) -> None:
        """Keyframes side by side."""
        self.parts.append(f'<div class="frames">{"".join(p.html() for p in pictures)}</div>')

    def legend(self, titles: Mapping[str, str], hidden: Sequence[str] = ()) -> None:
        """Boxes to tick, one per label set: titles by key; some are not shown at first."""
        boxes = []
        for key, title in titles.items():
            checked = "" if key in hidden else ' checked="checked"'
            boxes.append(
                f'<label><input type="checkbox" value="{key}"{checked}/>'
                f"{swatch(color_of(key, titles))}{escape(title)}</label>"
            )
        self.parts.append(f'<div class="legend">{"".join(boxes)}</div>')

    def colors(self, colors: Mapping[str, str]) -> None:
        """What colours mean."""
        keys = (
            f'<span class="key">{swatch(color)}{escape(name)}</span>'
            for name, color in colors.items()
        )
        self.parts.append(f"<p>{' '.join(keys)}</p>")

    def html(self) -> str:
        """The whole page."""
        return (
            '<!DOCTYPE html>\n<html xmlns="http://www.w3.org/1999/xhtml" lang="en">\n<head>'
            f'<meta charset="utf-8"/><title>{escape(self.title)}</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
            f"<style>{_STYLE}</style></head>\n<body><h1>{escape(self.title)}</h1>\n"
            + "\n".join(self.parts)
            + f"\n<script>{_SCRIPT}</script></body></html>\n"
        )


def color_of(key: str, keys: Mapping[str, str] | Sequence[str]) -> str:
    """The colour of a label set among others."""
    return _COLORS[list(keys).index(key) % len(_COLORS)]


def swatch(color: str) -> str:
    """A square of a colour, as HTML."""
    return f'<span class="swatch" style="background:{color}"></span>'
