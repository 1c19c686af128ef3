"""A training's state on disk, so that it goes on where it was killed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

_FILE_NAME = "training.pt"


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
        self,
        epoch: int,
        history: list[dict[str, float]],
        model: nn.Module,
        optimizer: Optimizer,
        scheduler: LRScheduler,
    ) -> None:
        """Write the state after `epoch` epochs, whole or not at all."""
        if self.folder is None:
            return
        content = {
            "fingerprint": self.fingerprint,
            "epoch": epoch,
            "history": history,
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "scheduler": scheduler.state_dict(),
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / f".{_FILE_NAME}.partial"
        torch.save(content, partial)
        partial.replace(self.folder / _FILE_NAME)

    def restore(
        self, model: nn.Module, optimizer: Optimizer, scheduler: LRScheduler
    ) -> tuple[int, list[dict[str, float]]]:
        """Load the state if there is one; returns the epochs done and their history."""
        content = self._read()
        if content is None:
            return 0, []
        model.load_state_dict(content["model"])
        optimizer.load_state_dict(content["optimizer"])
        scheduler.load_state_dict(content["scheduler"])
        return content["epoch"], content["history"]

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
