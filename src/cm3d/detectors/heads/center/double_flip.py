"""Detecting in a scene and its mirror images, and averaging what is said of each cell."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import nn

from cm3d.detectors.heads.center.head import BoxMaps, TaskOutput
from cm3d.detectors.inputs import Inputs, Points

# The scene as it is, mirrored along x, along y, and along both.
_MIRRORS = ((False, False), (True, False), (False, True), (True, True))
_ROWS, _COLUMNS = -2, -1  # along y, along x


def detect_double_flipped(model: nn.Module, inputs: Inputs) -> list[TaskOutput]:
    """The maps of a model, averaged over four mirror images of what it sees."""
    mirrored = []
    for mirror_x, mirror_y in _MIRRORS:
        outputs = model(mirror_image(inputs, mirror_x, mirror_y))
        mirrored.append([_mirrored_back(output, mirror_x, mirror_y) for output in outputs])
    return [_average(of_task) for of_task in zip(*mirrored, strict=True)]


def mirror_image(inputs: Inputs, mirror_x: bool, mirror_y: bool) -> Inputs:
    """The same frames with x or y, or both, of other sign; images stay, their cameras move."""
    signs, points, images = [-1.0 if flag else 1.0 for flag in (mirror_x, mirror_y)], None, None
    if inputs.points is not None:
        sign = inputs.points.values.new_tensor([*signs, 1, 1, 1])
        points = Points(inputs.points.values * sign, inputs.points.frame)
    if inputs.images is not None:
        scene = inputs.images.lidar_augmentation
        mirror = torch.diag(scene.new_tensor([*signs, 1, 1]))
        images = replace(inputs.images, lidar_augmentation=mirror @ scene)
    return replace(inputs, points=points, images=images)


def _mirrored_back(output: TaskOutput, mirror_x: bool, mirror_y: bool) -> TaskOutput:
    """Maps of the scene itself, from those of its mirror image."""
    dims = [dim for dim, mirrored in ((_COLUMNS, mirror_x), (_ROWS, mirror_y)) if mirrored]
    terms = {name: term.flip(dims) for name, term in output.boxes.items()}
    sign_x, sign_y = (-1.0 if mirrored else 1.0 for mirrored in (mirror_x, mirror_y))
    offset = terms["offset"]
    in_cell = [
        1 - offset[:, axis] if mirrored else offset[:, axis]
        for axis, mirrored in ((0, mirror_x), (1, mirror_y))
    ]
    # a heading's sine changes with y, its cosine with x
    heading_sign = offset.new_tensor([sign_y, sign_x])[:, None, None]
    velocity_sign = offset.new_tensor([sign_x, sign_y])[:, None, None]
    return TaskOutput(
        output.heatmap.flip(dims),
        BoxMaps(
            terms
            | {
                "offset": torch.stack(in_cell, dim=1),
                "heading": terms["heading"] * heading_sign,
                "velocity": terms["velocity"] * velocity_sign,
            }
        ),
    )


def _average(outputs: Sequence[TaskOutput]) -> TaskOutput:
    """Mean probabilities and box terms; of sizes the mean in metres (CenterPoint)."""
    probability = torch.stack([output.heatmap.float().sigmoid() for output in outputs]).mean(0)
    maps = [output.boxes for output in outputs]
    terms = {name: torch.stack([own[name].float() for own in maps]).mean(0) for name in maps[0]}
    sizes_m = torch.stack([own["size"].float().exp() for own in maps])
    return TaskOutput(probability.logit(), BoxMaps(terms | {"size": sizes_m.mean(0).log()}))
