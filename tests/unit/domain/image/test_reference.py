"""Names of images, as docker reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain.image.reference import parse_reference
from envctl.errors import ImageError

DIGEST = f"sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("python", "docker.io/library/python:latest"),
        ("python:3.11", "docker.io/library/python:3.11"),
        ("team/vision:1", "docker.io/team/vision:1"),
        ("docker.io/python:3", "docker.io/library/python:3"),
        ("index.docker.io/library/python:3", "docker.io/library/python:3"),
        ("registry-1.docker.io/library/python:3", "docker.io/library/python:3"),
        ("localhost/python:3", "localhost/python:3"),
        ("localhost:5000/python", "localhost:5000/python:latest"),
        ("r.example/a/b/c:v1", "r.example/a/b/c:v1"),
        ("R.Example/a:v1", "r.example/a:v1"),
        ("[::1]:5000/a:v1", "[::1]:5000/a:v1"),
        (f"r.example/a@{DIGEST}", f"r.example/a@{DIGEST}"),
        (f"r.example/a:1@{DIGEST}", f"r.example/a:1@{DIGEST}"),
        ("r.example/a__b--c.d_e:1", "r.example/a__b--c.d_e:1"),
    ],
)
def test_it_is_written_out(text: str, full: str) -> None:
    assert str(parse_reference(text)) == full
    assert parse_reference(full) == parse_reference(text)


def test_a_digest_is_asked_for_before_a_tag() -> None:
    assert parse_reference(f"a:1@{DIGEST}").asked == DIGEST
    assert parse_reference("a:1").asked == "1"


@pytest.mark.parametrize(
    "text",
    ["", " ", "a b", "A", "a:", "a@", "a:b:c", "a@sha256:0", f"a@{DIGEST}0", "a/../b", "/a", "a/", "a//b",
     "https://r.example/a", "r.example/a?b", "r.example/a#b", "r.example/A", "-a", "a\n", "r.example:99999999/a",
     "a:" + "b" * 129, "user:password@r.example/a", "r.example/" + "a" * 256, "é", "r.example/a:\u0663"],
)  # fmt: skip
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ImageError) as caught:
        parse_reference(text, "here")
    assert caught.value.where == "here"


@given(st.text(max_size=60) | st.text("abz./:@-_[]019", max_size=60))
def test_what_is_accepted_reads_the_same_again(text: str) -> None:
    try:
        found = parse_reference(text)
    except ImageError:
        return
    assert parse_reference(str(found)) == found
    assert str(found).isascii()
    assert ".." not in found.repository.split("/")
