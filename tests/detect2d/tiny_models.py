"""Shelf models small enough to be made in a test: random weights, real files."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from transformers import (
    BertConfig,
    BertTokenizer,
    CLIPConfig,
    CLIPModel,
    CLIPTokenizer,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoProcessor,
    Owlv2Config,
    Owlv2ForObjectDetection,
    SwinConfig,
)
from transformers.models.grounding_dino.image_processing_pil_grounding_dino import (
    GroundingDinoImageProcessorPil,
)
from transformers.models.owlv2.image_processing_pil_owlv2 import Owlv2ImageProcessorPil

# The model knows these tokens by their places in BERT's vocabulary.
BERT_PLACES = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103}
BERT_ENDS = {".": 1012, "?": 1029}


def save_grounding_dino(folder: Path, words: list[str]) -> None:
    """GroundingDINO whose tokenizer knows `words` and, for others, letters."""
    vocabulary = bert_vocabulary(words)
    tokenizer = BertTokenizer(vocab=vocabulary)
    GroundingDinoProcessor(grounding_dino_images(), tokenizer).save_pretrained(folder)
    config = grounding_dino_config(len(vocabulary))
    stirred(GroundingDinoForObjectDetection(config), seed=2).save_pretrained(folder)


def grounding_dino_images() -> Any:
    return GroundingDinoImageProcessorPil(size={"shortest_edge": 128, "longest_edge": 213})


def grounding_dino_config(tokens: int) -> GroundingDinoConfig:
    return GroundingDinoConfig(
        backbone_config=SwinConfig(
            image_size=64,
            embed_dim=8,
            depths=[1, 1, 1, 1],
            num_heads=[1, 1, 2, 2],
            window_size=4,
            out_indices=[2, 3, 4],
        ),
        text_config=BertConfig(
            vocab_size=tokens,
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
        ),
        d_model=32,
        encoder_layers=1,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        num_queries=20,
    )


def save_owlv2(folder: Path) -> None:
    """OWLv2 whose tokenizer knows letters alone."""
    clip_tokenizer(places=32).save_pretrained(folder)
    owlv2_images().save_pretrained(folder)
    config = owlv2_config(text_config(places=32))
    stirred(Owlv2ForObjectDetection(config), seed=5).save_pretrained(folder)


def owlv2_images() -> Any:
    return Owlv2ImageProcessorPil(size={"height": 48, "width": 48})


def owlv2_config(text: dict[str, Any]) -> Owlv2Config:
    vision = {**LAYERS, "image_size": 48, "patch_size": 8}
    return Owlv2Config(text_config=text, vision_config=vision, projection_dim=16)


def save_clip(folder: Path) -> None:
    """CLIP whose tokenizer knows letters alone."""
    clip_tokenizer(places=40).save_pretrained(folder)
    config = CLIPConfig(
        text_config=text_config(places=40),
        vision_config={**LAYERS, "image_size": 16, "patch_size": 8},
        projection_dim=12,
    )
    stirred(CLIPModel(config), seed=3).save_pretrained(folder)


def words_of(phrases: Iterable[str]) -> list[str]:
    """What a tokenizer must know to read phrases word by word."""
    return sorted({word for phrase in phrases for word in phrase.split()})


def bert_vocabulary(words: list[str]) -> dict[str, int]:
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    known = [*words, *letters, *(f"##{letter}" for letter in letters)]
    places = BERT_PLACES | BERT_ENDS
    names = [f"[unused{place}]" for place in range(max(places.values()) + 1)]
    for name, place in places.items():
        names[place] = name
    return {name: place for place, name in enumerate([*names, *known])}


LETTERS = [chr(code) for code in range(ord("!"), ord("~") + 1)]
LAYERS = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
}


def clip_tokenizer(places: int) -> Any:
    names = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {name: place for place, name in enumerate(names)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=places, pad_token="!")


def text_config(places: int) -> dict[str, Any]:
    end = 2 * len(LETTERS) + 1
    tokens = {"bos_token_id": end - 1, "eos_token_id": end, "vocab_size": end + 1}
    return {**LAYERS, **tokens, "max_position_embeddings": places}


def stirred(model: Any, seed: int) -> Any:
    """Weights so large that images, places and phrases differ."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if weights.dim() > 1 or "class_embedding" in name:
                spread = 1.0 if "embeddings" in name else weights[0].numel() ** -0.5
                weights.copy_(torch.randn(weights.shape, generator=generator) * spread)
    return model.eval()
