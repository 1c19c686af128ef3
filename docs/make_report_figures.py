"""Redraw the pictures of docs/see.md: `PYTHONPATH=src python docs/make_report_figures.py`.

Takes what the workspace holds, after `dvc repro`.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from chromium import keep, photograph
from PIL import Image

_PAGE_PX: Final = (1180, 6400)


def main() -> None:
    """Draw both pictures."""
    with TemporaryDirectory() as folder:
        sheet, page, shot = (
            Path(folder) / name for name in ("view.png", "report.html", "shot.png")
        )
        _run(sys.executable, "-m", "stages.view", "--out", str(sheet))
        _run(sys.executable, "-m", "stages.report", "--out", str(page))
        photograph(page.as_uri(), _PAGE_PX, shot)
        keep("see_sheet", Image.open(sheet))
        keep("see_report", _in_two_columns(Image.open(shot)))


def _run(*words: str) -> None:
    subprocess.run(words, check=True)


def _in_two_columns(page: Image.Image) -> Image.Image:
    """A long page cut in the middle, its halves side by side."""
    width_px, height_px = page.size[0], page.size[1] // 2
    whole = Image.new("RGB", (2 * width_px + 20, height_px), "white")
    for column in range(2):
        half = page.crop((0, column * height_px, width_px, (column + 1) * height_px))
        whole.paste(half, (column * (width_px + 20), 0))
    return whole


if __name__ == "__main__":
    main()
