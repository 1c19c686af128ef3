"""A trained detector on disk: weights in safetensors, beside the configuration they belong to."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from cm3d.errors import InputError
from cm3d.models.centerpoint import CenterPoint
from cm3d.params import Detector

_WEIGHTS, _CONFIGURATION = "model.safetensors", "detector.json"

# What may differ between training and use: losses and the choice of boxes.
_FREE = {
    "heatmap_bias",
    "norm_momentum",
    "gaussian_overlap",
    "min_gaussian_radius_cells",
    "box_loss_weight",
    "velocity_loss_weight",
    "candidates",
    "min_score",
    "max_range_m",
    "nms",
    "nms_radius_m",
    "nms_iou",
    "task_boxes",
    "max_boxes",
    "double_flip",
}


def save_model(folder: Path, model: CenterPoint, detector: Detector) -> None:
    """Write weights and configuration; the same model gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    save_file(state, folder / _WEIGHTS)
    text = json.dumps(detector.model_dump(), indent=2)
    (folder / _CONFIGURATION).write_text(text + "\n")


def load_model(folder: Path, detector: Detector) -> CenterPoint:
    """Read a detector, in evaluation mode on the CPU.

    Raises:
        InputError: A file is missing or unreadable, or the model was built otherwise.
    """
    _check_configuration(folder / _CONFIGURATION, detector)
    path = folder / _WEIGHTS
    model = CenterPoint(detector)
    try:
        model.load_state_dict(load_file(path))
    except FileNotFoundError as error:
        raise InputError(f"{path}: missing; run `dvc repro` or `dvc pull {path}`") from error
    except (SafetensorError, RuntimeError) as error:
        raise InputError(f"{path}: not the weights of this detector; rerun its stage") from error
    return model.eval()


def _check_configuration(path: Path, detector: Detector) -> None:
    try:
        stored: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise InputError(f"{path}: missing; run `dvc repro` or `dvc pull {path.parent}`") from error
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON; rerun its stage") from error
    for name, value in detector.model_dump().items():
        if name not in _FREE and stored.get(name) != value:
            raise InputError(
                f"{path}: detector.{name} was {stored.get(name)} in training and is {value} now; "
                "retrain or set it back"
            )
