"""Dotenv files: read as python-dotenv reads them, refused where it would go on, and never shown."""

from io import StringIO
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envctl import launch
from envctl.domain.environment.activation import OWN_NAMES, SHELLS_OWN
from envctl.errors import ManifestError
from envctl.readers.env_file import read_env_file

SECRET = "hunter2"
REFUSED = sorted(OWN_NAMES | SHELLS_OWN)

# Texts near the border of what is plain: every character that means something to some reader of such files.
PIECES = st.sampled_from(
    [
        *(
            "A",
            "B1",
            "HF_TOKEN",
            "PATH",
            "_X",
            "path",
            "é",
            "1",
            "export",
            "export ",
            "=",
            "==",
            " = ",
        ),
        *(
            "'",
            '"',
            "\\",
            "\\n",
            "\\'",
            "\\\\",
            "#",
            " #",
            " ",
            "\t",
            "\n",
            "\r",
            "\r\n",
            "\n\n",
            "\0",
        ),
        *(
            "a b",
            "$A",
            "${A}",
            "`x`",
            "!",
            "\x85",
            "\u2028",
            "\u00a0",
            "\ufeff",
            "🙂",
            "--",
            ":",
            "/",
        ),
    ]
)
TEXTS = st.lists(PIECES, max_size=14).map("".join)
LINES = st.lists(
    st.one_of(
        TEXTS,
        st.builds("{}={}".format, st.sampled_from(["A", "B_2", "TOKEN"]), TEXTS),
        st.builds("{0}={1}{2}{1}".format, st.just("A"), st.sampled_from("'\""), TEXTS),
    ),
    max_size=4,
).map("\n".join)


def test_what_is_usual_is_read() -> None:
    text = (
        "\ufeff# mine\n\nPLAIN=1\nEMPTY=\nexport EXPORTED=x # why\nSPACED = a b  \n"
        'DOUBLE="a # b\\n\'c\'"\nSINGLE=\'$HOME "x" \\n\'\nKEY="-----BEGIN\nmiddle\nEND-----"\n'
        "URL=https://u:p@h/?a=b#c\nREF=${PLAIN}$PLAIN\nPLAIN=2\r\n"
    )
    assert read_env_file(text, ".env") == {
        "PLAIN": "2",
        "EMPTY": "",
        "EXPORTED": "x",
        "SPACED": "a b",
        "DOUBLE": "a # b\n'c'",
        "SINGLE": '$HOME "x" \\n',
        "KEY": "-----BEGIN\nmiddle\nEND-----",
        "URL": "https://u:p@h/?a=b#c",
        "REF": "${PLAIN}$PLAIN",
    }


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        (f'A=1\n\n\nB="{SECRET}\nC=2\n', 4, "no line"),
        (f"A=1\nB='{SECRET}' {SECRET}\n", 2, "no line"),
        (f"={SECRET}\n", 1, "no line"),
        (f"# x\n\n  {SECRET}\n", 3, "a name without a value"),
        (f"export {SECRET}", 1, "a name without a value"),
        (f"K=-----BEGIN\n{SECRET}/+\n", 2, "does not begin with a name"),
        (f"my-name={SECRET}\n", 1, "does not begin with a name"),
        (f"1A={SECRET}\n", 1, "does not begin with a name"),
        (f"é={SECRET}\n", 1, "does not begin with a name"),
        (f"'A B'={SECRET}\n", 1, "does not begin with a name"),
        (f"A={SECRET}\0\n", 1, "NUL"),
        (f"\r\n\r\nA={SECRET}\r\nPATH={SECRET}\r\n", 4, "`PATH` cannot be declared"),
        (f"UID={SECRET}", 1, "`UID` cannot be declared"),
        (f"_ENVCTL_NAMES={SECRET}", 1, "cannot be declared"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line_and_without_its_text(
    text: str, line: int, word: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ManifestError) as refused:
        read_env_file(text, "/p/.env")
    error = refused.value
    assert error.where == f"/p/.env:{line}"
    assert word in error.message
    assert error.hint
    assert SECRET not in f"{error.message}{error.where}{error.hint}{error.details}{caplog.text}"
    # Nor in what a traceback prints of what lies under it.
    assert error.__cause__ is None
    assert error.__context__ is None


@given(LINES)
def test_it_is_what_python_dotenv_reads_or_an_error(text: str) -> None:
    try:
        found = read_env_file(text, ".env")
    except ManifestError:
        return
    assert found == dotenv_values(stream=StringIO(text), interpolate=False)


@given(
    st.dictionaries(
        st.from_regex(r"[A-Z][A-Z0-9_]{0,8}", fullmatch=True).map("X_{}".format),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    )
)
def test_any_value_can_be_written_in_single_quotes(variables: dict[str, str]) -> None:
    lines = (
        "{}='{}'\n".format(name, value.replace("\\", "\\\\").replace("'", "\\'"))
        for name, value in variables.items()
    )
    assert read_env_file("".join(lines), ".env") == variables


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400)
@given(LINES)
def test_the_fast_path_reads_the_same_or_hands_on(tmp_path: Path, text: str) -> None:
    path = tmp_path / ".env"
    path.write_bytes(text.encode())
    try:
        found = launch.secrets(str(path), REFUSED)
    except ValueError:
        return
    assert found == read_env_file(text, ".env")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A=1",
        "# x\n\n   \nA=1\r\nB=2\r\n",
        "TOKEN=abc_DEF-123.~+/=\n",
        'A="two words # no comment"\nB=\'x "y"\'\nC=""\nD=',
        "URL=https://u:p@h/?a=b#c\nJSON={}\nX=$A\nE=é🙂",
    ],
)
def test_the_fast_path_reads_what_is_usual(tmp_path: Path, text: str) -> None:
    path = tmp_path / ".env"
    path.write_bytes(text.encode())
    assert launch.secrets(str(path), REFUSED) == read_env_file(text, ".env")


@pytest.mark.parametrize(
    "text", ["PATH=/x\n", "path=/x\n", "_X=1\n", "A=b c\n", "A='b\nc'\n", 'A="a" "b"', "A\n"]
)
def test_the_fast_path_hands_on_what_is_not_plain(tmp_path: Path, text: str) -> None:
    path = tmp_path / ".env"
    path.write_bytes(text.encode())
    with pytest.raises(ValueError, match=r"\.env"):
        launch.secrets(str(path), REFUSED)
