"""Our CenterPoint is mmdet3d's: same weights, same keyframe, same numbers at every stage.

`pytest -s` prints the largest differences. spconv's convolutions on a CPU differ from call to
call; `cm3d.detectors.lidar.sparse` replaces them for the whole process, mmdet3d's encoder included.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from cm3d import params
from cm3d.detectors.centerpoint import CenterPoint
from cm3d.detectors.inputs import Batch, collate
from cm3d.detectors.mmdet3d import convert_from_mmdet3d
from tests.detectors import compared
from tests.detectors.compared import difference
from tests.detectors.reference import Reference, disturb

pytestmark = [pytest.mark.mmdet3d, pytest.mark.real, pytest.mark.filterwarnings("ignore")]

TOLERANCE = 1e-4
VARIANTS = ["pillar02", "voxel01", pytest.param("voxel0075", marks=pytest.mark.slow)]


@dataclass(frozen=True, eq=False)
class Pair:
    """Two detectors of the same weights, and what they see."""

    detector: params.Detector
    predict: params.Predict
    reference: Reference
    model: CenterPoint
    one: Batch
    two: Batch


def make_pair(variant: str, share: float, keyframe: Path, project: Path, folder: Path) -> Pair:
    """Both for a share of the preset's range, in evaluation mode."""
    if variant.startswith("voxel"):
        pytest.importorskip("spconv", reason="spconv is not installed")
        pytest.importorskip("cm3d.detectors.lidar.sparse")  # before mmdet3d, see above
        if torch.cuda.is_available():
            pytest.skip("spconv's convolutions on a CPU are replaced only where there is no GPU")
    preset = compared.preset_params(variant, project)
    detector = preset.network.model_copy(update={"range_m": share * preset.network.range_m})
    samples = compared.load_samples(keyframe, CenterPoint(detector, compared.TAXONOMY))
    one, two = collate(samples[:1]), collate(samples)
    reference = Reference(variant, detector.range_m)
    disturb(reference, compared.raw_points(one))
    reference.model.eval()
    model = compared.same_model(reference, detector, folder)
    return Pair(detector, preset.predict, reference, model, one, two)


