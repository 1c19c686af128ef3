"""A trained detector on disk: weights in safetensors, beside the configuration they belong to."""

import json
from pathlib import Path
from typing import Any, Final

from safetensors.torch import save

from cm3d import params
from cm3d.detectors.protocol import Detector
from cm3d.detectors.registry import build_detector, trained_section
from cm3d.errors import InputError
from cm3d.execution.files import write_whole
from cm3d.tables import parquet
from cm3d.tables.contract import shown
from cm3d.taxonomy import Taxonomy
from cm3d.weights import check_weights, read_weights

_WEIGHTS, _CONFIGURATION = "model.safetensors", "detector.json"
_LEARNED: Final = {"boxes": "boxes", "map": "what the ground is"}  # by task


def save_model(folder: Path, model: Detector, section: params.Network, taxonomy: Taxonomy) -> None:
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
    content = section.model_dump() | {"heads": taxonomy.heads, "rig": model.rig}
    text = json.dumps(content, indent=2)
    write_whole(folder / _CONFIGURATION, f"{text}\n".encode())


def load_model(
    folder: Path, section: params.Network, taxonomy: Taxonomy, remedy: str = ""
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
    path, configuration = folder / _WEIGHTS, folder / _CONFIGURATION
    remedy = remedy or f"rebuild it with {parquet.remedy(path)}"
    stored = _read_configuration(configuration, remedy)
    section = trained_section(section, stored)
    model = build_detector(section, taxonomy, seed=0)
    _check_configuration(configuration, stored, section, taxonomy, model.training_only)
    model.rig = tuple(stored["rig"])
    weights = read_weights(path, remedy)
    check_weights(weights, model.state_dict(), "the detector", path, remedy)
    model.load_state_dict(weights)
    return model.eval()


def _read_configuration(path: Path, remedy: str) -> dict[str, Any]:
    stored = params.read_json(path, remedy)
    if not isinstance(stored, dict) or "heads" not in stored:
        raise InputError(f"{path}: not the configuration of a detector; {remedy}")
    rig = stored.get("rig", [])
    if not isinstance(rig, list) or not all(isinstance(camera, str) for camera in rig):
        raise InputError(f"{path}: rig is {shown(rig)}, no list of cameras; {remedy}")
    return {"task": "boxes", "rig": rig} | stored  # models of earlier days have no others


def _check_configuration(
    path: Path,
    stored: dict[str, Any],
    section: params.Network,
    taxonomy: Taxonomy,
    free: frozenset[str],
) -> None:
    if stored["heads"] != taxonomy.heads:
        raise InputError(
            f"{path}: trained on classes {shown(stored['heads'])}, by head, and taxonomy "
            f"{taxonomy.name} has {taxonomy.heads}; retrain or set taxonomy back"
        )
    if stored["task"] != section.task:
        raise InputError(
            f"{path}: this model has not learned {_LEARNED[section.task]}, its task is "
            f"{shown(stored['task'])}; name another model"
        )
    before, now = _leaves(stored), _leaves(section.model_dump())
    for name, value in now.items():
        if not _is_free(name, free) and before.get(name) != value:
            knob = name if name.startswith("bevfusion") else f"detector.{name}"
            raise InputError(
                f"{path}: {knob} was {shown(before.get(name))} in training and is {value} now; "
                "retrain or set it back"
            )


def _leaves(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Values by dotted path."""
    found: dict[str, Any] = {}
    for name, value in content.items():
        nested = isinstance(value, dict)
        found |= _leaves(value, f"{prefix}{name}.") if nested else {prefix + name: value}
    return found


def _is_free(name: str, free: frozenset[str]) -> bool:
    return any(name == knob or name.startswith(f"{knob}.") for knob in free)
