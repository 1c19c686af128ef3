"""Where scenes are worked on: in this process, in several, or on a Ray cluster."""

from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

from cm3d.execution.gpus import deal_gpus, visible_gpus
from cm3d.execution.processes import in_processes
from cm3d.execution.ray_cluster import on_ray
from cm3d.params import Execution

ResultT = TypeVar("ResultT")


def run_engine(
    function: Callable[[str], ResultT],
    scenes: Sequence[str],
    execution: Execution,
    networks: bool,
) -> Generator[tuple[str, ResultT], None, None]:
    """Apply `function` to scenes by the engine that `execution` names, results as they come.

    Args:
        function: Picklable; its result must depend on the scene alone.
        scenes: Scene names.
        execution: Engine, workers and their GPUs.
        networks: Whether `function` runs networks, so that its workers need GPUs.

    Raises:
        InputError: The engine cannot be had, or `function` raised it.
    """
    workers = min(execution.workers, len(scenes))
    wants_gpus = networks and execution.device != "cpu"
    if execution.engine == "ray" and scenes:
        return on_ray(function, scenes, workers, execution.gpus_per_worker if wants_gpus else 0)
    if execution.engine == "serial" or workers <= 1:
        return ((scene, function(scene)) for scene in scenes)
    gpus = visible_gpus() if wants_gpus else ()
    hands = deal_gpus(workers, gpus, execution.gpus_per_worker)
    return in_processes(function, scenes, workers, hands)
