import copy
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

from cm3d.errors import InputError
from cm3d.params import load_params, parse_params


@pytest.fixture
def values(project: Path) -> dict[str, Any]:
    return copy.deepcopy(yaml.safe_load((project / "params.yaml").read_text()))


def test_the_committed_file_is_valid(project: Path) -> None:
    assert load_params(project / "params.yaml").lift.erosion_kernel_px == 3


def test_all_errors_are_listed_by_path(values: dict[str, Any]) -> None:
    values["lift"]["sweps"] = 3
    values["lift"]["sweeps"] = "three"
    values["selftrain"]["min_label_score"] = 1.5
    values["detector"]["block_strides"][0] = 0
    with pytest.raises(InputError) as caught:
        parse_params(values)
    message = str(caught.value)
    assert message.startswith("params.yaml: ")
    assert "\n" not in message
    for path in (
        "lift.sweps",
        "lift.sweeps",
        "selftrain.min_label_score",
        "detector.block_strides.0",
    ):
        assert path in message


def test_missing_keys_have_no_silent_default(values: dict[str, Any]) -> None:
    del values["fuse"]["temperature"]
    with pytest.raises(InputError, match=r"fuse\.temperature: Field required"):
        parse_params(values)


def test_parameters_are_frozen(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="frozen"):
        parse_params(values).lift.sweeps = 5  # type: ignore[misc]


def test_precomputed_needs_its_file(values: dict[str, Any]) -> None:
    for section in ("detect2d", "segment"):
        changed = copy.deepcopy(values)
        changed[section]["backend"] = "precomputed"
        with pytest.raises(InputError, match=rf"{section}: .*needs precomputed\.file"):
            parse_params(changed)


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"params\.yaml: missing"):
        load_params(tmp_path / "params.yaml")
    for content in (b"seed: [1", b"seed: \xff", b"seed: 2026-13-45", b"[" * 20_000):
        (tmp_path / "params.yaml").write_bytes(content)
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


def test_no_key_is_one_that_dvc_overlooks(values: dict[str, Any]) -> None:
    """DVC's run cache leaves these out of its keys, and brings back a run with another value."""

    def keys(content: Any) -> Iterator[str]:
        if isinstance(content, dict):
            yield from content
            yield from chain.from_iterable(map(keys, content.values()))

    assert not {"size", "nfiles"} & set(keys(values))


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a b"])
@pytest.mark.parametrize("knob", ["name", "version"])
def test_names_are_no_paths(values: dict[str, Any], knob: str, name: str) -> None:
    values["dataset"][knob] = name
    with pytest.raises(InputError, match=rf"dataset\.{knob}: not a name of letters, digits"):
        parse_params(values)


def test_sam_has_the_model_that_it_is_to_use(values: dict[str, Any]) -> None:
    del values["segment"]["sam"]["models"]["sam2"]
    parse_params(values)
    values["segment"]["sam"]["use"] = "sam2"
    with pytest.raises(InputError, match=r"segment\.sam: .*models: no sam2"):
        parse_params(values)


def test_imported_labels_need_a_file(values: dict[str, Any]) -> None:
    values["fuse"]["labels"] = "imported"
    with pytest.raises(InputError, match=r"fuse\.labels: imported needs import_labels\.file"):
        parse_params(values)


def test_proposals_alone_need_a_class(values: dict[str, Any]) -> None:
    values["fuse"] |= {"labels": "none", "unmatched_class": "vehicle"}
    parse_params(values)
    for knob, value in (("proposals", False), ("unmatched_class", None)):
        without = values | {"fuse": values["fuse"] | {knob: value}}
        with pytest.raises(InputError, match=r"fuse: .*labels: none leaves the proposals alone"):
            parse_params(without)


def test_the_ignored_band_ends_where_objects_begin(values: dict[str, Any]) -> None:
    bands = values["selftrain"]["refine"]
    bands["ignore_score"] = bands["object_score"] = 0.4
    parse_params(values)
    bands["ignore_score"] = 0.5
    fault = r"selftrain\.refine: .*ignore_score: 0\.5 is above object_score, 0\.4; lower it"
    with pytest.raises(InputError, match=fault) as caught:
        parse_params(values)
    assert "\n" not in str(caught.value)


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
    values["detect2d"]["prompts"] = "plain"
    assert hash(one) == hash(same)
    assert one == same
    assert one != parse_params(values).detect2d


@pytest.mark.parametrize(
    ("detector", "segmenter", "fault"),
    [
        ("simnet", "sam", r"detect2d\.backend: simnet knows the embedded data sets alone"),
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
