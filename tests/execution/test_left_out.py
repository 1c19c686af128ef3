import pytest

from cm3d.errors import InputError
from cm3d.execution.left_out import refuse_too_many, say_what_was_left_out


def test_nothing_is_said_where_nothing_was_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    say_what_was_left_out({"unreadable images": ()})
    assert capsys.readouterr().out == ""


def test_a_few_are_named_and_all_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    say_what_was_left_out({"odd words": ("a", "b", "b", *"cdefg")})
    assert capsys.readouterr().out == "note: left out 8 odd words: a, b, c, d, e, ...\n"


def test_too_many_name_the_first() -> None:
    refuse_too_many(["x.jpg"], images=100, limit=0.01)
    with pytest.raises(InputError, match=r"2 of 100 images \(2\.00%\).* the first: x\.jpg"):
        refuse_too_many(["x.jpg", "y.jpg"], images=100, limit=0.01)
