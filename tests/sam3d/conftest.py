from pathlib import Path

import pytest

from cm3d.params import Sam3D, load_params


@pytest.fixture
def sam3d_params(project: Path) -> Sam3D:
    return load_params(project / "params.yaml").sam3d
