"""Boxes are not rounded by autocast, whatever the precision of the rest of a network."""

import copy
from typing import Any

import numpy as np
import pytest
import torch

from cm3d.detect2d.common.corners import corners_px
from cm3d.detect2d.detic.adapter import Detic
from cm3d.detect2d.grounding_dino.adapter import GroundingDino
from cm3d.detect2d.owlv2.adapter import Owlv2
from cm3d.shelf.runtime import Runtime, in_full_precision

MIXED = Runtime(torch.device("cpu"), torch.bfloat16)

# Modules whose outputs are boxes, or are added to them.
HEADS = {
    "grounding_dino": lambda adapter: [
        adapter._model.model.encoder_output_bbox_embed,
        *adapter._model.bbox_embed,
        *adapter._model.model.decoder.bbox_embed,
    ],
    "owlv2": lambda adapter: [adapter._model.box_head],
    "simnet": lambda adapter: [adapter._network.sides],
}


@pytest.fixture
def image() -> Any:
    blocks = np.random.default_rng(0).integers(0, 256, (9, 16, 3), dtype=np.uint8)
    return np.kron(blocks, np.ones((100, 100, 1), np.uint8))


def mixed(detector: Any) -> Any:
    """The same detector in bfloat16."""
    other = copy.copy(detector)
    other._runtime = MIXED
    return other


@pytest.mark.parametrize("name", HEADS)
def test_heads_of_boxes_are_exact(name: str, request: pytest.FixtureRequest, image: Any) -> None:
    """What a head says of its input is what it says in float32."""
    detector = mixed(request.getfixturevalue(name))
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def compare(module: Any, args: tuple[torch.Tensor], output: torch.Tensor) -> None:
        with torch.autocast("cpu", enabled=False):
            # What becomes of it may be written in its place.
            seen.append((output.clone(), type(module).forward(module, args[0].float())))

    hooks = [head.register_forward_hook(compare) for head in HEADS[name](detector)]
    detector.detect([detector.prepare(image)])
    for hook in hooks:
        hook.remove()
    assert seen
    for found, exact in seen:
        assert found.dtype is torch.float32
        assert torch.equal(found, exact)
    rounded = torch.cat([found.flatten() for found, _ in seen])
    assert torch.mean((rounded != rounded.bfloat16().float()).float()) > 0.9


def test_owlv2_places_boxes_as_in_float32(
    owlv2: Owlv2, image: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same features, which are all that bfloat16 may round."""
    embed = owlv2._model.image_embedder
    monkeypatch.setattr(owlv2._model, "image_embedder", in_full_precision(embed))
    prepared = [owlv2.prepare(image)]
    pixels = owlv2._normalize(owlv2._square(torch.from_numpy(prepared[0]["pixels"])[None]))
    (_, exact), (logits, boxes) = owlv2._look(pixels), mixed(owlv2)._look(pixels)
    assert torch.equal(boxes, exact)
    size_px = torch.tensor([[1600, 1600]])
    rounded_px = corners_px(exact.bfloat16(), size_px)
    assert (rounded_px - corners_px(boxes, size_px)).abs().max() > 1
    assert logits.dtype is torch.float32


def test_grounding_dino_proposes_places_as_in_float32(grounding_dino: GroundingDino) -> None:
    """The logits of the grid's middles do not depend on the precision of the features."""
    inner = grounding_dino._model.model
    features = torch.rand((1, 60, 32), generator=torch.Generator().manual_seed(0))
    nowhere = torch.zeros((1, 60), dtype=torch.bool)
    with MIXED.inference():
        _, rounded = inner.generate_encoder_output_proposals(
            features.bfloat16(), nowhere, [(6, 10)]
        )
    x = (torch.arange(10) + 0.5) / 10
    np.testing.assert_allclose(rounded[0, :10, 0], torch.log(x / (1 - x)), atol=1e-6)


def test_detic_computes_in_float32_also_within_autocast(detic: Detic, image: Any) -> None:
    (exact,) = detic.detect([detic.prepare(image)])
    with torch.autocast("cpu", torch.bfloat16):
        (found,) = detic.detect([detic.prepare(image)])
    assert found.box_px.tolist() == exact.box_px.tolist()
    assert found.score.tolist() == exact.score.tolist()
