"""Pixels follow their matrices, worked out by hand and found again in the images."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayByte
from cm3d.tables import Boxes3D, Cameras, Sweeps
from cm3d.training.frames import TrainingFrame
from cm3d.training.images import (
    ImageAugmentation,
    UnreadableImages,
    check_images,
    load_images,
    rig_of,
)
from tests.tiny_detector import sensors_at, tiny_bevfusion

STORED_PX, WANTED_PX = (160, 90), (64, 32)
CAMERAS = tiny_bevfusion("cameras", scaled_width_px=80).cameras
POSE = [1.0, 0, 0, 0, 0, 0, 0]


def moved(augmentation: ImageAugmentation, u: float, v: float) -> list[float]:
    """Where a pixel as stored goes."""
    found = augmentation.matrix(STORED_PX, WANTED_PX) @ [u, v, 1.0]
    return [round(float(value), 4) for value in found[:2]]


def test_half_the_size_then_the_middle_and_the_lower_part() -> None:
    # 160 x 90 becomes 80 x 45; 16 columns go, 8 on the left, and the upper 13 rows
    half = ImageAugmentation(80)
    # the corner of the first pixel, (-0.5, -0.5), stays a corner: (-0.5 - 8, -0.5 - 13)
    assert moved(half, -0.5, -0.5) == [-8.5, -13.5]
    assert moved(half, 159.5, 89.5) == [71.5, 31.5]


def test_mirrored_about_the_middle_column() -> None:
    u, v = moved(ImageAugmentation(80), 40, 60)
    assert moved(ImageAugmentation(80, mirror=True), 40, 60) == [63 - u, v]


def test_a_quarter_turn_about_the_middle() -> None:
    u, v = moved(ImageAugmentation(80), 40, 60)
    turned = moved(ImageAugmentation(80, rotation_rad=np.pi / 2), 40, 60)
    # what was right of the middle, (31.5, 15.5), is now below it
    assert turned == pytest.approx([31.5 - (v - 15.5), 15.5 + (u - 31.5)], abs=1e-3)


@pytest.mark.parametrize(
    "augmentation",
    [
        ImageAugmentation(80),
        ImageAugmentation(72, left_share=0.1),
        ImageAugmentation(100, mirror=True),
        ImageAugmentation(90, rotation_rad=0.09),
        ImageAugmentation(64, 0.7, True, -0.09),
    ],
)
def test_a_blob_is_where_the_matrix_says(augmentation: ImageAugmentation) -> None:
    v, u = np.mgrid[: STORED_PX[1], : STORED_PX[0]]
    blob = 255 * np.exp(-((u - 75.3) ** 2 + (v - 62.8) ** 2) / 18)
    image: NDArrayByte = np.repeat(blob[..., None], 3, axis=2).astype(np.uint8)
    found = augmentation.apply(image, WANTED_PX)[..., 0].astype(float)
    assert found.shape == (32, 64)
    rows, columns = np.mgrid[:32, :64]
    center = [(found * columns).sum() / found.sum(), (found * rows).sum() / found.sum()]
    assert center == pytest.approx(moved(augmentation, 75.3, 62.8), abs=0.1)


def test_draws_stay_within_their_limits_and_follow_the_seed() -> None:
    draws = [ImageAugmentation.draw(CAMERAS, np.random.default_rng(seed)) for seed in range(200)]
    again = ImageAugmentation.draw(CAMERAS, np.random.default_rng(0))
    assert draws[0] == again
    widths = {draw.scaled_width_px for draw in draws}
    assert min(widths) == CAMERAS.min_scaled_width_px
    assert max(widths) == CAMERAS.max_scaled_width_px
    assert 70 < sum(draw.mirror for draw in draws) < 130
    assert max(abs(draw.rotation_rad) for draw in draws) <= CAMERAS.max_rotation_rad


def frame_of(folder: Path, *channels: str) -> TrainingFrame:
    """A keyframe at the origin with an image of each channel, all grey but for its number."""
    for number, channel in enumerate(channels):
        image = np.full((STORED_PX[1], STORED_PX[0], 3), 50 * (number + 1), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{channel}.png"), image)
    count = len(channels)
    intrinsics_px = np.array([100.0, 0, 79.5, 0, 100, 44.5, 0, 0, 1])
    cameras = Cameras(
        camera_token=np.array([f"token {channel}" for channel in channels], dtype=object),
        sample_token=np.full(count, "frame", dtype=object),
        channel=np.array(channels, dtype=object),
        path=np.array([f"{channel}.png" for channel in channels], dtype=object),
        width_px=np.full(count, STORED_PX[0]),
        height_px=np.full(count, STORED_PX[1]),
        intrinsics_px=np.tile(intrinsics_px, (count, 1)),
        global_SE3_camera=np.tile([*POSE[:4], 1.0, 2.0, 3.0], (count, 1)),
    )
    sweeps = Sweeps(
        sample_token=np.array(["frame"], dtype=object),
        sweep_index=np.array([0]),
        path=np.array(["frame.bin"], dtype=object),
        time_lag_s=np.zeros(1),
        global_SE3_lidar=np.array([[*POSE[:4], 0.0, 0.0, 2.0]]),
    )
    return TrainingFrame("frame", sweeps, Boxes3D.empty(), cameras)


def test_images_stand_in_the_order_of_the_rig_with_their_matrices(tmp_path: Path) -> None:
    frame, plain = frame_of(tmp_path, "BACK", "FRONT"), ImageAugmentation.none(CAMERAS)
    rig = ("FRONT", "BACK", "LEFT")
    scene = np.diag([2.0, 2, 2, 1])
    images, unreadable = load_images(frame, rig, sensors_at(tmp_path), CAMERAS, plain, scene)
    assert images.pixels.shape == (3, 3, 32, 64)
    assert unreadable == ()
    assert images.pixels[:, 0, 16, 32].tolist() == [100, 50, 0]
    assert images.seen.tolist() == [True, True, False]
    # the cameras are 1 m above the LiDAR
    assert images.lidar_SE3_camera[0, :3, 3].tolist() == [1.0, 2.0, 1.0]
    assert images.intrinsics_px[0, 0].tolist() == [100.0, 0.0, 79.5]
    expected = torch.from_numpy(plain.matrix(STORED_PX, WANTED_PX)).float()
    assert torch.equal(images.image_augmentation[1], expected)
    assert torch.equal(images.lidar_augmentation, torch.from_numpy(scene).float())


def test_an_unreadable_image_is_seen_as_nothing(tmp_path: Path) -> None:
    frame = frame_of(tmp_path, "BACK", "FRONT")
    (tmp_path / "BACK.png").write_bytes(b"no image")
    plain = ImageAugmentation.none(CAMERAS)
    rig, scene = ("BACK", "FRONT"), np.eye(4)
    images, unreadable = load_images(frame, rig, sensors_at(tmp_path), CAMERAS, plain, scene)
    assert unreadable == (str(tmp_path / "BACK.png"),)
    assert images.seen.tolist() == [False, True]
    assert not images.pixels[0].any()


def test_unreadable_images_are_counted_once_and_too_many_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One of four may be; a frame that is drawn twice has no more images for that."""
    frame = frame_of(tmp_path, "BACK", "FRONT")
    other = replace(frame, sample_token="other")
    unreadable = UnreadableImages([frame, frame, other], 0.25)
    unreadable.add(())
    unreadable.say("pretrain")
    assert capsys.readouterr().out == ""
    unreadable.add(("BACK.png",))
    unreadable.add(("BACK.png",))
    unreadable.say("pretrain")
    said = capsys.readouterr().out
    assert said == "note: pretrain: 1 images could not be read: BACK.png\n"
    with pytest.raises(InputError, match=r"max_unreadable: 2 of 4 images \(50.00%\)"):
        unreadable.add(("FRONT.png",))


