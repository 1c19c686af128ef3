"""Tiny Segment Anything models with random weights, saved as the published ones are."""

import copy
import importlib
import json
import re
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn

SIDE_PX, PATCH_PX, WIDTH, TOKENS = 64, 8, 32, 16
LOGITS = 20.0

# From the names of weights in `segment_anything` to those in transformers.
RENAMED = [
    (r"^image_encoder\.", "vision_encoder."),
    (r"patch_embed\.proj\.", "patch_embed.projection."),
    (r"\.blocks\.", ".layers."),
    (r"neck\.0\.", "neck.conv1."),
    (r"neck\.1\.", "neck.layer_norm1."),
    (r"neck\.2\.", "neck.conv2."),
    (r"neck\.3\.", "neck.layer_norm2."),
    (r"\.norm(\d)\.", r".layer_norm\1."),
    (r"norm_final_attn", "layer_norm_final_attn"),
    (r"pe_layer\.positional_encoding_gaussian_matrix", "shared_embedding.positional_embedding"),
    (r"point_embeddings", "point_embed"),
    (r"mask_downscaling\.0\.", "mask_embed.conv1."),
    (r"mask_downscaling\.1\.", "mask_embed.layer_norm1."),
    (r"mask_downscaling\.3\.", "mask_embed.conv2."),
    (r"mask_downscaling\.4\.", "mask_embed.layer_norm2."),
    (r"mask_downscaling\.6\.", "mask_embed.conv3."),
    (r"output_upscaling\.0\.", "upscale_conv1."),
    (r"output_upscaling\.1\.", "upscale_layer_norm."),
    (r"output_upscaling\.3\.", "upscale_conv2."),
    (r"(mlps\.\d|head)\.layers\.0\.", r"\1.proj_in."),
    (r"(mlps\.\d|head)\.layers\.1\.", r"\1.layers.0."),
    (r"(mlps\.\d|head)\.layers\.2\.", r"\1.proj_out."),
]


@pytest.fixture(scope="session")
def segment_anything() -> ModuleType:
    """The package, which imports a few functions of torchvision that may not be there.

    Nobody else finds their stand-ins: they leave as soon as it has them.
    """
    with pytest.MonkeyPatch.context() as patch:
        if find_spec("torchvision") is None:
            for name, functions in _torchvision().items():
                module = ModuleType(name)
                vars(module).update(functions)
                patch.setitem(sys.modules, name, module)
        return importlib.import_module("segment_anything")


def _torchvision() -> dict[str, dict[str, Any]]:
    def resize(image: Image.Image, size: tuple[int, int]) -> Image.Image:
        return image.resize(size[::-1], Image.Resampling.BILINEAR)

    functional = {"resize": resize, "to_pil_image": Image.fromarray}
    boxes = {"batched_nms": naive_nms, "box_area": None}
    return {
        "torchvision": {},
        "torchvision.ops": {},
        "torchvision.ops.boxes": boxes,
        "torchvision.transforms": {},
        "torchvision.transforms.functional": functional,
    }


def naive_nms(
    boxes: torch.Tensor, scores: torch.Tensor, idxs: torch.Tensor, iou_threshold: float
) -> torch.Tensor:
    """Greedy suppression by plain loops, for boxes of one kind."""

    def area(box: list[float]) -> float:
        return max(box[2] - box[0], 0) * max(box[3] - box[1], 0)

    def overlap(one: list[float], other: list[float]) -> float:
        both = [max(one[i], other[i]) for i in (0, 1)] + [min(one[i], other[i]) for i in (2, 3)]
        union = area(one) + area(other) - area(both)
        return area(both) / union if union > 0 else 0.0

    kept: list[int] = []
    for index in scores.argsort(descending=True, stable=True).tolist():
        box = boxes[index].tolist()
        if all(overlap(box, boxes[other].tolist()) <= iou_threshold for other in kept):
            kept.append(index)
    return torch.tensor(kept, dtype=torch.long)


@pytest.fixture(scope="session")
def tiny_sam(segment_anything: ModuleType) -> Any:
    """SAM of the package's own classes."""
    return at_random(make_sam(segment_anything), seed=8, gain=2.0)


