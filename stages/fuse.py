"""Fuse labels with SAM3D's proposals: pseudo-labels, the product of the label stages."""

from functools import partial
from typing import Any, Final, TypeVar

import numpy as np

from cm3d.errors import InputError
from cm3d.execution.publication import publication
from cm3d.execution.scenes import write_scene_tables
from cm3d.execution.stage import run_stage
from cm3d.fuse.calibration import are_right, fit_temperature
from cm3d.fuse.late_fusion import fuse_frame
from cm3d.geometry.arrays import NDArrayObject
from cm3d.params import Fuse, Params, load_params
from cm3d.splits.labelled import is_labelled
from cm3d.tables import Boxes3D, Frames, GroundTruth, layout, read_scenes
from cm3d.tables.classed import read_classed
from cm3d.taxonomy import Taxonomy, load_taxonomy

_REPORT: Final = layout.METRICS / "fuse_temperature.json"
_LABELS: Final = {"lifted": layout.LIFTED, "imported": layout.IMPORTED}  # of `none` there are none
BoxesT = TypeVar("BoxesT", bound=Boxes3D)


def main() -> None:
    """Run the stage."""
    params = load_params()
    taxonomy = load_taxonomy(params.taxonomy)
    check_unmatched(params.fuse, taxonomy)
    temperature, report = chosen_temperature(params)
    fuse = partial(fuse_scene, temperature=temperature, params=params.fuse, taxonomy=taxonomy)
    with publication("fuse") as made:
        folder = made.folder(layout.PSEUDO_LABELS)
        write_scene_tables("fuse", folder, fuse, layout.all_scenes(), params.execution)
        made.json(_REPORT, report)


def fuse_scene(scene: str, temperature: float | None, params: Fuse, taxonomy: Taxonomy) -> Boxes3D:
    """Pseudo-labels of one scene, keyframe by keyframe; without a temperature unfused."""
    name = f"{scene}.parquet"
    folder = _LABELS.get(params.labels)
    labels = read_classed(Boxes3D, folder / name, taxonomy) if folder else Boxes3D.empty()
    if temperature is None:
        return labels
    proposals = Boxes3D.read(layout.SAM3D / name)
    tokens = Frames.read(layout.FRAMES / name).sample_token
    return fuse_keyframes(labels, proposals, tokens, temperature, params)


def fuse_keyframes(
    labels: Boxes3D,
    proposals: Boxes3D,
    sample_tokens: NDArrayObject,
    temperature: float,
    params: Fuse,
) -> Boxes3D:
    """Labels fused with proposals, keyframe by keyframe in the order of the tokens (T,)."""
    return Boxes3D.concatenate(
        fuse_frame(
            labels[labels.sample_token == token],
            proposals[proposals.sample_token == token],
            params.min_iou,
            temperature,
            params.center,
            params.score,
            params.unmatched_class,
        )
        for token in sample_tokens
    )


def check_unmatched(params: Fuse, taxonomy: Taxonomy) -> None:
    """Check that proposals are kept as a class that there is.

    Raises:
        InputError: They are kept as another.
    """
    if params.unmatched_class not in (None, *taxonomy.class_names):
        raise InputError(
            f"fuse.unmatched_class: {params.unmatched_class!r} is no class of {taxonomy.name}; "
            f"take null, or one of {', '.join(taxonomy.class_names)}"
        )


def chosen_temperature(params: Params) -> tuple[float | None, dict[str, Any]]:
    """The given temperature, or the one that suits the labelled part of train; None: no fusion.

    Returns:
        The temperature, and what is to be reported of it.

    Raises:
        InputError: There is nothing to fit on.
    """
    if not params.fuse.proposals:
        return None, {}
    if params.fuse.temperature != "fit":
        return params.fuse.temperature, {"temperature": params.fuse.temperature}
    frames = labelled_frames(params)
    scenes = sorted(set(frames.scene_name))
    proposals = _only(frames, read_scenes(Boxes3D, layout.SAM3D, scenes))
    truth = _only(frames, read_scenes(GroundTruth, layout.GROUND_TRUTH, scenes))
    right = are_right(proposals, truth)
    temperature, costs = fit_temperature(proposals.score, right, params.fuse.temperatures)
    report = {"temperature": temperature, "frames": len(frames), "proposals": len(proposals)}
    by_candidate = {f"{candidate:g}": cost for candidate, cost in costs.items()}
    return temperature, report | {"negative_log_likelihood": by_candidate}


def labelled_frames(params: Params) -> Frames:
    """The keyframes of train whose ground truth may be used.

    Raises:
        InputError: There is none.
    """
    frames = read_scenes(Frames, layout.FRAMES, layout.all_scenes())
    chosen = frames[is_labelled(frames, params.labels, params.seed)]
    if len(chosen) == 0:
        raise InputError(
            f"labels.fraction: {params.labels.fraction} of the train frames is not one, and "
            "fuse.temperature: fit needs labels; raise it or give a number"
        )
    return chosen


def _only(frames: Frames, boxes: BoxesT) -> BoxesT:
    return boxes[np.isin(boxes.sample_token.astype(str), frames.sample_token.astype(str))]


if __name__ == "__main__":
    run_stage(main)
