"""How the last stage of a Dockerfile says that its image is started."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.readers.dockerfile_end import End, adds_files, read_end

TEXT = """\
FROM base AS build
USER root
ENTRYPOINT ["build"]
ENV ONLY_THERE=1
FROM base
# USER nobody
ENV A=1 B="two words" \\
    # a comment between
    C=3
ENV OLD the value
user 10001:0
ENTRYPOINT ["python", "-I"]
CMD ["old"]
VOLUME /data
WORKDIR /srv
WORKDIR app
HEALTHCHECK --interval=3s --timeout=1s \\
  CMD ["python", "-V"]
ONBUILD RUN true
CMD exec python \\
  -V
"""


def test_the_last_stage_and_its_last_words_count() -> None:
    assert read_end(TEXT) == End(
        user="10001:0",
        entrypoint=("python", "-I"),
        command=("/bin/sh", "-c", "exec python   -V"),
        variables=frozenset({"A", "B", "C", "OLD"}),
        volumes=True,
        health=("CMD", "python", "-V"),
        folder="/srv/app",
        later=True,
    )


@pytest.mark.parametrize(
    ("text", "health"),
    [
        ("HEALTHCHECK NONE", ("NONE",)),
        ("HEALTHCHECK CMD curl -f x", ("CMD-SHELL", "curl -f x")),
        ("HEALTHCHECK --retries=3 CMD true", ("CMD-SHELL", "true")),
        ("HEALTHCHECK --x", ("NONE",)),
    ],
)
def test_how_health_is_asked(text: str, health: tuple[str, ...]) -> None:
    assert read_end(f"FROM x\n{text}\n").health == health


@pytest.mark.parametrize(
    ("text", "adds"),
    [
        ("", False),
        ("# RUN true\nENV A=1\nUSER 1\n", False),
        ("run true\n", True),
        ("COPY a b\n", True),
        ("FROM final AS more\n", True),
    ],
)
def test_whether_lines_bring_files(text: str, adds: bool) -> None:
    assert adds_files(text) is adds


@pytest.mark.parametrize("text", ["", "FROM x", "FROM x\nRUN true\n", "\\\n\\\n"])
def test_a_stage_that_says_nothing(text: str) -> None:
    assert read_end(text) == End()


@given(st.text(max_size=400))
def test_any_text_can_be_read(text: str) -> None:
    assert isinstance(read_end(text), End)


@given(st.lists(st.text(max_size=20), max_size=5))
def test_a_command_in_json_comes_back(words: list[str]) -> None:
    import json

    written = json.dumps(words)
    assert read_end(f"FROM x\nCMD {written}\n").command == tuple(words)
