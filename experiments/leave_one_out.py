"""`PYTHONPATH=src python -m experiments.leave_one_out`: what each refinement of the labels gives.

Run it in a workspace that has an index, masks and proposals, of any data set. It lifts, fuses and
scores the labels of a split in memory, once as params.yaml has it and once without each switch of
`lift.refine` and `lift.tracks`, and prints what the switch gives, in points. A minute per row and
hundred keyframes on one core.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from cm3d.errors import InputError
from cm3d.evaluation.nuscenes.detection import evaluate_boxes
from cm3d.evaluation.nuscenes.filtering import read_truth
from cm3d.evaluation.nuscenes.scores import DetectionScores
from cm3d.execution.arguments import Arguments
from cm3d.execution.stage import run_program
from cm3d.lift.keyframe import Keyframe
from cm3d.lift.priors import load_priors
from cm3d.lift.refined import refined_scene
from cm3d.params import Params, Refine, Tracks, load_params
from cm3d.sensors.card import open_sensors
from cm3d.tables import Boxes3D, Frames, layout
from cm3d.taxonomy import load_taxonomy
from stages.fuse import fuse_keyframes
from stages.lift import read_keyframes

_COLUMNS: Final = ("lifted mAP", "NDS", "car AP", "fused mAP", "NDS", "car AP")


@dataclass(frozen=True)
class Workspace:
    """What the labels of a split are made from.

    Args:
        params: As they stand.
        frames: Keyframes of the split.
        scenes: By name: its keyframes, what was seen in each, and the proposals.
    """

    params: Params
    frames: Frames
    scenes: Mapping[str, tuple[Frames, list[Keyframe], Boxes3D]]

    @classmethod
    def read(cls, params: Params, split: str) -> Self:
        """Read a split of the current workspace.

        Raises:
            InputError: The split or a table is missing.
        """
        sensors, frames = open_sensors(params.dataset), layout.split_frames(split)
        scenes = {}
        for name in sorted(set(frames.scene_name)):
            of_scene = Frames.read(layout.FRAMES / f"{name}.parquet")
            seen = list(read_keyframes(name, of_scene, sensors, params.lift))
            scenes[name] = (of_scene, seen, Boxes3D.read(layout.SAM3D / f"{name}.parquet"))
        return cls(params, frames, scenes)

    def score(self, params: Params) -> tuple[DetectionScores, DetectionScores]:
        """Scores of lifted boxes and of pseudo-labels that some parameters make."""
        taxonomy = load_taxonomy(params.taxonomy)
        priors = load_priors(params.lift.shape_prior, taxonomy, params.lift.shape_prior_file)
        truth, racks = read_truth(self.frames, taxonomy)
        lifted, fused = [], []
        for frames, keyframes, proposals in self.scenes.values():
            boxes = refined_scene(keyframes, frames, priors, params.lift).boxes
            lifted.append(boxes)
            tokens = frames.sample_token
            fused.append(
                fuse_keyframes(boxes, proposals, tokens, _temperature(params), params.fuse)
                if params.fuse.proposals
                else boxes
            )
        both = (Boxes3D.concatenate(lifted), Boxes3D.concatenate(fused))
        first, second = (evaluate_boxes(b, truth, self.frames, racks, taxonomy) for b in both)
        return first, second


def _temperature(params: Params) -> float:
    if params.fuse.temperature == "fit":
        raise InputError("fuse.temperature: fit is no number; give one for this comparison")
    return params.fuse.temperature


def switches(params: Params) -> Iterator[tuple[str, str]]:
    """Section and name of every refinement that is on."""
    for section, model in (("refine", Refine), ("tracks", Tracks)):
        values = getattr(params.lift, section)
        for name, field in model.model_fields.items():
            if field.annotation is bool and getattr(values, name):
                yield section, name


def without(params: Params, section: str, name: str) -> Params:
    """The parameters with one refinement off."""
    changed = getattr(params.lift, section).model_copy(update={name: False})
    lift = params.lift.model_copy(update={section: changed})
    return params.model_copy(update={"lift": lift})


def points(scores: tuple[DetectionScores, DetectionScores]) -> list[float]:
    """The figures of a row, in percent; car AP is 0 for a class list without cars."""
    return [
        100 * figure
        for found in scores
        for figure in (found.mean_ap, found.nds, found.class_ap.get("car", 0.0))
    ]


def _line(name: str, figures: list[Any]) -> str:
    return f"| {name} | " + " | ".join(f"{figure:.1f}" for figure in figures) + " |"


def main() -> None:
    """Print the table as it grows."""
    parser = Arguments("experiments.leave_one_out", __doc__)
    parser.add_argument("--split", default="train", choices=("train", "val"))
    split, params = parser.parse_args().split, load_params()
    workspace = Workspace.read(params, split)
    whole = points(workspace.score(params))
    print("| what it gives | " + " | ".join(_COLUMNS) + " |")
    print("|---" * (len(_COLUMNS) + 1) + "|")
    print(_line("all, absolute", whole), flush=True)
    for section, name in switches(params):
        figures = points(workspace.score(without(params, section, name)))
        gains = [all_on - left for all_on, left in zip(whole, figures, strict=True)]
        print(_line(f"`{section}.{name}`", gains), flush=True)


if __name__ == "__main__":
    run_program(main)
