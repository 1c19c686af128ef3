import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from cm3d.errors import InputError
from cm3d.execution.scenes import map_scenes, write_scene_tables
from cm3d.params import Execution
from cm3d.tables import Boxes2D


def boxes_of(scene: str, calls: list[str], fails: set[str]) -> Boxes2D:
    calls.append(scene)
    if scene in fails:
        raise InputError(f"{scene}: broken")
    return Boxes2D([scene], [len(scene)], ["car"], [0.5], [[0, 0, 1, 1]])


def shout(scene: str) -> str:
    return scene.upper()


@pytest.mark.parametrize(("engine", "workers"), [("serial", 3), ("processes", 1), ("processes", 3)])
def test_results_come_in_the_order_of_the_scenes(
    execution: Execution, engine: str, workers: int
) -> None:
    chosen = execution.model_copy(update={"engine": engine, "workers": workers})
    # only a function of an importable module can be sent to another process
    done = map_scenes(os.path.basename, ["x/b", "x/a", "x/c"], chosen, "names")
    assert list(done.items()) == [("x/b", "b"), ("x/a", "a"), ("x/c", "c")]


@pytest.mark.parametrize("engine", ["serial", "processes", "ray"])
def test_no_scenes_is_no_error(execution: Execution, engine: str) -> None:
    chosen = execution.model_copy(update={"engine": engine})
    assert map_scenes(shout, [], chosen, "nothing") == {}


def test_interrupted_work_goes_on_where_it_stopped(workspace: Path, execution: Execution) -> None:
    calls: list[str] = []
    out = workspace / "data" / "boxes2d"
    make = partial(boxes_of, calls=calls, fails={"b"})
    with pytest.raises(InputError, match="b: broken"):
        write_scene_tables("detect2d", out, make, ["a", "b"], execution)
    assert not out.exists()
    write_scene_tables("detect2d", out, partial(make, fails=set()), ["a", "b"], execution)
    assert calls == ["a", "b", "b"]
    assert sorted(p.name for p in out.iterdir()) == ["a.parquet", "b.parquet"]
    assert list((workspace / ".cache" / "resume").iterdir()) == []


@pytest.mark.parametrize(("file", "text"), [("code.py", "1\n"), ("params.yaml", "seed: 1\n")])
def test_changed_code_or_parameters_start_afresh(
    workspace: Path, execution: Execution, file: str, text: str
) -> None:
    calls: list[str] = []
    out = workspace / "data" / "boxes2d"
    make = partial(boxes_of, calls=calls, fails={"b"})
    with pytest.raises(InputError):
        write_scene_tables("detect2d", out, make, ["a", "b"], execution)
    (workspace / file).write_text(text)
    write_scene_tables("detect2d", out, partial(make, fails=set()), ["a", "b"], execution)
    assert calls == ["a", "b", "a", "b"]


def test_unwritable_cache_is_named(workspace: Path, execution: Execution) -> None:
    (workspace / ".cache").write_text("a file where a folder should be")
    with pytest.raises(InputError, match=r"\.cache.*cannot be written"):
        write_scene_tables("detect2d", workspace / "out", shout, ["a"], execution)  # type: ignore[arg-type]


def test_workers_share_the_imports_of_the_stage(
    tmp_path: Path, project: Path, execution: Execution
) -> None:
    """One import in the stage's own process and one in the fork server, for any worker."""
    (tmp_path / "needed.py").write_text(
        "import os\nwith open('importers', 'a') as file:\n    print(os.getpid(), file=file)\n"
    )
    chosen = {"engine": "processes", "workers": 3}
    (tmp_path / "stage.py").write_text(
        "import needed\n"
        "from cm3d.execution.scenes import map_scenes\n"
        "from cm3d.params import Execution\n"
        "if __name__ == '__main__':\n"
        f"    execution = Execution(**{execution.model_dump() | chosen})\n"
        "    print(map_scenes(len, ['a', 'bb', 'ccc'], execution, 'test'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "stage"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{project / 'src'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "{'a': 1, 'bb': 2, 'ccc': 3}\n"
    assert "Warning" not in done.stderr
    assert len((tmp_path / "importers").read_text().split()) == 2
