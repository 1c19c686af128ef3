"""Models of the transformers library, from a folder of the Hugging Face hub's format."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Final

import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoImageProcessor, AutoTokenizer
from transformers.utils import logging

from cm3d.errors import InputError
from cm3d.shelf.runtime import Runtime
from cm3d.weights import check_finite

# What the library raises over files that are missing, cut off or of another model.
_BROKEN: Final = (OSError, ValueError, RuntimeError, EOFError, SafetensorError, UnpicklingError)
_VOCABULARIES: Final = ("tokenizer.json", "vocab.txt", "vocab.json")

# A stage shows its own progress, on the same line.
logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def load_pretrained(kind: Any, folder: Path, runtime: Runtime, key: str) -> Any:
    """Load a model for inference, in float32; `runtime` says what it computes in.

    Args:
        kind: A model class of transformers.
        folder: Has the configuration and the weights; of `.bin` files, tensors alone are read.
        runtime: Where the model will live.
        key: The parameter that named it, for error messages.

    Raises:
        InputError: The folder has another model, or not all of its weights, or numbers among them
            that are NaN or infinite.
    """
    options = {"dtype": torch.float32, "output_loading_info": True}
    model, loading = _load(kind, folder, key, **options)
    # The library would fill in random numbers.
    if lacking := sorted(loading["missing_keys"]):
        name = f"{folder} has no weights of {kind.__name__} for {lacking[0]} and"
        raise InputError(f"{key}: {name} {len(lacking) - 1} others; fetch them again")
    check_finite(dict(model.named_parameters()), folder, f"fetch it again or correct {key}")
    return model.eval().to(runtime.device)


def pretrained_backbone(
    kind: Any, folder: Path, stages: Sequence[str], new: str, key: str
) -> dict[str, Tensor]:
    """Weights of a backbone out of a classifier's folder, in float32, by the library's own names.

    Args:
        kind: A backbone class of transformers.
        folder: Has the configuration and the weights; of `.bin` files, tensors alone are read.
        stages: Whose features it gives.
        new: What stands in the names of layers that a classifier has not.
        key: The parameter that named it, for error messages.

    Raises:
        InputError: The folder has another model, or not all of its weights, or numbers among them
            that are NaN or infinite.
    """
    options = {"dtype": torch.float32, "output_loading_info": True, "out_features": list(stages)}
    model, loading = _load(kind, folder, key, **options)
    if lacking := sorted(name for name in loading["missing_keys"] if new not in name):
        name = f"{folder} has no weights of {kind.__name__} for {lacking[0]} and"
        raise InputError(f"{key}: {name} {len(lacking) - 1} others; fetch them again")
    weights: dict[str, Tensor] = model.state_dict()
    check_finite(weights, folder, f"fetch it again or correct {key}")
    return weights


def load_tokenizer(folder: Path, key: str) -> Any:
    """Load the tokenizer that a model came with.

    Args:
        folder: Has its vocabulary.
        key: The parameter that named the folder, for error messages.

    Raises:
        InputError: There is none.
    """
    # The library would make one that knows no word.
    if not any((folder / name).is_file() for name in _VOCABULARIES):
        raise InputError(f"{key}: {folder} has no {' or '.join(_VOCABULARIES)}; fetch them again")
    return _load(AutoTokenizer, folder, key)


def load_image_processor(folder: Path, key: str) -> Any:
    """Load what a model does to images, in numpy and PIL, whether or not there is torchvision.

    Args:
        folder: Has its configuration.
        key: The parameter that named the folder, for error messages.

    Raises:
        InputError: There is none.
    """
    return _load(AutoImageProcessor, folder, key, backend="pil")


def _load(kind: Any, folder: Path, key: str, **options: Any) -> Any:
    try:
        return kind.from_pretrained(folder, local_files_only=True, **options)
    except _BROKEN as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"{key}: {folder} is no {kind.__name__}: {reason}") from error


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
