"""A trained detector on disk: weights in safetensors, beside the configuration they belong to."""

import json
from pathlib import Path
from typing import Any

from safetensors.torch import save

from cm3d import params
from cm3d.detectors.protocol import Detector
from cm3d.detectors.registry import build_detector
from cm3d.errors import InputError
from cm3d.execution.files import write_whole
from cm3d.tables import parquet
from cm3d.tables.contract import shown
from cm3d.taxonomy import Taxonomy
from cm3d.weights import check_weights, read_weights

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


def load_model(
    folder: Path, section: params.Detector, taxonomy: Taxonomy, remedy: str = ""
) -> Detector:
    """Read a detector, in evaluation mode on the CPU.

    Args:
        folder: Of the model.
        section: `detector` of the parameters, which it must have been built from.
        taxonomy: Whose classes it must have learned.
        remedy: What to do if a file is broken; by default, to rerun the stage that wrote it.

    Raises:
        InputError: A file is missing or unreadable, or the model was built otherwise or for other
            classes.
    """
    model, path = build_detector(section, taxonomy, seed=0), folder / _WEIGHTS
    remedy = remedy or f"rebuild it with {parquet.remedy(path)}"
    _check_configuration(folder / _CONFIGURATION, section, taxonomy, model.training_only, remedy)
    weights = read_weights(path, remedy)
    check_weights(weights, model.state_dict(), "the detector", path, remedy)
    model.load_state_dict(weights)
    return model.eval()


def _configuration(section: params.Detector, taxonomy: Taxonomy) -> dict[str, Any]:
    return section.model_dump() | {"heads": taxonomy.heads}


def _check_configuration(
    path: Path, section: params.Detector, taxonomy: Taxonomy, free: frozenset[str], remedy: str
) -> None:
    stored = params.read_json(path, remedy)
    if not isinstance(stored, dict) or "heads" not in stored:
        raise InputError(f"{path}: not the configuration of a detector; {remedy}")
    if stored["heads"] != taxonomy.heads:
        raise InputError(
            f"{path}: trained on classes {shown(stored['heads'])}, by head, and taxonomy "
            f"{taxonomy.name} has {taxonomy.heads}; retrain or set taxonomy back"
        )
    for name, value in section.model_dump().items():
        if name not in free and stored.get(name) != value:
            then = shown(stored.get(name))
            raise InputError(
                f"{path}: detector.{name} was {then} in training and is {value} now; "
                "retrain or set it back"
            )
