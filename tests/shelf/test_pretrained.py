from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel, CLIPModel

from cm3d.errors import InputError
from cm3d.shelf.pretrained import load_image_processor, load_pretrained, load_tokenizer
from cm3d.shelf.runtime import Runtime


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    return Runtime.choose("cpu", "fp32")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    config = BertConfig(
        vocab_size=8,
        hidden_size=4,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=4,
        max_position_embeddings=4,
    )
    BertModel(config).half().save_pretrained(tmp_path)
    return tmp_path


def same_weights(one: Any, other: Any) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_models_are_ready_in_float32(folder: Path, runtime: Runtime) -> None:
    model = load_pretrained(BertModel, folder, runtime, "a.b")
    assert not model.training
    assert {weights.dtype for weights in model.parameters()} == {torch.float32}


def test_bin_files_are_read_too(folder: Path, runtime: Runtime) -> None:
    expected = load_pretrained(BertModel, folder, runtime, "a.b")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert same_weights(load_pretrained(BertModel, folder, runtime, "a.b"), expected)


def test_missing_weights_are_no_random_numbers(folder: Path, runtime: Runtime) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["pooler.dense.bias"], weights["pooler.dense.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    message = r"a\.b: .* has no weights of BertModel for pooler\.dense\.bias and 1 others"
    with pytest.raises(InputError, match=message):
        load_pretrained(BertModel, folder, runtime, "a.b")


def test_weights_of_another_shape_are_an_error(folder: Path, runtime: Runtime) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["pooler.dense.bias"] = torch.zeros(7)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match=r"a\.b: .* is no BertModel") as caught:
        load_pretrained(BertModel, folder, runtime, "a.b")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no weights", b"0" * 100])
def test_broken_files_are_named(folder: Path, runtime: Runtime, content: bytes) -> None:
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.b: .* is no BertModel") as caught:
        load_pretrained(BertModel, folder, runtime, "a.b")
    assert "\n" not in str(caught.value)


def test_another_model_is_an_error(folder: Path, runtime: Runtime) -> None:
    with pytest.raises(InputError, match=r"a\.b: "):
        load_pretrained(CLIPModel, folder, runtime, "a.b")


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK" + b"0" * 100])
def test_broken_bin_files_are_named(folder: Path, runtime: Runtime, content: bytes) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.b: .* is no BertModel") as caught:
        load_pretrained(BertModel, folder, runtime, "a.b")
    assert "\n" not in str(caught.value)


def test_a_bin_file_runs_no_code(folder: Path, runtime: Runtime) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({"pooler.dense.bias": Path("elsewhere")}, folder / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"a\.b: .* is no BertModel: Weights only load failed"):
        load_pretrained(BertModel, folder, runtime, "a.b")


@pytest.mark.parametrize("load", [load_tokenizer, load_image_processor])
def test_a_folder_without_tokenizer_or_processor_is_an_error(folder: Path, load: Any) -> None:
    with pytest.raises(InputError, match=r"a\.b: .* (is|has) no ") as caught:
        load(folder, "a.b")
    assert "\n" not in str(caught.value)
