"""Training stages shared by processes, and killed: what they leave is the same."""

import csv
import signal
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch

from cm3d.execution.files import read_sealed, write_sealed
from cm3d.execution.pipeline import read_stages
from trust.clone import Clone

# One batch per epoch, of all three labelled frames: two processes take two and one of them.
SHARED = {"finetune.batch_size": 4, "finetune.epochs": 3}
LONG = {**SHARED, "finetune.epochs": 12, "execution.checkpoint_s": 0.0}


def curve(clone: Clone) -> dict[str, np.ndarray]:
    """The columns of the loss curve."""
    with (clone.root / "metrics/plots/finetune.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


def test_processes_that_train_together_learn_what_one_does(copy: Clone) -> None:
    copy.override(SHARED)
    copy.stage("finetune")
    alone, alone_bytes = curve(copy), copy.model_bytes("finetune")
    assert len(alone["loss"]) == 3

    (copy.root / "metrics/plots/finetune.csv").unlink()  # so that each curve is of its own run
    copy.override({"execution.trainers": 2, "execution.loaders": 1})
    copy.stage("finetune")
    started, started_bytes = curve(copy), copy.model_bytes("finetune")
    copy.override({"execution.trainers": 1, "execution.loaders": 0})
    (copy.root / "metrics/plots/finetune.csv").unlink()
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    copy.run(sys.executable, *torchrun, "-m", "stages.finetune", PYTHONPATH="src")
    joined = curve(copy)

    for together in (started, joined):
        assert together.keys() == alone.keys()
        for name, values in alone.items():
            # the same sums in another order: rounding grows a little from step to step
            np.testing.assert_allclose(together[name], values, rtol=2e-3, atol=1e-4, err_msg=name)
    # two processes add in an order of their own, which shows in the weights if not in losses
    weights = [alone_bytes, started_bytes, copy.model_bytes("finetune")]
    assert weights[0] not in weights[1:]
    assert not list((copy.root / ".cache/resume").glob("finetune-*"))


def test_a_killed_training_goes_on_to_the_same_bytes(copy: Clone) -> None:
    copy.override(LONG)
    copy.stage("finetune")
    through, losses = copy.model_bytes("finetune"), curve(copy)["loss"]

    state = kill_midway(copy, "finetune")
    assert copy.model_bytes("finetune") == through  # outputs are replaced at the end
    outs = [out for stage in read_stages(copy.root / "dvc.yaml").values() for out in outputs(stage)]
    kept = state.relative_to(copy.root)
    assert kept.is_relative_to(".cache/resume")
    assert not any(kept.is_relative_to(out) for out in outs)

    # a mark in the state's history shows that the next run goes on from it
    content = torch.load(BytesIO(read_sealed(state)), weights_only=True)
    done = len(content["history"])
    assert 0 < done < len(losses)
    content["history"][0]["loss"] = -1.0
    changed = BytesIO()
    torch.save(content, changed)
    write_sealed(state, changed.getvalue())
    copy.stage("finetune")
    assert copy.model_bytes("finetune") == through
    resumed = curve(copy)["loss"]
    assert resumed[0] == -1.0
    assert np.array_equal(resumed[1:], losses[1:])
    assert not state.exists()


def kill_midway(clone: Clone, stage: str) -> Path:
    """Start a training and kill it once it has kept a state; the file of the state."""
    process = subprocess.Popen(
        (sys.executable, "-m", f"stages.{stage}"),
        cwd=clone.root,
        env={**clone.environment, "PYTHONPATH": "src"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    found: list[Path] = []
    while not found:
        if process.poll() is not None:
            pytest.fail(f"{stage} ended with {process.returncode} before it kept a state")
        time.sleep(0.01)
        found = list((clone.root / ".cache/resume").glob(f"{stage}-*/**/training.pt"))
    process.kill()
    assert process.wait() == -signal.SIGKILL
    return found[0]


def outputs(stage: dict) -> list[str]:
    """Paths of a stage's outputs, metrics and plots."""
    entries = [entry for kind in ("outs", "metrics", "plots") for entry in stage.get(kind, [])]
    return [path for entry in entries for path in ([entry] if isinstance(entry, str) else entry)]
