"""Score what a stage wrote: boxes on images, masks, labels, or what a model predicts."""

from pathlib import Path
from typing import Final

from cm3d.evaluation.course import History, course_rows, read_history, term_rows
from cm3d.evaluation.protocol import Scores, open_scorer, scorers
from cm3d.execution.arguments import Arguments, member_of
from cm3d.execution.publication import publication
from cm3d.execution.stage import run_stage
from cm3d.params import Params, load_params
from cm3d.splits.labelled import is_unlabelled
from cm3d.tables import Frames, layout
from cm3d.taxonomy import load_taxonomy

SCORES: Final = layout.METRICS / "scores"

# How columns of `dvc exp show` call what has a long name.
SHORT: Final = {
    "pseudo_labels": "labels",
    "pseudo_labels_unlabelled": "labels_train",
    "relabel_r1": "relabels1",
    "relabel_r2": "relabels2",
    "relabel_r3": "relabels3",
    "selftrain_r1": "self1",
    "selftrain_r2": "self2",
    "selftrain_r3": "self3",
}


def main() -> None:
    """Run the stage."""
    parser = Arguments("stages.evaluate", __doc__)
    parser.add_argument("scorer", choices=scorers(), help="package of cm3d.evaluation")
    parser.add_argument("name", help="of the files that are written")
    parser.add_argument("folder", type=Path, help="one table per scene")
    parser.add_argument(
        "--frames",
        choices=("scoring", "labels"),
        default="scoring",
        help="keyframes of scoring.split, or of the part of train without labels",
    )
    arguments = parser.parse_args()
    name, params = member_of("evaluate", arguments.name), load_params()
    scorer = open_scorer(arguments.scorer, params, load_taxonomy(params.taxonomy))
    frames = chosen_frames(arguments.frames, name, params)
    if len(frames) == 0:
        print(f"note: evaluate@{name}: labels leave no frame of train unlabelled; nothing to score")
    scores = scorer.score(arguments.folder, frames) if len(frames) else Scores("none")
    trained = trained_by(arguments.folder)
    write_scores(name, scores, read_history(layout.PLOTS / f"{trained}.csv") if trained else [])


def chosen_frames(choice: str, name: str, params: Params) -> Frames:
    """The keyframes that are scored; of an unlabelled part, it may be empty.

    Raises:
        InputError: The split has none.
    """
    if choice == "scoring":
        return layout.split_frames(params.scoring.split)
    train = layout.split_frames("train", wanted_by=f"evaluate@{name}")
    return train[is_unlabelled(train, params.labels, params.seed)]


def trained_by(folder: Path) -> str | None:
    """The stage that trained the model of some predictions; None for what no model predicted."""
    if folder.parent == layout.PREDICTIONS:
        return folder.name
    return "finetune_map" if folder == layout.MAP_PREDICTIONS else None


def write_scores(name: str, scores: Scores, history: History) -> None:
    """Write metrics and plots, those of the training of a model included; say what is in short."""
    file = f"{name}.json"
    rows = [{"model": name, **row} for row in scores.ap_rows]
    with publication(f"evaluate@{name}") as made:
        made.json(SCORES / file, {SHORT.get(name, name): dict(scores.brief)})
        made.json(layout.EVALUATION / file, {"engine": scores.engine, **scores.headline})
        made.json(layout.METRICS / "evaluate_classes" / file, scores.per_class)
        made.json(layout.METRICS / "evaluate_agnostic" / file, scores.agnostic)
        made.json(layout.PLOTS / "evaluate_ap" / file, rows)
        made.json(layout.PLOTS / "evaluate_pr" / file, scores.curve_rows)
        made.json(layout.PLOTS / "by_distance" / file, scores.distance_rows)
        made.json(layout.PLOTS / "by_points" / file, scores.point_rows)
        made.json(layout.PLOTS / "training" / file, course_rows(history))
        made.json(layout.PLOTS / "training_terms" / file, term_rows(history))
    if figures := [
        f"{figure} {value:.4g}" for figure, value in scores.brief.items() if value is not None
    ]:
        print(f"evaluate@{name}: {', '.join(figures)}")


if __name__ == "__main__":
    run_stage(main, has_arguments=True)
