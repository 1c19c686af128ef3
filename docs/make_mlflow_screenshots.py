"""Take the pictures of docs/mlflow.md: `PYTHONPATH=src python docs/make_mlflow_screenshots.py`.

Shows the newest table in the project's store in MLflow's own pages, in a headless chromium (of
Debian): the experiment, one run with its curves, and the comparison of all rows.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import quote
from urllib.request import urlopen

from PIL import Image

from cm3d.errors import InputError
from cm3d.mlflow_runs.store import EXPERIMENT, Store, open_store

IMAGES: Final = Path(__file__).parent / "images"
WINDOW: Final = (1400, 860)
COLOURS: Final = 128  # pages of text need no more, and a file stays below 200 kB
_PATIENCE_S: Final = 300.0
_SETTLES_MS: Final = 20_000


def main() -> None:
    """Take all pictures."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        raise SystemExit("no chromium: apt-get install chromium")
    try:
        store = Store.from_environment()
        experiment, rows = newest_table(store)
    except InputError as error:
        raise SystemExit(str(error)) from error
    with served(store) as address:
        for name, path in pages(experiment, rows).items():
            take(browser, f"{address}/#{path}", IMAGES / f"{name}.png")


def newest_table(store: Store) -> tuple[str, list[str]]:
    """Keys of the experiment and of the runs of the table that was run last.

    Raises:
        InputError: No table has been run.
    """
    with open_store(store) as client:
        key = client.get_experiment_by_name(EXPERIMENT).experiment_id
        runs = client.search_runs([key], order_by=["attributes.start_time DESC"])
    parents = [run.data.tags.get("mlflow.parentRunId") for run in runs]
    newest = next(filter(None, parents), None)
    if newest is None:
        raise InputError(f"{store.shown}: holds no table; run `python -m experiments.run table2`")
    children = zip(runs, parents, strict=True)
    return str(key), [run.info.run_id for run, parent in children if parent == newest]


def pages(experiment: str, rows: list[str]) -> dict[str, str]:
    """Addresses of MLflow's pages by the name of the picture."""
    first = f"/experiments/{experiment}/runs/{rows[-1]}"
    compared = f"runs={quote(json.dumps(rows))}&experiments={quote(json.dumps([experiment]))}"
    return {
        "mlflow_experiment": f"/experiments/{experiment}/runs",
        "mlflow_run": f"{first}/model-metrics",
        "mlflow_compare": f"/compare-runs?{compared}",
    }


@contextmanager
def served(store: Store) -> Iterator[str]:
    """MLflow's pages of a store, as long as they are looked at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    server = subprocess.Popen(
        [*command, "--backend-store-uri", store.uri],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/health")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, 15)
        server.wait()


def wait_for(url: str) -> None:
    """Wait until a server answers."""
    end_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end_s:
        with suppress(OSError), urlopen(url, timeout=5):  # noqa: S310 (our own server)
            return
        time.sleep(0.5)
    raise SystemExit(f"{url} does not answer")


def take(browser: str, url: str, path: Path) -> None:
    """Draw a page once it has settled, in few colours."""
    with TemporaryDirectory() as folder:
        picture, profile = Path(folder, "page.png"), Path(folder, "profile")
        options: list[Any] = [
            *("--headless=new", "--no-sandbox", "--hide-scrollbars", "--disable-gpu"),
            f"--user-data-dir={profile}",
            f"--window-size={WINDOW[0]},{WINDOW[1]}",
            f"--virtual-time-budget={_SETTLES_MS}",
            f"--screenshot={picture}",
        ]
        subprocess.run([browser, *options, url], check=True, capture_output=True)
        path.parent.mkdir(exist_ok=True)
        Image.open(picture).convert("RGB").quantize(COLOURS).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
