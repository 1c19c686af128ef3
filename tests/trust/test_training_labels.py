"""Labels of other classes than the taxonomy's: refused where a training reads them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cm3d.tables import Boxes3D, Frames, GroundTruth, Sweeps, layout
from cm3d.taxonomy import Taxonomy
from cm3d.training.labels import read_labels
from stages import finetune, pretrain, relabel, selftrain
from tests.trust.refusal import content_of, refuses

POSE = (1.0, 0, 0, 0, 0, 0, 0)
TOKENS, SCENES = ["a", "b", "c"], ["one", "two"]
UNKNOWN = ["tram", "object", "Car", "car,", "vehicle.car", "CAR", "pedestrians", "c\u0430r"]
FOLDERS = {
    "data/pseudo_labels": "fuse",
    "data/pseudo_labels_r2": "relabel_r2",
    "data/index/ground_truth": "download",
}


def boxes(table: type[Boxes3D], names: list[str]) -> Boxes3D:
    count = len(names)
    columns: dict[str, Any] = dict(
        sample_token=TOKENS[:count],
        class_name=names,
        score=[0.5] * count,
        center_m=[(5.0, 0, 0)] * count,
        length_m=[4.0] * count,
        width_m=[2.0] * count,
        height_m=[1.5] * count,
        yaw_rad=[0.0] * count,
        velocity_mps=[(0.0, 0)] * count,
        attribute_name=[""] * count,
    )
    if table is GroundTruth:
        columns |= dict(
            instance_token=TOKENS[:count],
            num_lidar_points=[9] * count,
            num_radar_points=[0] * count,
            visibility=[4] * count,
        )
    return table.from_columns(**columns)


@pytest.mark.parametrize("name", UNKNOWN)
@pytest.mark.parametrize("folder", FOLDERS)
def test_a_class_of_nobody(folder: str, name: str, tmp_path: Path, taxonomy: Taxonomy) -> None:
    table = GroundTruth if "truth" in folder else Boxes3D
    at = tmp_path / folder
    boxes(table, ["car", "bus", "car"]).write(at / "one.parquet")
    boxes(table, ["car", "bus", name]).write(at / "two.parquet")
    before = content_of(tmp_path)
    refuses(
        lambda: read_labels(table, at, SCENES, taxonomy),
        f"{at / 'two.parquet'}: row 2: unknown class {name!r}",
        f"`dvc repro {FOLDERS[folder]}`",
    )
    assert content_of(tmp_path) == before


def test_every_class_of_the_taxonomy_is_read(tmp_path: Path, taxonomy: Taxonomy) -> None:
    boxes(Boxes3D, ["car", "bus", "barrier"]).write(tmp_path / "one.parquet")
    Boxes3D.empty().write(tmp_path / "two.parquet")
    read = read_labels(Boxes3D, tmp_path, SCENES, taxonomy)
    assert read.class_name.tolist() == ["car", "bus", "barrier"]
    assert len(read_labels(Boxes3D, tmp_path, [], taxonomy)) == 0


def write_index() -> None:
    """Three keyframes of train, of one scene."""
    count = len(TOKENS)
    Frames.from_columns(
        sample_token=TOKENS,
        scene_name=["one"] * count,
        timestamp_us=[500_000 * row for row in range(count)],
        split=["train"] * count,
        location=[""] * count,
        global_SE3_ego=[POSE] * count,
    ).write(layout.FRAMES / "one.parquet")
    Sweeps.from_columns(
        sample_token=TOKENS,
        sweep_index=[0] * count,
        path=TOKENS,
        time_lag_s=[0.0] * count,
        global_SE3_lidar=[POSE] * count,
    ).write(layout.SWEEPS / "one.parquet")


def run(stage: Any, *arguments: str) -> Callable[[pytest.MonkeyPatch], None]:
    def go(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.argv", ["stage", *arguments])
        stage.main()

    return go


@pytest.mark.parametrize(
    ("stage", "broken"),
    [
        (run(pretrain), "data/pseudo_labels"),
        (run(finetune), "data/index/ground_truth"),
        (run(selftrain, "--round", "2"), "data/index/ground_truth"),
        (run(selftrain, "--round", "2"), "data/pseudo_labels_r2"),
        (run(relabel, "--round", "2"), "data/pseudo_labels"),
    ],
    ids=["pretrain", "finetune", "selftrain, truth", "selftrain, relabels", "relabel"],
)
def test_every_training_asks(
    stage: Callable[[pytest.MonkeyPatch], None],
    broken: str,
    bare_workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_index()
    for folder in FOLDERS:
        table = GroundTruth if "truth" in folder else Boxes3D
        names = ["car", "tram" if folder == broken else "bus", "car"]
        boxes(table, names).write(Path(folder) / "one.parquet")
    refuses(lambda: stage(monkeypatch), f"{broken}/one.parquet: row 1: unknown class 'tram'")
    assert not (bare_workspace / layout.MODELS).exists()
