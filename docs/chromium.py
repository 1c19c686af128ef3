"""Photographs of pages by Chromium: the one on the PATH, or the one that CM3D_CHROMIUM names."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from PIL import Image

IMAGES: Final = Path(__file__).with_name("images")
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_OPTIONS: Final = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
_QUALITY: Final = 72


def photograph(url: str, size_px: tuple[int, int], to: Path, patience_s: int = 0) -> None:
    """Write a page as PNG.

    Args:
        url: Of the page.
        size_px: Width and height of the window.
        to: File.
        patience_s: Of its own time, which a page gets that fetches what it shows.
    """
    browser = os.environ.get("CM3D_CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), "")
    if not browser:
        sys.exit("error: no Chromium on the PATH; install one, or name it by CM3D_CHROMIUM")
    waits = [f"--virtual-time-budget={1000 * patience_s}"] if patience_s else []
    size = f"--window-size={size_px[0]},{size_px[1]}"
    subprocess.run([browser, *_OPTIONS, size, *waits, f"--screenshot={to}", url], check=True)


def keep(name: str, picture: Image.Image, width_px: int = 1000) -> None:
    """Put a picture into the docs, scaled to a width."""
    height_px = round(picture.size[1] * width_px / picture.size[0])
    small = picture.convert("RGB").resize((width_px, height_px), Image.Resampling.LANCZOS)
    small.save(IMAGES / f"{name}.jpg", quality=_QUALITY)
