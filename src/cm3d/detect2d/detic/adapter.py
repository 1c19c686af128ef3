"""Detic, the paper's detector (section 3.1), through detectron2."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from transformers import CLIPModel

from cm3d import params
from cm3d.detect2d.common.prompts import Vocabulary
from cm3d.detect2d.common.protocol import ImageBoxes, Setting
from cm3d.detect2d.detic.model import load_model, require_packages
from cm3d.detect2d.detic.preparation import ResizeAsDetectron2
from cm3d.shelf.prepared import Prepared
from cm3d.shelf.pretrained import load_pretrained, load_tokenizer, model_folder, workspace_path
from cm3d.shelf.runtime import Runtime

_CLIP_KEY = "detect2d.detic.clip"

# A detectron2 model: from a dictionary per image to one with `instances` each.
Model: TypeAlias = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


@dataclass(frozen=True)
class Detic:
    """Meets `protocol.ImageDetector`.

    It computes in float32 on every device: detectron2's operators were not tried otherwise.

    Args:
        model: Asked for the vocabulary's phrases, in their order.
        prepare: The model's way to see images.
        vocabulary: What to look for.
        device: Where the model lives.
    """

    model: Model
    prepare: ResizeAsDetectron2
    vocabulary: Vocabulary
    device: torch.device

    def detect(self, batch: Sequence[Prepared]) -> list[ImageBoxes]:
        """Detect what the vocabulary names."""
        with Runtime(self.device, torch.float32).inference():
            answers = self.model([self._asked(image) for image in batch])
        return [self._label(answer["instances"]) for answer in answers]

    def _asked(self, image: Prepared) -> dict[str, Any]:
        height_px, width_px = image["size_px"].tolist()
        pixels = torch.from_numpy(image["pixels"]).to(self.device).float()
        return {"image": pixels, "height": height_px, "width": width_px}

    def _label(self, instances: Any) -> ImageBoxes:
        return self.vocabulary.label(
            instances.pred_classes.cpu().numpy(),
            instances.scores.cpu().numpy(),
            instances.pred_boxes.tensor.cpu().numpy(),
        )


def build_detic(setting: Setting) -> Detic:
    """The detector that `detect2d.detic` names.

    Raises:
        InputError: detectron2, Detic or weights are not there, or there is no GPU to be had.
    """
    detect2d, section = setting.detect2d, setting.detect2d.detic
    require_packages(workspace_path(section.folder))
    runtime = Runtime.choose(setting.execution.device, "fp32")
    vocabulary = Vocabulary.of(setting.taxonomy.phrases(detect2d.prompts))
    sentences = vocabulary.sentences(section.template, section.separator)
    embeddings = embed(section.clip, sentences, runtime)
    loaded = load_model(section, embeddings, detect2d.min_score, runtime.device)
    sizes_px = (detect2d.max_side_px, loaded.shorter_px, loaded.longer_px)
    prepare = ResizeAsDetectron2(*sizes_px, loaded.channels)
    return Detic(loaded.network, prepare, vocabulary, runtime.device)


@torch.inference_mode()
def embed(clip: params.ShelfModel, sentences: list[str], runtime: Runtime) -> torch.Tensor:
    """What CLIP's text encoder makes of sentences, (N, channels) of any length.

    Raises:
        InputError: CLIP's weights are not there or not whole.
    """
    folder = model_folder(clip.model, clip.revision, _CLIP_KEY)
    tokenizer = load_tokenizer(folder, _CLIP_KEY)
    model = load_pretrained(CLIPModel, folder, runtime, _CLIP_KEY)
    text = tokenizer(sentences, padding=True, truncation=True, return_tensors="pt")
    embeddings: torch.Tensor = model.get_text_features(**text.to(runtime.device)).pooler_output
    return embeddings
