"""Fuse lifted boxes with SAM3D's: pseudo-labels, the product of the label stages."""

from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

import numpy as np

from cm3d.errors import InputError
from cm3d.evaluation.detection import evaluate_boxes
from cm3d.evaluation.summary import headline
from cm3d.execution.files import write_json
from cm3d.execution.scenes import write_scene_tables
from cm3d.execution.stage import run_stage
from cm3d.fuse.frame import fuse_frame
from cm3d.fuse.temperature import fit_temperature
from cm3d.params import Fuse, Labels, load_params
from cm3d.tables import Boxes3D, Frames, layout, read_scenes
from cm3d.tables.labelled import is_labelled, is_unlabelled
from stages.scores import Scorer, write_label_scores

_REPORT: Final = layout.METRICS / "fuse_temperature.json"
BoxesT = TypeVar("BoxesT", bound=Boxes3D)


def main() -> None:
    """Run the stage."""
    params = load_params()
    temperature = chosen_temperature(params.fuse, params.labels)
    fuse = partial(fuse_scene, temperature=temperature, params=params.fuse)
    write_scene_tables("fuse", layout.PSEUDO_LABELS, fuse, layout.all_scenes(), params.execution)
    write_label_scores("fuse", layout.PSEUDO_LABELS, layout.split_frames(params.scoring.split))
    write_json(layout.METRICS / "fuse_unlabelled.json", score_unlabelled(params.labels))


def score_unlabelled(labels: Labels) -> dict[str, float]:
    """The seven figures where detectors train on these labels, for `relabel_rN` to compare with."""
    frames = read_scenes(Frames, layout.FRAMES, layout.all_scenes())
    unlabelled = frames[is_unlabelled(frames, labels)]
    if len(unlabelled) == 0:
        return {"frames": 0}
    scorer = Scorer.of(unlabelled)
    scores = scorer.score(scorer.labels(layout.PSEUDO_LABELS))
    return {"frames": len(unlabelled), **headline(scores)}


def fuse_scene(scene: str, temperature: float, params: Fuse) -> Boxes3D:
    """Pseudo-labels of one scene, keyframe by keyframe."""
    name = f"{scene}.parquet"
    lifted, proposals = Boxes3D.read(layout.LIFTED / name), Boxes3D.read(layout.SAM3D / name)
    return fuse_frames(Frames.read(layout.FRAMES / name), lifted, proposals, temperature, params)


def fuse_frames(
    frames: Frames, lifted: Boxes3D, proposals: Boxes3D, temperature: float, params: Fuse
) -> Boxes3D:
    """Pseudo-labels of some keyframes."""
    return Boxes3D.concatenate(
        fuse_frame(
            lifted[lifted.sample_token == token],
            proposals[proposals.sample_token == token],
            params.min_iou,
            temperature,
            params.center,
        )
        for token in frames.sample_token
    )


def chosen_temperature(params: Fuse, labels: Labels) -> float:
    """The given temperature, or the one that fuses the labelled part of train best."""
    if params.temperature != "fit":
        write_json(_REPORT, {"temperature": params.temperature})
        return params.temperature
    frames = labelled_frames(labels)
    temperature, nds = fit_temperature(params.temperatures, score_by_temperature(frames, params))
    scores = {f"{candidate:g}": round(score, 4) for candidate, score in nds.items()}
    write_json(_REPORT, {"temperature": temperature, "frames": len(frames), "NDS": scores})
    return temperature


def labelled_frames(labels: Labels) -> Frames:
    """The keyframes of train whose ground truth may be used.

    Raises:
        InputError: There is none.
    """
    frames = read_scenes(Frames, layout.FRAMES, layout.all_scenes())
    chosen = frames[is_labelled(frames, labels)]
    if len(chosen) == 0:
        raise InputError(
            f"labels.fraction: {labels.fraction} of the train frames is not one, and "
            "fuse.temperature: fit needs labels; raise it or give a number"
        )
    return chosen


def score_by_temperature(frames: Frames, params: Fuse) -> Callable[[float], float]:
    """NDS of the labels fused at a temperature, with the truth of `frames` alone in memory."""
    all_truth, all_racks = layout.split_truth(frames)
    truth, racks = _only(frames, all_truth), _only(frames, all_racks)
    scenes = sorted(set(frames.scene_name))
    lifted = _only(frames, read_scenes(Boxes3D, layout.LIFTED, scenes))
    proposals = _only(frames, read_scenes(Boxes3D, layout.SAM3D, scenes))

    def nds(temperature: float) -> float:
        fused = fuse_frames(frames, lifted, proposals, temperature, params)
        return evaluate_boxes(fused, truth, frames, racks).nds

    return nds


def _only(frames: Frames, boxes: BoxesT) -> BoxesT:
    return boxes[np.isin(boxes.sample_token.astype(str), frames.sample_token.astype(str))]


if __name__ == "__main__":
    run_stage(main)
