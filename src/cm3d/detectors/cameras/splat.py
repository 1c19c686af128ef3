"""Features of pixels, spread over depths, summed in the cells of a bird's-eye map."""

import warnings
from typing import Any, cast

import torch
from torch import Tensor


def splat(weight: Tensor, features: Tensor, cell: Tensor, cells: int) -> Tensor:
    """Sum each pixel's features, times its weight at a depth, in the cell that this depth is in.

    A product with a sparse matrix of cells by pixels: the outer product of depths and channels,
    which LSS builds, never is (BEVPoolv2's idea). No channel's sum depends on the others, and on a
    CPU the same input gives the same bytes.

    Args:
        weight: (P, D) of P pixels at D depths.
        features: (P, C).
        cell: (P, D) where a pixel's depth lies; negative: nowhere.
        cells: How many there are.

    Returns:
        (cells, C).
    """
    apply: Any = _Splat.apply
    return cast(Tensor, apply(weight, features, cell, cells))


class _Splat(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, features: Tensor, cell: Tensor, cells: int) -> Tensor:
        ctx.save_for_backward(weight, features, cell)
        ctx.cells = cells
        flat = cell.flatten()
        order = torch.argsort(flat, stable=True)
        edges = torch.searchsorted(flat[order], torch.arange(cells + 1, device=flat.device))
        order = order[edges[0] :]
        by_cell = _sparse(
            edges - edges[0], order // cell.shape[1], weight.flatten()[order], cells, len(features)
        )
        return by_cell @ features

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        weight, features, cell = ctx.saved_tensors
        pixels, depths = cell.shape
        gradient = gradient.contiguous()
        inside = cell >= 0
        edges = torch.arange(pixels + 1, device=cell.device) * depths
        column = cell.clamp(min=0).flatten()
        shape = (pixels, ctx.cells)
        of_weight = of_features = None
        if ctx.needs_input_grad[0]:
            pattern = _sparse(edges, column, torch.zeros_like(weight).flatten(), *shape)
            products = torch.sparse.sampled_addmm(pattern, features, gradient.T, beta=0.0)
            of_weight = torch.where(inside, products.values().view_as(weight), 0.0)
        if ctx.needs_input_grad[1]:
            kept = torch.where(inside, weight, 0.0).flatten()
            of_features = _sparse(edges, column, kept, *shape) @ gradient
        return of_weight, of_features, None, None


def _sparse(edges: Tensor, column: Tensor, values: Tensor, rows: int, columns: int) -> Tensor:
    """A matrix by compressed rows; a column may stand in a row more than once."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse (CSR tensor|invariant)")
        return torch.sparse_csr_tensor(
            edges, column, values, (rows, columns), check_invariants=False
        )
