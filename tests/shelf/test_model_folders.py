from pathlib import Path

import pytest
from huggingface_hub import constants

from cm3d.errors import InputError
from cm3d.shelf.pretrained import model_folder

KEY = "detect2d.grounding_dino"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "models" / "tiny"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"")
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub, and no hub."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    return tmp_path / "hub"


def test_a_folder_is_used_as_it_is(model: Path) -> None:
    assert model_folder(str(model), None, KEY) == model


def test_a_relative_folder_starts_at_the_workspace(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    assert model_folder("models/tiny", None, KEY) == model


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        ("config.json", r"\.model: .*tiny has no config\.json; save the whole model there"),
        (
            "model.safetensors",
            r"\.model: .*tiny has no \*\.safetensors or \*\.bin; add",
        ),
    ],
)
def test_a_folder_must_be_whole(model: Path, lost: str, message: str) -> None:
    (model / lost).unlink()
    with pytest.raises(InputError, match=KEY + message):
        model_folder(str(model), None, KEY)


def test_weights_may_be_a_bin_file(model: Path) -> None:
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    assert model_folder(str(model), None, KEY) == model


@pytest.mark.parametrize("name", ["/no/such/folder", "./models/none", "a/b/c", "none"])
def test_what_is_neither_folder_nor_id_is_an_error(name: str) -> None:
    with pytest.raises(InputError, match=rf"{KEY}\.model: .* is no folder; correct it"):
        model_folder(name, COMMIT, KEY)


def test_a_model_of_the_hub_must_be_pinned() -> None:
    message = rf"{KEY}\.revision: org/tiny is not pinned; run `make weights MODEL={KEY}`"
    with pytest.raises(InputError, match=message):
        model_folder("org/tiny", None, KEY)


def test_nothing_is_downloaded_by_a_stage(cache: Path) -> None:
    message = rf"{KEY}: no weights of org/tiny at 01234567 in the hub's cache; run `make weights"
    with pytest.raises(InputError, match=message) as caught:
        model_folder("org/tiny", COMMIT, KEY)
    assert "\n" not in str(caught.value)
    assert not cache.exists()


def test_what_lies_in_the_cache_is_found(cache: Path, model: Path) -> None:
    folder = cache / "models--org--tiny" / "snapshots" / COMMIT
    folder.parent.mkdir(parents=True)
    model.rename(folder)
    assert model_folder("org/tiny", COMMIT, KEY) == folder
