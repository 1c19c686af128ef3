"""The backbone of the transformers library, beside its own model."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from transformers import SwinConfig, SwinForImageClassification

from cm3d.detectors.cameras.swin import Swin
from cm3d.errors import InputError
from cm3d.params import ShelfModel

SMALL = {"embed_dim": 12, "depths": [1, 1, 1, 1], "num_heads": [1, 1, 2, 2], "window_size": 4}


def at(folder: Path) -> ShelfModel:
    return ShelfModel(model=str(folder), revision=None)


@pytest.fixture
def classifier(tmp_path: Path) -> SwinForImageClassification:
    """A small one, saved as the hub has it."""
    torch.manual_seed(0)
    model = SwinForImageClassification(SwinConfig(**SMALL)).eval()
    model.save_pretrained(tmp_path)
    return model


def test_features_are_those_of_the_classifier(
    classifier: SwinForImageClassification, tmp_path: Path
) -> None:
    network = Swin(**SMALL)
    network.load_pretrained(at(tmp_path))
    pixels = torch.randn(2, 3, 128, 256, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        found = network.eval()(pixels)
        # before a stage halves its maps
        hidden = classifier.swin.encoder(
            classifier.swin.embeddings(pixels)[0],
            (32, 64),
            output_hidden_states=True,
            output_hidden_states_before_downsampling=True,
        ).reshaped_hidden_states
    assert [tuple(level.shape[1:]) for level in found] == [(24, 16, 32), (48, 8, 16), (96, 4, 8)]
    for level, stage in zip(found, hidden[2:], strict=True):
        normed = torch.nn.functional.layer_norm(stage.permute(0, 2, 3, 1), stage.shape[1:2])
        torch.testing.assert_close(level, normed.permute(0, 3, 1, 2), atol=1e-5, rtol=1e-5)


def test_a_model_that_is_not_there_or_another_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"bevfusion\.cameras\.swin"):
        Swin(**SMALL).load_pretrained(at(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    save_file({"weight": torch.zeros(2)}, tmp_path / "model.safetensors")
    with pytest.raises(InputError, match=r"bevfusion\.cameras\.swin"):
        Swin(**SMALL).load_pretrained(at(tmp_path))
