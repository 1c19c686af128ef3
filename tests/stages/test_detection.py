"""What a trained model sees in scenes, whoever works on them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cm3d.datasets.nuscenes import CARD
from cm3d.detectors.registry import build_detector
from cm3d.errors import InputError
from cm3d.execution.publication import publication
from cm3d.params import Params, load_params
from cm3d.tables import Boxes3D, Frames, Sweeps, layout
from cm3d.taxonomy import load_taxonomy
from cm3d.training.checkpoint import save_model
from stages.shared.detection import write_detections
from tests.tiny_detector import tiny_detector, tiny_predict

SCENES = {"scene-b": ["b0", "b1", "b2"], "scene-a": ["a0"], "scene-c": ["c0", "c1"]}
OUT = layout.PREDICTIONS / "finetune"
POSE = [1.0, 0, 0, 0, 0, 0, 0]

Run = Callable[..., dict[str, bytes]]


@pytest.fixture
def params(project: Path) -> Params:
    """The project's own on a CPU, with a tiny detector that is sure of a few boxes."""
    params = load_params(project / "params.yaml")
    small = {"range_m": 12.8, "block_channels": [8, 8], "block_layers": [0, 0], "sweeps": 1}
    dataset = params.dataset.model_copy(update={"name": "nuscenes", "root": "lidar"})
    return params.model_copy(
        update={
            "dataset": dataset,
            "detector": tiny_detector(**small),
            "predict": tiny_predict(min_score=0.0, max_boxes=9),
        }
    )


@pytest.fixture(autouse=True)
def workspace(bare_workspace: Path, params: Params) -> None:
    """Three scenes, their LiDAR files and a model with random weights."""
    CARD.write(layout.CARD)
    Path("lidar").mkdir()
    for scene, tokens in SCENES.items():
        paths = [f"{token}.bin" for token in tokens]
        Sweeps.from_columns(
            sample_token=tokens,
            sweep_index=[0] * len(tokens),
            path=paths,
            time_lag_s=[0.0] * len(tokens),
            global_SE3_lidar=[POSE] * len(tokens),
        ).write(layout.SWEEPS / f"{scene}.parquet")
        for number, path in enumerate(paths):
            rng = np.random.default_rng([ord(scene[-1]), number])
            points = rng.uniform((-4, -4, -4, 0, 0), 4, (500, 5)).astype(np.float32)
            points.tofile(Path("lidar") / path)
    save(params, seed=0)


def save(params: Params, seed: int) -> None:
    taxonomy = load_taxonomy(params.taxonomy)
    model = build_detector(params.network, taxonomy, seed)
    save_model(layout.MODELS / "finetune", model, params.network, taxonomy)


def frames() -> Frames:
    tokens = [token for of_scene in SCENES.values() for token in of_scene]
    return Frames.from_columns(
        sample_token=tokens,
        scene_name=[scene for scene, of_scene in SCENES.items() for _ in of_scene],
        timestamp_us=range(len(tokens)),
        split=["val"] * len(tokens),
        location=[""] * len(tokens),
        global_SE3_ego=[POSE] * len(tokens),
    )


@pytest.fixture
def run(params: Params) -> Run:
    """Files of the stage by name, for changes to `execution`."""

    def detect(chosen: Frames | None = None, **execution: object) -> dict[str, bytes]:
        own = params.execution.model_copy(update={"device": "cpu", **execution})
        changed = params.model_copy(update={"execution": own})
        with publication("predict@finetune") as made:
            write_detections(
                "predict", "finetune", chosen or frames(), made.empty_folder(OUT), changed
            )
        return {path.name: path.read_bytes() for path in sorted(OUT.iterdir())}

    return detect


def test_workers_batches_and_readers_change_no_byte(run: Run) -> None:
    alone = run(engine="serial", loaders=0)
    assert list(alone) == ["scene-a.parquet", "scene-b.parquet", "scene-c.parquet"]
    found = Boxes3D.read(OUT / "scene-b.parquet")
    assert found.sample_token.tolist() == ["b0"] * 9 + ["b1"] * 9 + ["b2"] * 9
    assert run(engine="processes", workers=2) == alone
    assert run(engine="processes", workers=3, loaders=2) == alone


def test_frames_that_were_not_asked_for_are_left_out(run: Run) -> None:
    wanted = frames()
    assert list(run(wanted[np.isin(wanted.sample_token, ["b1"])], engine="serial")) == [
        "scene-b.parquet"
    ]
    assert set(Boxes3D.read(OUT / "scene-b.parquet").sample_token) == {"b1"}


def test_a_model_that_was_trained_again_is_read_again(run: Run, params: Params) -> None:
    first = run(engine="serial")
    save(params, seed=1)
    assert run(engine="serial") != first


@pytest.mark.parametrize("engine", ["serial", "processes"])
def test_a_missing_model_is_one_line_from_any_worker(run: Run, engine: str) -> None:
    shutil.rmtree(layout.MODELS / "finetune")
    with pytest.raises(InputError, match=r"models/finetune/detector\.json: missing"):
        run(engine=engine)


def test_workers_are_dealt_gpus(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    with pytest.raises(InputError, match=r"gpus_per_worker: 2, but there are 1 GPUs"):
        run(engine="processes", workers=3, device="auto", gpus_per_worker=2.0)
