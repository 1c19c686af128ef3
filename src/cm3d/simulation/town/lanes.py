"""Lanes and the connectors that join them across an intersection."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.simulation.town.polyline import Polyline
from cm3d.simulation.town.roads import Arm, Traffic

LaneKind = Literal["lane", "lane_connector"]


@dataclass(frozen=True, eq=False)
class Lane:
    """A lane, or a connector between two lanes within an intersection.

    Args:
        token: Unique in the town.
        kind: `lane` or `lane_connector`.
        centreline_m: (N, 2) in the direction of travel, global frame.
        width_m: Full width.
        predecessors: Tokens of the lanes that end where this one starts.
        successors: Tokens of the lanes that start where this one ends.
    """

    token: str
    kind: LaneKind
    centreline_m: NDArrayFloat
    width_m: float
    predecessors: tuple[str, ...]
    successors: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Movement:
    """One way through the intersection, from the far end of an arm to that of another.

    Args:
        origin: Index of the arm it comes from.
        target: Index of the arm it leaves by.
        lanes: Incoming lane, connector, outgoing lane.
    """

    origin: int
    target: int
    lanes: tuple[Lane, Lane, Lane]

    @cached_property
    def path(self) -> Polyline:
        """The centreline of all three."""
        return Polyline.joined([Polyline(lane.centreline_m) for lane in self.lanes])

    @cached_property
    def entry_m(self) -> float:
        """Arc length at which the path enters the intersection."""
        return Polyline(self.lanes[0].centreline_m).length_m

    @cached_property
    def exit_m(self) -> float:
        """Arc length at which the path has left the intersection."""
        return self.entry_m + Polyline(self.lanes[1].centreline_m).length_m


def lay_lanes(arms: tuple[Arm, ...], traffic: Traffic) -> tuple[Movement, ...]:
    """All ways through the intersection; arms are in counter-clockwise order.

    The kerb lane goes straight on and turns to the near side, the inner lane goes straight on
    and turns to the far side. Lanes shared by several movements are the same object.
    """
    ways = [
        _Way(_token(arms[i], "in", k), _token(arms[j], "out", m), i, j, k, m)
        for i in range(len(arms))
        for j in range(len(arms))
        for k, m in _lane_pairs(arms, i, j, traffic)
    ]
    lanes = {lane.token: lane for way in ways for lane in _lanes_of(way, ways, arms)}
    return tuple(
        Movement(way.origin, way.target, (lanes[way.first], lanes[way.via], lanes[way.last]))
        for way in ways
    )


@dataclass(frozen=True)
class _Way:
    """Tokens of the lanes that a movement joins, their arms, and their numbers there."""

    first: str
    last: str
    origin: int
    target: int
    incoming: int
    outgoing: int

    @property
    def via(self) -> str:
        return f"{self.first}>{self.last}"


def _lanes_of(way: _Way, ways: list[_Way], arms: tuple[Arm, ...]) -> tuple[Lane, Lane, Lane]:
    """Incoming lane, connector, outgoing lane."""
    origin, target = arms[way.origin], arms[way.target]
    incoming, outgoing = origin.incoming(way.incoming), target.outgoing(way.outgoing)
    bend = Polyline.between(
        incoming.points_m[-1],
        float(incoming.yaw_rad[-1]),
        outgoing.points_m[0],
        float(outgoing.yaw_rad[0]),
    )
    after = tuple(other.via for other in ways if other.first == way.first)
    before = tuple(other.via for other in ways if other.last == way.last)
    return (
        Lane(way.first, "lane", incoming.points_m, origin.lane_m, (), after),
        Lane(way.via, "lane_connector", bend.points_m, origin.lane_m, (way.first,), (way.last,)),
        Lane(way.last, "lane", outgoing.points_m, target.lane_m, before, ()),
    )


def _lane_pairs(
    arms: tuple[Arm, ...], origin: int, target: int, traffic: Traffic
) -> list[tuple[int, int]]:
    """Which incoming lane leads to which outgoing lane; 0 is the inner one."""
    turn = (target - origin) % len(arms)
    incoming, outgoing = arms[origin].lanes_per_direction, arms[target].lanes_per_direction
    if turn == 0:
        return []
    if turn == 2:
        return [(lane, min(lane, outgoing - 1)) for lane in range(incoming)]
    near = 1 if traffic.kerb_side < 0 else 3
    return [(incoming - 1, outgoing - 1)] if turn == near else [(0, 0)]


def _token(arm: Arm, way: str, lane: int) -> str:
    return f"{arm.name}-{way}-{lane}"
