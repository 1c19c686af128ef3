"""The simulator's hand-made world."""

from tests.simulation.conftest import make_actor, make_world

__all__ = ["make_actor", "make_world"]
