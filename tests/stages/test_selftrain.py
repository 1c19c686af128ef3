"""The stage `selftrain_rN`: what it learns from, and which weights it starts from."""

import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from cm3d.errors import InputError
from cm3d.params import Params, Schedule, load_params
from cm3d.splits.labelled import is_unlabelled
from cm3d.tables import Boxes3D, Frames, GroundTruth, Sweeps, layout
from cm3d.taxonomy import load_taxonomy
from cm3d.training.checkpoint import save_model
from cm3d.training.frames import TrainingFrame
from cm3d.training.recipe import Recipe
from experiments.overrides import write_overrides
from stages import selftrain
from stages.selftrain import initial_weights

SCENE, TOKENS = "scene.parquet", [f"t{index}" for index in range(4)]
BEFORE = {1: "finetune", 2: "selftrain_r1", 3: "selftrain_r2"}


@pytest.fixture(autouse=True)
def workspace(bare_workspace: Path) -> None:
    """Four train frames, half of them labelled, with a car each, and three models that differ."""
    _set(
        {
            "labels.fraction": 0.5,
            "selftrain.refine.start": "before",
            "selftrain.refine.object_score": 0.5,
            "selftrain.refine.ignore_score": 0.2,
            "selftrain.min_label_score": 0.3,
            "detector.pillar_channels": 4,
            "detector.block_channels": [4, 4, 4],
            "detector.neck_channels": 4,
            "detector.head_channels": 4,
        }
    )
    count, standing = len(TOKENS), [(1.0, 0, 0, 0, 0, 0, 0)] * len(TOKENS)
    Frames.from_columns(
        sample_token=TOKENS,
        scene_name=["scene"] * count,
        timestamp_us=range(count),
        split=["train"] * count,
        location=[""] * count,
        global_SE3_ego=standing,
    ).write(layout.FRAMES / SCENE)
    Sweeps.from_columns(
        sample_token=TOKENS,
        sweep_index=[0] * count,
        path=TOKENS,
        time_lag_s=[0.0] * count,
        global_SE3_lidar=standing,
    ).write(layout.SWEEPS / SCENE)
    GroundTruth.from_columns(
        **vars(_cars(1.0)),
        instance_token=TOKENS,
        num_lidar_points=[5] * count,
        num_radar_points=[0] * count,
        visibility=[4] * count,
    ).write(layout.GROUND_TRUTH / SCENE)
    Boxes3D.concatenate([_cars(score) for score in (0.75, 0.25, 0.1)]).write(
        layout.relabelled(2) / SCENE
    )
    params, taxonomy = load_params(), load_taxonomy("nuscenes")
    for number, name in BEFORE.items():
        model = _recipe(params, number).build()
        save_model(layout.MODELS / name, model, params.network, taxonomy)


def _set(values: dict[str, Any]) -> None:
    write_overrides(Path("params.yaml"), values)


def _cars(score: float) -> Boxes3D:
    """A car in each frame."""
    count = len(TOKENS)
    return Boxes3D.from_columns(
        sample_token=TOKENS,
        class_name=["car"] * count,
        score=[score] * count,
        center_m=[(5.0, 0.0, 0.0)] * count,
        length_m=[4.0] * count,
        width_m=[2.0] * count,
        height_m=[1.5] * count,
        yaw_rad=[0.0] * count,
        velocity_mps=[(0.0, 0.0)] * count,
        attribute_name=[""] * count,
    )


def _recipe(params: Params, seed: int = 0) -> Recipe:
    taxonomy = load_taxonomy(params.taxonomy)
    return Recipe(params.network, taxonomy, params.selftrain, params.training, seed)


def _same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_round_starts_from_the_model_before(number: int) -> None:
    params = load_params()
    found = initial_weights(params, number)
    assert found is not None
    for of_round in BEFORE:
        seeded = _recipe(params, of_round).build().state_dict()
        assert _same(found, seeded) == (of_round == number)


@pytest.mark.parametrize(
    "changes", [{"selftrain.refine.start": "random"}, {"selftrain.recipe": "paper"}]
)
def test_a_round_starts_from_random_weights_where_asked(changes: dict[str, Any]) -> None:
    _set(changes)
    assert initial_weights(load_params(), 1) is None


def test_a_missing_model_is_named() -> None:
    shutil.rmtree(layout.MODELS / "selftrain_r1")
    with pytest.raises(InputError, match=r"models/selftrain_r1/detector\.json: missing"):
        initial_weights(load_params(), 2)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> Callable[[], tuple[Any, ...]]:
    """Runs round 2; what it would train."""
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(selftrain, "train_detector", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(sys, "argv", ["selftrain", "--round", "2"])

    def run() -> tuple[Any, ...]:
        selftrain.main()
        return calls.pop()

    return run


def _weights(frames: list[TrainingFrame]) -> dict[str, list[float]]:
    return {frame.sample_token: frame.boxes.score.tolist() for frame in frames}


def test_a_round_learns_truth_fully_and_relabels_by_their_score(trained) -> None:
    stage, frames, schedule, params, initial = trained()
    table = layout.split_frames("train")
    hidden = set(table.sample_token[is_unlabelled(table, params.labels, params.seed)])
    assert len(hidden) == 2
    assert stage == "selftrain_r2"
    assert isinstance(schedule, Schedule)
    assert len(frames) == 2 + 2 * params.selftrain.labelled_repeats
    expected = {token: [0.75, 0.0] if token in hidden else [1.0] for token in TOKENS}
    assert _weights(frames) == expected
    assert _same(initial, _recipe(params, 2).build().state_dict())
    _set({"selftrain.recipe": "paper"})
    _, frames, _, _, initial = trained()
    assert _weights(frames) == {token: [1.0] for token in TOKENS}
    assert initial is None


def test_a_training_goes_on_only_with_the_same_weights_and_start(trained) -> None:
    """What a broken-off training may be resumed by."""

    def fingerprint() -> str:
        _, frames, _, params, initial = trained()
        recipe = _recipe(params)
        return recipe.fingerprint(frames, initial or recipe.build().state_dict())

    first = fingerprint()
    assert fingerprint() == first
    table = Boxes3D.read(layout.relabelled(2) / SCENE)
    doubted = table.replace(score=np.where(table.score == 0.75, 0.625, table.score))
    doubted.write(layout.relabelled(2) / SCENE)
    assert fingerprint() != first
    table.write(layout.relabelled(2) / SCENE)
    assert fingerprint() == first
    shutil.rmtree(layout.MODELS / "selftrain_r1")
    shutil.copytree(layout.MODELS / "finetune", layout.MODELS / "selftrain_r1")
    assert fingerprint() != first
