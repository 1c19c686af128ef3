"""The way to a Ray cluster, and what its workers need of this process."""

import logging
import os
import re
import socket
from pathlib import Path
from typing import Any, Final

from cm3d.errors import InputError

# What stages read of the environment, and what decides how they compute.
_PASSED_ON: Final = ("DVC_", "NUSCENES_", "HF_", "TRANSFORMERS_", "OMP_", "OPENBLAS_", "MKL_")
# A Ray of this machine alone. Tables go through files, so next to nothing is stored.
_ALONE: Final = {"include_dashboard": False, "object_store_memory": 200_000_000}


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
        raise InputError(
            f"RAY_ADDRESS: {address or 'unset'}: no Ray to be had ({reason}); start it with "
            "`ray start`, or set execution.engine to processes"
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
