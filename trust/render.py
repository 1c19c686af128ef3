"""docs/trust.md: the tables between its marks, from the JSON files of `trust/results`."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from trust.clone import PROJECT
from trust.outcome import RESULTS, Cell, Measured, read_measured

PAGE: Final = PROJECT / "docs" / "trust.md"

_BLOCK: Final = re.compile(r"(<!-- trust: (\w+) -->\n).*?(<!-- end -->)", re.S)
_SHOWN_FAULTS: Final = 20
_NOT_RUN: Final = "**Not run.**"


def render(page: str, parts: Sequence[str], results: Path = RESULTS) -> str:
    """The page with what was measured between `<!-- trust: PART -->` and `<!-- end -->`.

    The block `all` has a row per part. A part without results says that it was not run.
    """
    measured = {part: read_measured(part, results) for part in parts}

    def fill(found: re.Match[str]) -> str:
        part = found[2]
        text = overview(measured) if part == "all" else described(measured[part])
        return f"{found[1]}\n{text}\n\n{found[3]}"

    return _BLOCK.sub(fill, page)


def overview(measured: Mapping[str, Measured | None]) -> str:
    """A row per part."""
    rows: list[dict[str, Cell]] = []
    for part, found in measured.items():
        row: dict[str, Cell] = {"part": f"[{part}](#{part.replace('_', '-')})"}
        if found is None:
            rows.append({**row, "tried": "not run", "kept": "-", "minutes": "-", "when": "-"})
        else:
            when = f"{found.date}, {found.commit}{', short' if found.short else ''}"
            minutes = f"{found.took_s / 60:.1f}"
            tried, kept = found.outcome.tried, found.outcome.kept
            rows.append({**row, "tried": tried, "kept": kept, "minutes": minutes, "when": when})
    return table(rows)


def described(measured: Measured | None) -> str:
    """Where and when, the table, notes and faults of one part."""
    if measured is None:
        return _NOT_RUN
    outcome, scale = measured.outcome, "a short run, " if measured.short else ""
    head = (
        f"**Measured here** ({scale}{measured.date}, commit {measured.commit}, {measured.machine}, "
        f"{measured.took_s / 60:.1f} minutes): {outcome.kept} of {outcome.tried} kept."
    )
    blocks = [head, table(outcome.rows), *outcome.notes]
    if outcome.faults:
        shown = [f"- {fault.replace('|', ' ')}" for fault in outcome.faults[:_SHOWN_FAULTS]]
        more = len(outcome.faults) - len(shown)
        blocks.append("\n".join(["Not kept:", "", *shown, *([f"- and {more} more"] * (more > 0))]))
    return "\n\n".join(block for block in blocks if block)


def table(rows: Sequence[Mapping[str, Cell]]) -> str:
    """Markdown; numbers to the right."""
    if not rows:
        return ""
    heads = list(rows[0])
    numeric = [isinstance(rows[0][head], int | float) for head in heads]
    lines = [heads, ["---:" if right else "---" for right in numeric]]
    lines += [[_cell(row[head]) for head in heads] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Cell) -> str:
    return f"{value:,}" if isinstance(value, int | float) else value.replace("|", "/")
