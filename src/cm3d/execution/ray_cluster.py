"""Scenes on a Ray cluster, or on a Ray of this machine alone.

The nodes share the project's folder under one path. A task whose worker or node dies is run
again elsewhere.
"""

import logging
import os
import platform
import re
import socket
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from cm3d.errors import InputError

ResultT = TypeVar("ResultT")

_RETRIES: Final = 5
# What stages read of the environment, and what decides how they compute.
_PASSED_ON: Final = ("DVC_", "NUSCENES_", "HF_", "TRANSFORMERS_", "OMP_", "OPENBLAS_", "MKL_")
# A Ray of this machine alone. Tables go through files, so next to nothing is stored.
_ALONE: Final = {"include_dashboard": False, "object_store_memory": 200_000_000}


def on_ray(
    function: Callable[[str], ResultT], scenes: Sequence[str], workers: int, num_gpus: float
) -> Generator[tuple[str, ResultT], None, None]:
    """Apply `function` to scenes as Ray tasks, results as they come.

    Args:
        function: Sent by value if the running script defines it.
        scenes: Scene names.
        workers: Number of tasks at a time.
        num_gpus: GPUs that a task asks for where the cluster has any.

    Raises:
        InputError: No Ray, no cluster at RAY_ADDRESS, no node with enough GPUs, or a scene whose
            workers die again and again.
    """
    ray = connected_ray(workers)
    options = {"num_cpus": 1, "num_gpus": gpus_to_ask_for(ray.nodes(), num_gpus)}
    task = ray.remote(max_retries=_RETRIES, **options)(_run_in_project)
    submit = partial(task.remote, ray.put(function), str(Path.cwd()))
    todo, running = iter(scenes), dict[Any, str]()
    try:
        while True:
            while len(running) < workers and (scene := next(todo, None)) is not None:
                running[submit(scene)] = scene
            if not running:
                return
            done, _ = ray.wait(list(running))
            scene = running.pop(done[0])
            yield scene, _result(ray, done[0], scene)
    finally:
        for reference in running:
            ray.cancel(reference, force=True)


def _run_in_project(function: Callable[[str], ResultT], project: str, scene: str) -> ResultT:
    try:
        os.chdir(project)
    except OSError as error:
        raise InputError(
            f"{project}: not on Ray's node {platform.node()}; put the project on a file system "
            "that all nodes share"
        ) from error
    return function(scene)


def gpus_to_ask_for(nodes: Iterable[Mapping[str, Any]], num_gpus: float) -> float:
    """GPUs that a task asks for: `num_gpus`, or none in a cluster without any.

    Args:
        nodes: As `ray.nodes()` describes them.
        num_gpus: GPUs per task.

    Raises:
        InputError: Every node has fewer.
    """
    most = max(node["Resources"].get("GPU", 0.0) for node in nodes if node["Alive"])
    if 0 < most < num_gpus:
        raise InputError(
            f"execution.gpus_per_worker: {num_gpus:g}, but no node of the Ray cluster has more "
            f"than {most:g}; lower it"
        )
    return num_gpus if most else 0.0


def _result(ray: Any, reference: Any, scene: str) -> Any:
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, InputError | OSError):
            raise error.cause from error
        raise
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError) as error:
        raise InputError(
            f"{scene}: its workers on Ray died {_RETRIES + 1} times, mostly for want of memory; "
            "finished scenes are kept, run it again with fewer execution.workers per node"
        ) from error


def connected_ray(workers: int) -> Any:
    """The module `ray`, connected to the cluster at RAY_ADDRESS, else to one of its own.

    Args:
        workers: CPUs of one of its own.

    Raises:
        InputError: Ray is not installed, or there is no cluster at RAY_ADDRESS.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise InputError(
            "execution.engine: ray, but Ray is not installed; run `make install`"
        ) from error
    if ray.is_initialized():
        return ray
    address = os.environ.get("RAY_ADDRESS")
    where: dict[str, Any] = {} if address else {"num_cpus": workers, **_ALONE}
    try:
        _refuse_silence(address)
        ray.init(
            address or "local",
            runtime_env={"env_vars": _environment()},
            log_to_driver=False,
            logging_level=logging.ERROR,
            **where,
        )
    except (OSError, RuntimeError, ValueError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        remedy = "set a shorter TMPDIR" if "AF_UNIX" in reason else "start it with `ray start`"
        raise InputError(
            f"RAY_ADDRESS: {address or 'unset'}: no Ray to be had ({reason}); {remedy}, or set "
            "execution.engine to processes"
        ) from error
    return ray


def _refuse_silence(address: str | None) -> None:
    """Fail at once where nobody listens: Ray would try for minutes."""
    named = re.fullmatch(r"\[?(.+?)\]?:(\d+)", (address or "").removeprefix("ray://"))
    if named:
        socket.create_connection((named[1], int(named[2])), timeout=10).close()


def _environment() -> dict[str, str]:
    paths = [str(Path("src").resolve()), str(Path.cwd()), os.environ.get("PYTHONPATH", "")]
    passed_on = {name: v for name, v in os.environ.items() if name.startswith(_PASSED_ON)}
    return {"PYTHONPATH": os.pathsep.join(filter(None, paths)), **passed_on}
