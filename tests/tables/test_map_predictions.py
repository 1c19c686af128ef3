from pathlib import Path

import numpy as np
import pytest

from cm3d.geometry.ground_map import MAP_CLASSES
from cm3d.tables.map_predictions import MapPredictions
from tests.trust.refusal import refuses


def test_counts_come_back(tmp_path: Path) -> None:
    reached = np.random.default_rng(0).integers(0, 8, (6, 200, 200)).astype(np.uint8)
    MapPredictions.of_frame("f", reached).write(tmp_path / "scene.parquet")
    table = MapPredictions.read(tmp_path / "scene.parquet")
    index = [MAP_CLASSES.index(name) for name in table.class_name]
    np.testing.assert_array_equal(table.masks(), reached[index])
    assert MapPredictions.empty().masks().shape == (0, 200, 200)


def test_runs_are_small_on_disk(tmp_path: Path) -> None:
    reached = np.zeros((6, 200, 200), np.uint8)
    reached[:, 50:150, 60:90] = 7
    MapPredictions.of_frame("f", reached).write(tmp_path / "scene.parquet")
    assert (tmp_path / "scene.parquet").stat().st_size < 6 * 200 * 200 / 50


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"reached": [bytes(40_000), bytes(39_999)]}, ("row 1", "40000 bytes from 0 to 7")),
        ({"reached": [bytes(40_000), bytes(39_999) + b"\x08"]}, ("row 1", "from 0 to 7")),
        ({"class_name": ["walkway", "car"]}, ("row", "'car'")),
        ({"class_name": ["walkway", "walkway"]}, ("repeats",)),
        ({"sample_token": ["f", ""]}, ("''",)),
    ],
)
def test_refused(columns: dict[str, object], words: tuple[str, ...], tmp_path: Path) -> None:
    sound = {
        "sample_token": ["f", "f"],
        "class_name": ["divider", "walkway"],
        "reached": [bytes(40_000)] * 2,
    }
    MapPredictions.from_columns(**sound).write(tmp_path / "sound.parquet")
    broken = MapPredictions.from_columns(**{**sound, **columns})
    refuses(lambda: broken.write(tmp_path / "broken.parquet"), "broken.parquet", *words)
