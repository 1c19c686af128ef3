"""Where the weights of a shelf model lie; nothing is downloaded while a stage runs."""

import os
import re
from pathlib import Path
from typing import Final

from cm3d.errors import InputError

_HUB_ID: Final = re.compile(r"[\w-][\w.-]*/[\w.-]+")
_CONFIGS: Final = ("*.json", "*.txt")
# In order of preference. PyTorch reads the second kind with `weights_only=True`.
_WEIGHTS: Final = ("*.safetensors", "*.bin")


def model_folder(model: str, revision: str | None, key: str) -> Path:
    """The folder of a model: given, or in the cache of the Hugging Face hub (`$HF_HOME`).

    Args:
        model: A folder (a relative path starts at `$DVC_ROOT`), or an id on the hub.
        revision: The commit on the hub.
        key: Dotted path of the parameters, named in errors.

    Raises:
        InputError: The folder is incomplete, or the hub's model is not pinned or not fetched.
    """
    folder = workspace_path(model)
    if folder.is_dir():
        return _complete(folder, key)
    if not _HUB_ID.fullmatch(model):
        raise InputError(f"{key}.model: {folder} is no folder; correct it or name a hub id")
    remedy = f"run `make weights MODEL={key}`"
    if revision is None:
        raise InputError(f"{key}.revision: {model} is not pinned; {remedy}")
    try:
        return snapshot(model, revision, offline=True)
    except (OSError, LookupError) as error:
        at = f"{model} at {revision[:8]}"
        raise InputError(f"{key}: no weights of {at} in the hub's cache; {remedy}") from error


def workspace_path(name: str) -> Path:
    """A path from the parameters; `$DVC_ROOT` is the workspace, also in a temporary copy of it."""
    return Path(os.environ.get("DVC_ROOT", "."), name)


def snapshot(model: str, revision: str, *, offline: bool) -> Path:
    """The folder of a model of the hub with its configuration and one kind of weights.

    Args:
        model: Id on the hub.
        revision: Commit.
        offline: Look into the cache alone, else fetch what it lacks.

    Raises:
        OSError: It is not in the cache, or the hub cannot be reached.
        LookupError: The model has no weights of a kind that is read.
    """
    from huggingface_hub import snapshot_download

    for kind in _WEIGHTS:
        patterns = [*_CONFIGS, kind]
        folder = snapshot_download(
            model, revision=revision, allow_patterns=patterns, local_files_only=offline
        )
        if any(Path(folder).glob(kind)):
            return Path(folder)
    raise LookupError(f"{model} has neither {' nor '.join(_WEIGHTS)}")


def _complete(folder: Path, key: str) -> Path:
    if not (folder / "config.json").is_file():
        raise InputError(f"{key}.model: {folder} has no config.json; save the whole model there")
    if not any(any(folder.glob(kind)) for kind in _WEIGHTS):
        raise InputError(f"{key}.model: {folder} has no {' or '.join(_WEIGHTS)}; add the weights")
    return folder
