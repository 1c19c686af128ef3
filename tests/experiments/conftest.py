"""What tests of tables share: none of them writes to MLflow, but for those about it."""

import pytest

from experiments import recording


@pytest.fixture(autouse=True)
def _no_recorder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "start", lambda: None)
