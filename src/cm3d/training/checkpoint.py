"""A trained detector on disk: weights in safetensors, beside the configuration they belong to."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save

from cm3d import params
from cm3d.detectors.protocol import Detector
from cm3d.detectors.registry import build_detector
from cm3d.errors import InputError
from cm3d.execution.files import read_object, write_whole
from cm3d.taxonomy import Taxonomy

_WEIGHTS, _CONFIGURATION = "model.safetensors", "detector.json"


def save_model(folder: Path, model: Detector, section: params.Detector, taxonomy: Taxonomy) -> None:
    """Write weights and configuration; the same model gives the same bytes.

    Args:
        folder: Of the model.
        model: What is written.
        section: `detector` of the parameters that it was built from.
        taxonomy: Whose classes it learned.

    Raises:
        InputError: The folder cannot be written.
    """
    state = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    write_whole(folder / _WEIGHTS, save(state))
    text = json.dumps(_configuration(section, taxonomy), indent=2)
    write_whole(folder / _CONFIGURATION, f"{text}\n".encode())


def load_model(folder: Path, section: params.Detector, taxonomy: Taxonomy) -> Detector:
    """Read a detector, in evaluation mode on the CPU.

    Raises:
        InputError: A file is missing or unreadable, or the model was built otherwise or for other
            classes.
    """
    model = build_detector(section, taxonomy, seed=0)
    _check_configuration(folder / _CONFIGURATION, section, taxonomy, model.training_only)
    path = folder / _WEIGHTS
    try:
        model.load_state_dict(load_file(path))
    except FileNotFoundError as error:
        raise InputError(f"{path}: missing; run `dvc repro` or `dvc pull {path}`") from error
    except (SafetensorError, RuntimeError) as error:
        raise InputError(f"{path}: not the weights of this detector; rerun its stage") from error
    return model.eval()


def _configuration(section: params.Detector, taxonomy: Taxonomy) -> dict[str, Any]:
    return section.model_dump() | {"heads": taxonomy.heads}


def _check_configuration(
    path: Path, section: params.Detector, taxonomy: Taxonomy, free: frozenset[str]
) -> None:
    if not path.exists():
        raise InputError(f"{path}: missing; run `dvc repro` or `dvc pull {path.parent}`")
    stored = read_object(path)
    if stored.get("heads") != taxonomy.heads:
        raise InputError(
            f"{path}: trained on classes {stored.get('heads')}, by head, and taxonomy "
            f"{taxonomy.name} has {taxonomy.heads}; retrain or set taxonomy back"
        )
    for name, value in section.model_dump().items():
        if name not in free and stored.get(name) != value:
            raise InputError(
                f"{path}: detector.{name} was {stored.get(name)} in training and is {value} now; "
                "retrain or set it back"
            )
