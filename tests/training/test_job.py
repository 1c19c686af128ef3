"""A training from labels to files, alone and shared by two processes."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cm3d.execution.together import train_together
from cm3d.params import CopyPaste
from cm3d.training.checkpoint import load_model
from cm3d.training.job import HISTORY, MODEL, TrainingJob
from tests.tiny_detector import sensors_at


@pytest.fixture
def job(make_boxes: Callable, make_frame: Callable, make_recipe, tmp_path: Path) -> TrainingJob:
    rows = [(("car", 4.0 - n, 5.0, 0.3 * n), ("pedestrian", -5.0, n, 1.0)) for n in range(5)]
    frames = [make_frame(make_boxes(f"f{n}", *two), f"f{n}") for n, two in enumerate(rows)]
    return TrainingJob(
        title="test",
        frames=frames,
        recipe=make_recipe(epochs=3, batch_size=3, flip=True),  # batches of 3 and 2 frames
        sensors=sensors_at(tmp_path),
        folder=tmp_path / "one",
        copy_paste=CopyPaste(min_points=5),
    )


def _losses(job: TrainingJob) -> np.ndarray:
    rows = json.loads((job.folder / HISTORY).read_text())
    return np.array([[row[name] for name in sorted(row)] for row in rows])


def test_two_processes_learn_the_same_as_one(job: TrainingJob, tmp_path: Path) -> None:
    shared = replace(job, folder=tmp_path / "two", loaders=1)
    train_together(job, 1, "cpu")
    train_together(shared, 2, "cpu")
    # the same sums in another order: rounding grows a little from step to step
    np.testing.assert_allclose(_losses(shared), _losses(job), rtol=2e-3, atol=1e-4)
    weights = [
        load_model(j.folder / MODEL, j.recipe.detector, j.recipe.taxonomy).state_dict()
        for j in (job, shared)
    ]
    for name, value in weights[0].items():
        np.testing.assert_allclose(weights[1][name], value, atol=5e-3, err_msg=name)


def test_objects_are_pasted_where_the_schedule_says_so(job: TrainingJob, tmp_path: Path) -> None:
    schedule = job.recipe.schedule.model_copy(update={"copy_paste": True})
    pasting = replace(
        job, folder=tmp_path / "pasting", recipe=replace(job.recipe, schedule=schedule)
    )
    train_together(job, 1, "cpu")
    train_together(pasting, 2, "cpu")
    assert (pasting.folder / "objects").is_dir()
    assert not (job.folder / "objects").exists()
    assert not np.allclose(_losses(job), _losses(pasting), rtol=0.01)
