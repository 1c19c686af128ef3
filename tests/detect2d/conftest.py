"""One simulated image: two objects, one of them small and mostly hidden; tiny shelf models."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cm3d import params
from cm3d.tables import Cameras

WIDTH_PX, HEIGHT_PX = 800, 450


@pytest.fixture
def detect2d(project: Path) -> params.Detect2D:
    """The default parameters."""
    return params.load_params(project / "params.yaml").detect2d


@pytest.fixture
def execution(project: Path) -> params.Execution:
    """The default parameters."""
    return params.load_params(project / "params.yaml").execution


@pytest.fixture
def cameras() -> Cameras:
    """Two images of one keyframe."""
    return Cameras.from_columns(
        camera_token=["front", "back"],
        sample_token=["frame", "frame"],
        channel=["CAM_FRONT", "CAM_BACK"],
        path=["front.jpg", "back.jpg"],
        width_px=[WIDTH_PX] * 2,
        height_px=[HEIGHT_PX] * 2,
        intrinsics_px=[[630, 0, 400, 0, 630, 245, 0, 0, 1]] * 2,
        global_SE3_camera=[[1, 0, 0, 0, 0, 0, 1.5]] * 2,
    )


@pytest.fixture
def sim_root(tmp_path: Path) -> Path:
    """Root with the instance images of `cameras`; the second one is empty."""
    ids = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint16)
    ids[100:300, 200:400] = 3
    ids[240:246, 600:604] = 7
    folder = tmp_path / "instances"
    folder.mkdir()
    cv2.imwrite(str(folder / "front.png"), ids)
    cv2.imwrite(str(folder / "back.png"), np.zeros_like(ids))
    small = {"instance_id": 7, "class_name": "pedestrian", "visible_share": 0.2}
    large = {"instance_id": 3, "class_name": "car", "visible_share": 1.0}
    (folder / "scene.json").write_text(json.dumps({"front": [small, large], "back": []}))
    return tmp_path


@pytest.fixture(scope="session")
def defaults(project: Path) -> params.Params:
    """All default parameters."""
    return params.load_params(project / "params.yaml")


@pytest.fixture(scope="session")
def grounding_dino(defaults: params.Params, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """GroundingDINO at random, sure of about half of its boxes."""
    from cm3d.detect2d.grounding_dino import build_grounding_dino
    from cm3d.detect2d.vocabulary import Vocabulary
    from tests.detect2d.tiny_models import save_grounding_dino, words_of

    folder = tmp_path_factory.mktemp("grounding_dino")
    save_grounding_dino(folder, words_of(Vocabulary.of(defaults.detect2d.phrases).phrases))
    section = params.GroundingDino(model=str(folder), revision=None, text_threshold=0.9)
    changes = {"grounding_dino": section, "min_score": 0.9}
    return build_grounding_dino(defaults.detect2d.model_copy(update=changes), defaults.execution)


@pytest.fixture(scope="session")
def owlv2_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OWLv2 at random, as files."""
    from tests.detect2d.tiny_models import save_owlv2

    folder = tmp_path_factory.mktemp("owlv2")
    save_owlv2(folder)
    return folder


@pytest.fixture(scope="session")
def owlv2(defaults: params.Params, owlv2_folder: Path) -> Any:
    """OWLv2 at random, sure of about half of its boxes."""
    from cm3d.detect2d.owlv2 import build_owlv2

    section = params.Owlv2(model=str(owlv2_folder), revision=None, template="a {}")
    changes = {"owlv2": section, "min_score": 0.5}
    return build_owlv2(defaults.detect2d.model_copy(update=changes), defaults.execution)


@pytest.fixture(scope="session")
def detic(defaults: params.Params) -> Any:
    """All of Detic but its network, for which detectron2 would be needed."""
    import torch

    from cm3d.detect2d.detic import Detic
    from cm3d.detect2d.preparation import ResizeAsDetectron2
    from cm3d.detect2d.vocabulary import Vocabulary
    from tests.detect2d.brightness import brightest_cells

    vocabulary = Vocabulary.of(defaults.detect2d.phrases)
    prepare = ResizeAsDetectron2(1024, shorter_px=80, longer_px=133, channels="RGB")
    return Detic(brightest_cells, prepare, vocabulary, torch.device("cpu"))


@pytest.fixture(scope="session")
def simnet(defaults: params.Params) -> Any:
    """The embedded data set's own detector, saying all that it has to say."""
    from cm3d.detect2d.simnet import build_simnet

    return build_simnet(
        defaults.detect2d.model_copy(update={"min_score": 0.001}), defaults.execution
    )
