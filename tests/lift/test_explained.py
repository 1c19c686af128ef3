"""Explanations say what the code did: on scenes that one can tell by hand, and on any."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cm3d.lift.calibration import probability
from cm3d.lift.explained import ExplainedBoxes
from cm3d.lift.keyframe import Keyframe
from cm3d.lift.lanes import LaneField
from cm3d.lift.paper import lift_frame
from cm3d.lift.refined import refined_frame, refined_scene
from cm3d.params import Lift
from cm3d.tables import Boxes3D, Explanations, Frames, Lanes, Masks
from cm3d.tables.explanations import CENTER_FROM, FRONT_FROM, HEADING_FROM, SIZE_FROM
from tests.lift.known import CHATGPT

TOKENS = ["f0", "f1", "f2", "f3", "f4"]


@pytest.fixture(scope="module")
def frames(make_frames: Callable[[int], Frames]) -> Frames:
    """At 2 Hz; the ego vehicle stands at the origin."""
    return make_frames(len(TOKENS))


@pytest.fixture(scope="module")
def street(
    make_street: Callable[..., Keyframe], solid: Any, frames: Frames, refined: Lift
) -> ExplainedBoxes:
    """A car that crosses the street, one parked, missed in f2, and once a truck too; a person."""
    keyframes = []
    for step, token in enumerate(TOKENS):
        parked = solid(18, -5, 0.1)
        also = [parked._replace(class_name="truck")] if step == 3 else []
        person = [solid(11, -1.5, 0, 0.7, 0.6, 1.75, "pedestrian")] if step == 0 else []
        driving = solid(30, 9 - 3 * step, -np.pi / 2)
        keyframes.append(make_street(driving, parked, *also, *person, token=token))
    keyframes[2] = keyframes[2]._replace(masks=keyframes[2].masks[:1])
    return refined_scene(keyframes, frames, CHATGPT, refined)


def words_of(why: Explanations) -> dict[str, set[str]]:
    return {
        part: set(getattr(why, f"{part}_from")) for part in ("center", "heading", "front", "size")
    }


def test_a_car_that_drives(street: ExplainedBoxes) -> None:
    driving = street[np.linalg.norm(street.boxes.velocity_mps, axis=1) > 3]
    assert driving.boxes.sample_token.tolist() == TOKENS
    assert driving.boxes.yaw_rad == pytest.approx(np.full(5, -np.pi / 2), abs=0.1)
    told = words_of(driving.why)
    assert (told["center"], told["front"], told["size"]) == ({"smoothed"}, {"motion"}, {"track"})
    # a rectangle of its points stands across the street
    assert told["heading"] <= {"rectangle", "motion"}
    assert driving.why.seen.all() and (driving.why.points > 10).all()
    assert set(driving.why.track_boxes) == {5}
    assert len(set(driving.why.track)) == 1


def test_a_parked_car_and_its_gap(street: ExplainedBoxes) -> None:
    off_m = np.linalg.norm(street.boxes.center_m[:, :2] - [18, -5], axis=1)
    parked = street[(street.boxes.class_name == "car") & (off_m < 0.5)]
    why = parked.why
    assert parked.boxes.sample_token.tolist() == TOKENS
    told = words_of(why)
    assert (told["center"], told["heading"], told["size"]) == ({"pooled"}, {"track"}, {"track"})
    assert told["front"] <= {"ego", "traffic"}
    assert why.seen.tolist() == [True, True, False, True, True]
    assert why.mask_class.tolist() == ["car", "car", "", "car", "car"]
    for column in (why.fit_cost, why.mask_score, why.fit_quality, why.free_standing):
        assert np.isnan(column).tolist() == [False, False, True, False, False]
    assert why.gap_factor.tolist() == [1, 1, 0.8, 1, 1]
    assert set(why.track_boxes) == {4}
    assert set(why.voted_class) == {"car"} and set(why.second_class) == {"truck"}
    assert why.voted_share + why.second_share == pytest.approx(np.ones(5))
    assert why.class_factor.tolist() == why.voted_share.tolist()


def test_a_box_of_another_class(street: ExplainedBoxes) -> None:
    truck = street[street.boxes.class_name == "truck"]
    why = truck.why
    assert truck.boxes.sample_token.tolist() == ["f3"]
    told = words_of(why)
    assert (told["center"], told["front"], told["size"]) == ({"fit"}, {"track"}, {"fit"})
    assert why.mask_class.tolist() == ["truck"]
    assert why.voted_class.tolist() == ["car"] and why.second_class.tolist() == ["truck"]
    assert why.class_factor.tolist() == why.second_share.tolist()


def test_what_is_seen_once_has_what_its_keyframe_gave(street: ExplainedBoxes) -> None:
    person = street.why[street.boxes.class_name == "pedestrian"]
    assert words_of(person) == {
        "center": {"fit"},
        "heading": {"rectangle"},
        "front": {"ego"},
        "size": {"fit"},
    }
    assert person.track_boxes.tolist() == [1]
    assert person.second_class.tolist() == [""]


def test_factors_of_one_keyframe(
    make_street: Callable[..., Keyframe], solid: Any, refined: Lift
) -> None:
    """On a lane: the mask's 0.9 times the quality of the fit, which is 1 less its cost."""
    lane = LaneField(Lanes(["lane"], [0], ["lane"], [[15, 4]], [0.2]))
    found, why, _ = refined_frame(make_street(solid(15, 4, 0.2), lanes=lane), CHATGPT, refined)
    assert words_of(why) == {
        "center": {"fit"},
        "heading": {"lane"},
        "front": {"lane"},
        "size": {"fit"},
    }
    assert why.mask_score.tolist() == [0.9]
    assert why.fit_quality == pytest.approx(1 - why.fit_cost)
    assert why.raw_score.tolist() == why.product.tolist() == found.boxes.score.tolist()


