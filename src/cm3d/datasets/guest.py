"""What a package of `cm3d.datasets` gives, held against the contract: it may be anybody's code."""

import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, TypeVar, get_type_hints

from pydantic import ValidationError

from cm3d.datasets.protocol import DataSet, IndexedScene, OpenDataSet, guests, parts_of_raw
from cm3d.errors import InputError
from cm3d.params import Params, faults_of
from cm3d.sensors.card import DataCard
from cm3d.tables import Lanes
from cm3d.tables.map_areas import MapAreas
from cm3d.taxonomy import Taxonomy

_PACKAGES: Final = Path(__file__).parent
_TABLES: Final = get_type_hints(IndexedScene)
_MEMBERS: Final = ("card", "root", "scenes", "scene", "lanes", "map_areas", "notes")

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, eq=False)
class Guest:
    """A data set whose answers are checked as they come; meets `protocol.DataSet`.

    Args:
        name: Its package.
        given: What its `open_dataset` returned.
        taxonomy: Classes of its ground truth.
    """

    name: str
    given: DataSet
    taxonomy: Taxonomy

    @property
    def card(self) -> DataCard:
        """As of the protocol."""
        with answering(self.name, "card"):
            return self._checked("card", self.given.card, DataCard)

    @property
    def root(self) -> Path:
        """As of the protocol."""
        with answering(self.name, "root"):
            return self._checked("root", self.given.root, Path)

    def scenes(self) -> dict[str, list[str]]:
        """As of the protocol."""
        with answering(self.name, "scenes"):
            splits = self._checked("scenes()", self.given.scenes(), Mapping)
            return {
                split: list(self._checked(f"scenes()[{split!r}]", names, list, tuple))
                for split, names in splits.items()
            }

    def scene(self, name: str) -> IndexedScene:
        """As of the protocol."""
        with answering(self.name, f"scene({name!r})"):
            scene = self._checked(f"scene({name!r})", self.given.scene(name), IndexedScene)
            for part in fields(scene):
                table = getattr(scene, part.name)
                self._checked(f"scene({name!r}).{part.name}", table, _TABLES[part.name])
            self.taxonomy.check(
                scene.ground_truth.class_name,
                f"dataset.name: {self.name}: its scene({name!r}).ground_truth",
                f"correct {_package(self.name)}",
            )
            return scene

    def lanes(self, location: str, step_m: float) -> Lanes:
        """As of the protocol."""
        with answering(self.name, f"lanes({location!r})"):
            lanes = self.given.lanes(location, step_m)
            return self._checked(f"lanes({location!r})", lanes, Lanes)

    def map_areas(self, location: str) -> MapAreas:
        """As of the protocol."""
        with answering(self.name, f"map_areas({location!r})"):
            areas = self.given.map_areas(location)
            return self._checked(f"map_areas({location!r})", areas, MapAreas)

    def notes(self, locations: Iterable[str]) -> list[str]:
        """As of the protocol."""
        with answering(self.name, "notes"):
            notes = list(self._checked("notes()", self.given.notes(locations), list, tuple))
            return [" ".join(self._checked("a note", note, str).split()) for note in notes]

    def _checked(self, what: str, value: ValueT, *kinds: Any) -> ValueT:
        if not isinstance(value, kinds):
            raise InputError(
                f"dataset.name: {self.name}: its {what} is of type {type(value).__name__}, "
                f"expected {kinds[0].__name__}; correct {_package(self.name)}"
            )
        return value


def open_dataset(params: Params, taxonomy: Taxonomy, raw: Path) -> Guest:
    """The data set that `dataset.name` names; arguments as of `OpenDataSet`.

    Raises:
        InputError: There is none of this name, it is not there or not whole, it fails by an error
            of its own, or it leaves part of `raw` out.
    """
    name = params.dataset.name
    if name not in guests():
        raise InputError(
            f"dataset.name: no data set {name!r}; there are "
            f"{', '.join(guests())}; docs/own_data.md says how to bring one; `git add` "
            "it, since `dvc exp run --temp` copies what Git knows"
        )
    with answering(name, "open_dataset"):
        opened: OpenDataSet = import_module(f"cm3d.datasets.{name}").open_dataset
        given = opened(params, taxonomy, raw)
    if missing := [member for member in _MEMBERS if not hasattr(given, member)]:
        raise InputError(
            f"dataset.name: {name}: its open_dataset returns a {type(given).__name__} without "
            f"{missing[0]}, no DataSet; correct {_package(name)}"
        )
    for part in parts_of_raw(params.dataset.version):
        if not (raw / part).is_dir():
            raise InputError(
                f"dataset.name: {name}: its open_dataset leaves no folder {part} in data/raw; call "
                f"write_manifests in {_package(name)}"
            )
    return Guest(name, given, taxonomy)


@contextmanager
def answering(name: str, what: str) -> Iterator[None]:
    """Within, a data set's package runs: whatever it stumbles over is one line with its place.

    Args:
        name: The package.
        what: Of it is asked for.

    Raises:
        InputError: In place of errors that are none of bad input, of the system or of memory.
    """
    try:
        yield
    except (InputError, OSError, MemoryError):
        raise
    except Exception as error:
        told = faults_of(error) if isinstance(error, ValidationError) else str(error)
        reason = " ".join(f"{type(error).__name__}: {told}".split())
        raise InputError(
            f"dataset.name: {name}: {what} failed with {reason:.200} ({_place(name, error)}); "
            "correct it, or the data that it reads"
        ) from error


def _place(name: str, error: Exception) -> str:
    """File and line of the package's own code where it happened, or else of the code below it."""
    if isinstance(error, SyntaxError) and error.filename is not None:
        return f"{_below_project(Path(error.filename))}, line {error.lineno}"
    calls = traceback.extract_tb(error.__traceback__)
    folder = _file_of(name).parent
    own = [call for call in calls if Path(call.filename).is_relative_to(folder)]
    last = (own or calls)[-1]
    return f"{_below_project(Path(last.filename))}, line {last.lineno}"


def _package(name: str) -> Path:
    return _below_project(_file_of(name))


def _file_of(name: str) -> Path:
    spec = find_spec(f"cm3d.datasets.{name}")
    return Path(spec.origin) if spec and spec.origin else _PACKAGES / name / "__init__.py"


def _below_project(path: Path) -> Path:
    """As seen from the project's folder, where stages run."""
    project = _PACKAGES.parents[2]
    return path.relative_to(project) if path.is_relative_to(project) else path
