"""Redraw the pictures of compare.md from two revisions: `make compare-figures REVS="HEAD no_push"`.

Plots are the very specifications that DVC writes, drawn without a browser; the table of experiments
is what `dvc exp show` prints.
"""

import argparse
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import vl_convert
from rich.console import Console
from rich.text import Text

from experiments.plots import VEGA_LITE

IMAGES: Final = Path(__file__).with_name("images")
TITLES: Final = {
    "Average precision by class": "classes",
    "By distance": "distance",
    "By LiDAR points on the object": "points",
    "Precision and recall at 2 m": "curves",
    "Loss": "trainings",
    "Terms of the loss": "terms",
}
_COLUMNS: Final = 190
_SCALE: Final = 1.2
_EXP_SHOW: Final = ("exp", "show", "--only-changed", "--hide-workspace", "--drop", "Created")


def dvc(*arguments: str) -> str:
    """What DVC prints, with its colours."""
    environment = {**os.environ, "COLUMNS": str(_COLUMNS), "FORCE_COLOR": "1"}
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def specifications(revisions: list[str]) -> Iterator[dict[str, Any]]:
    """Those of the page that DVC writes."""
    with TemporaryDirectory() as folder:
        dvc("plots", "diff", *revisions, "--out", folder)
        page = (Path(folder) / "index.html").read_text("utf-8")
    for found in re.finditer(r"var spec = (\{.*\});\n", page):
        yield json.loads(found[1])


def terminal(text: str) -> bytes:
    """What a terminal shows, as PNG."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    width = max(len(Text.from_ansi(line)) for line in lines)
    console = Console(record=True, width=width, file=io.StringIO())
    for line in lines:
        console.print(Text.from_ansi(line), no_wrap=True)
    return vl_convert.svg_to_png(console.export_svg(title="dvc exp show"), scale=1)


def main() -> None:
    """Draw all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("revisions", nargs="+", help="commits or experiments")
    revisions = parser.parse_args().revisions
    for spec in specifications(revisions):
        if name := TITLES.get(spec.get("title", {}).get("text")):  # metrics have empty ones
            image = vl_convert.vegalite_to_png(spec, vl_version=VEGA_LITE, scale=_SCALE)
            (IMAGES / f"compare_{name}.png").write_bytes(image)
    (IMAGES / "compare_exp_show.png").write_bytes(terminal(dvc(*_EXP_SHOW, "--no-pager")))


if __name__ == "__main__":
    main()
