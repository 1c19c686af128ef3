"""What a stage's result depends on, as a number: unfinished work of another one is not taken up."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cm3d.errors import InputError
from cm3d.execution.pipeline import (
    RESTORE,
    file_knobs,
    knob_value,
    knobs_of,
    output_paths,
    read_stages,
    read_values,
)
from cm3d.params import NO_FILE, Dataset, data_root
from cm3d.tables import layout
from cm3d.tables.parquet import read_texts

# The tables of the index that list the files of a dependency, by its path.
_LISTED_IN: Final = {
    str(layout.RAW / "images"): layout.CAMERAS,
    str(layout.RAW / "lidar"): layout.SWEEPS,
}


def stage_digest(stage: str, project: Path = Path()) -> str:
    """Digest of a stage's code, parameters and inputs, as dvc.yaml lists them.

    What stages write counts by path, size and time, and so do sensor files of a data set that lies
    elsewhere; all else, code and files that parameters name, by content.

    Raises:
        InputError: An input cannot be read.
    """
    stages, values = read_stages(project / "dvc.yaml"), read_values(project / "params.yaml")
    if stage not in stages:
        raise InputError(f"{project / 'dvc.yaml'}: describes no stage {stage}; {RESTORE}")
    pipeline = stages[stage]
    made = [out for other in stages.values() for out in output_paths(other)]
    digest = hashlib.sha256(str(pipeline["cmd"]).encode())
    for knob in knobs_of(pipeline):
        digest.update(repr((knob, knob_value(values, knob))).encode())
    for dependency in sorted(pipeline.get("deps", [])):
        if not (project / dependency).exists():
            digest.update(f"{dependency} is missing".encode())
        is_made = any(_is_within(dependency, out) for out in made)
        for file in _files(project / dependency):
            digest.update(os.path.relpath(file, project).encode())
            digest.update(_state(file) if is_made else _content(file))
        if dependency in _LISTED_IN:
            for file in _sensor_files(project, values, _LISTED_IN[dependency]):
                digest.update(str(file).encode())
                digest.update(_state(file))
    return digest.hexdigest()[:12]


def named_content(values: Mapping[str, Any], project: Path = Path()) -> dict[str, str]:
    """Digest of each file or folder that a parameter names, by that parameter.

    Args:
        values: All parameters, nested.
        project: Folder of dvc.yaml, where relative paths start.

    Returns:
        None for parameters that name no file. What is not there counts as empty.

    Raises:
        InputError: A file cannot be read.
    """
    digests = {}
    for knob in file_knobs(project / "dvc.yaml"):
        named = str(knob_value(values, knob))
        if os.path.normpath(named) != NO_FILE:
            digest = hashlib.sha256()
            for file in _files(project / named):
                digest.update(os.path.relpath(file, project / named).encode())
                digest.update(_content(file))
            digests[knob] = digest.hexdigest()
    return digests


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _sensor_files(project: Path, values: Mapping[str, Any], listed_in: Path) -> list[Path]:
    """The files of a data set that lies elsewhere which an index lists; none where it lies here."""
    tables = sorted((project / listed_in).glob("*.parquet"))
    card = project / layout.CARD
    if not tables or not card.is_file() or read_values(card, "rerun `download`").get("embedded"):
        return []
    root = data_root(Dataset.model_validate(values["dataset"]), must_exist=False)
    paths = [read_texts(table, "path") for table in tables]
    return [root / path for path in sorted({path for of_scene in paths for path in of_scene})]


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts)


def _state(file: Path) -> bytes:
    """Size and time of a file; of one that is away, that it is."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return b"missing"
    return f"{status.st_size} {status.st_mtime_ns}".encode()


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").digest()
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}); chmod it") from error
