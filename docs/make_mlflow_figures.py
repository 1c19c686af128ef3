"""Redraw the pictures of docs/mlflow.md: `PYTHONPATH=src python docs/make_mlflow_figures.py TABLE`.

Takes the store of the workspace, `mlflow.db`, in which the table has been run, and shows the newest
run of it: the page of its experiment, of its first child that trained, and all children compared.
"""

import argparse
import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from chromium import keep, photograph
from mlflow import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID
from PIL import Image

from cm3d.mlflow_runs.store import EXPERIMENT

_STORE: Final = "sqlite:///mlflow.db"
_WINDOW_PX: Final = (1880, 1000)
_ASSISTANT_PX: Final = 500  # what MLflow puts at the right
_PATIENCE_S: Final = 60


def main() -> None:
    """Draw three pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", help="that has been run")
    table = parser.parse_args().table
    client = MlflowClient(_STORE)
    experiment = client.get_experiment_by_name(EXPERIMENT).experiment_id
    runs = client.search_runs([experiment], order_by=["attributes.start_time DESC"])
    parent = next(run for run in runs if run.info.run_name == table)
    children = [
        run for run in runs if run.data.tags.get(MLFLOW_PARENT_RUN_ID) == parent.info.run_id
    ]
    trained = next(
        r for r in reversed(children) if any(m.startswith("loss/") for m in r.data.metrics)
    )
    ids = json.dumps([run.info.run_id for run in reversed(children)], separators=(",", ":"))
    pages = {
        "mlflow_experiment": f"experiments/{experiment}/runs",
        "mlflow_run": f"experiments/{experiment}/runs/{trained.info.run_id}",
        "mlflow_compare": f'compare-runs?runs={ids}&experiments=["{experiment}"]',
    }
    with TemporaryDirectory() as folder, served() as address:
        for name, page in pages.items():
            shot = Path(folder) / f"{name}.png"
            photograph(f"{address}/#/{page}", _WINDOW_PX, shot, _PATIENCE_S)
            picture = Image.open(shot)
            keep(name, picture.crop((0, 0, picture.width - _ASSISTANT_PX, picture.height)), 1200)


@contextmanager
def served() -> Iterator[str]:
    """The address of MLflow's server on the store."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", _STORE]
    server = subprocess.Popen([*command, "--port", str(port), "--workers", "1"])
    try:
        while not _answers(f"{address}/health"):
            time.sleep(1)
        yield address
    finally:
        server.terminate()
        server.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310
            return True
    except OSError:
        return False


if __name__ == "__main__":
    main()
