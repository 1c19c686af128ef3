"""What dvc.yaml says, and what is out of date, beside DVC's own answer."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cm3d.errors import InputError
from cm3d.execution.pipeline import fresh_stages, read_stages, stale_reasons, strayed

GROUPS = """
stages:
  lift: {cmd: lift, deps: [code.py]}
  predict:
    foreach: [one, two]
    do:
      cmd: predict ${item}
      deps: [code.py, "data/${item}"]
  score:
    foreach: {labels: {of: data/labels, by: iou}, one: {of: data/one, by: distance}}
    do:
      cmd: score ${key} ${item.of}
      deps: ["${item.of}"]
      params: ["scores.${item.by}"]
      metrics: ["metrics/${key}.json": {cache: false}]
  detect:
    cmd: detect
    deps: ["src/${detect.backend}/${detect.backend}.py"]
    params: ["detect.${detect.backend}"]
"""


def test_groups_are_written_out_by_member(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text(GROUPS)
    (tmp_path / "params.yaml").write_text("detect: {backend: net, net: {}}\n")
    stages = read_stages(tmp_path / "dvc.yaml")
    members = ["predict@one", "predict@two", "score@labels", "score@one"]
    assert list(stages) == ["lift", *members, "detect"]
    assert stages["predict@two"] == {"cmd": "predict two", "deps": ["code.py", "data/two"]}
    assert stages["score@labels"] == {
        "cmd": "score labels data/labels",
        "deps": ["data/labels"],
        "params": ["scores.iou"],
        "metrics": [{"metrics/labels.json": {"cache": False}}],
    }
    assert stages["score@one"]["params"] == ["scores.distance"]


def test_references_are_filled_from_params(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text(GROUPS)
    (tmp_path / "params.yaml").write_text("detect: {backend: net, net: {}}\n")
    assert read_stages(tmp_path / "dvc.yaml")["detect"] == {
        "cmd": "detect",
        "deps": ["src/net/net.py"],
        "params": ["detect.net"],
    }


def test_a_reference_to_nothing_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text(GROUPS)
    (tmp_path / "params.yaml").write_text("detect: {}\n")
    with pytest.raises(InputError, match=r"^params\.yaml: no detect\.backend, .*$") as caught:
        read_stages(tmp_path / "dvc.yaml")
    assert "\n" not in str(caught.value)


# `read` depends on a part of what `make` writes, `look` on another.
PROJECT = """
stages:
  make:
    cmd: python make.py
    deps: [make.py, src/pkg]
    params: [seed, noise]
    outs: [data/made]
  read:
    cmd: cat data/made/x/1 > data/read
    deps: [data/made/x]
    params: [knobs.read]
    outs: [data/read]
  look:
    cmd: cat data/made/y/1 > data/look
    deps: [data/made/y/1]
    outs: [data/look]
  last:
    cmd: cat data/read > data/last
    deps: [data/read]
    outs: [data/last]
"""
PARAMS = "seed: 0\nnoise: 0.5\nknobs: {read: true}\n"
MAKE = """
import yaml
from pathlib import Path
params = yaml.safe_load(Path("params.yaml").read_text())
for file, content in (("x/1", params["seed"]), ("x/a/b", params["seed"]), ("y/1", params["noise"])):
    path = Path("data/made", file)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{content}\\n")
"""
FRESH = {"make": None, "read": None, "look": None, "last": None}


@pytest.fixture(scope="module")
def dvc(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Run DVC in a project; what it prints."""
    home = tmp_path_factory.mktemp("home")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("DVC_")},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DVC_NO_ANALYTICS": "true",
        "DVC_GLOBAL_CONFIG_DIR": str(home / "dvc"),
        "DVC_SITE_CACHE_DIR": str(home / "site"),
    }

    def run(project: Path, *arguments: str) -> str:
        command = [sys.executable, "-m", "dvc", *arguments]
        return subprocess.run(
            command, cwd=project, env=environment, capture_output=True, text=True, check=True
        ).stdout

    return run


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory, dvc: Callable[..., str]) -> Path:
    """The project after `dvc repro`."""
    project = tmp_path_factory.mktemp("project")
    files = {"dvc.yaml": PROJECT, "params.yaml": PARAMS, "make.py": MAKE}
    # names whose order depends on how paths are compared
    names = ("a/b.py", "a-b.py", "a.py", "B.py", "__pycache__/a.pyc", "a/__pycache__/b.pyc")
    files |= {f"src/pkg/{name}": f"{name}\r\n" for name in names}
    for name, content in files.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(content)
    dvc(project, "init", "--no-scm", "-q")
    (project / ".dvcignore").write_text("__pycache__/\n*.pyc\n")
    dvc(project, "repro", "-q")
    return project