@pytest.mark.parametrize(
    ("switches", "expected"),
    [
        ({"fit": False}, ("medoid", "none", "none", "class")),
        ({"orientation": False, "extent": False}, ("fit", "none", "ego", "class")),
        ({"extent": False}, ("fit", "street", "ego", "class")),
    ],
)
def test_switches_of_a_keyframe(
    make_street: Callable[..., Keyframe],
    solid: Any,
    refined: Lift,
    switches: dict[str, bool],
    expected: tuple[str, ...],
) -> None:
    params = refined.model_copy(update={"refine": refined.refine.model_copy(update=switches)})
    _, why, _ = refined_frame(make_street(solid(15, 4, 0.0)), CHATGPT, params)
    assert tuple(word for told in words_of(why).values() for word in told) == expected
    assert np.isnan(why.fit_cost).tolist() == [expected[0] == "medoid"]


def test_the_recipe_of_the_paper(
    make_street: Callable[..., Keyframe], solid: Any, lift_params: Lift
) -> None:
    person = solid(12, -2, 0, 0.7, 0.5, 1.75, "pedestrian")
    lane = LaneField(Lanes(["a"], [0], ["lane"], [[15, 4]], [0.3]))
    found = lift_frame(make_street(solid(15, 4, 0.2), person, lanes=lane), CHATGPT, lift_params)
    assert found.boxes.class_name.tolist() == ["car", "pedestrian"]
    assert found.why.heading_from.tolist() == ["lane", "none"]
    assert set(found.why.center_from) == {"medoid"} and set(found.why.size_from) == {"class"}
    assert found.why.track.tolist() == [-1, -1]
    assert found.why.raw_score.tolist() == found.why.product.tolist() == [0.9, 0.5]


SWITCHES = ("scores", "fill_gaps", "other_classes", "heading", "positions", "fronts", "class_vote")


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    off=st.sets(st.sampled_from(SWITCHES), max_size=3),
    tracks=st.booleans(),
    calibrate=st.booleans(),
)
def test_factors_make_the_score_and_rows_are_those_of_the_boxes(
    make_street: Callable[..., Keyframe],
    solid: Any,
    frames: Frames,
    refined: Lift,
    seed: int,
    off: set[str],
    tracks: bool,
    calibrate: bool,
) -> None:
    random = np.random.default_rng(seed)
    refine = refined.refine.model_copy(update={"tracks": tracks, "calibrate": calibrate})
    params = refined.model_copy(
        update={
            "refine": refine,
            "tracks": refined.tracks.model_copy(update=dict.fromkeys(off, False)),
        }
    )
    keyframes = [random_keyframe(make_street, solid, token, random) for token in TOKENS]
    found = refined_scene(keyframes, frames, CHATGPT, params)
    boxes, why = found.boxes, found.why
    assert why.product == pytest.approx(why.raw_score, rel=1e-12)
    score = probability(why.raw_score, params.calibration) if calibrate else why.raw_score
    assert score.tolist() == boxes.score.tolist()
    for written, told in ((boxes, why), (boxes.sorted(), why.sorted())):
        assert written.sample_token.tolist() == told.sample_token.tolist()
    known = (CENTER_FROM, HEADING_FROM, FRONT_FROM, SIZE_FROM)
    for found_words, allowed in zip(words_of(why).values(), known, strict=True):
        assert found_words <= set(allowed)
    assert ((why.track >= 0) == tracks).all()
    if "class_vote" not in off or not tracks:
        same = boxes.class_name == why.voted_class
        assert (same | (boxes.class_name == why.mask_class)).all()


def random_keyframe(
    make_street: Callable[..., Keyframe], solid: Any, token: str, random: np.random.Generator
) -> Keyframe:
    """A few of five places are taken, by what passes for a car or for a truck."""
    solids = [
        solid(14.0 + 6 * place, (-5.0, 4.0)[place % 2], 0.1, class_name=name)
        for place in range(5)
        for name in ("car", "truck")
        if random.random() < 0.5
    ]
    keyframe = make_street(*solids, token=token)
    return keyframe if solids else keyframe._replace(masks=Masks.empty())


def test_sorted_like_the_boxes(street: ExplainedBoxes) -> None:
    """Both are written sorted: a row of one stays that of the other."""
    numbered = street.boxes.replace(score=np.arange(len(street), dtype=float)).sorted()
    told = street.why.replace(raw_score=np.arange(len(street), dtype=float)).sorted()
    assert isinstance(numbered, Boxes3D)
    assert numbered.score.tolist() == told.raw_score.tolist()
