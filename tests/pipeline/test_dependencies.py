"""Each stage depends on exactly the code that it imports, or DVC reruns too little or too much."""

import ast
from pathlib import Path

import pytest
from dvc.repo import Repo

from cm3d.execution.graph import read_stages

PROJECT = Path(__file__).resolve().parents[2]
STAGES = read_stages(PROJECT / "dvc.yaml")

# None of these can change a result: see the comment at the top of dvc.yaml.
EXEMPT = {"src/cm3d/__init__.py", "src/cm3d/errors.py", "stages/__init__.py"}
EXEMPT_PACKAGES = ("src/cm3d/execution/", "src/cm3d/params/")


def module_file(name: str) -> Path | None:
    for base in (PROJECT / "src", PROJECT):
        path = base.joinpath(*name.split("."))
        for candidate in (path.with_suffix(".py"), path / "__init__.py"):
            if candidate.is_file():
                return candidate
    return None


def imported_files(file: Path) -> set[Path]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    ours = {name for name in names if name.split(".")[0] in ("cm3d", "stages")}
    # importing a.b.c runs a/__init__ and a.b/__init__ as well
    parents = {".".join(n.split(".")[:i]) for n in ours for i in range(1, n.count(".") + 1)}
    return {path for name in ours | parents if (path := module_file(name))}


def code_of(stage: str) -> set[str]:
    entry = STAGES[stage]["cmd"].split(" -m ")[1].split()[0]
    todo, seen = [PROJECT / (entry.replace(".", "/") + ".py")], set()
    while todo:
        file = todo.pop()
        if file not in seen:
            seen.add(file)
            todo += imported_files(file)
    files = {str(path.relative_to(PROJECT)) for path in seen}
    return {f for f in files if f not in EXEMPT and not f.startswith(EXEMPT_PACKAGES)}


def code_deps(stage: str) -> set[str]:
    deps = [dep for dep in STAGES[stage]["deps"] if dep.split("/")[0] not in ("data", "metrics")]
    return {dep for dep in deps if not dep.endswith(".safetensors")}


def written_by(stage: str) -> set[str]:
    """Outputs, metrics and plots; the latter two stand with options of theirs."""
    kinds = (STAGES[stage].get(kind, []) for kind in ("outs", "metrics", "plots"))
    entries = [entry for kind in kinds for entry in kind]
    return {path for entry in entries for path in ([entry] if isinstance(entry, str) else entry)}


def upstream(stage: str) -> set[str]:
    """The stages that a stage needs, directly or not."""
    deps = STAGES[stage]["deps"]
    makers = {
        maker
        for maker in STAGES
        if any(covers(out, dep) or covers(dep, out) for out in written_by(maker) for dep in deps)
    }
    return makers.union(*map(upstream, makers))


def covers(dep: str, file: str) -> bool:
    return file == dep or file.startswith(f"{dep}/")


def is_docstring_only(file: str) -> bool:
    body = ast.parse((PROJECT / file).read_text()).body
    return all(isinstance(node, ast.Expr) for node in body)


def test_stages_are_read_as_dvc_reads_them() -> None:
    theirs = {stage.name: stage for stage in Repo(PROJECT).index.stages}
    assert STAGES.keys() == theirs.keys()
    for name, stage in STAGES.items():
        assert stage["cmd"] == theirs[name].cmd
        files = {dep.def_path for dep in theirs[name].deps} - {"params.yaml"}
        assert set(stage["deps"]) == files
        assert written_by(name) == {out.def_path for out in theirs[name].outs}


@pytest.mark.parametrize("stage", STAGES)
def test_every_import_is_a_dependency(stage: str) -> None:
    deps = code_deps(stage)
    missing = [
        file
        for file in sorted(code_of(stage))
        if not any(covers(dep, file) for dep in deps)
        and not (file.endswith("__init__.py") and is_docstring_only(file))
    ]
    assert not missing, f"stage {stage} imports what dvc.yaml does not list: {missing}"


@pytest.mark.parametrize("stage", STAGES)
def test_every_dependency_is_imported(stage: str) -> None:
    files = code_of(stage)
    idle = [dep for dep in sorted(code_deps(stage)) if not any(covers(dep, file) for file in files)]
    assert not idle, f"stage {stage} does not import {idle}, an edit there would rerun it"


