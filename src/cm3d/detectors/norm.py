"""Batch normalisation over all processes that train together."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from cm3d.detectors.ranks import ranks, sum_over_processes
from cm3d.params import Detector


class BatchNorm(nn.modules.batchnorm._BatchNorm):
    """Normalises (N, C, ...) by the mean and variance of the whole batch, wherever its parts are.

    PyTorch's own synchronised variant refuses to compute on a CPU. One row alone, which has no
    variance, is normalised by the running figures.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Normalised features, of the same shape."""
        if not self.training:
            return super().forward(features)
        if ranks() == 1:
            if features.numel() > features.shape[1]:
                return super().forward(features)
            return self._by_running_figures(features)
        dims = [dim for dim in range(features.ndim) if dim != 1]
        count = features.new_tensor([features.numel() // features.shape[1]], dtype=torch.float32)
        values = features.float()
        total, squares = values.sum(dims), values.square().sum(dims)
        summed = sum_over_processes(torch.cat([total, squares, count]))
        total, squares, count = torch.split(summed, [len(total), len(total), 1])
        scale, shift = self.affine_of(total / count, squares / count, count)
        shape = [1, -1] + [1] * (features.ndim - 2)
        return values * scale.view(shape) + shift.view(shape)

    def affine_of(self, mean: Tensor, mean_square: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
        """Scale and shift (C,) that normalise a batch, whose figures join the running ones.

        Args:
            mean: (C,) of the whole batch.
            mean_square: (C,) of the whole batch.
            count: (1,) values per channel.
        """
        variance = (mean_square - mean.square()).clamp(min=0)
        with torch.no_grad():
            share = cast(float, self.momentum)
            unbiased = variance * count / (count - 1).clamp(min=1)
            cast(Tensor, self.running_mean).lerp_(mean, share)
            cast(Tensor, self.running_var).lerp_(unbiased, share)
            cast(Tensor, self.num_batches_tracked).add_(1)
        return self._affine(mean, variance)

    def running_affine(self) -> tuple[Tensor, Tensor]:
        """Scale and shift (C,) by the running figures."""
        return self._affine(cast(Tensor, self.running_mean), cast(Tensor, self.running_var))

    def _affine(self, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return scale, self.bias - mean * scale

    def _by_running_figures(self, features: Tensor) -> Tensor:
        return functional.batch_norm(
            features, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
        )

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of dimensions will do."""


def build_norm(channels: int, detector: Detector) -> BatchNorm:
    """A normalisation of so many channels, as CenterPoint has them up to the head."""
    return BatchNorm(channels, eps=1e-3, momentum=detector.norm_momentum)


def build_head_norm(channels: int) -> BatchNorm:
    """One of the head, for which CenterPoint leaves PyTorch's own figures."""
    return BatchNorm(channels, eps=1e-5, momentum=0.1)
