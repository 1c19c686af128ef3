"""The files of the small data set, read as files."""

import hashlib
import json

import cv2
import numpy as np
import pytest

from cm3d.errors import InputError
from cm3d.geometry.cameras import inside_image, project_points
from cm3d.geometry.se3 import SE3
from cm3d.params import Simulation
from cm3d.sensors.instances import instance_image_path, read_instances
from cm3d.simulation.database.annotations import ATTRIBUTES, count_points
from cm3d.simulation.database.assembly import assemble_database
from cm3d.simulation.database.records import is_finished, link, record_path, token
from cm3d.simulation.recorder import simulate_scene
from cm3d.simulation.schedule import Timeline, scene_plan
from cm3d.simulation.sensors.rig import CAMERAS, LIDAR_CHANNEL

VERSION = "v1.0-trainval"


@pytest.fixture(scope="module")
def tables(database):
    """All 13 tables, each by token."""
    files = sorted((database / VERSION).glob("*.json"))
    read = {path.stem: json.loads(path.read_text()) for path in files if path.stem != "splits"}
    return {name: {row["token"]: row for row in rows} for name, rows in read.items()}


def _pose(row):
    return SE3.from_pose(np.array([*row["rotation"], *row["translation"]]))


def _channel(tables, row):
    sensor = tables["calibrated_sensor"][row["calibrated_sensor_token"]]["sensor_token"]
    return tables["sensor"][sensor]["channel"]


def _global_SE3_sensor(tables, row):
    mounting = tables["calibrated_sensor"][row["calibrated_sensor_token"]]
    return _pose(tables["ego_pose"][row["ego_pose_token"]]) @ _pose(mounting)


def _digests(root):
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_tokens_are_stable_keys_of_32_digits():
    # The digest of "sample/scene-0001/0", so that tokens never change unnoticed.
    assert token("sample", "scene-0001", 0) == "e34d0faa5eac8fc8e04dd38cc5324d3b"
    assert token("a", "b") != token("a", "c")


def test_link_chains_each_key_apart():
    rows = [{"token": t, "key": k} for t, k in (("a", 1), ("b", 2), ("c", 1), ("d", 1))]
    link(rows, "key")
    assert [(row["prev"], row["next"]) for row in rows] == [
        ("", "c"), ("", ""), ("a", "d"), ("c", "")
    ]  # fmt: skip


def test_timeline_gives_every_keyframe_nine_past_sweeps():
    timeline = Timeline(3)
    keyframes = [i for i in range(timeline.sweeps) if timeline.is_keyframe(i)]
    assert keyframes == [9, 19, 29] and timeline.sweeps == 30
    assert [timeline.sweep_us(i) for i in (0, 9, 29)] == [-450_000, 0, 1_000_000]
    assert timeline.duration_s == 1.0
    assert [timeline.keyframe_served(i) for i in (0, 9, 10, 29)] == [0, 0, 1, 2]


def test_scene_names_are_the_first_of_the_devkits_splits(small):
    plans = scene_plan(small.model_copy(update={"train_scenes": 3, "val_scenes": 2}))
    assert [(plan.scene_name, plan.split) for plan in plans] == [
        ("scene-0001", "train"),
        ("scene-0002", "train"),
        ("scene-0004", "train"),
        ("scene-0003", "val"),
        ("scene-0012", "val"),
    ]
    assert [plan.order for plan in plans] == list(range(5))
    assert len({plan.location for plan in plans}) == 4


def test_more_scenes_than_names_is_one_line():
    many = Simulation.model_construct(train_scenes=1, val_scenes=151)
    with pytest.raises(InputError, match=r"simulation\.val_scenes: 151 is more than the 150"):
        scene_plan(many)


def test_all_tables_and_files_are_there(database, tables):
    assert set(tables) == {
        "attribute", "calibrated_sensor", "category", "ego_pose", "instance", "log", "map",
        "sample", "sample_annotation", "sample_data", "scene", "sensor", "visibility",
    }  # fmt: skip
    assert all(len(key) == 32 for key in (*tables["sample_data"], *tables["sample_annotation"]))
    for row in tables["sample_data"].values():
        channel, modality = _channel(tables, row), {"pcd": "lidar", "jpg": "images"}
        assert (database / row["filename"]).is_file()
        assert row["filename"].startswith(f"{modality[row['fileformat']]}/{channel}/scene-")
    # What stages depend on apart, and nothing else.
    folders = {path.name for path in database.iterdir()}
    assert folders == {VERSION, "maps", "lidar", "images", "instances"}
    assert not (database / "records").exists()
    splits = json.loads((database / VERSION / "splits.json").read_text())
    assert splits == {"train": ["scene-0001"], "val": ["scene-0003"]}


