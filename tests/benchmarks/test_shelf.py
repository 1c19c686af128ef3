from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.params import Params, load_params
from cm3d.tables import Masks
from tests.tiny_sam import segment_anything

pytest.importorskip("transformers")

from benchmarks import bench_shelf
from benchmarks.bench_shelf import Plan, Rates, cells, gpu_hours, measured, race
from benchmarks.shelf.contests import CONTESTS, Contest
from benchmarks.shelf.images import Scene, write_scene

__all__ = ["segment_anything"]

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def params(project: Path) -> Iterator[Params]:
    threads = torch.get_num_threads()
    yield load_params(project / "params.yaml")
    torch.set_num_threads(threads)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return write_scene(tmp_path, 2)


def test_gpu_hours_are_for_all_images_of_the_train_split() -> None:
    assert gpu_hours(1.0) == pytest.approx(168_780 / 3600)
    assert gpu_hours(46.8833) == pytest.approx(1.0, abs=1e-4)


def test_a_row_has_rates_and_on_a_gpu_its_hours() -> None:
    contest = Contest(len, len, torch.bfloat16)
    on_cpu = cells(contest, Rates(ours=6.0, peer=1.5), Plan(images=2, rounds=3), CPU)
    assert on_cpu == ["bfloat16", "2 x 3", "1.5", "6", "4.00", "not run"]
    alone = cells(contest, Rates(ours=46.8833, peer=None), Plan(2, 3), torch.device("cuda"))
    assert alone == ["bfloat16", "2 x 3", "", "46.9", "", "1.0"]


def test_peer_and_ours_take_turns(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, int]] = []
    clock = iter([0.0, 1.0, 0.0, 4.0, 0.0, 2.0, 0.0, 4.0, 0.0, 9.0, 0.0, 8.0])
    monkeypatch.setattr(bench_shelf.time, "perf_counter", lambda: next(clock))
    contest = Contest(
        lambda scene: calls.append(("ours", len(scene))),
        lambda scene: calls.append(("peer", len(scene))),
        torch.float32,
    )
    assert race(contest, scene, 3, CPU) == Rates(ours=1.0, peer=0.5)
    assert calls == [("ours", 1), ("peer", 1), *3 * [("ours", 2), ("peer", 2)]]


@pytest.mark.parametrize("adapter", ["owlv2", "sam", "sam2"])
def test_loop_and_adapter_find_the_same(
    adapter: str, params: Params, scene: Scene, tmp_path: Path
) -> None:
    contest = CONTESTS[adapter]("tiny", params, scene, tmp_path)
    assert contest.peer is not None
    ours, theirs = contest.ours(scene), contest.peer(scene)
    assert contest.precision is torch.float32
    if adapter == "owlv2":
        assert len(ours) == sum(map(len, theirs)) > 5
        for token, boxes_px in zip(scene.cameras.camera_token, theirs, strict=True):
            found_px = ours.box_px[ours.camera_token == token]
            np.testing.assert_allclose(by_corner(found_px), by_corner(boxes_px), atol=0.5)
    else:
        check_masks(ours, [counts for of_image in theirs for counts in of_image])


@pytest.mark.parametrize("adapter", ["grounding_dino", "sam_hq"])
def test_a_small_run_fills_a_row(adapter: str, params: Params, tmp_path: Path) -> None:
    row = measured(CONTESTS[adapter], "tiny", Plan(images=2, rounds=1), params, tmp_path)
    assert row[:2] == ["float32", "2 x 1"]
    assert all(float(cell) > 0 for cell in row[2:5])
    assert row[5] == "not run"


def by_corner(boxes_px: NDArrayFloat) -> NDArrayFloat:
    return boxes_px[np.lexsort(np.round(boxes_px).T)]


def test_the_package_of_sams_authors_finds_the_same(
    segment_anything: ModuleType, params: Params, scene: Scene, tmp_path: Path
) -> None:
    contest = CONTESTS["segment_anything"]("tiny", params, scene, tmp_path)
    assert contest.peer is not None
    theirs = [counts for of_image in contest.peer(scene) for counts in of_image]
    check_masks(contest.ours(scene), theirs)


def check_masks(ours: Masks, theirs: list[bytes]) -> None:
    assert len(set(theirs)) > 10
    shape_px = int(ours.height_px[0]), int(ours.width_px[0])
    pairs = zip(ours.rle, theirs, strict=True)
    for mask, other in (
        coco_mask.decode([{"size": shape_px, "counts": counts} for counts in pair]).T
        for pair in pairs
    ):
        assert (mask != other).mean() < 1e-3
