"""What was most likely meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain.nearest import listed, meant, nearest


@pytest.mark.parametrize(
    ("word", "known", "found"),
    [
        ("snyc", ["sync", "shell"], "sync"),
        ("Numpy", ["numpy"], "numpy"),
        ("Linux", ["linux-x86_64", "macos-arm64"], "linux-x86_64"),
        ("req", ["requirements", "sbom"], "requirements"),
        ("re", ["requirements", "record"], None),  # two begin so: neither is more likely
        ("r", ["requirements"], None),
        ("zzz", ["sync"], None),
        ("", ["sync"], None),
        ("x", [], None),
    ],
)
def test_the_nearest(word: str, known: list[str], found: str | None) -> None:
    assert nearest(word, known) == found


@given(st.text(max_size=12), st.lists(st.text(max_size=12)))
def test_what_is_found_is_known(word: str, known: list[str]) -> None:
    assert nearest(word, known) in (None, *known)


@given(st.lists(st.text("abc-", min_size=1), min_size=1), st.data())
def test_a_known_name_is_its_own_nearest(known: list[str], data: st.DataObject) -> None:
    word = data.draw(st.sampled_from(known))
    assert nearest(word, known) == word


def test_the_next_step() -> None:
    assert meant("snyc", ["sync"], otherwise="see") == "did you mean `sync`?"
    assert meant("zzz", ["sync"], otherwise="see") == "see"


def test_a_list_of_names_is_no_page() -> None:
    assert listed([]) == "none"
    assert listed(["b", "a"]) == "b, a"
    assert listed(f"p{n}" for n in range(100)).endswith("p11, … and 88 more")
