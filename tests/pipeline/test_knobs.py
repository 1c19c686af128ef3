"""docs/knobs.md against what DVC would rerun, knob by knob."""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo
from networkx import descendants

from cm3d.params import read_yaml
from experiments.overrides import write_overrides
from trust.clone import copy_tree

PROJECT = Path(__file__).resolve().parents[2]
# What a group of knobs stands for, and where its choice is made.
CHOICES = {
    "detect2d.BACKEND": "detect2d.backend",
    "segment.BACKEND": "segment.backend",
    "sam3d.SEGMENTER": "sam3d.segmenter",
}
BACKENDS = {
    "detect2d.backend": ("simnet", "grounding_dino", "owlv2", "detic", "precomputed", "simulated"),
    "segment.backend": ("simnet", "sam", "grabcut", "box", "precomputed"),
    "sam3d.segmenter": ("components", "sam"),
}
NEED_A_FILE = {"precomputed"}


def leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{path}.")
        else:
            yield path


KNOBS = list(leaves(read_yaml(PROJECT / "params.yaml")))


def rows() -> dict[str, str]:
    """What the table says, by the pattern of the knob."""
    lines = (PROJECT / "docs/knobs.md").read_text().splitlines()
    found = [re.fullmatch(r"\| `([^`]+)` \| (.+) \|", line) for line in lines]
    return {row[1]: row[2] for row in found if row}


def row_of(knob: str, table: Mapping[str, str]) -> str:
    """The pattern that a knob falls under: the most specific one."""
    for group, choice in CHOICES.items():
        section = choice.split(".")[0]
        if any(f"{knob}.".startswith(f"{section}.{name}.") for name in BACKENDS[choice]):
            return f"{group}.*"
    fitting = [pattern for pattern in table if fnmatch(knob, pattern)]
    assert fitting, f"docs/knobs.md has no row for {knob}"
    return max(fitting, key=lambda pattern: len(pattern.replace("*", "")))


