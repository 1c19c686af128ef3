from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from benchmarks import bench_detector
from benchmarks.bench_detector import kernel_table, race_rows, race_table, waiting_table
from benchmarks.detector import ours
from benchmarks.detector.cases import Case, cases
from benchmarks.detector.kernels import by_length, profiled
from benchmarks.detector.race import Figures, race
from benchmarks.detector.waiting import measured

# 25.6 m of pillars of 0.8 m, of one sweep
TINY = Case(
    "small",
    sweeps=1,
    batch=2,
    repeats=1,
    overrides=(
        ("detector.range_m", 25.6),
        ("detector.cell_m", 0.8),
        ("detector.sweeps", 1),
        ("detector.pillar_channels", 4),
        ("detector.block_channels", [8, 8, 8]),
        ("detector.block_layers", [0, 0, 0]),
        ("detector.neck_channels", 8),
        ("detector.head_channels", 8),
    ),
)
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def in_the_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setenv("CM3D_REAL_KEYFRAME", "nowhere")


def test_a_race_without_a_peer() -> None:
    found = race(TINY, ["ours"])["ours"]
    assert min(found.train, found.infer) > 0
    assert found.train_mb >= found.infer_mb >= 0
    assert found.boxes == TINY.params().predict.max_boxes
    assert found.parameters == ours.build(TINY).parameters


@pytest.mark.mmdet3d
@pytest.mark.skipif(not find_spec("mmdet3d"), reason="mmdet3d is not installed")
def test_both_sides_have_the_same_model() -> None:
    found = race(TINY, ["ours", "peer"])
    assert found["ours"].parameters == found["peer"].parameters
    assert found["peer"].boxes > 0
    assert len(next(iter(race_rows(TINY, found)))) == 6


def test_rows_have_ratios_where_there_is_a_peer() -> None:
    one, other = Figures(6.0, 2.0, 300, 100, 9, 500_000), Figures(4.0, 4.0, 600, 100, 9, 500_000)
    rows = list(race_rows(TINY, {"ours": one, "peer": other}))
    assert [row[5] for row in rows] == ["1.50", "0.50", "0.50", "1.00"]
    assert rows[0] == ["small", "1 x 2", "training, fp32 (1/s)", "6", "4", "1.50"]
    assert rows[1][0] == "0.50 M parameters"
    assert all(row[4:] == ["", ""] for row in race_rows(TINY, {"ours": one}))


def test_the_table_has_four_rows_per_model(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = {"ours": Figures(1.0, 1.0, 1.0, 1.0, 1, 1)}
    monkeypatch.setattr(bench_detector, "race", lambda case, names: figures)
    assert race_table(cases("cpu"), ["ours"]).row_count == 16


def test_a_gpu_is_given_ten_sweeps_and_bf16_too() -> None:
    plan = cases("cuda")
    assert {case.sweeps for case in plan} == {10}
    assert [case.params().training.precision for case in plan] == 4 * ["fp32", "bf16"]


def test_waiting_is_measured_for_each_number_of_loaders(tmp_path: Path) -> None:
    rows = list(measured(TINY.params(), 4, 1, tmp_path, CPU))
    assert [row.loaders for row in rows] == [0, 1, 2]
    assert all(0 < row.share < 1 and row.frames_per_s > 0 for row in rows)
    assert waiting_table(rows, "cpu").row_count == 3


def test_kernels_are_sorted_and_told_apart() -> None:
    times_ms = {"aten::add": 1.0, "aten::mkldnn_convolution": 6.0, "sgemm_128": 2.0, "sort": 1.0}
    found = by_length(times_ms.items())
    assert [kernel.name for kernel in found[:2]] == ["aten::mkldnn_convolution", "sgemm_128"]
    assert found[0].share == pytest.approx(0.6)
    assert {kernel.name for kernel in found if not kernel.is_matrix} == {"aten::add", "sort"}
    assert kernel_table(found, TINY).row_count == 2


def test_a_step_is_profiled() -> None:
    found = profiled(ours.build(TINY).train, CPU)
    assert sum(kernel.share for kernel in found) == pytest.approx(1)
    assert any(kernel.is_matrix for kernel in found)