@pytest.fixture(scope="module", params=VARIANTS)
def pair(
    request: pytest.FixtureRequest,
    real_keyframe: Path,
    project: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Pair:
    """Both as they are."""
    folder = tmp_path_factory.mktemp("pair")
    return make_pair(request.param, 1.0, real_keyframe, project, folder)


@pytest.fixture(scope="module")
def stages(pair: Pair) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What the parts of ours and of theirs make of the keyframe."""
    with torch.no_grad():
        theirs = pair.reference.stages(compared.raw_points(pair.one))
        return compared.stages(pair.model, pair.one), theirs


def assert_close(differences: dict[str, float], tolerance: float = TOLERANCE) -> None:
    """Print the largest, refuse it above the tolerance."""
    worst = max(differences, key=lambda name: differences[name])
    print(f"  {worst}: {differences[worst]:.1e}", end="")
    assert differences[worst] <= tolerance, worst


@pytest.mark.parametrize("training", [False, True])
def test_voxels_hold_the_same_points(pair: Pair, training: bool) -> None:
    theirs_model = pair.reference.model.train(training)
    theirs = pair.reference.voxelise(compared.raw_points(pair.two))
    theirs_model.eval()
    points = compared.points_of(pair.two)
    ours = pair.model.encoder.voxelize(points.values, points.frame)
    # theirs are in order of appearance, ours in order of position
    order = np.lexsort(theirs["coors"].T.flip(0).numpy())
    assert torch.equal(ours.position, theirs["coors"][order].long())
    assert torch.equal(ours.count, theirs["num_points"][order].long())
    slots = theirs["voxels"][order]
    filled = torch.arange(slots.shape[1]) < ours.count[:, None]
    raw = ours.points * torch.tensor([1.0, 1.0, 1.0, 255.0, 1.0])
    assert torch.equal(raw, slots[filled])
    means = slots.sum(1) / ours.count[:, None]
    assert_close({"means": float((ours.mean(raw) - means).abs().max())}, 1e-5)


def test_canvases_of_two_frames_agree(pair: Pair) -> None:
    with torch.no_grad():
        theirs = pair.reference.canvas(compared.raw_points(pair.two))
        points = compared.points_of(pair.two)
        encoder = pair.model.encoder
        ours = encoder(encoder.voxelize(points.values, points.frame), 2)
    assert theirs.count_nonzero() > 100_000
    assert_close({"canvas": difference(ours, theirs)})


def test_every_stage_agrees(stages: tuple[dict[str, Tensor], dict[str, Tensor]]) -> None:
    ours, theirs = stages
    assert ours.keys() == theirs.keys()
    for part in ("canvas", "backbone", "neck", "head"):
        names = [name for name in theirs if name.startswith(part)]
        assert_close({name: difference(ours[name], theirs[name]) for name in names})


@pytest.mark.parametrize(("nms", "name"), [("circle", "circle"), ("rotated", "rotate")])
def test_boxes_agree(
    pair: Pair, stages: tuple[dict[str, Tensor], dict[str, Tensor]], nms: str, name: str
) -> None:
    """From the same maps, so that rounding does not change what suppresses what."""
    _, maps = stages
    predict = pair.predict.model_copy(update={"nms": nms})
    (ours,) = pair.model.boxes(compared.outputs_of(maps), predict)
    theirs = pair.reference.decode(maps, name)
    assert len(ours) == len(theirs.scores_3d) > 100
    order = np.argsort(-theirs.scores_3d.numpy(), kind="stable")
    np.testing.assert_array_equal(ours.class_index, theirs.labels_3d.numpy()[order])
    boxes = theirs.bboxes_3d
    assert_close(
        {
            "score": _largest(ours.score, theirs.scores_3d[order]),
            "center": _largest(ours.center_m, boxes.gravity_center[order]),
            "size": _largest(ours.size_m, boxes.dims[order]),
            "yaw": _largest(ours.yaw_rad, boxes.yaw[order]),
            "velocity": _largest(ours.velocity_mps, boxes.tensor[order, 7:]),
        }
    )


def test_targets_agree(pair: Pair) -> None:
    ours = pair.model.targets(pair.two)
    heatmaps, codes, cells, masks = pair.reference.targets(compared.labels_of(pair.two))
    assert_close({"heatmap": float((ours.heatmap - torch.cat(heatmaps, dim=1)).abs().max())})
    side = ours.heatmap.shape[-1]
    first = 0
    for task, names in enumerate(compared.TAXONOMY.heads):
        mine = (ours.class_index >= first) & (ours.class_index < first + len(names))
        first += len(names)
        for frame in range(2):
            rows = (mine & (ours.frame == frame)).nonzero()[:, 0]
            rows = rows[ours.class_index[rows].argsort(stable=True)]  # as theirs
            filled = masks[task][frame].bool()
            cell = ours.row[rows] * side + ours.column[rows]
            assert torch.equal(cell, cells[task][frame][filled])
            torch.testing.assert_close(
                ours.code[rows], codes[task][frame][filled], atol=1e-5, rtol=1e-5
            )


def test_loss_terms_agree(pair: Pair, stages: tuple[dict[str, Tensor], dict[str, Tensor]]) -> None:
    """Of two frames; the maps of the second are the first's, mirrored."""
    _, maps = stages
    maps = {
        name: torch.cat([value, value.flip(-1)])
        for name, value in maps.items()
        if name.startswith("head")
    }
    ours = pair.model.loss(compared.outputs_of(maps), pair.model.targets(pair.two))
    theirs = pair.reference.losses(maps, compared.labels_of(pair.two))
    assert any(value > 0 for value in theirs)
    assert_close(
        {
            name: float(abs(ours[name] - value) / value.clamp(min=1e-12))
            for name, value in zip(ours, theirs, strict=True)
        }
    )


@dataclass(frozen=True, eq=False)
class Learned:
    """Gradients and afterwards the state of a model, by our names."""

    gradients: dict[str, Tensor]
    state: dict[str, Tensor]
    losses: list[Tensor]


@pytest.fixture(scope="module", params=VARIANTS)
def near_pair(
    request: pytest.FixtureRequest,
    real_keyframe: Path,
    project: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Pair:
    """Both for half the range, in double precision.

    In single precision PyTorch's batch statistics on a CPU are off by a thousandth of a standard
    deviation where channels are stored last, as here.
    """
    folder = tmp_path_factory.mktemp("pair")
    pair = make_pair(request.param, 0.5, real_keyframe, project, folder)
    with compared.double_precision():
        pair.reference.model.double()
        model = compared.same_model(pair.reference, pair.detector, folder)
    model.encoder.voxelize.__class__ = compared.SingleVoxelizer
    return replace(pair, model=model)


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
def test_gradients_and_running_figures_agree(near_pair: Pair, training: bool) -> None:
    with compared.double_precision():
        ours, theirs = _learn_ours(near_pair, training), _learn_theirs(near_pair, training)
    assert_close(
        {
            str(index): float(abs(own - value) / value.clamp(min=1e-12))
            for index, (own, value) in enumerate(zip(ours.losses, theirs.losses, strict=True))
        }
    )
    assert ours.gradients.keys() == theirs.gradients.keys()
    assert sum(bool(gradient.any()) for gradient in ours.gradients.values()) > 60
    assert_close(
        {
            name: float((ours.gradients[name] - gradient).norm() / gradient.norm().clamp(min=1e-9))
            for name, gradient in theirs.gradients.items()
        }
    )
    figures = {name: value for name, value in theirs.state.items() if "running" in name}
    assert_close({name: difference(ours.state[name], value) for name, value in figures.items()})
    counts = [name for name in theirs.state if name.endswith("num_batches_tracked")]
    assert all(torch.equal(ours.state[name], theirs.state[name]) for name in counts)


def _learn_ours(pair: Pair, training: bool) -> Learned:
    """Gradients are those of mmdet3d's parameters, which take inputs in other units."""
    pair.model.train(training).zero_grad()
    outputs = compared.outputs_of(compared.stages(pair.model, pair.one))
    terms = pair.model.loss(outputs, pair.model.targets(pair.one))
    torch.stack(list(terms.values())).sum().backward()
    scales = _scales(pair)
    gradients = {
        name: parameter.grad * scales[name] for name, parameter in pair.model.named_parameters()
    }
    return Learned(gradients, pair.model.state_dict(), [term.detach() for term in terms.values()])


def _learn_theirs(pair: Pair, training: bool) -> Learned:
    model: Any = pair.reference.model.train(training)
    model.zero_grad()
    maps = pair.reference.stages(compared.raw_points(pair.one))
    terms = pair.reference.losses(maps, compared.labels_of(pair.one))
    torch.stack(terms).sum().backward()
    there = {name: parameter.grad for name, parameter in model.named_parameters()}
    scaled, scales = convert_from_mmdet3d(there, pair.detector, 6), _scales(pair)
    return Learned(
        {name: gradient / scales[name] for name, gradient in scaled.items()},
        convert_from_mmdet3d(model.state_dict(), pair.detector, 6),
        [term.detach() for term in terms],
    )


def _scales(pair: Pair) -> dict[str, Tensor]:
    """Our weight per weight of mmdet3d."""
    ones = {name: torch.ones_like(p) for name, p in pair.reference.model.named_parameters()}
    return convert_from_mmdet3d(ones, pair.detector, 6)


def _largest(ours: np.ndarray, theirs: Tensor) -> float:
    return float(np.abs(ours - theirs.numpy()).max())
