"""CenterPoint's head: a heatmap per class, a box code per task, in every cell."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from cm3d.detectors.bev.second import convolution
from cm3d.detectors.heads.center.box_code import BOX_TERMS, CODE_SIZE
from cm3d.detectors.norm import build_head_norm
from cm3d.params import Detector


@dataclass(frozen=True, eq=False)
class BoxMaps:
    """Box terms of one task in every cell.

    Args:
        terms: (B, k, rows, columns) for each term of `BOX_TERMS`.
    """

    terms: dict[str, Tensor]

    def at(self, frame: Tensor, row: Tensor, column: Tensor) -> Tensor:
        """Box codes (N, 10) at N cells of the batch."""
        return torch.cat([term[frame, :, row, column] for term in self.terms.values()], dim=1)


@dataclass(frozen=True, eq=False)
class BoxConvolutions:
    """Box terms of one task where they are asked for: of thousands of cells, dozens hold a centre.

    Args:
        features: (B, channels, rows, columns) that the convolutions read.
        convolutions: 3x3, one for each term of `BOX_TERMS`.
    """

    features: Tensor
    convolutions: Sequence[nn.Conv2d]

    @property
    def terms(self) -> dict[str, Tensor]:
        """Maps of all cells, as `BoxMaps` has them."""
        maps = _joint_convolution(self.convolutions, self.features)
        return dict(zip(BOX_TERMS, maps, strict=True))

    def at(self, frame: Tensor, row: Tensor, column: Tensor) -> Tensor:
        """Box codes (N, 10) at N cells of the batch."""
        return _convolution_at(self.convolutions, self.features, frame, row, column)


@dataclass(frozen=True, eq=False)
class TaskOutput:
    """What the head says for one task, a group of classes that shares its box code.

    Args:
        heatmap: (B, classes, rows, columns) logits.
        codes: Box terms, in all cells or where they are asked for.
    """

    heatmap: Tensor
    codes: BoxMaps | BoxConvolutions

    @property
    def boxes(self) -> dict[str, Tensor]:
        """Maps (B, k, rows, columns) of each term of `BOX_TERMS`."""
        return self.codes.terms


def codes_of_tasks(
    outputs: Sequence[TaskOutput], task: Tensor, frame: Tensor, row: Tensor, column: Tensor
) -> Tensor:
    """Box codes (N, 10) at N cells of the batch, each of its own task."""
    codes = [output.codes for output in outputs]
    lazy = [of_task for of_task in codes if isinstance(of_task, BoxConvolutions)]
    if len(lazy) == len(codes):
        # All tasks in one product: each of its own would cost as much.
        convolutions = [convolution for of_task in lazy for convolution in of_task.convolutions]
        found = _convolution_at(convolutions, lazy[0].features, frame, row, column)
        found = found.view(len(task), len(codes), CODE_SIZE)
    else:
        found = torch.stack([of_task.at(frame, row, column) for of_task in codes], dim=1)
    return found[torch.arange(len(task), device=task.device), task]


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
        finals, step = [cast(nn.Conv2d, final) for final in self.final], 1 + len(BOX_TERMS)
        firsts = range(0, len(finals), step)
        if not self.hidden_layers:
            heatmaps = _joint_convolution(finals[::step], shared)
            codes = [BoxConvolutions(shared, finals[first + 1 : first + step]) for first in firsts]
            return [TaskOutput(*both) for both in zip(heatmaps, codes, strict=True)]
        maps = [final(hidden(shared)) for hidden, final in zip(self.hidden, finals, strict=True)]
        return [
            TaskOutput(
                maps[first],
                BoxMaps(dict(zip(BOX_TERMS, maps[first + 1 : first + step], strict=True))),
            )
            for first in firsts
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


def _convolution_at(
    convolutions: Sequence[nn.Conv2d], features: Tensor, frame: Tensor, row: Tensor, column: Tensor
) -> Tensor:
    """What several 3x3 convolutions make of the features at N cells, (N, all their channels).

    In the precision of the weights, as the loss is computed outside of autocast.
    """
    padded = functional.pad(features.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))
    reach = torch.arange(3, device=row.device)
    rows = row[:, None, None] + reach[:, None]
    columns = column[:, None, None] + reach
    patches = padded[frame[:, None, None], rows, columns].flatten(1)
    weight = torch.cat([convolution.weight for convolution in convolutions])
    bias = torch.cat([cast(Tensor, convolution.bias) for convolution in convolutions])
    return functional.linear(patches.to(weight.dtype), weight.permute(0, 2, 3, 1).flatten(1), bias)
