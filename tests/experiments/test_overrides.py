from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from cm3d.errors import InputError
from experiments.overrides import as_arguments, as_words, lookup, with_overrides


def test_leaves_are_exchanged_in_a_copy() -> None:
    values = {"seed": 0, "lift": {"nms": True, "radius": {"car": 2.0}}}
    changed = with_overrides(values, {"seed": 3, "lift.radius.car": 1.0})
    assert changed == {"seed": 3, "lift": {"nms": True, "radius": {"car": 1.0}}}
    assert values == {"seed": 0, "lift": {"nms": True, "radius": {"car": 2.0}}}


@pytest.mark.parametrize("path", ["sed", "lift.nm", "lift.nms.car", "fuse.min_iou"])
def test_an_unknown_path_is_one_line(path: str) -> None:
    with pytest.raises(InputError, match=f"override {path}: .*correct the path"):
        with_overrides({"seed": 0, "lift": {"nms": True}}, {path: 1})


def test_lookup_follows_dots() -> None:
    assert lookup({"a": {"b": {"c": 5}}}, "a.b.c") == 5


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, False, 0, 3, 0.001, 54.0, -5.0, [64, 128], [["car"], ["bus", "truck"]]),
        *("nuscenes", "v1.0-mini", "a b", "it's", "1", "1.5", "true", "null", "", "-1"),
        *(
            "/data/set/x.json",
            "../y.json",
            "a=b",
            "a,b",
            "$HOME",
            "back\\slash",
            "\\\\",
            "\\'",
            "[a]",
            "é",
        ),
    ],
)
def test_hydra_reads_arguments_as_they_were_meant(value: Any) -> None:
    flag, argument = as_arguments({"a.b": value})
    override = OverridesParser.create().parse_override(argument)
    assert flag == "-S"
    assert override.key_or_group == "a.b"
    assert _plain(override.value()) == value
    assert type(_plain(override.value())) is type(value)


def test_words_survive_without_quotes() -> None:
    overrides = {"a": [1, 2], "b": [["car"], []], "c": "v1.0-mini", "d": None, "e": -0.5}
    assert as_words(overrides) == "-S a=[1,2] -S b=[[car],[]] -S c=v1.0-mini -S d=null -S e=-0.5"
    assert as_words({}) == ""


@pytest.mark.parametrize(
    "value", ["a b", "1", "null", "", "a,b", "back\\slash", ["x", "a b"], {"k": 1}]
)
def test_words_that_need_quotes_are_refused(value: Any) -> None:
    with pytest.raises(InputError, match=r"^a\.b: .* needs quotes.*--write$"):
        as_words({"a.b": value})


def _plain(value: Any) -> Any:
    """Hydra keeps the quotes of quoted text beside it."""
    return getattr(value, "text", value)