def test_every_reference_resolves(tables):
    for name, rows in tables.items():
        for row in rows.values():
            for key, value in row.items():
                table = key.removesuffix("_token")
                if key.endswith("_token") and table in tables:
                    assert value in tables[table], (name, key)
                if key in ("prev", "next") and value:
                    assert rows[value][{"prev": "next", "next": "prev"}[key]] == row["token"]


def test_sensor_times(tables):
    for sample in tables["sample"].values():
        rows = [r for r in tables["sample_data"].values() if r["sample_token"] == sample["token"]]
        keyframes = {_channel(tables, r): r["timestamp"] for r in rows if r["is_key_frame"]}
        assert keyframes.pop(LIDAR_CHANNEL) == sample["timestamp"]
        offsets_us = {c: t - sample["timestamp"] for c, t in keyframes.items()}
        assert offsets_us == {mount.channel: mount.time_offset_us() for mount in CAMERAS}
        sweeps = sorted(r["timestamp"] for r in rows if _channel(tables, r) == LIDAR_CHANNEL)
        assert len(sweeps) == 10 and set(np.diff(sweeps)) == {50_000}


def test_annotations_follow_the_rules(tables):
    attributes = {row["token"]: row["name"] for row in tables["attribute"].values()}
    assert set(attributes.values()) == set(ATTRIBUTES)
    assert len(tables["sample_annotation"]) > 50
    for row in tables["sample_annotation"].values():
        category = tables["category"][tables["instance"][row["instance_token"]]["category_token"]]
        assert row["num_lidar_pts"] >= 1 and row["num_radar_pts"] == 0
        kind = category["name"].split(".")[0]
        assert len(row["attribute_tokens"]) == (kind != "movable_object")
        quaternion = row["rotation"]
        assert quaternion[1] == quaternion[2] == 0  # upright
    for row in tables["instance"].values():
        key, annotations = row["token"], tables["sample_annotation"].values()
        assert row["nbr_annotations"] == sum(a["instance_token"] == key for a in annotations)


def test_count_points_in_a_turned_box(make_actor):
    # 4 x 2 x 1.6 m, turned by a right angle: 2 m along x, 4 m along y, from the ground up.
    actor = make_actor(1, (10.0, 0.0), np.pi / 2)
    points_m = np.array([[10, 1.9, 0.1], [10.9, 0, 1.5], [11.1, 0, 1], [10, 0, 1.7], [10, 2.1, 1]])
    counts = count_points([actor], [actor.global_SE3_object(0.0)], points_m)
    assert counts.tolist() == [2]
    assert count_points([], [], points_m).shape == (0,)


def test_lidar_points_of_standing_objects_land_in_their_masks(database, tables):
    """Points in a standing object's box, seen from the LiDAR, against its mask from the camera.

    The two see from different places, so of a half-hidden object either may see what the other
    does not: only objects that a camera sees whole are asked for.
    """
    pictures = {}
    for path in sorted((database / "instances").glob("scene-*.json")):
        pictures |= json.loads(path.read_text())
    rows = [r for r in tables["sample_data"].values() if r["is_key_frame"]]
    clouds = {r["sample_token"]: r for r in rows if r["fileformat"] == "pcd"}
    hit = total = 0
    for row in (r for r in rows if r["fileformat"] == "jpg"):
        cloud = clouds[row["sample_token"]]
        points = np.fromfile(database / cloud["filename"], dtype=np.float32).reshape(-1, 5)
        points_m = points[:, :3].astype(np.float64)
        points_m = _global_SE3_sensor(tables, cloud).transform_points(points_m)
        ids = read_instances(database / instance_image_path(row["token"]))
        entries = {e["instance_token"]: e for e in pictures[row["token"]]}
        for annotation in tables["sample_annotation"].values():
            entry = entries.get(annotation["instance_token"])
            whole = entry and entry["visible_share"] == 1
            same_frame = annotation["sample_token"] == row["sample_token"]
            if not (whole and same_frame and _stands(tables, annotation)):
                continue
            inside_m = points_m[_core(points_m, annotation)]
            landed, seen = _in_mask(tables, row, inside_m, ids == entry["instance_id"])
            hit, total = hit + landed, total + seen
    assert total > 300
    assert hit / total > 0.95


def _stands(tables, annotation):
    twins = [tables["sample_annotation"].get(annotation[key]) for key in ("prev", "next")]
    return any(t and t["translation"] == annotation["translation"] for t in twins)


