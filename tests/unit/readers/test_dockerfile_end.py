"""How the last stage of a Dockerfile says that its image is started."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.readers.dockerfile_end import End, read_end

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
    )


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
