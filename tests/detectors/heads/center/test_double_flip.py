import torch

from cm3d.detectors.heads.center.box_code import BOX_TERMS
from cm3d.detectors.heads.center.double_flip import detect_double_flipped
from cm3d.detectors.heads.center.head import BoxMaps, TaskOutput
from cm3d.detectors.inputs import Inputs, Points
from cm3d.detectors.registry import build_detector
from cm3d.params import Detector
from cm3d.taxonomy import Taxonomy


def _inputs(points: torch.Tensor) -> Inputs:
    return Inputs(1, Points(points, torch.zeros(len(points), dtype=torch.int64)))


class Oracle(torch.nn.Module):
    """Says of the one point in a scene that a car of its heading and velocity stands there."""

    def forward(self, inputs: Inputs) -> list[TaskOutput]:
        assert inputs.points is not None
        x, y, z, cosine, sine = inputs.points.values[0].tolist()
        terms = {name: torch.zeros(1, width, 8, 8) for name, width in BOX_TERMS.items()}
        column, row = int((x + 3.2) // 0.8), int((y + 3.2) // 0.8)
        heatmap = torch.full((1, 1, 8, 8), -10.0)
        heatmap[0, 0, row, column] = 2.0
        terms["offset"][0, :, row, column] = torch.tensor([(x + 3.2) / 0.8, (y + 3.2) / 0.8]) % 1
        terms["z"][0, 0, row, column] = z
        heading = torch.tensor([sine, cosine])
        terms["heading"][0, :, row, column] = heading
        terms["velocity"][0, :, row, column] = heading[[1, 0]] * 3
        return [TaskOutput(heatmap, BoxMaps(terms))]


class MirroredOracle(Oracle):
    """The oracle for points whose last two entries are a direction, mirrored with the scene."""

    def __init__(self, direction: tuple[float, float]) -> None:
        super().__init__()
        self.direction = torch.tensor(direction)

    def forward(self, inputs: Inputs) -> list[TaskOutput]:
        assert inputs.points is not None
        point = inputs.points.values[0]
        mirrored = torch.sign(point[:2]) * self.direction  # the point lies at positive x, y
        return super().forward(_inputs(torch.cat([point[:3], mirrored])[None]))


def test_mirror_images_of_an_exact_detector_agree() -> None:
    points = torch.tensor([[1.1, 0.3, -1.0, 0.0, 0.0]])
    oracle, inputs = MirroredOracle((0.8, 0.6)), _inputs(points)
    (plain,), (flipped,) = oracle(inputs), detect_double_flipped(oracle, inputs)
    torch.testing.assert_close(flipped.heatmap, plain.heatmap, atol=1e-3, rtol=0)
    for name, term in plain.boxes.items():
        # in the cell of the point; elsewhere an offset of 0 is one of 1 in the mirror
        torch.testing.assert_close(
            flipped.boxes[name][..., 4, 5], term[..., 4, 5], atol=1e-5, rtol=0, msg=name
        )


def test_a_mirrored_scene_gets_mirrored_maps(
    detector: Detector, classes: Taxonomy, inputs: Inputs
) -> None:
    model = build_detector(detector, classes, 0).eval()
    assert inputs.points is not None
    values = inputs.points.values * torch.tensor([-1.0, 1.0, 1.0, 1.0, 1.0])
    with torch.no_grad():
        plain = detect_double_flipped(model, inputs)
        other = detect_double_flipped(model, Inputs(2, Points(values, inputs.points.frame)))
    for first, second in zip(plain, other, strict=True):
        torch.testing.assert_close(first.heatmap, second.heatmap.flip(-1), atol=1e-4, rtol=1e-4)
        velocity = second.boxes["velocity"].flip(-1) * torch.tensor([-1.0, 1.0])[:, None, None]
        torch.testing.assert_close(first.boxes["velocity"], velocity, atol=1e-5, rtol=1e-4)