def said(text: str, stages: list[str]) -> set[str]:
    """The stages that a cell of the table names."""
    if text == "nothing":
        return set()
    text, _, _ = text.partition(", while that ")
    text, _, but = text.partition(" but ")
    patterns, left_out = text.split(", "), but.split(", ") if but else []
    assert all(any(fnmatch(s, p) for s in stages) for p in patterns + left_out), text
    named = {s for pattern in patterns for s in stages if fnmatch(s, pattern)}
    return {s for s in named if not any(fnmatch(s, pattern) for pattern in left_out)}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project whose parameters may be changed."""
    root = tmp_path_factory.mktemp("knobs")
    copy_tree(PROJECT, root)
    return root


def tracked(project: Path) -> dict[str, list[str]]:
    """The knobs and sections that each stage depends on, as DVC resolves them."""
    with Repo(str(project), uninitialized=True) as repo:
        return {
            stage.name: [
                path
                for dep in stage.deps
                if isinstance(dep, ParamsDependency)
                for path in dep.params
            ]
            for stage in repo.index.stages
        }


def reruns(knob: str, dependencies: Mapping[str, list[str]]) -> set[str]:
    """The stages that a knob is a parameter of; `track`, which records all, left out."""
    return {
        stage
        for stage, paths in dependencies.items()
        if stage != "track" and any(f"{knob}.".startswith(f"{path}.") for path in paths)
    }


def test_the_table_has_no_row_without_a_knob() -> None:
    table = rows()
    assert {row_of(knob, table) for knob in KNOBS} == set(table)


def test_every_knob_reruns_what_the_table_says(project: Path) -> None:
    table, dependencies = rows(), tracked(project)
    stages = list(dependencies)
    params = read_yaml(project / "params.yaml")
    for knob in KNOBS:
        row = row_of(knob, table)
        expected = said(table[row], stages)
        group = row.removesuffix(".*")
        if group in CHOICES:
            section, key = CHOICES[group].split(".")
            if not f"{knob}.".startswith(f"{section}.{params[section][key]}."):
                expected = set()
        assert reruns(knob, dependencies) == expected, knob
        others = "execution" if knob.startswith("execution.") else None
        recorded = any(f"{knob}.".startswith(f"{path}.") for path in dependencies["track"])
        assert recorded == (others is None), f"track and {knob}"


@pytest.mark.parametrize(
    ("choice", "name"), [(choice, name) for choice, names in BACKENDS.items() for name in names]
)
def test_knobs_and_code_of_a_backend_count_while_it_is_chosen(
    project: Path, choice: str, name: str
) -> None:
    section = choice.split(".")[0]
    changes: dict[str, Any] = {choice: name}
    if name in NEED_A_FILE:
        changes[f"{section}.{name}.file"] = "made_elsewhere.json"
    before = (project / "params.yaml").read_text()
    try:
        write_overrides(project / "params.yaml", changes)
        dependencies = tracked(project)
        with Repo(str(project), uninitialized=True) as repo:
            (stage,) = [s for s in repo.index.stages if s.name == section]
            code = {dep.def_path for dep in stage.deps}
    finally:
        (project / "params.yaml").write_text(before)
    for other in BACKENDS[choice]:
        knobs = [k for k in KNOBS if f"{k}.".startswith(f"{section}.{other}.")]
        assert knobs
        for knob in knobs:
            assert reruns(knob, dependencies) == ({section} if other == name else set()), knob
    if section != "sam3d":
        folders = {path for path in code if path.startswith(f"src/cm3d/{section}/")}
        assert folders == {f"src/cm3d/{section}/common", f"src/cm3d/{section}/{name}"}


def test_the_section_of_a_detector_counts_while_it_is_chosen(project: Path) -> None:
    before = (project / "params.yaml").read_text()
    expected = reruns("detector.sweeps", tracked(project))
    assert "pretrain" in expected
    assert not reruns("bevfusion.cameras.bev_channels", tracked(project))
    changes = {"detector.name": "bevfusion", "detector.images": "raw/images"}
    try:
        write_overrides(project / "params.yaml", changes)
        dependencies = tracked(project)
        with Repo(str(project), uninitialized=True) as repo:
            (stage,) = [s for s in repo.index.stages if s.name == "finetune"]
            inputs = {dep.def_path for dep in stage.deps}
    finally:
        (project / "params.yaml").write_text(before)
    assert reruns("bevfusion.cameras.bev_channels", dependencies) == expected
    assert not reruns("centerpoint", dependencies)
    assert "data/raw/images" in inputs


def test_random_weights_need_no_pretraining(project: Path) -> None:
    before = (project / "params.yaml").read_text()
    assert "pretrain" in needed_by("finetune", project)
    try:
        write_overrides(project / "params.yaml", {"finetune.init": "random"})
        assert needed_by("finetune", project) == {"download"}
    finally:
        (project / "params.yaml").write_text(before)
    assert (project / "data/models/random").is_file()


def needed_by(stage: str, project: Path) -> set[str]:
    """The stages that DVC runs before another one."""
    with Repo(str(project), uninitialized=True) as repo:
        graph = repo.index.graph
        (node,) = [found for found in graph if found.name == stage]
        return {found.name for found in descendants(graph, node)}


def test_a_changed_knob_makes_dvc_say_so(project: Path) -> None:
    """DVC itself, by the status of parameters, for one knob of each row that names one stage."""
    table, stages = rows(), list(tracked(project))
    before = (project / "params.yaml").read_text()
    probes: dict[str, Any] = {
        "lift.tracks.moved_sigma": 4.0,
        "predict.min_score": 0.2,
        "predict.nms": "rotated",
        "predict.max_boxes": 200,
        "detect2d.min_score": 0.2,
        "detect2d.owlv2.template": "a {}",
        "dataset.lane_step_m": 1.0,
        "evaluate.engine": "devkit",
        "execution.workers": 1,
        "fuse.min_iou": 0.5,
        "detector.box_loss_weight": 0.5,
    }
    lock = {stage: values_of(project, stage) for stage in stages}
    for knob, value in probes.items():
        try:
            write_overrides(project / "params.yaml", {knob: value})
            changed = {s for s in stages if s != "track" and values_of(project, s) != lock[s]}
        finally:
            (project / "params.yaml").write_text(before)
        row = row_of(knob, table)
        chosen = row.removesuffix(".*") not in CHOICES
        assert changed == (said(table[row], stages) if chosen else set()), knob


def values_of(project: Path, stage: str) -> dict[str, Any]:
    """The values of a stage's parameters as DVC reads them now."""
    if stage not in _VALUES or _VALUES.get("text") != (project / "params.yaml").read_text():
        _VALUES.clear()
        _VALUES["text"] = (project / "params.yaml").read_text()
        with Repo(str(project), uninitialized=True) as repo:
            for found in repo.index.stages:
                values: dict[str, Any] = {}
                for dep in found.deps:
                    if isinstance(dep, ParamsDependency):
                        values |= dep.read_params()
                _VALUES[found.name] = values
    return dict(_VALUES[stage])


_VALUES: dict[str, Any] = {}
