"""Redraw the pictures of docs/see.md: `PYTHONPATH=src python docs/make_report_figures.py`.

Takes what the workspace holds, after `dvc repro`. The page is photographed by Chromium: the one on
the PATH, or the one that CM3D_CHROMIUM names.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from PIL import Image

IMAGES: Final = Path(__file__).parent / "images"
_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
_PAGE_PX: Final = (1180, 6400)
_WIDTH_PX: Final = 1000
_QUALITY: Final = 72


def main() -> None:
    """Draw both pictures."""
    browser = os.environ.get("CM3D_CHROMIUM") or next(
        filter(None, map(shutil.which, _BROWSERS)), ""
    )
    if not browser:
        sys.exit("error: no Chromium on the PATH; install one, or name it by CM3D_CHROMIUM")
    with TemporaryDirectory() as folder:
        sheet, page, shot = (
            Path(folder) / name for name in ("view.png", "report.html", "shot.png")
        )
        _run(sys.executable, "-m", "stages.view", "--out", str(sheet))
        _run(sys.executable, "-m", "stages.report", "--out", str(page))
        options = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
        size = ",".join(map(str, _PAGE_PX))
        _run(browser, *options, f"--window-size={size}", f"--screenshot={shot}", page.as_uri())
        _write("see_sheet", Image.open(sheet))
        _write("see_report", _in_two_columns(Image.open(shot)))


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


def _write(name: str, picture: Image.Image) -> None:
    height_px = round(picture.size[1] * _WIDTH_PX / picture.size[0])
    small = picture.convert("RGB").resize((_WIDTH_PX, height_px), Image.Resampling.LANCZOS)
    small.save(IMAGES / f"{name}.jpg", quality=_QUALITY)


if __name__ == "__main__":
    main()
