"""One simulated image: two objects, one of them small and mostly hidden; tiny shelf models."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cm3d import params
from cm3d.detect2d.common.protocol import Setting
from cm3d.tables import Cameras
from cm3d.taxonomy import Taxonomy

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
    (folder / "embedded.json").write_text('{"seed": 0}')
    return tmp_path


@pytest.fixture(scope="session")
def defaults(project: Path) -> params.Params:
    """All default parameters."""
    return params.load_params(project / "params.yaml")


@pytest.fixture(scope="session")
def default_setting(defaults: params.Params, taxonomy: Taxonomy) -> Setting:
    """What backends are built from by default; the data set is nowhere."""
    return Setting(defaults.detect2d, defaults.execution, taxonomy, Path("nowhere"))


Change = Callable[..., Setting]


@pytest.fixture(scope="session")
def changed(default_setting: Setting) -> Change:
    """The same with other parameters of detect2d."""

    def change(root: Path = Path("nowhere"), **changes: Any) -> Setting:
        detect2d = default_setting.detect2d.model_copy(update=changes)
        return replace(default_setting, detect2d=detect2d, root=root)

    return change


@pytest.fixture
def precomputed(changed: Change, cameras: Cameras, tmp_path: Path) -> Setting:
    """Answers of another program in `d.json`, which the test writes."""
    cameras.write(tmp_path / "cameras" / "scene.parquet")
    section = params.Precomputed(file=str(tmp_path / "d.json"))
    setting = changed(tmp_path, backend="precomputed", precomputed=section)
    return replace(setting, cameras=tmp_path / "cameras")


@pytest.fixture(scope="session")
def grounding_dino_folder(
    default_setting: Setting, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """GroundingDINO at random, as files."""
    from cm3d.detect2d.common.prompts import Vocabulary
    from tests.detect2d.tiny_models import save_grounding_dino, words_of

    folder = tmp_path_factory.mktemp("grounding_dino")
    phrases = default_setting.taxonomy.phrases(default_setting.detect2d.prompts)
    save_grounding_dino(folder, words_of(Vocabulary.of(phrases).phrases))
    return folder


@pytest.fixture(scope="session")
def grounding_dino(changed: Change, grounding_dino_folder: Path) -> Any:
    """GroundingDINO at random, sure of about half of its boxes."""
    from cm3d.detect2d.grounding_dino.adapter import build_grounding_dino

    section = params.GroundingDino(
        model=str(grounding_dino_folder), revision=None, text_threshold=0.9
    )
    return build_grounding_dino(changed(grounding_dino=section, min_score=0.9))


@pytest.fixture(scope="session")
def owlv2_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OWLv2 at random, as files."""
    from tests.detect2d.tiny_models import save_owlv2

    folder = tmp_path_factory.mktemp("owlv2")
    save_owlv2(folder)
    return folder


@pytest.fixture(scope="session")
def owlv2(changed: Change, owlv2_folder: Path) -> Any:
    """OWLv2 at random, sure of about half of its boxes."""
    from cm3d.detect2d.owlv2.adapter import build_owlv2

    section = params.Owlv2(model=str(owlv2_folder), revision=None, template="a {}")
    return build_owlv2(changed(owlv2=section, min_score=0.5))


@pytest.fixture(scope="session")
def detic(default_setting: Setting) -> Any:
    """All of Detic but its network, for which detectron2 would be needed."""
    import torch

    from cm3d.detect2d.common.prompts import Vocabulary
    from cm3d.detect2d.detic.adapter import Detic
    from cm3d.detect2d.detic.preparation import ResizeAsDetectron2
    from tests.detect2d.brightness import brightest_cells

    phrases = default_setting.taxonomy.phrases(default_setting.detect2d.prompts)
    prepare = ResizeAsDetectron2(1024, shorter_px=80, longer_px=133, channels="RGB")
    return Detic(brightest_cells, prepare, Vocabulary.of(phrases), torch.device("cpu"))


@pytest.fixture(scope="session")
def simnet(changed: Change) -> Any:
    """The embedded data set's own detector, saying all that it has to say."""
    from cm3d.detect2d.simnet.adapter import build_simnet

    return build_simnet(changed(min_score=0.001))
