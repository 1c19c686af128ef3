"""Parameters as they ship."""

from pathlib import Path

import pytest

from cm3d import params


@pytest.fixture
def segment(project: Path) -> params.Segment:
    """The default parameters."""
    return params.load_params(project / "params.yaml").segment
