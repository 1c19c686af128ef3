"""Models of the transformers library, from a folder of the Hugging Face hub's format."""

from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Final

import torch
from safetensors import SafetensorError
from transformers import AutoImageProcessor, AutoTokenizer
from transformers.utils import logging

from cm3d.errors import InputError
from cm3d.shelf.runtime import Runtime

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
        InputError: The folder has another model, or not all of its weights.
    """
    options = {"dtype": torch.float32, "output_loading_info": True}
    model, loading = _load(kind, folder, key, **options)
    # The library would fill in random numbers.
    if lacking := sorted(loading["missing_keys"]):
        name = f"{folder} has no weights of {kind.__name__} for {lacking[0]} and"
        raise InputError(f"{key}: {name} {len(lacking) - 1} others; fetch them again")
    return model.eval().to(runtime.device)


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
