"""A headless browser, or a skip."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def dom_after_scripts(page: Path, profile: Path) -> str:
    """The page as the browser has it once its scripts have run; the network is off."""
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = os.environ.get("CM3D_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if browser is None:
        pytest.skip("no Chromium on the PATH; install one, or name it by CM3D_CHROMIUM")
    return subprocess.run(
        [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"),
            *("--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={profile}"),
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