@pytest.fixture
def copy(reproduced: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it to be changed at will."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return Path(shutil.copytree(reproduced, tmp_path / "copy"))


def write(path: Path, old: str, new: str) -> None:
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_what_was_just_run_is_fresh(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So hashes of files and folders are DVC's."""
    assert stale_reasons(copy) == FRESH
    assert fresh_stages(copy) == ["make", "read", "look", "last"]
    # as in a temporary copy, which has no cache of its own
    shutil.move(copy / ".dvc", copy.parent / ".dvc")
    monkeypatch.setenv("DVC_ROOT", str(copy.parent))
    assert stale_reasons(copy) == FRESH


def test_a_changed_parameter_makes_all_that_follows_stale(copy: Path) -> None:
    write(copy / "params.yaml", "seed: 0", "seed: 1")
    assert stale_reasons(copy) == {
        "make": "seed has changed",
        "read": "make is out of date",
        "look": "make is out of date",
        "last": "read is out of date",
    }
    assert fresh_stages(copy) == []


def test_what_lies_before_and_beside_a_change_is_fresh(copy: Path) -> None:
    write(copy / "params.yaml", "read: true", "read: false")
    changed = {"read": "knobs.read has changed", "last": "read is out of date"}
    assert stale_reasons(copy) == FRESH | changed
    assert fresh_stages(copy) == ["make", "look"]


@pytest.mark.parametrize(
    ("file", "dependency"),
    [
        ("make.py", "make.py"),
        ("src/pkg/a/b.py", "src/pkg"),
        ("src/pkg/a/new.py", "src/pkg"),
        ("src/pkg/__pycache__/a.pyc", None),
    ],
)
def test_changed_code_is_named(copy: Path, file: str, dependency: str | None) -> None:
    (copy / file).write_text("changed\n")
    assert stale_reasons(copy)["make"] == (dependency and f"{dependency} has changed")


def test_a_removed_file_is_a_change(copy: Path) -> None:
    (copy / "src/pkg/a-b.py").unlink()
    assert stale_reasons(copy)["make"] == "src/pkg has changed"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("cat data/made/x/1", "cat -n data/made/x/1", "its command has changed"),
        ("deps: [data/made/x]", "deps: [data/made/x, make.py]", "did not depend on make.py"),
        ("params: [knobs.read]", "params: [knobs.read, seed]", "seed has changed"),
        ("  read:", "  reread:", "is no stage of dvc.yaml any more"),
    ],
)
def test_a_changed_description_is_a_reason(copy: Path, old: str, new: str, reason: str) -> None:
    write(copy / "dvc.yaml", old, new)
    reasons = stale_reasons(copy)
    assert reasons["read"] == reason
    assert reasons["last"] is not None
    assert reasons["look"] is None


def test_only_the_part_that_is_newer_counts(copy: Path, dvc: Callable[..., str]) -> None:
    write(copy / "params.yaml", "seed: 0", "seed: 1")
    dvc(copy, "repro", "-q", "make")
    changed = {"read": "data/made/x has changed", "last": "read is out of date"}
    assert stale_reasons(copy) == FRESH | changed
    assert "look:" not in dvc(copy, "status")
    # y as well, a single file
    write(copy / "params.yaml", "noise: 0.5", "noise: 0.25")
    dvc(copy, "repro", "-q", "make")
    assert stale_reasons(copy) == FRESH | changed | {"look": "data/made/y/1 has changed"}
    # where DVC's listing is away nobody can tell
    shutil.rmtree(copy / ".dvc/cache")
    assert stale_reasons(copy) == FRESH


def test_outputs_that_are_not_those_of_the_lock_have_strayed(copy: Path) -> None:
    """Also where the stage is fresh: after `git checkout` without `dvc checkout`, say."""
    outputs = ["data/made", "data/read", "data/look"]
    assert strayed(copy, outputs) == []
    write(copy / "data/made/x/1", "0", "1")
    (copy / "data/look").unlink()
    assert strayed(copy, outputs) == ["data/made", "data/look"]
    assert fresh_stages(copy) == ["make", "read", "look", "last"]
    assert strayed(copy, ["data/nobody"]) == ["data/nobody"]


def test_a_missing_lock_is_named(copy: Path) -> None:
    (copy / "dvc.lock").unlink()
    with pytest.raises(InputError, match=r"dvc\.lock: missing; run `dvc repro`"):
        stale_reasons(copy)


def test_a_folder_that_stages_write_to_is_as_old_as_its_parts(
    copy: Path, dvc: Callable[..., str]
) -> None:
    whole = "  all: {cmd: ls data > all, deps: [data], outs: [all]}\n"
    (copy / "dvc.yaml").write_text(PROJECT + whole)
    dvc(copy, "repro", "-q")
    assert stale_reasons(copy)["all"] is None
    write(copy / "params.yaml", "read: true", "read: false")
    assert stale_reasons(copy)["all"] == "read is out of date"
    dvc(copy, "repro", "-q", "last")
    assert stale_reasons(copy)["all"] is None, "the same content"
    (copy / "data" / "more").write_text("by hand")
    assert stale_reasons(copy)["all"] == "data has changed"
