"""Variables of the environment that decide where and how a stage runs, checked before it does."""

import codecs
import locale
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from cm3d.errors import InputError, refused

# What `torchrun` gives to each of the processes that train together.
_TOGETHER: Final = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
# Those that make a process one of several; an address alone is harmless.
_JOINING: Final = _TOGETHER[:3]
_THREADS: Final = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_GPU: Final = re.compile(r"-?\d+|(GPU|MIG)-[\w/-]+|NoDevFiles")
# The longest address of a socket is 107 bytes (sun_path), of which multiprocessing needs so many
# below the temporary folder: /pymp-xxxxxxxx/listener-xxxxxxxx.
_LONGEST_TEMPORARY: Final = 107 - 32


def check_environment() -> None:
    """Refuse an environment in which a stage would fail later, or go wrong in silence.

    Raises:
        InputError: A variable has no meaning; the message names it.
    """
    values = os.environ
    _check_folders(values)
    _check_encoding()
    for name in _THREADS:
        counts = values.get(name, "1").split(",")
        _demand(name, values, all(map(_is_count, counts)), "set a number of threads, as 1")
    gpus = [gpu.strip() for gpu in values.get("CUDA_VISIBLE_DEVICES", "").split(",")]
    known = gpus == [""] or all(map(_GPU.fullmatch, gpus))
    _demand("CUDA_VISIBLE_DEVICES", values, known, "set numbers of GPUs, as 0,1")
    if any(name in values for name in _JOINING):
        check_membership(values)


def check_membership(values: Mapping[str, str]) -> None:
    """Check what makes this process one of several that train together.

    Args:
        values: The environment.

    Raises:
        InputError: A variable is missing or has no meaning.
    """
    remedy = f"start it by torchrun, or unset {', '.join(_TOGETHER)}"
    if missing := [name for name in _TOGETHER if name not in values]:
        there = next(name for name in _JOINING if name in values)
        raise InputError(f"{missing[0]}: not set, but {there} is; {remedy}")
    rules: dict[str, Callable[[str], bool]] = {
        "WORLD_SIZE": _is_count,
        "RANK": lambda text: _is_number(text) and int(text) < int(values["WORLD_SIZE"]),
        "LOCAL_RANK": lambda text: _is_number(text) and int(text) <= int(values["RANK"]),
        "MASTER_ADDR": lambda text: re.fullmatch(r"\S+", text) is not None,
        "MASTER_PORT": lambda text: _is_count(text) and int(text) < 2**16,
    }
    for name, rule in rules.items():
        _demand(name, values, rule(values[name]), remedy)


def refuse_several(values: Mapping[str, str]) -> None:
    """Refuse to be one of several processes, for stages that are no training.

    Raises:
        InputError: It is one.
    """
    if values.get("WORLD_SIZE", "1") != "1":
        raise InputError(
            f"WORLD_SIZE: {values['WORLD_SIZE']}, but this stage is no training; start it without "
            "torchrun and set execution.workers"
        )


def _check_folders(values: Mapping[str, str]) -> None:
    try:
        Path.cwd()
    except FileNotFoundError as error:
        raise InputError("the current folder was deleted; cd to the project") from error
    if values.get("DVC_ROOT"):
        is_folder = "\0" not in values["DVC_ROOT"] and Path(values["DVC_ROOT"]).is_dir()
        _demand("DVC_ROOT", values, is_folder, "no such folder; unset it")
        _refuse_shallow_clone(Path(values["DVC_ROOT"]))
    try:
        temporary = tempfile.gettempdir()
    except OSError as error:
        raise InputError(
            f"TMPDIR: no temporary folder can be written ({refused(error)}); name one in TMPDIR"
        ) from error
    if len(os.fsencode(temporary)) > _LONGEST_TEMPORARY:
        raise InputError(
            f"TMPDIR: {temporary}: {len(os.fsencode(temporary))} bytes are too long for sockets, "
            f"which have room for {_LONGEST_TEMPORARY}; name a shorter folder, as /tmp"
        )


def _refuse_shallow_clone(workspace: Path) -> None:
    """Refuse to work in a temporary copy of a shallow clone: DVC ends well and keeps nothing."""
    is_copy = workspace.resolve() != Path.cwd().resolve()
    if is_copy and (workspace / ".git" / "shallow").is_file():
        raise InputError(
            f"{workspace}: a shallow clone, for which DVC loses what an experiment in a temporary "
            "copy has made; run `git fetch --unshallow` there"
        )


def _check_encoding() -> None:
    name = locale.getpreferredencoding(False)
    if codecs.lookup(name).name != "utf-8":
        raise InputError(
            f"LC_ALL: files would be read as {name}, and are UTF-8; set PYTHONUTF8=1 or a locale "
            "of UTF-8, as C.UTF-8"
        )


def _demand(name: str, values: Mapping[str, str], is_met: bool, remedy: str) -> None:
    if not is_met:
        raise InputError(f"{name}: {values[name]!r:.80} has no meaning; {remedy}")


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\d{1,9}", text, re.ASCII) is not None


def _is_count(text: str) -> bool:
    return _is_number(text.strip()) and int(text) > 0
