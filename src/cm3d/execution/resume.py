"""Work folders that outlive an interruption.

DVC deletes a stage's outputs before it runs, so unfinished work lives outside them, below
`$DVC_ROOT/.cache/resume`, in a folder named by everything that the stage's result depends on.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from cm3d.errors import InputError
from cm3d.execution.graph import read_stages


@contextmanager
def resumable_folder(stage: str, out: Path) -> Iterator[Path]:
    """A folder to fill that becomes `out` when the block ends, and is kept when it fails.

    Args:
        stage: Name of the stage in dvc.yaml.
        out: Output folder of the stage; replaced whole.

    Raises:
        InputError: The cache cannot be written.
    """
    work = work_folder(stage) / out.name
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{work}: cannot be written ({error.strerror}); free or chmod it"
        ) from error
    yield work
    shutil.rmtree(out, ignore_errors=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(work, out)
    _remove_if_empty(work.parent)


def work_folder(stage: str) -> Path:
    """Where unfinished work of a stage in its present state is kept; stale states are removed."""
    base = Path(os.environ.get("DVC_ROOT", ".")) / ".cache" / "resume"
    folder = base / f"{stage}-{stage_digest(stage)}"
    for other in base.glob(f"{stage}-*"):
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    return folder


def stage_digest(stage: str, project: Path = Path()) -> str:
    """Digest of a stage's code, parameters and inputs, as dvc.yaml lists them.

    Code counts by content, data by path, size and time.
    """
    pipeline = read_stages(project / "dvc.yaml")[stage]
    values = yaml.safe_load((project / "params.yaml").read_text())
    digest = hashlib.sha256(str(pipeline["cmd"]).encode())
    for section in pipeline.get("params", []):
        digest.update(repr((section, _lookup(values, section))).encode())
    for dependency in sorted(pipeline.get("deps", [])):
        for file in _files(project / dependency):
            digest.update(str(file.relative_to(project)).encode())
            digest.update(_fingerprint(file, is_data=dependency.startswith("data/")))
    return digest.hexdigest()[:12]


def _lookup(values: Any, dotted_key: str) -> Any:
    for key in dotted_key.split("."):
        values = values[key]
    return values


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts)


def _fingerprint(file: Path, is_data: bool) -> bytes:
    if not is_data:
        return file.read_bytes()
    status = file.stat()
    return f"{status.st_size} {status.st_mtime_ns}".encode()


def _remove_if_empty(folder: Path) -> None:
    if not any(folder.iterdir()):
        folder.rmdir()
