"""Relabel the unlabelled part: what the model of the round before sees, made better labels."""

import shutil
from functools import partial
from pathlib import Path

from cm3d.execution.files import write_json
from cm3d.execution.resume import resumable_folder, work_folder
from cm3d.execution.scenes import map_scenes
from cm3d.execution.stage import run_stage
from cm3d.params import Params, Tracks, load_params
from cm3d.relabel.judging import figures
from cm3d.relabel.labels import refined_labels
from cm3d.relabel.motion import tracked
from cm3d.relabel.split import Split
from cm3d.splits.labelled import is_labelled
from cm3d.tables import Boxes3D, Frames, GroundTruth, layout, read_scenes
from cm3d.tables.words import rows_by_word
from cm3d.taxonomy import Taxonomy, load_taxonomy
from stages.shared.detection import write_detections
from stages.shared.rounds import model_before, round_asked_for


def main() -> None:
    """Run the stage."""
    number = round_asked_for(__doc__)
    params, stage, model = load_params(), f"relabel_r{number}", model_before(number)
    split, old = read_split(stage, params)
    out = layout.relabelled(number)
    if params.selftrain.recipe == "paper":
        rest = split.unlabelled_frames
        write_detections(stage, model, rest, out, params)
        labels = read_scenes(Boxes3D, out, sorted(set(rest.scene_name)))
    else:
        labels = write_refined_labels(stage, model, split, old, out, params)
    taxonomy = load_taxonomy(params.taxonomy)
    report = figures(labels, old, split, taxonomy, params.relabel.match_m)
    write_json(layout.METRICS / f"{stage}.json", report)


def read_split(stage: str, params: Params) -> tuple[Split, Boxes3D]:
    """The keyframes of train with the truth of the labelled part, and their pseudo-labels."""
    frames = layout.split_frames("train", wanted_by=stage)
    scenes = sorted(set(frames.scene_name))
    truth = read_scenes(GroundTruth, layout.GROUND_TRUTH, scenes)
    split = Split.of(frames, is_labelled(frames, params.labels, params.seed), truth)
    return split, read_scenes(Boxes3D, layout.PSEUDO_LABELS, scenes)


def write_refined_labels(
    stage: str, model: str, split: Split, old: Boxes3D, out: Path, params: Params
) -> Boxes3D:
    """Write the labels of unlabelled keyframes; returns them and those of labelled ones.

    What the model sees is kept outside of the stage's outputs until its labels are there.
    """
    found = work_folder(stage) / "finished" / "detections"
    if not found.exists():
        write_detections(stage, model, split.frames, found, with_own_flips(params))
    taxonomy = load_taxonomy(params.taxonomy)
    scenes = sorted(set(split.frames.scene_name))
    follow = partial(
        seen_in_scene,
        folder=found,
        taxonomy=taxonomy,
        params=params.lift.tracks if params.relabel.tracks else None,
    )
    seen = map_scenes(follow, scenes, params.execution, f"{stage}: tracks")
    new = Boxes3D.concatenate(seen.values())
    labels = refined_labels(new, old, split, taxonomy, params.relabel)

    rest = split.unlabelled_frames
    with resumable_folder(stage, out) as folder:
        for scene in sorted(set(rest.scene_name)):
            tokens = sorted(rest.sample_token[rest.scene_name == scene])
            rows = rows_by_word(labels.sample_token, tokens)
            Boxes3D.concatenate(labels[of_token] for of_token in rows).write(
                folder / f"{scene}.parquet"
            )
        shutil.rmtree(found.parent)
    return labels


def with_own_flips(params: Params) -> Params:
    """The same parameters with `relabel.double_flip` for `predict.double_flip`."""
    predict = params.predict.model_copy(update={"double_flip": params.relabel.double_flip})
    return params.model_copy(update={"predict": predict})


def seen_in_scene(scene: str, folder: Path, taxonomy: Taxonomy, params: Tracks | None) -> Boxes3D:
    """What a model sees in a scene, followed where there are parameters of tracks."""
    name = f"{scene}.parquet"
    boxes = Boxes3D.read(folder / name)
    if params is None:
        return boxes
    return tracked(boxes, Frames.read(layout.FRAMES / name), taxonomy, params)


if __name__ == "__main__":
    run_stage(main)
