import numpy as np
import pytest

from cm3d.detect2d.common.prompts import NO_PHRASE, Vocabulary
from cm3d.taxonomy import Taxonomy

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
def synonyms(taxonomy: Taxonomy) -> Vocabulary:
    return Vocabulary.of(taxonomy.phrases("synonyms"))


def test_synonyms_are_the_released_ones(synonyms: Vocabulary) -> None:
    asked = synonyms.sentences("{}", "_")
    assert dict(zip(asked, synonyms.class_names, strict=True)) == RELEASED


def test_plain_prompts_are_the_class_names(taxonomy: Taxonomy) -> None:
    plain = Vocabulary.of(taxonomy.phrases("plain"))
    assert plain.class_names == taxonomy.class_names
    assert tuple(plain.sentences("{}", "_")) == taxonomy.class_names


def test_every_class_has_a_phrase_in_every_set(taxonomy: Taxonomy) -> None:
    for name in ("plain", "synonyms", "grounding_dino"):
        assert set(Vocabulary.of(taxonomy.phrases(name)).class_names) == set(taxonomy.class_names)


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