def test_an_image_of_another_size_is_refused(tmp_path: Path) -> None:
    frame = frame_of(tmp_path, "FRONT")
    cv2.imwrite(str(tmp_path / "FRONT.png"), np.zeros((45, 80, 3), dtype=np.uint8))
    plain = ImageAugmentation.none(CAMERAS)
    with pytest.raises(InputError, match=r"FRONT\.png: the image is stored as 80x45"):
        load_images(frame, ("FRONT",), sensors_at(tmp_path), CAMERAS, plain, np.eye(4))


def test_images_that_are_not_there_are_noticed_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cameras = frame_of(tmp_path, "BACK", "FRONT", "LEFT", "RIGHT").cameras
    check_images("predict", cameras, {"frame"}, tmp_path, 0.0)
    assert capsys.readouterr().out == ""
    (tmp_path / "BACK.png").unlink()
    (tmp_path / "FRONT.png").write_bytes(b"")
    check_images("predict", cameras, {"frame"}, tmp_path, 0.5)
    assert capsys.readouterr().out == (
        f"note: predict: 2 of 4 images are not there: {tmp_path}/BACK.png\n"
    )
    with pytest.raises(InputError, match=r"max_unreadable: 2 of 4 images .*BACK\.png"):
        check_images("predict", cameras, {"frame"}, tmp_path, 0.25)
    check_images("predict", cameras, {"another"}, tmp_path, 0.0)


def test_two_images_of_one_camera_are_refused(tmp_path: Path) -> None:
    cameras = frame_of(tmp_path, "FRONT", "BACK", "FRONT").cameras
    with pytest.raises(InputError, match=r"keyframe frame has 2 images of FRONT, which must be"):
        check_images("predict", cameras, {"frame"}, tmp_path, 0.0)


def test_the_rig_is_all_cameras_of_all_frames(tmp_path: Path) -> None:
    frames = [frame_of(tmp_path, "FRONT", "BACK"), frame_of(tmp_path, "LEFT")]
    assert rig_of(frames) == ("BACK", "FRONT", "LEFT")
