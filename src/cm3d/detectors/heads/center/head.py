"""CenterPoint's head: a heatmap per class, a box code per task, in every cell."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from cm3d.detectors.bev.second import convolution
from cm3d.detectors.heads.center.box_code import BOX_TERMS
from cm3d.detectors.norm import build_head_norm
from cm3d.params import Detector


@dataclass(frozen=True, eq=False)
class TaskOutput:
    """What the head says for one task, a group of classes that shares its box code.

    Args:
        heatmap: (B, classes, rows, columns) logits.
        boxes: (B, k, rows, columns) for each term of `BOX_TERMS`.
    """

    heatmap: Tensor
    boxes: dict[str, Tensor]

    def codes_at(self, frame: Tensor, row: Tensor, column: Tensor) -> Tensor:
        """Box codes (N, 10) at N cells of the batch."""
        return torch.cat([term[frame, :, row, column] for term in self.boxes.values()], dim=1)


class CenterHead(nn.Module):
    """A shared convolution, then a branch per task and term."""

    def __init__(self, detector: Detector, heads: Sequence[Sequence[str]], channels: int) -> None:
        """Build from the `detector` section, for classes by head, on so many channels."""
        super().__init__()
        width = detector.head_channels
        self.heatmap_bias = detector.heatmap_bias
        self.shared = convolution(channels, build_head_norm(width))
        self.hidden_layers = detector.head_hidden_layers
        outputs = [n for names in heads for n in (len(names), *BOX_TERMS.values())]
        self.hidden = nn.ModuleList(
            nn.Sequential(
                *(convolution(width, build_head_norm(width)) for _ in range(self.hidden_layers))
            )
            for _ in outputs
        )
        self.final = nn.ModuleList(nn.Conv2d(width, count, 3, padding=1) for count in outputs)
        self._initialise()

    def forward(self, features: Tensor) -> list[TaskOutput]:
        """One output per task; see `TaskOutput`."""
        shared = self.shared(features)
        if self.hidden_layers:
            pairs = zip(self.hidden, self.final, strict=True)
            maps = [final(hidden(shared)) for hidden, final in pairs]
        else:
            maps = _joint_convolution([cast(nn.Conv2d, final) for final in self.final], shared)
        step = 1 + len(BOX_TERMS)
        return [
            TaskOutput(maps[first], dict(zip(BOX_TERMS, maps[first + 1 :], strict=False)))
            for first in range(0, len(maps), step)
        ]

    def _initialise(self) -> None:
        """Start rare and neutral: no object anywhere, boxes of 1 m, standing still.

        A velocity that no label ever speaks of thereby stays at zero.
        """
        for index, final in enumerate(cast(list[nn.Conv2d], list(self.final))):
            is_heatmap = index % (1 + len(BOX_TERMS)) == 0
            nn.init.normal_(final.weight, std=1e-2 if is_heatmap else 1e-3)
            nn.init.constant_(cast(Tensor, final.bias), self.heatmap_bias if is_heatmap else 0.0)


def _joint_convolution(convolutions: Sequence[nn.Conv2d], features: Tensor) -> list[Tensor]:
    """Several 3x3 convolutions of the same features at the price of one.

    A CPU spends as long on two output channels as on sixteen.
    """
    weight = torch.cat([convolution.weight for convolution in convolutions])
    bias = torch.cat([cast(Tensor, convolution.bias) for convolution in convolutions])
    maps = functional.conv2d(features, weight, bias, padding=1)
    widths = [convolution.out_channels for convolution in convolutions]
    return list(torch.split(maps, widths, dim=1))
