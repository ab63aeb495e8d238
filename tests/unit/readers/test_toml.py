"""TOML with failures that say where."""

import pytest

from envctl.errors import LockError, ManifestError
from envctl.readers.toml import conflict_line, read_toml


def test_a_byte_order_mark_is_no_mistake() -> None:
    assert read_toml("\ufeffa = 1\n", "x.toml") == {"a": 1}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a = 1\nb = \n", "x.toml:2:5"),
        ("a = 1\na = 2\n", "x.toml:2:6"),
        ('a = "open', "x.toml:1"),
        ("a = [1,\r\n", "x.toml:1"),
    ],
)
def test_broken_toml_is_an_error_with_line_and_column(text: str, where: str) -> None:
    with pytest.raises(ManifestError, match="not TOML") as info:
        read_toml(text, "x.toml")
    assert info.value.where == where
    assert "(at " not in info.value.message
    assert info.value.hint


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_merge_markers_are_named_as_such(newline: str) -> None:
    text = newline.join(["a = 1", "<<<<<<< HEAD", "b = 1", "=======", "b = 2", ">>>>>>> other", ""])
    with pytest.raises(ManifestError, match="merge conflict at line 2") as info:
        read_toml(text, "x.toml")
    assert info.value.where == "x.toml:2"
    assert conflict_line("a = 1\n") is None


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a = " + "9" * 5000])
def test_hostile_values_are_errors_not_crashes(text: str) -> None:
    with pytest.raises(LockError):
        read_toml(text, "pylock.toml", failure=LockError)
