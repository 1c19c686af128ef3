"""Sizes of a class's objects in the data set at hand, beside the prior (the paper's Table 8)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cm3d.errors import InputError
from cm3d.execution import pipeline
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.params import Params, parse_params, read_json
from cm3d.tables import Frames, GroundTruth, layout, read_scenes
from cm3d.taxonomy import Taxonomy, load_taxonomy
from experiments.paper_tables import SIDES


def read_train_truth(params: Params, values: Mapping[str, Any]) -> GroundTruth:
    """The true boxes of train in the workspace's index, one per object.

    Args:
        params: Of the data set.
        values: The same and all others, as params.yaml has them.

    Raises:
        InputError: The workspace has no index of the data set that the parameters describe.
    """
    remedy = "run `dvc repro download` with its parameters, as by `python -m experiments.preset`"
    wanted = f"{params.dataset.name} {params.dataset.version}"
    if not layout.CARD.is_file():
        raise InputError(f"{layout.INDEX}: no index of {wanted} here; {remedy}")
    found = read_json(layout.CARD, remedy)
    if found.get("name") != params.dataset.name:
        raise InputError(f"{layout.CARD}: of {found.get('name')}, not of {wanted}; {remedy}")
    if others := _made_with_others(values):
        raise InputError(f"{layout.INDEX}: made with another {' and '.join(others)}; {remedy}")
    scenes = layout.all_scenes()
    frames = read_scenes(Frames, layout.FRAMES, scenes)
    truth = read_scenes(GroundTruth, layout.GROUND_TRUTH, scenes)
    train = frames.sample_token[frames.split == "train"].astype(str)
    truth = truth[np.isin(truth.sample_token.astype(str), train)]
    _, first = np.unique(truth.instance_token.astype(str), return_index=True)
    return truth[np.sort(first)]


def _made_with_others(values: Mapping[str, Any]) -> list[str]:
    """Parameters of `download` that dvc.lock has other values of; none without that stage."""
    lock = Path("dvc.lock")
    stages = pipeline.read_values(lock).get("stages", {}) if lock.is_file() else {}
    made = stages.get("download", {}).get("params", {}).get("params.yaml", {})
    return [knob for knob, value in made.items() if pipeline.knob_value(values, knob) != value]


def class_sizes(truth: GroundTruth, name: str, taxonomy: Taxonomy, prior: str) -> dict[str, float]:
    """Mean and deviation of each side in metres, the prior's sides, and how many objects.

    The longer side of a class whose heading annotators draw across it counts as its length, as in
    the paper.

    Args:
        truth: One box per object, of all classes.
        name: Of the class.
        taxonomy: The class list.
        prior: Which of the taxonomy's sizes.
    """
    row = taxonomy.classes[name]
    own = truth[truth.class_name == name]
    sides = {"width": own.width_m, "length": own.length_m, "height": own.height_m}
    if row.longer_side_across:
        sides |= {"width": own.length_m, "length": own.width_m}
    size = row.sizes[prior]
    figures = {f"prior_{side}_m": float(getattr(size, f"{side}_m")) for side in SIDES}
    if len(own):
        figures |= {f"{side}_m": _mean(sides[side]) for side in SIDES}
        figures |= {f"{side}_deviation_m": float(np.std(sides[side])) for side in SIDES}
    return {**figures, "objects": len(own)}


def measure(values: Mapping[str, Any], classes: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """The sizes of some classes by row.

    Args:
        values: All parameters: of the data set, the class list and the prior.
        classes: Class by name of its row; rows of classes that the taxonomy lacks are left out.

    Raises:
        InputError: The workspace has no such index.
    """
    params = parse_params(dict(values))
    truth, taxonomy = read_train_truth(params, values), load_taxonomy(params.taxonomy)
    return {
        row: class_sizes(truth, name, taxonomy, params.lift.shape_prior)
        for row, name in classes.items()
        if name in taxonomy.classes
    }


def _mean(values: NDArrayFloat) -> float:
    return float(np.mean(values))
