"""A training's state on disk, so that it goes on where it was killed."""

import time
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import torch

from cm3d.execution.files import read_sealed, write_sealed
from cm3d.execution.processes import leads

_FILE_NAME = "training.pt"


class Stateful(Protocol):
    """A model, an optimiser or a schedule."""

    def state_dict(self) -> dict[str, Any]:
        """Its state."""

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any:
        """Take a state over."""


class ResumeFile:
    """The state after some step, written now and then.

    No generator's state is in it: all randomness follows from the seed, the epoch and the frame.

    Args:
        folder: Where it is kept; None keeps nothing.
        fingerprint: Everything that the training depends on; another one's state is ignored.
        interval_s: At least so long between two states.
    """

    def __init__(self, folder: Path | None, fingerprint: str, interval_s: float) -> None:
        """Nothing is read or written yet."""
        self.folder, self.fingerprint, self.interval_s = folder, fingerprint, interval_s
        self._saved_s = time.monotonic()

    def save_if_due(self, history: list[dict[str, float]], parts: Mapping[str, Stateful]) -> None:
        """Write the state after so many steps as `history` has rows, whole or not at all.

        Raises:
            InputError: The folder cannot be written.
        """
        if self.folder is None or time.monotonic() - self._saved_s < self.interval_s:
            return
        states = {name: part.state_dict() for name, part in parts.items()}
        content = {"fingerprint": self.fingerprint, "history": history, "states": states}
        buffer = BytesIO()
        torch.save(content, buffer)
        write_sealed(self.folder / _FILE_NAME, buffer.getbuffer())
        self._saved_s = time.monotonic()

    def restore(self, parts: Mapping[str, Stateful]) -> list[dict[str, float]]:
        """Load the state if there is one; returns the history, one row per step done."""
        content = self._read()
        if content is None:
            return []
        for name, part in parts.items():
            part.load_state_dict(content["states"][name])
        history: list[dict[str, float]] = content["history"]
        return history

    def __str__(self) -> str:
        """Where the state is, in words."""
        if self.folder is None or not (self.folder / _FILE_NAME).is_file():
            return "no earlier state was kept"
        return f"the last good state is in {self.folder / _FILE_NAME}"

    def _read(self) -> dict[str, Any] | None:
        if self.folder is None or not (self.folder / _FILE_NAME).is_file():
            return None
        sealed = read_sealed(self.folder / _FILE_NAME)
        if sealed is None:
            if leads():
                print(f"note: {self.folder / _FILE_NAME}: damaged; the training begins anew")
            return None
        content: dict[str, Any] = torch.load(BytesIO(sealed), map_location="cpu", weights_only=True)
        return content if content["fingerprint"] == self.fingerprint else None
