import copy
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from cm3d.errors import InputError
from cm3d.params import ClassName, load_params, parse_params
from cm3d.tables.vocabulary import CLASS_NAMES


@pytest.fixture
def values(project: Path) -> dict[str, Any]:
    return copy.deepcopy(yaml.safe_load((project / "params.yaml").read_text()))


def test_the_committed_file_is_valid(project: Path) -> None:
    assert load_params(project / "params.yaml").lift.erosion_kernel_px == 3


def test_all_errors_are_listed_by_path(values: dict[str, Any]) -> None:
    values["lift"]["sweps"] = 3
    values["lift"]["sweeps"] = "three"
    values["detector"]["tasks"][0] = ["tram"]
    with pytest.raises(InputError) as caught:
        parse_params(values)
    message = str(caught.value)
    assert message.startswith("params.yaml: ")
    assert "\n" not in message
    for path in ("lift.sweps", "lift.sweeps", "detector.tasks.0.0"):
        assert path in message


def test_missing_keys_have_no_silent_default(values: dict[str, Any]) -> None:
    del values["fuse"]["temperature"]
    with pytest.raises(InputError, match=r"fuse\.temperature: Field required"):
        parse_params(values)


@pytest.mark.parametrize("section", ["lift", "detector"])
def test_every_class_has_a_radius(values: dict[str, Any], section: str) -> None:
    del values[section]["nms_radius_m"]["bus"]
    with pytest.raises(InputError, match=rf"{section}\.nms_radius_m: .*no radius for bus"):
        parse_params(values)


def test_every_class_has_a_score(values: dict[str, Any]) -> None:
    del values["selftrain"]["min_label_score"]["bus"]
    values["selftrain"]["min_label_score"]["car"] = 1.5
    with pytest.raises(InputError, match=r"min_label_score\.car: Input should be less than"):
        parse_params(values)
    values["selftrain"]["min_label_score"]["car"] = 0.5
    with pytest.raises(InputError, match=r"selftrain\.min_label_score: .*no score for bus"):
        parse_params(values)


def test_every_class_has_a_count_of_objects(values: dict[str, Any]) -> None:
    del values["copy_paste"]["objects"]["bus"]
    with pytest.raises(InputError, match=r"copy_paste\.objects: .*no count for bus"):
        parse_params(values)
    values["copy_paste"]["objects"]["bus"] = -1
    with pytest.raises(InputError, match=r"copy_paste\.objects\.bus: .*greater than"):
        parse_params(values)


def test_parameters_are_frozen(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="frozen"):
        parse_params(values).lift.sweeps = 5  # type: ignore[misc]


def test_precomputed_needs_its_file(values: dict[str, Any]) -> None:
    values["detect2d"]["backend"] = "precomputed"
    with pytest.raises(InputError, match="precomputed_file"):
        parse_params(values)


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"params\.yaml: missing"):
        load_params(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("seed: [1")
    with pytest.raises(InputError, match="not valid YAML"):
        load_params(tmp_path / "params.yaml")


def test_every_knob_has_a_comment_or_a_commented_section(project: Path) -> None:
    # no interpolation and no anchors: `-S` would rewrite or break them
    text = (project / "params.yaml").read_text()
    assert "${" not in text
    assert not any(token in text for token in (": &", ": *", "- *", "<<:"))


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("seed: 1\nseed: 2\n")
    with pytest.raises(InputError, match='duplicate key "seed"'):
        load_params(tmp_path / "params.yaml")


def test_classes_are_those_of_the_vocabulary() -> None:
    # the type must be spelt out for type checkers; the vocabulary is what the code uses
    assert get_args(ClassName) == CLASS_NAMES


def test_no_key_is_one_that_dvc_overlooks(values: dict[str, Any]) -> None:
    """DVC's run cache leaves these out of its keys, and brings back a run with another value."""

    def keys(content: Any) -> Iterator[str]:
        if isinstance(content, dict):
            yield from content
            yield from chain.from_iterable(map(keys, content.values()))

    assert not {"size", "nfiles"} & set(keys(values))


def test_prompts_name_a_set_of_the_vocabulary(values: dict[str, Any]) -> None:
    values["detect2d"]["prompts"] = "antonyms"
    with pytest.raises(InputError, match="no set 'antonyms', only plain, synonyms, "):
        parse_params(values)


@pytest.mark.parametrize(
    ("class_name", "phrases", "message"),
    [
        ("bus", None, r"vocabulary\.plain: .*no phrases for bus"),
        ("bus", [], r"vocabulary\.plain\.bus: .*at least 1 item"),
        ("bus", [""], r"vocabulary\.plain\.bus\.0: .*words in lower case"),
        ("bus", ["bus", "coach "], r"vocabulary\.plain\.bus\.1: .*one space apart"),
        ("bus", ["Bus"], r"vocabulary\.plain\.bus\.0: .*in lower case"),
        ("bus", ["bus. coach"], r"vocabulary\.plain\.bus\.0: .*without \. \? _"),
        ("bus", ["school_bus"], r"vocabulary\.plain\.bus\.0: .*without \. \? _"),
        ("bus", ["car"], r"vocabulary\.plain: .*'car' stands for car and for bus"),
        ("bus", ["bus", "bus"], r"vocabulary\.plain: .*'bus' stands for bus and for bus"),
        ("tram", ["tram"], r"vocabulary\.plain\.tram"),
    ],
)
def test_phrases_stand_for_one_class(
    values: dict[str, Any], class_name: str, phrases: list[str] | None, message: str
) -> None:
    plain = values["detect2d"]["vocabulary"]["plain"]
    plain.pop(class_name, None)
    if phrases is not None:
        plain[class_name] = phrases
    with pytest.raises(InputError, match=message):
        parse_params(values)


@pytest.mark.parametrize("revision", ["main", "0123456", 7, ""])
def test_models_are_pinned_by_commit(values: dict[str, Any], revision: Any) -> None:
    values["detect2d"]["owlv2"]["revision"] = revision
    with pytest.raises(InputError, match=r"detect2d\.owlv2\.revision: "):
        parse_params(values)


@pytest.mark.parametrize("template", ["a photo", "{} and {}", "a {phrase}"])
def test_templates_have_one_place(values: dict[str, Any], template: str) -> None:
    values["detect2d"]["owlv2"]["template"] = template
    with pytest.raises(InputError, match=r"detect2d\.owlv2\.template: "):
        parse_params(values)


def test_detectors_can_be_told_apart_by_their_parameters(values: dict[str, Any]) -> None:
    """`build_detector` remembers them by hash."""
    one, same = parse_params(values).detect2d, parse_params(values).detect2d
    values["detect2d"]["vocabulary"]["plain"]["bus"] = ["coach"]
    assert hash(one) == hash(same)
    assert one == same
    assert one != parse_params(values).detect2d


@pytest.mark.parametrize(
    ("detector", "segmenter", "fault"),
    [
        ("simnet", "sam", r"detect2d\.backend: simnet knows the embedded data set alone"),
        ("simulated", "sam", r"detect2d\.backend: simulated knows"),
        ("owlv2", "simnet", r"segment\.backend: simnet knows .*docs/segment\.md"),
    ],
)
def test_models_of_simulated_images_are_not_for_photographs(
    values: dict[str, Any], detector: str, segmenter: str, fault: str
) -> None:
    values["detect2d"]["backend"], values["segment"]["backend"] = detector, segmenter
    parse_params(values)
    values["dataset"]["name"] = "nuscenes"
    with pytest.raises(InputError, match=fault):
        parse_params(values)
