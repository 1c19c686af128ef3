"""How long stages took on this machine: a line per run below `.dvc/tmp`, for forecasts.

A run counts for another one that has the same work to do: the same stage, the same size of the data
set, and the same of those parameters that decide how much is computed. Thresholds decide little.
"""

import hashlib
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any, Final

from cm3d.errors import InputError
from cm3d.execution.pipeline import knob_value, knobs_of, read_stages, read_values

_FILE: Final = Path(".dvc/tmp/cm3d_durations.jsonl")
_COUNTED: Final = 5  # the latest runs; an older machine load says little

# What decides how long a stage takes, among the parameters that it has.
_WORK: Final = re.compile(
    r"(dataset|simulation|detector|bevfusion|centerpoint|scoring)\..*"
    r"|taxonomy|labels\.(fraction|frames_file)"
    r"|.*\.(backend|recipe|segmenter|model|use|labels|sweeps|engine|protocol|fit|tracks"
    r"|epochs|schedule|batch_size|init|class_balanced|double_flip)"
)
_DATA: Final = ("dataset", "simulation")


def work_of(stage: str, stages: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """A name of the work that a stage does with some parameters.

    Args:
        stage: Its name.
        stages: All, as `read_stages` gives them for these parameters.
        values: All parameters, nested.
    """
    knobs = sorted({*knobs_of(stages[stage]), *_DATA})
    leaves = dict(leaf for knob in knobs for leaf in _leaves(knob, knob_value(values, knob)))
    chosen = {path: value for path, value in leaves.items() if _WORK.fullmatch(path)}
    return hashlib.sha256(json.dumps([stage, chosen], sort_keys=True).encode()).hexdigest()[:12]


def record(seconds: float, project: Path = Path()) -> None:
    """Note how long the stage took that DVC has this process run; elsewhere nothing is noted.

    It never fails: a forecast is worth no stage.
    """
    stage, root = os.environ.get("DVC_STAGE"), os.environ.get("DVC_ROOT")
    if not stage or not root:
        return
    try:
        values = read_values(project / "params.yaml")
        work = work_of(stage, read_stages(project / "dvc.yaml", values), values)
        line = json.dumps({"stage": stage, "work": work, "seconds": round(seconds, 1)})
        with (Path(root) / _FILE).open("a") as file:  # a short line is appended in one piece
            file.write(f"{line}\n")
    except (InputError, OSError, KeyError, TypeError, ValueError):
        return


def durations(root: Path = Path()) -> dict[str, float]:
    """Seconds of each work that has been done here: the median of its latest runs."""
    runs = defaultdict[str, list[float]](list)
    try:
        lines = (root / _FILE).read_text().splitlines()
    except OSError:
        return {}
    for line in lines:
        try:
            run = json.loads(line)
            runs[run["work"]].append(float(run["seconds"]))
        except (ValueError, KeyError, TypeError):
            continue  # cut off by a kill
    return {work: median(seconds[-_COUNTED:]) for work, seconds in runs.items()}


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _leaves(f"{path}.{key}", part)
    else:
        yield path, value