def test_training_code_does_not_rerun_masks() -> None:
    for stage in ("download", "detect2d", "segment", "lift", "sam3d", "fuse"):
        assert not any("training" in dep or "models" in dep for dep in code_deps(stage))


@pytest.mark.parametrize("stage", STAGES)
def test_stage_says_what_it_does_and_what_it_writes(stage: str) -> None:
    entry = STAGES[stage]
    assert entry["desc"]
    assert entry["params"]
    if stage != "track":
        assert written_by(stage)
    if not stage.startswith(("predict@", "track")):
        assert entry["metrics"]
    assert "persist" not in str(entry)
    assert "always_changed" not in entry


def test_a_comparison_trains_what_it_compares_alone() -> None:
    assert upstream("evaluate@lifted") == {"download", "detect2d", "segment", "lift"}
    needed = upstream("evaluate@finetune")
    assert {name for name in needed if name.startswith(("predict", "evaluate"))} == {
        "predict@finetune"
    }
    assert not any(name.startswith(("relabel", "selftrain")) for name in needed)
    assert "selftrain_r2" in upstream("evaluate@selftrain_r2")
    assert "selftrain_r3" not in upstream("evaluate@selftrain_r2")


def test_training_reads_labels_that_have_been_scored() -> None:
    for number in (1, 2, 3):
        assert f"relabel_r{number}" in upstream(f"selftrain_r{number}")
        assert f"metrics/relabel_r{number}.json" in written_by(f"relabel_r{number}")


@pytest.mark.parametrize("model", ["pretrain", "finetune", "selftrain_r1"])
def test_metrics_and_thresholds_do_not_detect_again(model: str) -> None:
    code = code_deps(f"predict@{model}") | code_deps("selftrain_r1")
    assert not any(part in dep for dep in code for part in ("curves", "matching", "fast", "scores"))
    assert "evaluate" not in STAGES[f"predict@{model}"]["params"]
    assert "selftrain" not in STAGES["relabel_r1"]["params"]


LAYERS = {
    "params": set(),
    "geometry": set(),
    "tables": set(),
    "sensors": {"geometry", "tables"},
    "shelf": {"geometry", "tables", "sensors", "execution"},
    "simnet": {"geometry", "tables", "shelf"},
    "lift": {"geometry", "tables"},
    "sam3d": {"geometry", "tables", "shelf"},
    "fuse": {"geometry", "tables"},
    "detect2d": {"geometry", "tables", "sensors", "shelf", "simnet"},
    "segment": {"geometry", "tables", "sensors", "shelf", "simnet"},
    "datasets": {"geometry", "tables", "sensors"},
    "simulation": {"geometry", "tables", "sensors"},
    "models": {"geometry", "tables"},
    "training": {"geometry", "tables", "sensors", "models"},
    "evaluation": {"geometry", "tables", "sensors"},
    "execution": {"tables"},
    "interop": {"geometry", "tables", "sensors", "models", "training"},
    "tracking": {"execution"},
}


@pytest.mark.parametrize("package", LAYERS)
def test_arrows_point_one_way(package: str) -> None:
    allowed = LAYERS[package] | {package}
    for file in (PROJECT / "src" / "cm3d" / package).rglob("*.py"):
        for imported in imported_files(file):
            parts = imported.relative_to(PROJECT).parts
            assert parts[0] == "src", f"{file} imports a stage"
            if len(parts) > 3:
                assert parts[2] in allowed | {"params"}, f"{file} imports {imported}"


# Packages that may import torch, and where networks enter the others: adapters of shelf models,
# imported only when their backend is chosen.
NETWORKS = {"models", "training", "interop", "shelf", "simnet"}
ADAPTERS = {
    "execution/device.py",
    "execution/together.py",
    "detect2d/corners.py",
    "detect2d/detic.py",
    "detect2d/detic_model.py",
    "detect2d/grounding_dino.py",
    "detect2d/grounding_prompts.py",
    "detect2d/owlv2.py",
    "detect2d/simnet.py",
    "detect2d/square.py",
    "segment/simnet.py",
    "sam3d/automatic.py",
}


def test_geometry_and_labels_do_without_torch() -> None:
    for package in LAYERS.keys() - NETWORKS:
        for file in (PROJECT / "src" / "cm3d" / package).rglob("*.py"):
            name = f"{package}/{file.relative_to(PROJECT / 'src' / 'cm3d' / package)}"
            assert name in ADAPTERS or "import torch" not in file.read_text(), file