def _core(points_m, annotation):
    width_m, length_m, height_m = annotation["size"]
    half = np.array([length_m, width_m, height_m]) / 2
    in_box_m = _pose(annotation).inverse().transform_points(points_m)
    # Without the lowest part, which holds returns of the ground.
    return (np.abs(in_box_m) <= half).all(axis=1) & (in_box_m[:, 2] > 0.1 - half[2])


def _in_mask(tables, row, points_m, mask):
    intrinsics_px = tables["calibrated_sensor"][row["calibrated_sensor_token"]]["camera_intrinsic"]
    in_camera_m = _global_SE3_sensor(tables, row).inverse().transform_points(points_m)
    pixels, depth_m = project_points(in_camera_m, np.array(intrinsics_px))
    height_px, width_px = mask.shape
    pixels = pixels[inside_image(pixels, depth_m, width_px, height_px, 0.1)]
    # A pixel's width around: at this image scale a person's arm is narrower than that.
    wide = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8))
    columns, rows = pixels.astype(int).T
    return int(wide[rows, columns].sum()), len(pixels)


def test_picture_entries_match_the_instance_images(database):
    path = sorted((database / "instances").glob("scene-*.json"))[0]
    for camera_token, entries in json.loads(path.read_text()).items():
        ids = read_instances(database / instance_image_path(camera_token))
        counted = {e["instance_id"]: e["visible_pixels"] for e in entries}
        found, pixels = np.unique(ids[ids > 0], return_counts=True)
        assert counted == dict(zip(found.tolist(), pixels.tolist(), strict=True))
        assert all(0 <= e["visible_share"] <= 1 for e in entries)


def test_a_scene_is_the_same_bytes_whatever_ran_before(database, small, tmp_path):
    plan = scene_plan(small)[1]
    simulate_scene(plan, 0, small, tmp_path)
    record = json.loads(record_path(tmp_path, plan.scene_name).read_text())
    for name, rows in record.items():
        table = json.loads((database / VERSION / f"{name}.json").read_text())
        tokens = {row["token"] for row in rows}
        assert rows == [row for row in table if row["token"] in tokens]
    written = {k: v for k, v in _digests(tmp_path).items() if not k.startswith("records")}
    first_run = _digests(database)
    assert written == {path: first_run[path] for path in written}
    # 30 sweeps, 18 images with instance ids, what is on them
    assert len(written) == 30 + 2 * 18 + 1


def test_a_finished_scene_is_left_alone_and_a_damaged_one_made_again(small, tmp_path):
    plan = scene_plan(small)[0]
    simulate_scene(plan, 0, small, tmp_path)
    before, times = _digests(tmp_path), _times(tmp_path)
    simulate_scene(plan, 0, small, tmp_path)
    assert _times(tmp_path) == times
    cloud = next((tmp_path / "lidar").rglob("*.bin"))
    cloud.write_bytes(bytes(cloud.stat().st_size))  # as a power failure leaves it
    simulate_scene(plan, 0, small, tmp_path)
    assert _digests(tmp_path) == before


def _times(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("content", ["", "[]", "{", "{}", '{"lidar/none.bin": "ab"}'])
def test_digests_that_are_broken_finish_no_scene(tmp_path, content):
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "scene-0001.sha256").write_text(content)
    assert not is_finished(tmp_path, "scene-0001")


def test_missing_record_is_named(small, tmp_path):
    with pytest.raises(InputError, match=r"records/scene-0001\.json: scene is not simulated"):
        assemble_database(tmp_path, VERSION, scene_plan(small), 0)


def test_unwritable_root_is_one_line(small, tmp_path):
    root = tmp_path / "file"
    root.write_text("in the way")
    with pytest.raises(InputError, match="cannot be written"):
        simulate_scene(scene_plan(small)[0], 0, small, root)


def test_errors_of_written_poses_leave_sensors_and_truth_alone(database, tables, small, tmp_path):
    errors = {"camera_mounting_error_deg": 0.2, "camera_mounting_error_m": 0.02}
    errors |= {"ego_pose_error_deg": 0.03, "ego_pose_error_m": 0.02}
    plan = scene_plan(small)[1]
    simulate_scene(plan, 0, small.model_copy(update=errors), tmp_path)
    record = json.loads(record_path(tmp_path, plan.scene_name).read_text())
    for name in ("sample_annotation", "instance", "sample_data"):
        assert all(row == tables[name][row["token"]] for row in record[name])
    for name, moved in (("calibrated_sensor", 6), ("ego_pose", len(record["ego_pose"]))):
        own = [row for row in record[name] if row != tables[name][row["token"]]]
        assert len(own) == moved, name
    files = {k: v for k, v in _digests(tmp_path).items() if not k.startswith("records")}
    assert files.items() <= _digests(database).items()
