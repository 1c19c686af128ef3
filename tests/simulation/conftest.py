"""A hand-made world whose numbers can be worked out, and a small database of the real one."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import trimesh

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.se3 import SE3
from cm3d.params import Simulation, load_params
from cm3d.simulation.database.assembly import assemble_database
from cm3d.simulation.recorder import simulate_scene
from cm3d.simulation.schedule import scene_plan
from cm3d.simulation.shapes.mesh import Material, Mesh
from cm3d.simulation.town.town import build_town
from cm3d.simulation.traffic.actors import Actor
from cm3d.simulation.traffic.trajectory import Trajectory
from cm3d.simulation.world import World

VERSION = "v1.0-trainval"
_WRITTEN = ("camera_mounting", "ego_pose")


def _block(extents_m: Sequence[float], reflectivity: float = 0.5) -> Mesh:
    shape = trimesh.creation.box(extents_m)
    return Mesh.of_material(shape.vertices, shape.faces, Material((0.6, 0.2, 0.2), reflectivity))


@pytest.fixture(scope="session")
def block() -> Callable[..., Mesh]:
    """Makes a box mesh of given extents, centred on the origin."""
    return _block


@pytest.fixture(scope="session")
def make_actor() -> Callable[..., Actor]:
    """Makes a box-shaped car of 4 x 2 x 1.6 m that stands, or drives along a trajectory."""

    def make(instance_id: int, xy_m: NDArrayFloat, yaw_rad: float = 0.0) -> Actor:
        trajectory = Trajectory.still(np.asarray(xy_m, dtype=np.float64), yaw_rad)
        names = ("vehicle.car", "car")
        mesh = _block((4.0, 2.0, 1.6))
        attributes = ("vehicle.parked", "vehicle.moving")
        return Actor(instance_id, *names, 4.0, 2.0, 1.6, mesh, trajectory, *attributes)

    return make


@pytest.fixture(scope="session")
def make_world() -> Callable[[Sequence[Actor]], World]:
    """Makes a flat world with given actors; the ego car stands at (100, 100), facing +x."""

    def make(actors: Sequence[Actor]) -> World:
        ground = _block((400.0, 400.0, 1.0), 0.2)
        background = ground.transformed(SE3.from_yaw(0.0, np.array([100.0, 100.0, -0.5])))
        location = "boston-seaport"
        ego = Trajectory.still(np.array([100.0, 100.0]), 0.0)
        return World(location, background, tuple(actors), build_town(0, location), ego)

    return make


@pytest.fixture(scope="session")
def small(project: Path) -> Simulation:
    """Two scenes of three keyframes with tiny images, whose written poses are the true ones."""
    full = load_params(project / "params.yaml").simulation
    scale = {"train_scenes": 1, "val_scenes": 1, "keyframes_per_scene": 3, "image_scale": 0.125}
    true = {f"{name}_error_{unit}": 0.0 for name in _WRITTEN for unit in ("deg", "m")}
    return full.model_copy(update=scale | true)


@pytest.fixture(scope="session")
def make_database(small: Simulation) -> Callable[[Path], None]:
    """Simulates the small data set into a folder."""

    def make(root: Path) -> None:
        plans = scene_plan(small)
        for plan in plans:
            simulate_scene(plan, 0, small, root)
        assemble_database(root, VERSION, plans, 0)

    return make


@pytest.fixture(scope="session")
def database(
    tmp_path_factory: pytest.TempPathFactory, make_database: Callable[[Path], None]
) -> Path:
    """The root of the small data set; not to be written to."""
    root = tmp_path_factory.mktemp("database")
    make_database(root)
    return root
