import numpy as np
import pytest

from cm3d import params
from cm3d.detect2d.vocabulary import NO_PHRASE, Vocabulary
from cm3d.tables.vocabulary import CLASS_NAMES

# facebookresearch/Detic as the paper's release asks it, underscores and all
RELEASED = {
    "bus": "bus",
    "truck": "truck",
    "dumptruck": "truck",
    "car": "car",
    "pedestrian": "pedestrian",
    "person": "pedestrian",
    "human": "pedestrian",
    "bicycle": "bicycle",
    "sedan": "car",
    "pickup_truck": "truck",
    "traffic_cone": "traffic_cone",
    "barrier": "barrier",
    "road_barrier": "barrier",
    "trailer": "trailer",
    "truck_trailer": "trailer",
    "semi_trailer": "trailer",
    "tank_trailer": "trailer",
    "construction_vehicle": "construction_vehicle",
    "motorcycle": "motorcycle",
}


@pytest.fixture
def synonyms(defaults: params.Params) -> Vocabulary:
    return Vocabulary.of(defaults.detect2d.vocabulary["synonyms"])


def test_synonyms_are_the_released_ones(synonyms: Vocabulary) -> None:
    asked = synonyms.sentences("{}", "_")
    assert dict(zip(asked, synonyms.class_names, strict=True)) == RELEASED


def test_plain_prompts_are_the_class_names(defaults: params.Params) -> None:
    plain = Vocabulary.of(defaults.detect2d.vocabulary["plain"])
    assert plain.class_names == CLASS_NAMES
    assert tuple(plain.sentences("{}", "_")) == CLASS_NAMES


def test_every_class_has_a_phrase_in_every_set(defaults: params.Params) -> None:
    for phrases in defaults.detect2d.vocabulary.values():
        assert set(Vocabulary.of(phrases).class_names) == set(CLASS_NAMES)


def test_sentences_say_words_apart_or_joined(synonyms: Vocabulary) -> None:
    row = synonyms.phrases.index("pickup truck")
    assert synonyms.sentences("a photo of a {}")[row] == "a photo of a pickup truck"
    assert synonyms.sentences("a {}", "_")[row] == "a pickup_truck"


def test_phrases_become_classes_and_others_are_dropped(synonyms: Vocabulary) -> None:
    phrase = np.array([synonyms.phrases.index("sedan"), NO_PHRASE, synonyms.phrases.index("human")])
    score, box_px = np.array([0.1, 0.2, 0.3], np.float32), np.arange(12.0).reshape(3, 4)
    found = synonyms.label(phrase, score, box_px, ["sedan truck"])
    assert found.class_name.tolist() == ["car", "pedestrian"]
    np.testing.assert_allclose(found.score, [0.1, 0.3], rtol=1e-6)
    assert found.box_px.tolist() == [[0, 1, 2, 3], [8, 9, 10, 11]]
    assert found.unmatched == ("sedan truck",)


def test_nothing_is_labelled_as_nothing(synonyms: Vocabulary) -> None:
    found = synonyms.label(np.zeros(0, np.int64), np.zeros(0), np.zeros((0, 4)))
    assert found.class_name.shape == (0,)
    assert found.class_name.dtype == object
