"""Score every label set and every model on one split, as the nuScenes devkit does."""

from cm3d.evaluation.agnostic import PROTOCOLS
from cm3d.evaluation.scores import DetectionScores
from cm3d.evaluation.submission import encode, submission
from cm3d.evaluation.summary import agnostic_headlines, headline, per_class
from cm3d.execution.files import write_json
from cm3d.execution.resume import resumable_folder
from cm3d.execution.stage import run_stage
from cm3d.params import Params, load_params
from cm3d.tables import Boxes3D, Frames, Sweeps, layout, read_scenes
from cm3d.training.checkpoint import load_model
from cm3d.training.labels import inference_frames, is_unlabelled
from stages.scores import Scorer, write_plots
from stages.training import detect

LABELS = {"lifted": layout.LIFTED, "pseudo_labels": layout.PSEUDO_LABELS}
MODELS = ("pretrain", "finetune", "selftrain_r1", "selftrain_r2", "selftrain_r3")


def main() -> None:
    """Run the stage."""
    params = load_params()
    scorer = Scorer.of(layout.split_frames(params.scoring.split), params.evaluate.engine)
    boxes = {name: scorer.labels(folder) for name, folder in LABELS.items()}
    boxes |= predictions(scorer.frames, params)
    scores = {name: scorer.score(found) for name, found in boxes.items()}
    boxes["sam3d"] = scorer.labels(layout.SAM3D)
    agnostic = {name: scorer.score_agnostic(found, PROTOCOLS) for name, found in boxes.items()}

    for file, content in {
        "evaluate": {name: with_engine(found) for name, found in scores.items()},
        "evaluate_classes": {name: per_class(found) for name, found in scores.items()},
        "evaluate_agnostic": {name: agnostic_headlines(found) for name, found in agnostic.items()},
        "evaluate_relabelled": {n: with_engine(found) for n, found in relabelled(params).items()},
    }.items():
        write_json(layout.METRICS / f"{file}.json", content)
    write_plots("evaluate", scores)


def with_engine(scores: DetectionScores) -> dict[str, float | str]:
    """The seven figures and what computed them."""
    return {"engine": scores.engine, **headline(scores)}


def predictions(frames: Frames, params: Params) -> dict[str, Boxes3D]:
    """Boxes of every model on the split, kept as nuScenes result files too."""
    sweeps = read_scenes(Sweeps, layout.SWEEPS, sorted(set(frames.scene_name)))
    rows, found = inference_frames(frames, sweeps), {}
    with resumable_folder("evaluate", layout.PREDICTIONS) as folder:
        for name in MODELS:
            model = load_model(layout.MODELS / name, params.detector)
            found[name] = detect(model, rows, params, f"predict by {name}")
            content = submission(
                found[name], frames, use_camera=False, use_lidar=True, use_map=False
            )
            (folder / f"{name}.json").write_bytes(encode(content))
    return found


def relabelled(params: Params) -> dict[str, DetectionScores]:
    """Scores of the pseudo-labels of each round on the unlabelled part."""
    train = layout.split_frames("train")
    scorer = Scorer.of(train[is_unlabelled(train, params.labels)], params.evaluate.engine)
    folders = {"pseudo_labels": layout.PSEUDO_LABELS}
    folders |= {f"pseudo_labels_r{n}": layout.relabelled(n) for n in (1, 2, 3)}
    return {name: scorer.score(scorer.labels(folder)) for name, folder in folders.items()}


if __name__ == "__main__":
    run_stage(main)
