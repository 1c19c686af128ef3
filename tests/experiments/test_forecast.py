import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from cm3d.errors import InputError
from cm3d.execution.durations import work_of
from cm3d.execution.pipeline import content_hash, read_stages
from experiments.forecast import Cost, Forecast, describe

PIPELINE = """
stages:
  draw: {cmd: draw it, deps: [code.py], params: [seed], outs: [data/raw]}
  lift: {cmd: lift it, deps: [code.py, data/raw/lidar], params: [lift], outs: [data/lifted]}
  evaluate:
    foreach: [lifted]
    do:
      cmd: score ${item}
      deps: ["data/${item}"]
      metrics: [{"metrics/${item}.json": {cache: false}}]
"""
VALUES: dict[str, Any] = {"seed": 0, "lift": {"nms": True}, "dataset": {}, "simulation": {}}
TARGETS = ["evaluate@lifted"]
Keep = Callable[..., None]


def values(**changes: Any) -> dict[str, Any]:
    return {**VALUES, **changes}


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    """Note a run in DVC's run cache, with what it wrote in the cache."""
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / "code.py").write_text("1\n")

    def write(cmd: str, params: dict[str, Any], deps: dict[str, str], outs: dict[str, str]) -> None:
        run = {
            "cmd": cmd,
            "deps": [{"path": path, "md5": md5} for path, md5 in deps.items()],
            "params": {"params.yaml": params},
            "outs": [{"path": path, "md5": md5} for path, md5 in outs.items()],
        }
        path = tmp_path / ".dvc/cache/runs/aa/key" / hashlib.sha256(repr(run).encode()).hexdigest()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(run))

    return write


def cached(project: Path, content: bytes, suffix: str = "") -> str:
    """Put something into DVC's cache."""
    md5 = hashlib.md5(content).hexdigest() + suffix
    path = project / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return md5


@pytest.fixture
def drawn(tmp_path: Path, keep: Keep) -> str:
    """The stage draw has been run with seed 0; the hash of the code."""
    code = content_hash(tmp_path, "code.py")
    assert code
    listing = json.dumps([{"md5": "0" * 32, "relpath": "lidar/a.bin"}]).encode()
    raw = cached(tmp_path, listing, ".dir")
    keep("draw it", {"seed": 0}, {"code.py": code}, {"data/raw": raw})
    return code


def test_stages_come_from_the_cache_by_command_parameters_and_what_they_read(
    tmp_path: Path, keep: Keep, drawn: str
) -> None:
    forecast = Forecast(tmp_path)
    first = forecast.cost(VALUES, TARGETS)
    assert (first.cached, first.to_run) == (("draw",), ("lift", "evaluate@lifted"))
    part = [{"md5": "0" * 32, "relpath": "a.bin"}]
    lidar = hashlib.md5(json.dumps(part, sort_keys=True).encode()).hexdigest() + ".dir"
    lifted, scores = cached(tmp_path, b"boxes"), cached(tmp_path, b"scores")
    read = {"code.py": drawn, "data/raw/lidar": lidar}
    keep("lift it", {"lift": {"nms": True}}, read, {"data/lifted": lifted})
    keep("score lifted", {}, {"data/lifted": lifted}, {"metrics/lifted.json": scores})
    again = Forecast(tmp_path)
    assert again.cost(VALUES, TARGETS).to_run == ()
    assert describe([again.cost(VALUES, TARGETS)]) == "nothing more to compute"
    changed = again.cost(values(lift={"nms": False}), TARGETS)
    assert (changed.cached, changed.to_run) == (("draw",), ("lift", "evaluate@lifted"))
    assert again.cost(values(seed=1), TARGETS).cached == ()
    (tmp_path / ".dvc/cache/files/md5" / lifted[:2] / lifted[2:]).unlink()
    assert Forecast(tmp_path).cost(VALUES, TARGETS).cached == ("draw",)
    (tmp_path / "code.py").write_text("2\n")
    assert Forecast(tmp_path).cost(VALUES, TARGETS).cached == ()


def test_what_an_earlier_run_of_the_forecast_makes_is_shared(tmp_path: Path, drawn: str) -> None:
    forecast = Forecast(tmp_path)
    forecast.cost(values(seed=1), ["lift"])
    second = forecast.cost(values(seed=1), TARGETS)
    assert (second.shared, second.to_run) == (("draw", "lift"), ("evaluate@lifted",))
    other = forecast.cost(values(seed=1, lift={"nms": False}), TARGETS)
    assert (other.shared, other.to_run) == (("draw",), ("lift", "evaluate@lifted"))


def test_time_is_that_of_past_runs_or_unknown(tmp_path: Path, drawn: str) -> None:
    work = work_of("lift", read_stages(tmp_path / "dvc.yaml", VALUES), VALUES)
    notes = tmp_path / ".dvc" / "tmp" / "cm3d_durations.jsonl"
    notes.parent.mkdir()
    notes.write_text(json.dumps({"stage": "lift", "work": work, "seconds": 240.0}) + "\n")
    cost = Forecast(tmp_path).cost(VALUES, TARGETS)
    assert (cost.known_s, cost.unknown) == (240.0, ("evaluate@lifted",))
    assert describe([cost, cost]).startswith("at least 8 min (no past run of evaluate ")
    assert describe([Cost((), (), ("lift",), {"lift": 45.0})]) == "about 45 s"
    assert describe([Cost((), (), ("lift",), {"lift": 9000.0})]) == "about 2.5 h"
    assert describe([Cost((), (), ("lift",), {})], named=False) == "unknown"


def test_a_target_that_is_no_stage_is_named(tmp_path: Path, drawn: str) -> None:
    with pytest.raises(InputError, match=r"target evaluate@nothing: dvc\.yaml has no such stage"):
        Forecast(tmp_path).cost(VALUES, ["evaluate@nothing"])