def make_sam(package: ModuleType) -> Any:
    modeling = package.modeling
    cells = SIDE_PX // PATCH_PX
    return modeling.Sam(
        modeling.ImageEncoderViT(
            img_size=SIDE_PX,
            patch_size=PATCH_PX,
            embed_dim=TOKENS,
            depth=2,
            num_heads=2,
            out_chans=WIDTH,
            norm_layer=partial(nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            window_size=3,
            global_attn_indexes=(1,),
        ),
        modeling.PromptEncoder(
            embed_dim=WIDTH,
            image_embedding_size=(cells, cells),
            input_image_size=(SIDE_PX, SIDE_PX),
            mask_in_chans=16,
        ),
        modeling.MaskDecoder(
            transformer_dim=WIDTH,
            transformer=modeling.TwoWayTransformer(
                depth=2, embedding_dim=WIDTH, num_heads=2, mlp_dim=64
            ),
            iou_head_hidden_dim=WIDTH,
        ),
    ).eval()


@pytest.fixture(scope="session")
def sam_checkpoint(tiny_sam: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SAM as its authors publish it."""
    path = tmp_path_factory.mktemp("sam") / "sam_vit_tiny.pth"
    torch.save(tiny_sam.state_dict(), path)
    return path


def load_checkpoint(
    checkpoint: Path, package: ModuleType, tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """The checkpoint by `load_sam`, to which the tiny variant is made known."""
    from cm3d.segment.sam import from_segment_anything
    from cm3d.shelf.runtime import Runtime

    monkeypatch.setattr(from_segment_anything, "_VARIANTS", {TOKENS: "tiny"})
    registry = package.sam_model_registry
    monkeypatch.setitem(registry, "tiny", lambda: at_random(copy.deepcopy(tiny), seed=99, gain=1.0))
    runtime = Runtime.choose("cpu", "fp32")
    return from_segment_anything.load_sam(checkpoint, runtime, "segment.sam.checkpoint")


@pytest.fixture(scope="session")
def sam_folder(tiny_sam: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same weights as transformers has them."""
    from transformers import SamConfig, SamModel

    weights = {_renamed(name): value for name, value in tiny_sam.state_dict().items()}
    embedding = weights["prompt_encoder.shared_embedding.positional_embedding"]
    weights["shared_image_embedding.positional_embedding"] = embedding
    model = SamModel(SamConfig(**sam_sections()))
    model.load_state_dict(weights)
    return _saved(model, sam_images(), tmp_path_factory.mktemp("sam_folder"))


@pytest.fixture(scope="session")
def sam_hq_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SAM-HQ, another promptable model."""
    from transformers import SamHQConfig, SamHQModel

    model = at_random(SamHQModel(SamHQConfig(**sam_hq_sections())), seed=5, gain=2.0)
    return _saved(model, sam_images(), tmp_path_factory.mktemp("sam_hq"))


@pytest.fixture(scope="session")
def sam2_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SAM 2 as it is published: within the tracker of videos."""
    from transformers import Sam2Config, Sam2Model, Sam2VideoConfig, Sam2VideoModel

    sections = sam2_sections()
    model = at_random(Sam2Model(Sam2Config(**sections)), seed=9, gain=1.5)
    tracker = Sam2VideoModel(Sam2VideoConfig(**sections, **_TRACKER))
    tracker.load_state_dict(model.state_dict(), strict=False)
    return _saved(tracker, sam2_images(), tmp_path_factory.mktemp("sam2"))


@pytest.fixture(scope="session")
def sam3_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tracker of SAM 3."""
    from transformers import Sam3TrackerConfig, Sam3TrackerModel

    model = at_random(Sam3TrackerModel(Sam3TrackerConfig(**sam3_sections())), seed=6, gain=1.5)
    return _saved(model, sam2_images(), tmp_path_factory.mktemp("sam3"))


def _renamed(name: str) -> str:
    for pattern, replacement in RENAMED:
        name = re.sub(pattern, replacement, name)
    return name


def at_random(model: Any, seed: int, gain: float = 1.0) -> Any:
    """Weights, of a seed with which masks differ by prompt and are neither full nor empty."""
    torch.manual_seed(seed)
    for name, weights in model.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(weights, std=0.1)
        elif "norm" not in name and "upscaling.1" not in name:
            fan_in = weights[0].numel() if weights.dim() > 1 and len(weights) > 1 else 1
            nn.init.normal_(weights, std=gain / fan_in**0.5)
        if "hypernetworks" in name and ("layers.2" in name or "proj_out" in name):
            weights.data *= LOGITS
    for name, frequencies in model.named_buffers():
        if "positional" in name:
            nn.init.normal_(frequencies)
    return model.eval()


def _saved(model: Any, images: dict[str, Any], folder: Path) -> Path:
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(images))
    return folder


def sam_sections() -> dict[str, dict[str, Any]]:
    return {
        "vision_config": {
            "hidden_size": TOKENS,
            "output_channels": WIDTH,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": SIDE_PX,
            "patch_size": PATCH_PX,
            "window_size": 3,
            "global_attn_indexes": [1],
            "num_pos_feats": WIDTH // 2,
            "mlp_dim": 4 * TOKENS,
        },
        "prompt_encoder_config": {
            "hidden_size": WIDTH,
            "image_size": SIDE_PX,
            "patch_size": PATCH_PX,
        },
        "mask_decoder_config": {
            "hidden_size": WIDTH,
            "mlp_dim": 64,
            "num_attention_heads": 2,
            "iou_head_hidden_dim": WIDTH,
        },
    }


def sam_hq_sections() -> dict[str, dict[str, Any]]:
    sections = sam_sections()
    sections["mask_decoder_config"]["vit_dim"] = TOKENS
    return sections


def sam2_sections() -> dict[str, dict[str, Any]]:
    return {
        "vision_config": {
            "backbone_config": {
                "model_type": "sam2_hiera_det_model",
                "hidden_size": 8,
                "num_attention_heads": 1,
                "image_size": [SIDE_PX, SIDE_PX],
                "blocks_per_stage": [1, 1, 2, 1],
                "embed_dim_per_stage": [8, 16, 32, 64],
                "num_attention_heads_per_stage": [1, 1, 2, 2],
                "window_size_per_stage": [8, 4, 4, 2],
                "window_positional_embedding_background_size": [4, 4],
                "global_attention_blocks": [3],
            },
            "backbone_channel_list": [64, 32, 16, 8],
            "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
            "fpn_hidden_size": WIDTH,
        },
        "prompt_encoder_config": {"hidden_size": WIDTH, "image_size": SIDE_PX},
        "mask_decoder_config": {
            "hidden_size": WIDTH,
            "mlp_dim": 64,
            "num_attention_heads": 2,
            "iou_head_hidden_dim": WIDTH,
        },
    }


def sam3_sections() -> dict[str, dict[str, Any]]:
    """Of the tracker's configuration."""
    return {
        "vision_config": {
            "model_type": "sam3_vision_model",
            "backbone_config": {
                "model_type": "sam3_vit_model",
                "hidden_size": TOKENS,
                "intermediate_size": 2 * TOKENS,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "image_size": SIDE_PX,
                "patch_size": 2 * PATCH_PX,
                "window_size": 2,
                "global_attn_indexes": [1],
                "pretrain_image_size": SIDE_PX // 2,
            },
            "fpn_hidden_size": WIDTH,
            "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
        },
        "prompt_encoder_config": {
            "hidden_size": WIDTH,
            "image_size": SIDE_PX,
            "patch_size": 2 * PATCH_PX,
        },
        "mask_decoder_config": sam2_sections()["mask_decoder_config"],
    }


_TRACKER = {
    "image_size": SIDE_PX,
    "memory_attention_hidden_size": WIDTH,
    "memory_attention_num_layers": 1,
    "memory_attention_feed_forward_hidden_size": WIDTH,
    "memory_attention_rope_feat_sizes": [4, 4],
    "memory_encoder_hidden_size": WIDTH,
    "memory_encoder_output_channels": 16,
    "mask_downsampler_embed_dim": WIDTH,
    "memory_fuser_num_layers": 1,
    "memory_fuser_embed_dim": WIDTH,
    "memory_fuser_intermediate_dim": WIDTH,
}

_COLOURS = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}


def sam_images(side_px: int = SIDE_PX) -> dict[str, Any]:
    return {
        "image_processor_type": "SamImageProcessor",
        "size": {"longest_edge": side_px},
        "pad_size": {"height": side_px, "width": side_px},
        **_COLOURS,
    }


def sam2_images(side_px: int = SIDE_PX) -> dict[str, Any]:
    size = {"height": side_px, "width": side_px}
    return {"image_processor_type": "Sam2ImageProcessorFast", "size": size, **_COLOURS}
