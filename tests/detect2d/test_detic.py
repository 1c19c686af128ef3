"""Detic without its network; packages with the names of detectron2's parts stand in for them."""

import sys
import textwrap
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, CLIPModel

from cm3d import params
from cm3d.detect2d.common.protocol import Setting
from cm3d.detect2d.detic import model as detic_model
from cm3d.detect2d.detic.adapter import Detic, build_detic, embed
from cm3d.detect2d.detic.model import _file_of, _settings, require_packages
from cm3d.detect2d.detic.preparation import ResizeAsDetectron2
from cm3d.errors import InputError
from cm3d.shelf.runtime import Runtime
from tests.detect2d.conftest import Change
from tests.detect2d.tiny_models import save_clip


@pytest.fixture(autouse=True)
def search_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test adds to the search path is gone after it."""
    monkeypatch.setattr(sys, "path", [*sys.path])


def test_what_is_missing_is_said_in_one_line(
    default_setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detic_model, "find_spec", lambda name: None)
    missing = r"needs detectron2, detic, centernet \(.*models/Detic\); .*docs/detect2d\.md"
    with pytest.raises(InputError, match=missing) as caught:
        build_detic(default_setting)
    assert "\n" not in str(caught.value)


def test_detic_and_its_submodule_are_found_in_their_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = "detectron2"
    monkeypatch.setattr(
        detic_model, "find_spec", lambda name: None if name == without else find_spec(name)
    )
    for name in ("detic", "third_party/CenterNet2/centernet"):
        (tmp_path / name).mkdir(parents=True)
    with pytest.raises(InputError, match=r"detic needs detectron2 \("):
        require_packages(tmp_path)


def test_files_of_detic_are_looked_for_in_its_folder(defaults: params.Params) -> None:
    message = r"detect2d\.detic\.config: .*elsewhere/configs/.*\.yaml is missing; see docs"
    with pytest.raises(InputError, match=message):
        _file_of(defaults.detect2d.detic.model_copy(update={"folder": "elsewhere"}), "config")


def test_instances_become_boxes(detic: Detic) -> None:
    """A white image is 1 everywhere: class 1000 % 19 = 12 of the vocabulary, sixteen times."""
    (found,) = detic.detect([detic.prepare(np.full((40, 80, 3), 255, np.uint8))])
    assert found.score.tolist() == [1.0] * 16
    assert set(found.class_name) == {detic.vocabulary.class_names[12]}
    assert found.box_px[5].tolist() == [20, 10, 40, 20]


def test_embeddings_are_clips(tmp_path: Path, defaults: params.Params) -> None:
    save_clip(tmp_path)
    sentences = ["a traffic_cone", "a car"]
    clip = params.ShelfModel(model=str(tmp_path), revision=None)
    found = embed(clip, sentences, Runtime.choose("cpu", "fp32"))
    tokenizer, whole = AutoTokenizer.from_pretrained(tmp_path), CLIPModel.from_pretrained(tmp_path)
    for row, sentence in enumerate(sentences):
        text = tokenizer([sentence], return_tensors="pt")
        with torch.inference_mode():
            hidden = whole.text_model(**text).last_hidden_state[0, -1]
            alone = whole.text_projection(hidden)
        np.testing.assert_allclose(found[row], alone, atol=1e-5)
    assert found.shape == (2, 12)


def test_settings_are_pairs_of_names_and_values() -> None:
    settings: list[Any] = _settings(0.1, torch.device("cpu"))
    found = dict(zip(settings[::2], settings[1::2], strict=True))
    assert found["MODEL.ROI_HEADS.SCORE_THRESH_TEST"] == 0.1
    assert found["MODEL.ROI_HEADS.ONE_CLASS_PER_PROPOSAL"] is False
    assert found["MODEL.DEVICE"] == "cpu"


STAND_INS = {
    "detectron2/__init__.py": "",
    "detectron2/checkpoint.py": """
        class DetectionCheckpointer:
            def __init__(self, model):
                self.model = model
            def load(self, path):
                self.model.weights = path
        """,
    "detectron2/config.py": """
        from types import SimpleNamespace
        def get_cfg():
            cfg = SimpleNamespace(added=[], INPUT=None)
            def merge_from_file(path):
                cfg.file = path
                cfg.INPUT = SimpleNamespace(MIN_SIZE_TEST=80, MAX_SIZE_TEST=133, FORMAT="BGR")
            cfg.merge_from_file = merge_from_file
            cfg.merge_from_list = lambda items: setattr(cfg, "settings", items)
            return cfg
        """,
    "detectron2/modeling.py": """
        from tests.detect2d.brightness import brightest_cells
        class Network:
            def __init__(self, cfg):
                self.cfg, self.training = cfg, True
            def eval(self):
                self.training = False
                return self
            def __call__(self, batch):
                return brightest_cells(batch)
        build_model = Network
        """,
    "Detic/detic/__init__.py": "",
    "Detic/detic/config.py": "def add_detic_config(cfg): cfg.added.append('detic')",
    "Detic/detic/modeling/__init__.py": "",
    "Detic/detic/modeling/utils.py": """
        def reset_cls_test(model, embeddings, count):
            model.asked = embeddings, count
        """,
    "Detic/third_party/CenterNet2/centernet/__init__.py": "",
    "Detic/third_party/CenterNet2/centernet/config.py": """
        def add_centernet_config(cfg): cfg.added.append("centernet")
        """,
    "Detic/a.yaml": "",
    "Detic/b.pth": "",
}


@pytest.fixture
def stand_ins(tmp_path: Path) -> Iterator[Path]:
    """Packages of detectron2's, Detic's and CenterNet2's names, and Detic's folder."""
    for name, content in STAND_INS.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(content))
    sys.path.insert(0, str(tmp_path))
    yield tmp_path / "Detic"
    for name in list(sys.modules):
        if name.partition(".")[0] in ("detectron2", "detic", "centernet"):
            del sys.modules[name]


def test_detic_is_built_asked_and_answers(
    stand_ins: Path, tmp_path: Path, defaults: params.Params, changed: Change
) -> None:
    save_clip(tmp_path / "clip")
    section = defaults.detect2d.detic.model_copy(
        update={
            "folder": str(stand_ins),
            "config": "a.yaml",
            "weights": "b.pth",
            "clip": params.ShelfModel(model=str(tmp_path / "clip"), revision=None),
        }
    )
    detector = build_detic(changed(detic=section))
    network: Any = detector.model
    assert network.training is False
    assert network.weights == str(stand_ins / "b.pth")
    assert network.cfg.file == str(stand_ins / "a.yaml")
    assert network.cfg.added == ["centernet", "detic"]
    embeddings, count = network.asked
    assert count == len(detector.vocabulary.phrases) == 19
    sentences = detector.vocabulary.sentences("a {}", "_")
    assert "a pickup_truck" in sentences
    expected = embed(section.clip, sentences, Runtime.choose("cpu", "fp32"))
    np.testing.assert_array_equal(embeddings, expected.T)
    assert detector.prepare == ResizeAsDetectron2(1024, 80, 133, "BGR")
    (found,) = detector.detect([detector.prepare(np.full((40, 80, 3), 255, np.uint8))])
    assert len(found.score) == 16
