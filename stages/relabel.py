"""Relabel the unlabelled part: what the model of the round before sees, made better labels."""

from functools import partial
from pathlib import Path

from cm3d.execution.publication import publication
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
from cm3d.training.labels import read_labels
from stages.shared.detection import write_detections
from stages.shared.rounds import model_before, round_asked_for


def main() -> None:
    """Run the stage."""
    number = round_asked_for("relabel", __doc__)
    params, stage, model = load_params(), f"relabel_r{number}", model_before(number)
    taxonomy = load_taxonomy(params.taxonomy)
    split = read_split(stage, params, taxonomy)
    out = layout.relabelled(number)
    # the figures compare with them, and `refined` merges with them
    before = read_labels(Boxes3D, layout.PSEUDO_LABELS, scenes_of(split.frames), taxonomy)
    with publication(stage) as made:
        if params.selftrain.recipe == "paper":
            folder = made.folder(out)
            write_detections(stage, model, split.unlabelled_frames, folder, params)
            labels = read_scenes(Boxes3D, folder, scenes_of(split.unlabelled_frames))
        else:
            found = made.scratch("detections")
            write_detections(stage, model, split.frames, found, with_own_flips(params))
            labels = write_refined_labels(
                stage, found, split, before, made.empty_folder(out), taxonomy, params
            )
        report = figures(labels, before, split, taxonomy, params.relabel.match_m)
        made.json(layout.METRICS / f"{stage}.json", report)


def read_split(stage: str, params: Params, taxonomy: Taxonomy) -> Split:
    """The keyframes of train with the truth of the labelled part."""
    frames = layout.split_frames("train", wanted_by=stage)
    truth = read_labels(GroundTruth, layout.GROUND_TRUTH, scenes_of(frames), taxonomy)
    return Split.of(frames, is_labelled(frames, params.labels, params.seed), truth)


def scenes_of(frames: Frames) -> list[str]:
    """Names of the scenes that some keyframes are of."""
    return sorted(set(frames.scene_name))


def write_refined_labels(
    stage: str,
    found: Path,
    split: Split,
    old: Boxes3D,
    folder: Path,
    taxonomy: Taxonomy,
    params: Params,
) -> Boxes3D:
    """Write the labels of unlabelled keyframes; returns them and those of labelled ones.

    Args:
        stage: Its name.
        found: Folder of what the model sees in all keyframes.
        split: The keyframes.
        old: The labels before.
        folder: Where the labels go, a table per scene.
        taxonomy: The class list.
        params: All parameters.
    """
    follow = partial(
        seen_in_scene,
        folder=found,
        taxonomy=taxonomy,
        params=params.lift.tracks if params.relabel.tracks else None,
    )
    seen = map_scenes(follow, scenes_of(split.frames), params.execution, f"{stage}: tracks")
    new = Boxes3D.concatenate(seen.values())
    labels = refined_labels(new, old, split, taxonomy, params.relabel)

    rest = split.unlabelled_frames
    for scene in scenes_of(rest):
        tokens = sorted(rest.sample_token[rest.scene_name == scene])
        rows = rows_by_word(labels.sample_token, tokens)
        Boxes3D.concatenate(labels[of_token] for of_token in rows).write(
            folder / f"{scene}.parquet"
        )
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
    run_stage(main, has_arguments=True)
