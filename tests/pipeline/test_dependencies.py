"""Each stage depends on exactly the code that it imports, or DVC reruns too little or too much."""

import ast
import re
from pathlib import Path

import pytest
from dvc.repo import Repo

from cm3d.execution.pipeline import read_stages
from cm3d.params import read_yaml

PROJECT = Path(__file__).resolve().parents[2]
STAGES = read_stages(PROJECT / "dvc.yaml")

# The backends that params.yaml chooses, by stage.
BACKENDS = {
    stage: read_yaml(PROJECT / "params.yaml")[stage]["backend"] for stage in ("detect2d", "segment")
}

# The embedded data set's own models: `download` notes their content in data/raw/instances, on which
# detect2d and segment depend, so that an edit of them reruns nothing where other data is used.
EMBEDDED = "src/cm3d/simulation/"

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


def closure(entries: list[Path]) -> set[str]:
    """What some files import, directly or not, without what cannot change a result."""
    todo, seen = list(entries), set()
    while todo:
        file = todo.pop()
        if file not in seen:
            seen.add(file)
            todo += imported_files(file)
    files = {str(path.relative_to(PROJECT)) for path in seen}
    return {f for f in files if f not in EXEMPT and not f.startswith(EXEMPT_PACKAGES)}


def code_of(stage: str) -> set[str]:
    entry = STAGES[stage]["cmd"].split(" -m ")[1].split()[0]
    entries = [PROJECT / (entry.replace(".", "/") + ".py")]
    # guests are found by name: data sets, scorers, the chosen backend of detect2d and segment
    if stage == "download":
        entries += (PROJECT / "src/cm3d/datasets").rglob("*.py")
    if stage.startswith("evaluate@"):
        entries += (PROJECT / "src/cm3d/evaluation").rglob("*.py")
    if stage in BACKENDS:
        entries += (PROJECT / "src/cm3d" / stage / BACKENDS[stage]).rglob("*.py")
    return closure(entries)


def code_deps(stage: str) -> set[str]:
    deps = [dep for dep in STAGES[stage]["deps"] if dep.split("/")[0] not in ("data", "metrics")]
    return {dep for dep in deps if not dep.startswith("taxonomies/")}


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
        and not (stage in BACKENDS and file.startswith(EMBEDDED))
    ]
    assert not missing, f"stage {stage} imports what dvc.yaml does not list: {missing}"


@pytest.mark.parametrize("stage", STAGES)
def test_every_dependency_is_imported(stage: str) -> None:
    files = code_of(stage)
    idle = [dep for dep in sorted(code_deps(stage)) if not any(covers(dep, file) for file in files)]
    assert not idle, f"stage {stage} does not import {idle}, an edit there would rerun it"


@pytest.mark.parametrize(
    ("stage", "backend"),
    [
        (stage, path.parent.name)
        for stage in ("detect2d", "segment")
        for path in sorted((PROJECT / "src/cm3d" / stage).glob("*/__init__.py"))
        if path.parent.name != "common"
    ],
)
def test_a_backend_imports_nothing_of_another(stage: str, backend: str) -> None:
    files = closure(list((PROJECT / "src/cm3d" / stage / backend).rglob("*.py")))
    folder = f"src/cm3d/{stage}/"
    allowed = [f"{folder}common", folder + backend, f"{folder}__init__.py"]
    strangers = [
        f for f in files if f.startswith(folder) and not any(covers(a, f) for a in allowed)
    ]
    assert not strangers, f"{backend} imports {strangers}"
    embedded = {file for file in files if file.startswith(EMBEDDED)}
    assert not embedded or backend in ("simnet", "simulated")


def test_labels_and_trainings_know_no_metric() -> None:
    for stage in STAGES:
        if not stage.startswith(("evaluate@", "track")):
            assert not any("evaluation" in file for file in code_of(stage)), stage


def test_what_images_and_labels_are_made_of_knows_no_detector() -> None:
    for stage in ("download", "detect2d", "segment", "lift", "sam3d", "import", "fuse"):
        assert not any("training" in dep or "detectors" in dep for dep in code_deps(stage))


def test_stages_read_apart_what_they_read() -> None:
    read = {s: {d for d in STAGES[s]["deps"] if d.startswith("data/raw/")} for s in STAGES}
    assert read["detect2d"] == read["segment"] == {"data/raw/images", "data/raw/instances"}
    lidar = [
        "lift",
        "sam3d",
        *(s for s in STAGES if re.match("pretrain|finetune|self|rel|pred", s)),
    ]
    assert all(read[stage] == {"data/raw/lidar"} for stage in lidar)
    assert not any(read[s] for s in STAGES if s.startswith("evaluate@") and s != "evaluate@masks")


