"""What every scorer of `cm3d.evaluation` does, with any class list."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pytest
import shapely
from pycocotools import mask as coco_mask

from cm3d.errors import InputError
from cm3d.evaluation.maps import count_scene
from cm3d.evaluation.protocol import Scorer, Scores, open_scorer, scorers
from cm3d.geometry.ground_map import MAP_CLASSES
from cm3d.params import load_params
from cm3d.sensors.card import DataCard, ImageFormat, LidarFormat
from cm3d.sensors.instances import instance_image_path
from cm3d.tables import Boxes2D, Boxes3D, Cameras, Frames, GroundTruth, Masks, Sweeps, Table, layout
from cm3d.tables.map_areas import MapAreas
from cm3d.tables.map_predictions import MapPredictions
from cm3d.taxonomy import Taxonomy, load_taxonomy

SCENE = "scene.parquet"
GUESSES = Path("data/guesses")
IDENTITY = [1.0, 0, 0, 0, 0, 0, 0]
Y_M = np.array([4.0, 0.0, -4.0])  # cubes of 2 m at x = 11 m, of three classes
PX = np.array([[300, 350, 550, 550], [700, 350, 900, 550], [1050, 350, 1300, 550]])
CLASSLESS = {"masks", "agnostic", "maps"}
# an area of each class in sight, the last one a line
AREAS = MapAreas.of_shapes(
    [
        *(shapely.box(x, x, x + 9, x + 9) for x in range(-40, 10, 10)),
        shapely.LineString([[0, 9], [9, 0]]),
    ],
    MAP_CLASSES,
)

# Nothing is wrong; something is; there is nothing.
QUALITIES = ("perfect", "worse", "nothing")


@pytest.fixture(params=["nuscenes", "nuscenes18", "waymo"])
def taxonomy(request: pytest.FixtureRequest) -> Taxonomy:
    return load_taxonomy(request.param)


@pytest.fixture
def frames(taxonomy: Taxonomy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Frames:
    """A scene of frames f and g, as `download` leaves it: the same three objects in both."""
    (tmp_path / "params.yaml").symlink_to(Path("params.yaml").resolve())
    monkeypatch.chdir(tmp_path)
    tokens = ["f", "g"]
    frames = Frames.from_columns(
        sample_token=tokens,
        scene_name=["scene"] * 2,
        timestamp_us=[0, 1],
        split=["val"] * 2,
        location=["town"] * 2,
        global_SE3_ego=[IDENTITY] * 2,
    )
    frames.write(layout.FRAMES / SCENE)
    AREAS.write(layout.MAP_AREAS / "town.parquet")
    Cameras.from_columns(
        camera_token=[f"camera of {token}" for token in tokens],
        sample_token=tokens,
        channel=["CAM_FRONT"] * 2,
        path=["front.jpg"] * 2,
        width_px=[1600] * 2,
        height_px=[900] * 2,
        intrinsics_px=[[1000, 0, 800, 0, 1000, 450, 0, 0, 1]] * 2,
        global_SE3_camera=[[0.5, -0.5, 0.5, -0.5, 0, 0, 0]] * 2,
    ).write(layout.CAMERAS / SCENE)
    Sweeps.from_columns(
        sample_token=tokens,
        sweep_index=[0, 0],
        path=["sweep.npy"] * 2,
        time_lag_s=[0, 0],
        global_SE3_lidar=[IDENTITY] * 2,
    ).write(layout.SWEEPS / SCENE)
    boxes = boxes3d(taxonomy, "perfect")
    columns = {name: getattr(boxes, name) for name in Boxes3D.schema().names}
    GroundTruth.from_columns(
        **columns,
        instance_token=[str(row) for row in range(len(boxes))],
        num_lidar_points=np.ones(len(boxes)),
        num_radar_points=np.zeros(len(boxes)),
        visibility=np.full(len(boxes), 4),
    ).write(layout.GROUND_TRUTH / SCENE)
    Boxes3D.empty().write(layout.BICYCLE_RACKS / SCENE)
    boxes2d(taxonomy, "perfect").write(layout.BOXES2D / SCENE)
    lidar = LidarFormat(file="npy", dtype="float32", columns=("x", "y", "z"), full_intensity=1)
    images = ImageFormat(model="pinhole")
    card = DataCard(name="own", embedded=True, scorer="nuscenes", lidar=lidar, images=images)
    card.write(layout.CARD)
    layout.RAW.mkdir()
    np.save(layout.RAW / "sweep.npy", np.column_stack([np.full(3, 11.0), Y_M, np.zeros(3)]))
    ids = np.zeros((900, 1600), np.uint16)
    for number, (left, top, right, bottom) in enumerate(PX, start=1):
        ids[top:bottom, left:right] = number
    for token in tokens:
        path = layout.RAW / instance_image_path(f"camera of {token}")
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), ids)
    return frames


def boxes3d(taxonomy: Taxonomy, quality: str) -> Boxes3D:
    """Of both frames; the worse ones are 0.8 m off, and the third is not found."""
    boxes = Boxes3D.from_columns(
        sample_token=["f"] * 3 + ["g"] * 3,
        class_name=list(taxonomy.class_names[:3]) * 2,
        score=np.ones(6),
        center_m=np.column_stack([np.full(6, 11.0), np.tile(Y_M, 2), np.zeros(6)]),
        length_m=np.full(6, 2.0),
        width_m=np.full(6, 2.0),
        height_m=np.full(6, 2.0),
        yaw_rad=np.zeros(6),
        velocity_mps=np.zeros((6, 2)),
        attribute_name=["vehicle.parked"] * 6,
    )
    if quality == "worse":
        boxes = boxes.replace(center_m=boxes.center_m - np.array([0.8, 0, 0]))[[0, 1, 3, 4]]
    return boxes if quality != "nothing" else boxes[:0]


def boxes2d(taxonomy: Taxonomy, quality: str) -> Boxes2D:
    """Of both images; the third of the worse ones is three times as high."""
    box_px = np.tile(PX, (2, 1)).astype(np.float64)
    if quality == "worse":
        box_px[2::3, [1, 3]] += [-200, 200]
    boxes = Boxes2D.from_columns(
        camera_token=["camera of f"] * 3 + ["camera of g"] * 3,
        detection_id=range(6),
        class_name=list(taxonomy.class_names[:3]) * 2,
        score=np.ones(6),
        box_px=box_px,
    )
    return boxes if quality != "nothing" else boxes[:0]


def masks(taxonomy: Taxonomy, quality: str) -> Masks:
    """All pixels of each object; of the worse ones 50 rows, with no point inside."""
    prompts = boxes2d(taxonomy, "nothing" if quality == "nothing" else "perfect")
    pixels = np.zeros((900, 1600, len(prompts)), dtype=np.uint8, order="F")
    for row, (left, top, right, bottom) in enumerate(prompts.box_px.astype(int)):
        pixels[top : top + 50 if quality == "worse" else bottom, left:right, row] = 1
    runs = coco_mask.encode(pixels) if len(prompts) else []
    return Masks.from_columns(
        camera_token=prompts.camera_token,
        sample_token=[token[-1] for token in prompts.camera_token],
        detection_id=prompts.detection_id,
        class_name=prompts.class_name,
        score=prompts.score,
        height_px=np.full(len(prompts), 900),
        width_px=np.full(len(prompts), 1600),
        rle=[run["counts"] for run in runs],
    )


def maps(taxonomy: Taxonomy, quality: str) -> MapPredictions:
    """Of both keyframes; the worse ones are 1 m off."""
    masks = AREAS.ground_map().masks(np.eye(4), np.eye(4))
    factor = {"perfect": 7, "worse": 5, "nothing": 0}[quality]
    reached = factor * np.roll(masks, 2 if quality == "worse" else 0, axis=2)
    return MapPredictions.concatenate(
        MapPredictions.of_frame(token, reached.astype(np.uint8)) for token in ("f", "g")
    )


# A new scorer adds what it is given here.
GUESSED: dict[str, Callable[[Taxonomy, str], Table]] = {
    "agnostic": boxes3d,
    "boxes2d": boxes2d,
    "maps": maps,
    "masks": masks,
    "nuscenes": boxes3d,
    "waymo": boxes3d,
}


@pytest.fixture(params=scorers())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def scorer(name: str, frames: Frames, taxonomy: Taxonomy) -> Scorer:
    params = load_params()
    execution = params.execution.model_copy(update={"engine": "serial"})
    return open_scorer(name, params.model_copy(update={"execution": execution}), taxonomy)


@pytest.fixture
def score(name: str, scorer: Scorer, frames: Frames, taxonomy: Taxonomy) -> Callable[[str], Scores]:
    """Scores of a guess of some quality."""

    def scored(quality: str) -> Scores:
        GUESSED[name](taxonomy, quality).write(GUESSES / SCENE)
        return scorer.score(GUESSES, frames)

    return scored


def test_every_headline_figure_points_somewhere(
    scorer: Scorer, score: Callable[[str], Scores]
) -> None:
    assert set(score("perfect").headline) == set(scorer.better)
    assert set(scorer.better.values()) <= {"higher", "lower", "neither"}
    for quality in ("worse", "nothing"):
        assert set(score(quality).headline) <= set(scorer.better)


def test_perfect_guesses_are_best_and_none_are_worst(
    scorer: Scorer, score: Callable[[str], Scores]
) -> None:
    perfect, worse, nothing = (score(quality).headline for quality in QUALITIES)
    differs = False
    for figure, direction in scorer.better.items():
        sign = {"higher": 1, "lower": -1, "neither": 0}[direction]
        ranked = [sign * found[figure] for found in (perfect, worse, nothing) if figure in found]
        assert ranked == sorted(ranked, reverse=True), figure
        differs |= ranked[0] > ranked[1]
    assert differs


def test_all_is_json_without_nan(score: Callable[[str], Scores]) -> None:
    for quality in QUALITIES:
        assert json.loads(json.dumps(asdict(score(quality)), allow_nan=False))["engine"]


def test_per_class_figures_are_of_all_classes(
    name: str, taxonomy: Taxonomy, score: Callable[[str], Scores]
) -> None:
    expected = () if name in CLASSLESS else taxonomy.class_names
    for quality in QUALITIES:
        assert tuple(score(quality).per_class) == expected


def test_plots_have_their_axes(score: Callable[[str], Scores]) -> None:
    scores = score("perfect")
    assert all(list(row) == ["class", "ap"] for row in scores.ap_rows)
    assert all(list(row) == ["class", "recall", "precision"] for row in scores.curve_rows)
    figures = ["found", "ATE", "ASE", "AOE", "objects"]
    assert all(list(row) == ["distance_m", *figures] for row in scores.distance_rows)
    assert all(list(row) == ["points", *figures] for row in scores.point_rows)


def test_a_table_of_experiments_has_room_for_its_figures(score: Callable[[str], Scores]) -> None:
    for quality in QUALITIES:
        assert 1 <= len(score(quality).brief) <= 8


def test_other_frames_play_no_part(
    name: str, scorer: Scorer, frames: Frames, taxonomy: Taxonomy
) -> None:
    """Frame f alone, whether frame g has its guesses or those of frame f stand there alone."""
    guesses = GUESSED[name](taxonomy, "worse")
    found = []
    for rows in (slice(0, len(guesses)), slice(0, len(guesses) // 2)):
        guesses[rows].write(GUESSES / SCENE)
        found.append(asdict(scorer.score(GUESSES, frames[:1])))
    assert found[0] == found[1]


def test_a_map_model_says_all_of_every_keyframe(frames: Frames, taxonomy: Taxonomy) -> None:
    guesses = maps(taxonomy, "perfect")
    guesses[np.arange(len(guesses)) != 8].write(GUESSES / SCENE)
    with pytest.raises(InputError, match=r"scene\.parquet: keyframe g has no walkway; rebuild"):
        count_scene("scene", GUESSES, frames, {"town": AREAS.ground_map()})


def test_what_is_not_there_is_named(scorer: Scorer, frames: Frames) -> None:
    with pytest.raises(InputError, match=r"data/none/scene\.parquet: missing"):
        scorer.score(Path("data/none"), frames)


def test_an_unknown_scorer_is_named(taxonomy: Taxonomy) -> None:
    with pytest.raises(InputError, match="scorer 'coco': unknown; there are agnostic, boxes2d"):
        open_scorer("coco", load_params(), taxonomy)
