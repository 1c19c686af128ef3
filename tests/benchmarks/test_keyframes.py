from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks import keyframes
from benchmarks.bench_lift import compare_medoids
from benchmarks.random_keyframe import random_keyframe
from benchmarks.scene_tables import SceneTables, temporary_project
from cm3d.lift.priors import load_priors
from cm3d.params import Lift, load_params
from cm3d.taxonomy import Taxonomy, load_taxonomy
from stages.lift import lift_scene, read_keyframes


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_project() as folder:
        yield folder


@pytest.fixture
def params(project: Path) -> Lift:
    lift = load_params(project / "params.yaml").lift
    return lift.model_copy(update={"recipe": "paper"})


@pytest.fixture
def taxonomy(project: Path) -> Taxonomy:
    return load_taxonomy("nuscenes", project / "taxonomies")


def check_against_peer(scene: SceneTables, params: Lift) -> None:
    scene.write("scene")
    (keyframe,) = read_keyframes("scene", scene.frames, scene.sensors, params)
    assert len(keyframe.masks) == len(scene.masks) > 0
    compare_medoids(keyframe, params)


def test_the_peer_finds_the_same_medoids(folder: Path, params: Lift, taxonomy: Taxonomy) -> None:
    check_against_peer(random_keyframe(folder, taxonomy, points=2000, masks=12), params)


@pytest.mark.real
def test_the_peer_finds_the_same_medoids_in_reality(
    folder: Path, params: Lift, taxonomy: Taxonomy, real_keyframe: Path
) -> None:
    scene = keyframes.real_keyframe(real_keyframe, 0.5, taxonomy)
    check_against_peer(scene, params)


def test_a_repeated_keyframe_has_its_boxes_in_every_frame(
    folder: Path, params: Lift, taxonomy: Taxonomy
) -> None:
    scene = random_keyframe(folder, taxonomy, points=2000, masks=12)
    scene.write("one")
    scene.repeated(frames=3, sweeps=1).write("three")
    priors = load_priors("chatgpt", taxonomy)
    one, three = (
        lift_scene(name, priors, scene.sensors, params).boxes for name in ("one", "three")
    )
    assert len(one) > 5
    tokens, counts = np.unique(three.sample_token.astype(str), return_counts=True)
    assert tokens.tolist() == ["frame-000", "frame-001", "frame-002"]
    assert counts.tolist() == 3 * [len(one)]
    np.testing.assert_array_equal(three.center_m, np.tile(one.center_m, (3, 1)))


def test_sweeps_of_a_repeated_keyframe_age(folder: Path, params: Lift, taxonomy: Taxonomy) -> None:
    scene = random_keyframe(folder, taxonomy, points=500, masks=1).repeated(frames=2, sweeps=3)
    scene.write("scene")
    found = list(read_keyframes("scene", scene.frames, scene.sensors, params))
    assert len(found) == 2
    for keyframe in found:
        newest = len(keyframe.scan.newest())
        assert len(keyframe.scan.points_m) == 3 * newest > 0
        assert np.unique(keyframe.scan.time_lag_s).tolist() == pytest.approx([0, 0.05, 0.1])
