from typing import Any

import pytest
import torch

from cm3d.detect2d.common.prompts import NO_PHRASE
from cm3d.detect2d.grounding_dino.adapter import GroundingDino
from cm3d.detect2d.grounding_dino.prompts import best_phrase, make_prompts
from cm3d.errors import InputError

CPU = torch.device("cpu")

# [CLS] truck . truck trailer . [SEP]
TOKENS = torch.tensor([[0, 1, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 0, 0]], dtype=torch.bool)


@pytest.fixture(scope="module")
def tokenizer(grounding_dino: GroundingDino) -> Any:
    return grounding_dino._tokenizer


@pytest.mark.parametrize(
    ("probability", "phrase"),
    [
        ([0, 0.3, 0, 0.2, 0.0, 0, 0], 0),
        ([0, 0.3, 0, 0.4, 0.0, 0, 0], 0),  # "truck" of "truck trailer", but no "trailer"
        ([0, 0.3, 0, 0.4, 0.4, 0, 0], 1),
        ([0, 0.0, 0, 0.3, 0.0, 0, 0], 1),  # enough: one of its tokens
        ([0.9, 0.1, 0, 0.0, 0.0, 0, 0], NO_PHRASE),  # not above the threshold
        ([0.9, 0.2, 0.9, 0.0, 0.0, 0.9, 0.9], 0),  # what is between phrases does not count
        ([0, 0.0, 0, 0.0, 0.0, 0, 0], NO_PHRASE),
    ],
)
def test_the_phrase_that_is_surest_on_average(probability: list[float], phrase: int) -> None:
    assert best_phrase(torch.tensor([probability]), TOKENS, 0.1).tolist() == [phrase]


def test_no_boxes_have_no_phrases() -> None:
    assert best_phrase(torch.zeros((0, 7)), TOKENS, 0.1).shape == (0,)


def test_a_phrase_has_its_own_tokens(tokenizer: Any) -> None:
    (prompt,) = make_prompts(["pickup truck", "suv", "truck"], tokenizer, 256, CPU)
    ids = prompt.inputs["input_ids"][0]
    text = [tokenizer.convert_ids_to_tokens(ids[tokens[: len(ids)]]) for tokens in prompt.tokens]
    # no word of the tiny vocabulary, so pieces of one letter
    assert text == [["pickup", "truck"], ["s", "##u", "##v"], ["truck"]]
    assert prompt.tokens.shape == (3, 256)
    assert (prompt.tokens.sum(dim=0) <= 1).all()


@pytest.mark.parametrize("max_tokens", [6, 7, 8, 9, 12, 256])
def test_prompts_share_out_the_phrases(tokenizer: Any, max_tokens: int) -> None:
    phrases = ["car", "pickup truck", "bus", "person", "traffic cone", "human"]
    prompts = make_prompts(phrases, tokenizer, max_tokens, CPU)
    assert all(prompt.inputs["input_ids"].shape[1] <= max_tokens for prompt in prompts)
    said = []
    for prompt in prompts:
        ids = prompt.inputs["input_ids"][0]
        assert prompt.first_phrase == len(said)
        said += [tokenizer.decode(ids[tokens[: len(ids)]]) for tokens in prompt.tokens]
    assert said == phrases


def test_the_text_is_the_librarys(grounding_dino: GroundingDino, tokenizer: Any) -> None:
    phrases = list(grounding_dino._asks.vocabulary.phrases)
    text = ". ".join(phrases) + "."
    (prompt,) = grounding_dino._prompts
    assert prompt.inputs["input_ids"][0].tolist() == tokenizer(text)["input_ids"]


def test_a_phrase_without_tokens_is_an_error(tokenizer: Any) -> None:
    with pytest.raises(InputError, match=r"taxonomy: .* has no tokens"):
        make_prompts(["car", "\u200b"], tokenizer, 256, CPU)
