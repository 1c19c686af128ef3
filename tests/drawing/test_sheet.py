import numpy as np

from cm3d.drawing.camera import View
from cm3d.drawing.canvas import Word, blank, in_rows, shrunk, write_words
from cm3d.drawing.sheet import Photograph, Surroundings, contact_sheet, in_viewing_order
from cm3d.geometry.cuboids import Cuboids
from cm3d.geometry.se3 import SE3

AROUND = Surroundings(SE3.identity(), np.array([[5.0, 0, 1]]), [np.array([[0.0, 0], [9, 0]])])
INTRINSICS_PX = np.array([[100.0, 0, 80], [0, 100, 45], [0, 0, 1]])


def photograph(degrees: float, name: str = "") -> Photograph:
    """A camera that looks so far to the left."""
    yaw = np.deg2rad(degrees)
    forward, right = [np.cos(yaw), np.sin(yaw), 0], [np.sin(yaw), -np.cos(yaw), 0]
    camera_SE3_global = SE3(np.array([right, [0, 0, -1], forward]), np.zeros(3))
    image = blank(160, 90, (9, 9, 9)) if name != "lost" else None
    return Photograph(name, View(camera_SE3_global, INTRINSICS_PX, (160, 90)), image)


def test_cameras_stand_as_one_looks_around() -> None:
    """Ahead from left to right; behind as if one had turned: left of it is the back left."""
    angles = [0, 55, -55, 110, 180, -110]
    assert in_viewing_order([photograph(a) for a in angles], AROUND) == [[1, 0, 2], [3, 4, 5]]
    five = [0, 45, -45, 90, -90]  # Waymo's look to the sides, none back
    assert in_viewing_order([photograph(a) for a in five], AROUND) == [[3, 1, 0, 2, 4]]
    assert in_viewing_order([], AROUND) == []


def test_a_sheet_shows_what_there_is() -> None:
    boxes = Cuboids(np.array([[10.0, 0, 0]]), *np.full((3, 1), 2.0), np.zeros(1))
    cameras = [photograph(0, "front"), photograph(180, "lost")]
    whole = contact_sheet("a", cameras, AROUND, {"true": boxes}, ["a note"], width_px=400)
    assert whole.shape[1] == 400
    bare = contact_sheet("a", [], AROUND, {}, [], width_px=400)
    assert whole.shape[0] > bare.shape[0] > 190  # without cameras the plans are left
    green = (whole[..., 1] > 150) & (whole[..., 0] < 120) & (whole[..., 2] < 140)
    assert green.sum() > 50


def test_rows_of_images_are_laid_out() -> None:
    a, b, c = blank(10, 5, (1, 1, 1)), blank(20, 8, (2, 2, 2)), blank(4, 4, (3, 3, 3))
    whole = in_rows([[a, b], [], [c]], gap_px=2)
    assert whole.shape == (14, 32, 3)
    assert whole[0, 12, 0] == 2 and whole[10, 0, 0] == 3
    assert shrunk(b, 10).shape == (4, 10, 3)


def test_words_are_written_in_place() -> None:
    image = blank(80, 20, (0, 0, 0))
    write_words(image, [])
    assert not image.any()
    write_words(image, [Word(2, 2, "word", (255, 0, 0))])
    assert image[..., 0].max() > 200 and image[..., 1].max() < 60
