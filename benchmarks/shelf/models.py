"""Shelf models with random weights, tiny or of the size that is published.

What the library takes for granted is another size for all but OWLv2's text, so the published
configurations are written down here: GroundingDINO's Swin-B from its authors' configuration
(`GroundingDINO_SwinB_cfg.py`), OWLv2's 960 px from the name of its checkpoint's configuration,
SAM's ViT-H from the library's conversion script, SAM 2.1's from `sam2.1_hiera_l.yaml`.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import torch
from transformers import (
    BertTokenizer,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    Owlv2Config,
    Owlv2ForObjectDetection,
    Sam2Config,
    Sam2Model,
    SamConfig,
    SamHQConfig,
    SamHQModel,
    SamModel,
    SwinConfig,
)
from transformers.models.grounding_dino.image_processing_pil_grounding_dino import (
    GroundingDinoImageProcessorPil,
)
from transformers.models.owlv2.image_processing_pil_owlv2 import Owlv2ImageProcessorPil

from tests import tiny_sam
from tests.detect2d import tiny_models

Size: TypeAlias = Literal["tiny", "full"]

_SWIN_B: Final[dict[str, Any]] = {
    "image_size": 384,
    "embed_dim": 128,
    "depths": [2, 2, 18, 2],
    "num_heads": [4, 8, 16, 32],
    "window_size": 12,
    "out_indices": [2, 3, 4],
}
_OWLV2_SIDE_PX: Final = 960
_SAM_SIDE_PX: Final = 1024
_VIT_H: Final[dict[str, Any]] = {
    "hidden_size": 1280,
    "num_hidden_layers": 32,
    "num_attention_heads": 16,
    "global_attn_indexes": [7, 15, 23, 31],
}
_HIERA_L: Final[dict[str, Any]] = {
    "model_type": "sam2_hiera_det_model",
    "hidden_size": 144,
    "num_attention_heads": 2,
    "blocks_per_stage": [2, 6, 36, 4],
    "embed_dim_per_stage": [144, 288, 576, 1152],
    "num_attention_heads_per_stage": [2, 4, 8, 16],
    "window_size_per_stage": [8, 4, 16, 8],
    "global_attention_blocks": [23, 33, 43],
}
_HIERA_L_FPN: Final = [1152, 576, 288, 144]


@dataclass(frozen=True, eq=False)
class ShelfModel:
    """A model as its library has it.

    Args:
        model: In float32.
        tokenizer: None if it reads no text.
        folder: Has the configuration of its image processor.
    """

    model: Any
    tokenizer: Any
    folder: Path


def grounding_dino(size: Size, words: list[str], folder: Path, device: torch.device) -> ShelfModel:
    """IDEA-Research/grounding-dino-base, its tokenizer with the words that are needed."""
    vocabulary = tiny_models.bert_vocabulary(words)
    if size == "tiny":
        config = tiny_models.grounding_dino_config(len(vocabulary))
        images = tiny_models.grounding_dino_images()
    else:
        config = GroundingDinoConfig(backbone_config=SwinConfig(**_SWIN_B))
        images = GroundingDinoImageProcessorPil()
    images.save_pretrained(folder)
    model = tiny_models.stirred(GroundingDinoForObjectDetection(config), seed=2)
    return ShelfModel(model.to(device), BertTokenizer(vocab=vocabulary), folder)


def owlv2(size: Size, words: list[str], folder: Path, device: torch.device) -> ShelfModel:
    """google/owlv2-base-patch16-ensemble, its tokenizer with the words that are needed."""
    tokenizer = tiny_models.clip_tokenizer(places=16)
    tokenizer.add_tokens(words)
    if size == "tiny":
        text = tiny_models.text_config(places=16)
        config = tiny_models.owlv2_config({**text, "vocab_size": len(tokenizer)})
        images = tiny_models.owlv2_images()
    else:
        config = Owlv2Config(vision_config={"image_size": _OWLV2_SIDE_PX})
        images = Owlv2ImageProcessorPil()
    images.save_pretrained(folder)
    model = tiny_models.stirred(Owlv2ForObjectDetection(config), seed=2)
    return ShelfModel(model.to(device), tokenizer, folder)


def sam(size: Size, folder: Path) -> ShelfModel:
    """facebook/sam-vit-huge."""
    sections: Any = tiny_sam.sam_sections() if size == "tiny" else {"vision_config": _VIT_H}
    return _segmenter(SamModel(SamConfig(**sections)), tiny_sam.sam_images, size, folder)


def segment_anything(size: Size, folder: Path) -> ShelfModel:
    """The checkpoint sam_vit_h_4b8939.pth of the authors' own package, which needs torchvision."""
    import segment_anything as package

    if size == "tiny":
        model = tiny_sam.make_sam(package)
    else:
        model = package.sam_model_registry["vit_h"]()
    return _segmenter(model, tiny_sam.sam_images, size, folder)


def sam_hq(size: Size, folder: Path) -> ShelfModel:
    """syscv-community/sam-hq-vit-huge."""
    published = {"vision_config": _VIT_H, "mask_decoder_config": {"vit_dim": 1280}}
    sections: Any = tiny_sam.sam_hq_sections() if size == "tiny" else published
    return _segmenter(SamHQModel(SamHQConfig(**sections)), tiny_sam.sam_images, size, folder)


def sam2(size: Size, folder: Path) -> ShelfModel:
    """facebook/sam2.1-hiera-large, without its tracker."""
    published = {
        "vision_config": {"backbone_config": _HIERA_L, "backbone_channel_list": _HIERA_L_FPN}
    }
    sections: Any = tiny_sam.sam2_sections() if size == "tiny" else published
    return _segmenter(Sam2Model(Sam2Config(**sections)), tiny_sam.sam2_images, size, folder)


def _segmenter(
    model: Any, images: Callable[..., dict[str, Any]], size: Size, folder: Path
) -> ShelfModel:
    config = images() if size == "tiny" else images(_SAM_SIDE_PX)
    (folder / "preprocessor_config.json").write_text(json.dumps(config))
    return ShelfModel(tiny_sam.at_random(model, seed=5, gain=2.0), None, folder)
