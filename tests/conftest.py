"""What all tests share: matplotlib without a screen, and where the real keyframe lies."""

import os
import shutil
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from cm3d.taxonomy import Taxonomy, load_taxonomy

# speed is not asserted, not even by hypothesis
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")

os.environ.setdefault("MPLBACKEND", "Agg")
# threads that wait for each other leave the cores to other test processes, as in stages
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# a shell's job in the background ignores Ctrl-C and hands that down, which stages would respect
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def project() -> Path:
    """The root of the working tree."""
    return PROJECT


@pytest.fixture
def bare_workspace(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of a test: the parameters, stages and class lists here, no data."""
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(project / name, tmp_path)
    shutil.copytree(project / "taxonomies", tmp_path / "taxonomies")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return tmp_path


@pytest.fixture(scope="session")
def real_keyframe() -> Path:
    """The real nuScenes keyframe, or a skip."""
    default = PROJECT.parent / "shared" / "real" / "nuscenes-keyframe"
    root = Path(os.environ.get("CM3D_REAL_KEYFRAME", default))
    if not root.is_dir():
        pytest.skip(f"no real keyframe at {root}; set CM3D_REAL_KEYFRAME")
    return root


@pytest.fixture(scope="session")
def taxonomy() -> Taxonomy:
    """The ten classes of nuScenes."""
    return load_taxonomy("nuscenes", PROJECT / "taxonomies")
