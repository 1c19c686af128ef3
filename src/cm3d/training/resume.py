"""A training's state on disk, so that it goes on where it was killed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

_FILE_NAME = "training.pt"


class Stateful(Protocol):
    """A model, an optimiser or a schedule."""

    def state_dict(self) -> dict[str, Any]:
        """Its state."""

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any:
        """Take a state over."""


@dataclass(frozen=True)
class ResumeFile:
    """The state after the last whole epoch.

    No generator's state is in it: each epoch's randomness follows from the seed and its number.

    Args:
        folder: Where it is kept; None keeps nothing.
        fingerprint: Everything that the training depends on; another one's state is ignored.
    """

    folder: Path | None
    fingerprint: str

    def save(
        self, epochs: int, history: list[dict[str, float]], parts: Mapping[str, Stateful]
    ) -> None:
        """Write the state after so many epochs, whole or not at all."""
        if self.folder is None:
            return
        states = {name: part.state_dict() for name, part in parts.items()}
        content = {"fingerprint": self.fingerprint, "epochs": epochs, "history": history}
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / f".{_FILE_NAME}.partial"
        torch.save(content | {"states": states}, partial)
        partial.replace(self.folder / _FILE_NAME)

    def restore(self, parts: Mapping[str, Stateful]) -> tuple[int, list[dict[str, float]]]:
        """Load the state if there is one; returns the epochs done and their history."""
        content = self._read()
        if content is None:
            return 0, []
        for name, part in parts.items():
            part.load_state_dict(content["states"][name])
        return content["epochs"], content["history"]

    def remove(self) -> None:
        """Forget the state, as when the training has ended."""
        if self.folder is not None:
            (self.folder / _FILE_NAME).unlink(missing_ok=True)

    def _read(self) -> dict[str, Any] | None:
        if self.folder is None or not (self.folder / _FILE_NAME).is_file():
            return None
        content: dict[str, Any] = torch.load(
            self.folder / _FILE_NAME, map_location="cpu", weights_only=True
        )
        return content if content["fingerprint"] == self.fingerprint else None
