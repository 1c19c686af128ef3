"""Prompts of GroundingDINO: which tokens are which phrase's."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from cm3d.detect2d.common.prompts import NO_PHRASE
from cm3d.errors import InputError

_ENDS = (".", "?")


@dataclass(frozen=True, eq=False)
class Prompt:
    """Neighbouring phrases of a vocabulary as one text.

    Args:
        inputs: What the model takes of the text, one row each.
        tokens: (phrases, tokens) bool; a phrase's tokens, of as many as the model has places for.
        first_phrase: Where the phrases begin in the vocabulary.
    """

    inputs: dict[str, torch.Tensor]
    tokens: torch.Tensor
    first_phrase: int


def make_prompts(
    phrases: Sequence[str], tokenizer: Any, max_tokens: int, device: torch.device
) -> list[Prompt]:
    """One prompt, or several where the model's text is too short for all phrases.

    Args:
        phrases: The vocabulary.
        tokenizer: The model's own.
        max_tokens: Longest text of the model.
        device: Where the model lives.

    Raises:
        InputError: Nothing of a phrase is left after tokenization.
    """
    prompts: list[Prompt] = []
    for part in _portions(phrases, tokenizer, max_tokens):
        text = tokenizer(". ".join(part) + ".", return_tensors="pt", return_token_type_ids=True).to(
            device
        )
        tokens = _tokens_of_phrases(text["input_ids"][0], tokenizer, len(part), max_tokens)
        if not tokens.any(dim=1).all():
            raise InputError(f"taxonomy: a phrase of {part} has no tokens; spell it out")
        prompts.append(Prompt(dict(text), tokens, sum(len(p.tokens) for p in prompts)))
    return prompts


def best_phrase(probability: torch.Tensor, tokens: torch.Tensor, threshold: float) -> torch.Tensor:
    """The phrase of each box: the one whose tokens are surest on average.

    So the model's authors map tokens to classes where they measure detection on COCO.

    Args:
        probability: (N, T) of each token.
        tokens: (P, T) bool, of each phrase.
        threshold: One of the phrase's tokens must be surer.

    Returns:
        (N,) index of the phrase, or `NO_PHRASE`.
    """
    mean = probability @ (tokens / tokens.sum(dim=1, keepdim=True)).T
    best = mean.argmax(dim=1)
    surest = probability.where(tokens[best], 0.0).amax(dim=1)
    return best.where(surest > threshold, NO_PHRASE)


def _portions(phrases: Sequence[str], tokenizer: Any, max_tokens: int) -> Iterator[Sequence[str]]:
    lengths = [
        len(ids) + 1 for ids in tokenizer(list(phrases), add_special_tokens=False)["input_ids"]
    ]
    start, used = 0, 2
    for row, length in enumerate(lengths):
        if used + length > max_tokens and row > start:
            yield phrases[start:row]
            start, used = row, 2
        used += length
    yield phrases[start:]


def _tokens_of_phrases(
    input_ids: torch.Tensor, tokenizer: Any, count: int, max_tokens: int
) -> torch.Tensor:
    ends = [*tokenizer.convert_tokens_to_ids(list(_ENDS)), *tokenizer.all_special_ids]
    ends.remove(tokenizer.unk_token_id)
    is_end = torch.isin(input_ids, torch.tensor(ends, device=input_ids.device))
    group = torch.where(is_end, 0, is_end.cumsum(0))
    tokens = group[None] == torch.arange(1, count + 1, device=group.device)[:, None]
    return torch.nn.functional.pad(tokens, (0, max_tokens - tokens.shape[1]))
