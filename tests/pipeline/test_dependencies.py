"""Each stage depends on exactly the code that it imports, or DVC reruns too little or too much."""

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]
STAGES: dict[str, Any] = yaml.safe_load((PROJECT / "dvc.yaml").read_text())["stages"]

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
    deps = [dep for dep in STAGES[stage]["deps"] if not dep.startswith(("data/", "metrics/"))]
    return {dep for dep in deps if not dep.endswith(".safetensors")}


def covers(dep: str, file: str) -> bool:
    return file == dep or file.startswith(f"{dep}/")


def is_docstring_only(file: str) -> bool:
    body = ast.parse((PROJECT / file).read_text()).body
    return all(isinstance(node, ast.Expr) for node in body)


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
        assert entry["outs"]
        assert entry["metrics"]
    assert "persist" not in str(entry)
    assert "always_changed" not in entry


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
NETWORKS = {"models", "training", "shelf", "simnet"}
ADAPTERS = {
    "execution/device.py",
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
