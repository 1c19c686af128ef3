import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cm3d.errors import InputError
from cm3d.execution.processes import in_processes, run_engine
from cm3d.params import Execution

RunStage = Callable[..., Any]
BytesOf = Callable[[str], dict[str, bytes]]


def test_processes_write_the_bytes_of_the_serial_engine(
    run_stage_script: RunStage, bytes_of: BytesOf
) -> None:
    for engine in ("serial", "processes"):
        done = run_stage_script(engine, out=engine, unreadable="scene-3")
        assert done.returncode == 0, done.stderr
        assert done.stdout == "note: left out 1 unreadable images: scene-3.jpg\n"
        said = done.stderr.splitlines()
        assert said[0] == "detect2d: 100 images to do"
        assert said[-1].startswith("detect2d: 100 of 100 images done, in ")
    assert len(bytes_of("serial")) == 10
    assert bytes_of("serial") == bytes_of("processes")


@pytest.mark.parametrize("engine", ["serial", "processes"])
def test_bad_input_arrives_as_it_was_raised(run_stage_script: RunStage, engine: str) -> None:
    done = run_stage_script(engine, broken="scene-3")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "error: scene-3: broken; mend it"
    assert "Traceback" not in done.stderr


def test_a_killed_worker_is_said_in_one_line(run_stage_script: RunStage, bytes_of: BytesOf) -> None:
    done = run_stage_script("processes", kill_worker="scene-3")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: execution.workers: a worker was killed")
    assert "Traceback" not in done.stderr
    assert run_stage_script("processes").returncode == 0
    assert len(bytes_of("out")) == 10


def test_each_worker_has_its_gpu() -> None:
    assert dict(in_processes(os.getenv, ["CUDA_VISIBLE_DEVICES"], 1, ["7"])) == {
        "CUDA_VISIBLE_DEVICES": "7"
    }
    seen = {gpu for _, gpu in in_processes(os.getenv, ["CUDA_VISIBLE_DEVICES"] * 8, 2, ["3", "5"])}
    assert seen <= {"3", "5"}


def test_networks_work_as_many_at_a_time_as_gpus_have_room_for(
    monkeypatch: pytest.MonkeyPatch, execution: Execution
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5")
    changes = {"engine": "processes", "device": "auto", "workers": 2}
    crowded = execution.model_copy(update=changes)
    asked = ["CUDA_VISIBLE_DEVICES", "OMP_WAIT_POLICY"]
    assert dict(run_engine(os.getenv, asked, crowded, networks=True))[asked[0]] == "5"


def test_only_networks_need_room_on_gpus(
    monkeypatch: pytest.MonkeyPatch, execution: Execution
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    changes = {"engine": "processes", "device": "auto", "gpus_per_worker": 2.0}
    crowded = execution.model_copy(update=changes)
    on_cpu = crowded.model_copy(update={"device": "cpu"})
    for chosen, networks in ((crowded, False), (on_cpu, True)):
        run_engine(len, ["a", "b"], chosen, networks).close()
    with pytest.raises(InputError, match=r"execution\.gpus_per_worker: 2, but there are 1 GPUs"):
        run_engine(len, ["a", "b"], crowded, networks=True)


def test_missing_ray_is_named(monkeypatch: pytest.MonkeyPatch, execution: Execution) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    chosen = execution.model_copy(update={"engine": "ray"})
    with pytest.raises(InputError, match=r"execution\.engine: ray.*install"):
        list(run_engine(len, ["a"], chosen, networks=False))


@pytest.mark.parametrize("engine", ["serial", "processes"])
def test_a_killed_stage_goes_on_with_its_scene(
    run_stage_script: RunStage,
    attempts: Callable[[], list[str]],
    bytes_of: BytesOf,
    workspace: Path,
    engine: str,
) -> None:
    assert run_stage_script(engine, kill_stage="scene-4").returncode == -signal.SIGKILL
    assert not (workspace / "out").exists()
    finished = {path.stem for path in (workspace / ".cache").rglob("scene-*.parquet")}
    assert len(finished) >= 3
    assert "scene-4" not in finished

    begun = len(attempts())
    assert run_stage_script(engine).returncode == 0
    assert set(attempts()[begun:]) == {f"scene-{number}" for number in range(10)} - finished
    run_stage_script("serial", out="whole")
    assert bytes_of("out") == bytes_of("whole")


def test_workers_do_not_outlive_a_killed_stage(run_stage_script: RunStage, workspace: Path) -> None:
    run_stage_script("processes", kill_stage="scene-4")
    pids = {int(line.split()[1]) for line in (workspace / "attempts.txt").read_text().splitlines()}
    deadline_s = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline_s, "a worker still waits"
        time.sleep(0.05)


def test_workers_end_with_helpers_of_their_own(tmp_path: Path, project: Path) -> None:
    """They would wait for these at their end, and these for work."""
    (tmp_path / "work.py").write_text(
        "from functools import cache\n"
        "from cm3d.execution.processes import helper_pool\n"
        "pool = cache(helper_pool)\n"
        "def length(scene):\n"
        "    return pool(2).submit(len, scene).result()\n"
    )
    (tmp_path / "stage.py").write_text(
        "import work\n"
        "from cm3d.execution.processes import in_processes\n"
        "if __name__ == '__main__':\n"
        "    print(sorted(in_processes(work.length, ['a', 'bb', 'ccc', 'dddd'], 2, [])))\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "stage"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(project / "src")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "[('a', 1), ('bb', 2), ('ccc', 3), ('dddd', 4)]\n"
    assert done.stderr == ""
