"""Models of the transformers library, from a folder of the Hugging Face hub's format."""

from pathlib import Path
from typing import Any

import torch
from transformers.utils import logging

from cm3d.errors import InputError
from cm3d.shelf.runtime import Runtime

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
    try:
        model, loading = kind.from_pretrained(
            folder, dtype=torch.float32, output_loading_info=True, local_files_only=True
        )
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"{key}: {folder} is no {kind.__name__}: {reason}") from error
    # The library would fill in random numbers.
    if lacking := sorted(loading["missing_keys"]):
        name = f"{folder} has no weights of {kind.__name__} for {lacking[0]} and"
        raise InputError(f"{key}: {name} {len(lacking) - 1} others; fetch them again")
    return model.eval().to(runtime.device)


def load_with(kind: Any, folder: Path, key: str, **options: Any) -> Any:
    """Load a tokenizer or an image processor.

    Args:
        kind: An automatic class of transformers.
        folder: Has its configuration.
        key: The parameter that named the folder, for error messages.
        **options: For `from_pretrained`.

    Raises:
        InputError: The folder has none.
    """
    try:
        return kind.from_pretrained(folder, local_files_only=True, **options)
    except (OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"{key}: {folder} has no {kind.__name__}: {reason}") from error
