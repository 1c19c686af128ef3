"""A shelf model takes its place in the graph, and only what follows it runs again."""

import json
from pathlib import Path

import pytest

from cm3d.params import load_params
from cm3d.taxonomy import load_taxonomy
from trust.clone import Clone, stages_run

pytest.importorskip("transformers")


@pytest.fixture
def grounding_dino(project: Path, tmp_path: Path) -> Path:
    """A model of random weights that knows the vocabulary's words."""
    from cm3d.detect2d.common.prompts import Vocabulary
    from tests.detect2d.tiny_models import save_grounding_dino, words_of

    prompts = load_params(project / "params.yaml").detect2d.prompts
    phrases = load_taxonomy("nuscenes").phrases(prompts)
    save_grounding_dino(tmp_path / "dino", words_of(Vocabulary.of(phrases).phrases))
    return tmp_path / "dino"


def test_another_detector_reruns_detection_and_what_follows(
    reproduced: Clone, grounding_dino: Path
) -> None:
    changes = ("detect2d.backend=grounding_dino", f"detect2d.grounding_dino.model={grounding_dino}")
    overrides = [word for change in changes for word in ("-S", change)]
    output = reproduced.dvc("exp", "run", "--temp", "-n", "shelf", *overrides, "fuse")
    assert stages_run(output) == ["detect2d", "segment", "lift", "fuse"]

    (commit,) = reproduced.run(
        "git", "for-each-ref", "--format=%(objectname)", "refs/exps/*/*/shelf"
    ).stdout.split()
    scores = json.loads(reproduced.run("git", "show", f"{commit}:metrics/detect2d.json").stdout)
    assert scores["detections"] > 0


def test_weights_that_are_not_there_stop_the_stage_in_one_line(copy: Clone) -> None:
    change = "detect2d.backend=grounding_dino"
    output = copy.run(
        "python", "-m", "dvc", "exp", "run", "--temp", "-S", change, "detect2d", check=False
    )
    said = [line for line in (output.stdout + output.stderr).splitlines() if "error: " in line]
    assert len(said) == 1
    assert "not pinned; run `make weights MODEL=detect2d.grounding_dino`" in said[0]
