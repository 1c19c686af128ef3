from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml

LOCK = {
    "schema": "2.0",
    "stages": {
        "fuse": {"cmd": "fuse", "outs": [{"path": "data/pseudo_labels", "md5": "aa.dir"}]},
        "pretrain": {"cmd": "train", "outs": [{"path": "data/models/pretrain", "md5": "bb.dir"}]},
        "evaluate": {"cmd": "eval", "outs": [{"path": "metrics/evaluate.json", "md5": "cc"}]},
        "track": {"cmd": "track", "deps": [{"path": "metrics/evaluate.json", "md5": "cc"}]},
    },
}


@pytest.fixture
def write_lock() -> Callable[..., Path]:
    """Write a dvc.lock whose pseudo-labels have the given hash, with more outputs by stage."""

    def write(
        folder: Path,
        labels_md5: str = "aa.dir",
        track: str = "track",
        more_outs: Mapping[str, list[dict[str, str]]] | None = None,
    ) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        lock = yaml.safe_load(yaml.safe_dump(LOCK))
        lock["stages"]["fuse"]["outs"][0]["md5"] = labels_md5
        for stage, outs in (more_outs or {}).items():
            lock["stages"][stage]["outs"] += outs
        lock["stages"]["track"]["cmd"] = track
        (folder / "dvc.lock").write_text(yaml.safe_dump(lock))
        return folder

    return write