@pytest.mark.parametrize("stage", STAGES)
def test_stage_says_what_it_does_and_what_it_writes(stage: str) -> None:
    entry = STAGES[stage]
    assert entry["desc"]
    assert entry["params"]
    if stage != "track":
        assert written_by(stage)
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


LAYERS: dict[str, set[str]] = {
    "geometry": set(),
    "params": set(),
    "tables": {"geometry"},
    "sensors": {"geometry", "tables"},
    "splits": {"geometry", "tables"},
    "shelf": {"geometry", "tables", "sensors", "execution"},
    "simulation": {"geometry", "tables", "sensors", "shelf", "execution", "evaluation"},
    "datasets": {"geometry", "tables", "sensors", "simulation", "execution"},
    "detect2d": {"geometry", "tables", "sensors", "shelf", "simulation"},
    "segment": {"geometry", "tables", "sensors", "shelf", "simulation"},
    "lift": {"geometry", "tables"},
    "sam3d": {"geometry", "tables", "shelf", "segment"},
    "fuse": {"geometry", "tables", "shelf"},
    "relabel": {"geometry", "tables", "splits", "lift", "fuse"},
    "detectors": {"geometry", "tables", "shelf"},
    "training": {"geometry", "tables", "sensors", "splits", "detectors", "execution"},
    "evaluation": {"geometry", "tables", "sensors", "execution"},
    "export": {"geometry", "tables", "sensors", "splits", "detectors", "training", "execution"},
    "execution": {"tables"},
    "mlflow_runs": {"execution"},
    "drawing": {"geometry"},
    "report": {"geometry", "tables", "evaluation"},
}


# Modules beside the packages: what they import, and which packages may import them.
BESIDE: dict[str, tuple[set[str], set[str]]] = {
    "taxonomy.py": ({"geometry", "params"}, LAYERS.keys() - {"geometry", "params"}),
    "weights.py": ({"params"}, {"detectors", "training", "shelf", "segment", "simulation"}),
}


@pytest.mark.parametrize("module", BESIDE)
def test_modules_beside_the_packages_know_only_the_lowest(module: str) -> None:
    for imported in imported_files(PROJECT / "src" / "cm3d" / module):
        parts = imported.relative_to(PROJECT).parts
        lowest = parts[2] in ("__init__.py", "errors.py")
        assert lowest or parts[2] in BESIDE[module][0], f"{module} imports {imported}"


@pytest.mark.parametrize("package", LAYERS)
def test_arrows_point_one_way(package: str) -> None:
    allowed = LAYERS[package] | {package}
    for file in (PROJECT / "src" / "cm3d" / package).rglob("*.py"):
        for imported in imported_files(file):
            parts = imported.relative_to(PROJECT).parts
            assert parts[0] == "src", f"{file} imports a stage"
            if len(parts) > 3:
                assert parts[2] in allowed | {"params"}, f"{file} imports {imported}"
            elif parts[2] in BESIDE:
                assert package in BESIDE[parts[2]][1], f"{file} imports {imported}"


# Packages that may import torch, and where networks enter the others: backends of shelf models,
# imported only when they are chosen.
NETWORKS = {"detectors", "training", "shelf"}
ADAPTERS = ("execution/devices.py", "execution/together.py", "simulation/networks/",
            "simulation/teaching/", "detect2d/", "segment/", "sam3d/")  # fmt: skip
WITHOUT_TORCH = ("detect2d/common/protocol.py", "detect2d/common/preparation.py",
                 "detect2d/common/scene.py",
                 "detect2d/common/postprocess.py", "detect2d/precomputed/", "detect2d/simulated/",
                 "segment/common/", "segment/grabcut/", "segment/box/", "segment/precomputed/",
                 "sam3d/proposals.py", "sam3d/rectangles.py")  # fmt: skip


def test_geometry_and_labels_do_without_torch() -> None:
    for package in LAYERS.keys() - NETWORKS:
        for file in (PROJECT / "src" / "cm3d" / package).rglob("*.py"):
            name = f"{package}/{file.relative_to(PROJECT / 'src' / 'cm3d' / package)}"
            if not name.startswith(ADAPTERS) or name.startswith(WITHOUT_TORCH):
                assert not re.search(r"^(import|from) torch", file.read_text(), re.M), file


@pytest.mark.parametrize("stage", STAGES)
def test_dvc_keeps_its_runs(stage: str) -> None:
    """DVC keeps no run of a stage with an output in Git that is neither metrics nor plots."""
    assert all(isinstance(entry, str) for entry in STAGES[stage].get("outs", []))
