"""What simulated data sets have beside photographs and instance-id images: what those show.

Of this the data set's own 2D models live.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt, NDArrayObject
from cm3d.sensors.instances import FOLDER

# What the data set's own 2D models need beside images.
MODELS: Final = FOLDER / "embedded.json"

# What those models are made of. Weights are code here.
_MODEL_FILES: Final = (
    "classes.py",
    "error_model.py",
    "phantoms.py",
    "networks/*.py",
    "networks/weights/*.safetensors",
)


@dataclass(frozen=True, eq=False)
class VisibleInstances:
    """What an instance-id image shows, by the simulator's account.

    Args:
        instance_id: (N,) ids that the image's pixels hold, ascending.
        class_name: (N,) of `classes.CLASS_NAMES`.
        visible_share: (N,) share of the object within the image that nothing hides, in [0, 1].
    """

    instance_id: NDArrayInt
    class_name: NDArrayObject
    visible_share: NDArrayFloat


def read_visible_instances(root: Path, scene_name: str) -> dict[str, VisibleInstances]:
    """Read what the images of a scene show, by camera token.

    Raises:
        InputError: The file is missing or malformed.
    """
    path = root / FOLDER / f"{scene_name}.json"
    try:
        images = json.loads(path.read_bytes())
        return {token: _visible(entries) for token, entries in images.items()}
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: missing; detect2d.backend: simulated needs a simulated data set"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: malformed ({error}); rerun `dvc repro download`") from error


def embedded_models(seed: int) -> dict[str, Any]:
    """The content of `MODELS`.

    With the seed, the simulated detector need not ask for the pipeline's, on which detection by any
    other backend would then depend. With the checksum, an edit of the networks or of the error
    model reaches detection through the data set: it reruns detection on this data set, and nothing
    of other data sets, because the stage itself depends on no file of the simulator.
    """
    here = Path(__file__).parent
    checksum = hashlib.sha256()
    for path in sorted(path for pattern in _MODEL_FILES for path in here.glob(pattern)):
        checksum.update(f"{path.relative_to(here).as_posix()}\n".encode())
        checksum.update(hashlib.sha256(path.read_bytes()).digest())
    return {"seed": seed, "networks": checksum.hexdigest()}


def read_seed(root: Path) -> int:
    """The seed of the data set below a root.

    Raises:
        InputError: It is no simulated data set.
    """
    path = root / MODELS
    try:
        return int(json.loads(path.read_bytes())["seed"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: no seed; detect2d.backend: simulated needs the embedded data set; rerun "
            "`download` or choose another backend"
        ) from error


def _visible(entries: list[dict[str, Any]]) -> VisibleInstances:
    ordered = sorted(entries, key=lambda entry: int(entry["instance_id"]))
    class_names = np.empty(len(ordered), dtype=object)
    class_names[:] = [entry["class_name"] for entry in ordered]
    return VisibleInstances(
        np.array([entry["instance_id"] for entry in ordered], dtype=np.int64),
        class_names,
        np.array([entry["visible_share"] for entry in ordered], dtype=np.float64),
    )
