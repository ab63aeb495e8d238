"""PowerShell, which no registry here has: its code is parsed, its quoting read back, and compared with golden files."""

import base64
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.adapters import activators
from envctl.emitters.shells import powershell
from envctl.errors import EnvironmentFailure
from envctl.usecases.activate import script, shell_command
from tests.integration.shells.golden import expected, shown
from tests.integration.shells.grammar import mistakes, strings
from tests.integration.shells.stage import DEVICES, HOSTILE, activation, build, fill

_LITERAL = re.compile("'((?:[^'\u2018-\u201b]|(['\u2018-\u201b])\\2)*)'")
_DECODED = re.compile(
    r"\(\[Text\.Encoding\]::UTF8\.GetString\(\[Convert\]::FromBase64String\('([A-Za-z0-9+/=]*)'\)\)\)"
)
# Windows PowerShell takes each of these for a quote (about_Quoting_Rules).
TEXT = st.text(
    st.one_of(
        st.sampled_from("'\u2018\u2019\u201a\u201b`$\"#@{}\n\r\x1a"), st.characters(codec="utf-8")
    )
)


def read_back(quoted: str) -> str:
    """What PowerShell makes of it: a single-quoted literal, or the one expression that we write."""
    if encoded := _DECODED.fullmatch(quoted):
        return base64.b64decode(encoded[1]).decode()
    literal = _LITERAL.fullmatch(quoted)
    assert literal, quoted
    return re.sub("(['\u2018-\u201b])\\1", r"\1", literal[1])


@given(TEXT)
def test_any_text_is_quoted_exactly(text: str) -> None:
    quoted = powershell.quote(text)
    assert read_back(quoted) == text
    assert quoted.isascii()
    assert quoted.isprintable()


@given(TEXT)
def test_the_parser_sees_one_literal_in_it(text: str) -> None:
    code = f"& $set 'A' {powershell.quote(text)}\n"
    assert not mistakes("powershell", code)
    assert len(strings(code)) == 2


@pytest.mark.parametrize("label", list(HOSTILE))
def test_every_text_that_holds_a_value_parses(
    label: str, built: list[Path], tmp_path: Path
) -> None:
    values = {"A": HOSTILE[label], DEVICES: HOSTILE[label], "GITHUB_TOKEN": HOSTILE[label]}
    active = activation(built[0], values)
    link = fill(built[0], values)
    session = shell_command("/usr/bin/pwsh", active, {}, folder=f"{tmp_path}/it's")
    texts = [
        (link / "bin/activate.ps1").read_text(encoding="utf-8-sig"),
        script(active, "powershell"),
        *session.files.values(),
        session.env["_ENVCTL_SECRETS"],
    ]
    for text in texts:
        assert not mistakes("powershell", text)
        assert "exit 9" not in text
    assert all(text.isascii() for text in texts)


def test_the_byte_order_mark_stays(built: list[Path]) -> None:
    link = fill(built[0], {"A": "é"})
    written = (link / "bin/activate.ps1").read_bytes()
    assert written.startswith(b"\xef\xbb\xbf<#")
    assert written.count(b"\xef\xbb\xbf") == 1
    assert activators.outdated(built[0], activation(built[0], {"A": "é"})) == ()


def blocks(text: str) -> str:
    found = re.findall(
        r"^ *# >>> envctl >>>\n.*?^ *# <<< envctl <<<\n", text, re.MULTILINE | re.DOTALL
    )
    return "\n".join(found)


VALUES = {"A": "it's", "B": "two\nlines é", DEVICES: "", "PYTHONHASHSEED": "0"}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> str:
    env_dir = build(tmp_path_factory.mktemp("fresh") / "env")
    return (env_dir / "bin/activate.ps1").read_text(encoding="utf-8-sig")


@pytest.mark.parametrize("what", ["blocks", "printed", "session"])
def test_the_whole_text(what: str, fresh: str) -> None:
    active = activation(Path("/srv/it's/.envctl/envs/1"), VALUES)
    match what:
        case "blocks":
            patched = powershell.patch({"activate.ps1": fresh}, active, built_at="/b")
            text = blocks(patched["activate.ps1"])
        case "printed":
            text = script(active, "pwsh")
        case _:
            active = activation(Path("/srv/env"), {"A": "1", "GITHUB_TOKEN": "t0ken"})
            session = shell_command("/usr/bin/pwsh", active, {"A": "0"}, folder="/tmp/f")
            text = shown(session)
    name = f"powershell-{what}.{'json' if what == 'session' else 'ps1'}"
    assert text == expected(name, text)


def test_rendering_again_replaces_the_blocks(fresh: str) -> None:
    one = activation(Path("/srv/env"), {"A": HOSTILE["marker"], "B": ""})
    two = activation(Path("/srv/env"), {"A": "2"})
    rendered = powershell.patch({"activate.ps1": fresh}, two, built_at="/b")
    through = powershell.patch({"activate.ps1": fresh}, one, built_at="/b")
    assert powershell.patch(through, two, built_at="/b") == rendered
    rest = re.sub(
        r"^ *# >>> envctl >>>\n.*?^ *# <<< envctl <<<\n",
        "",
        rendered["activate.ps1"],
        flags=re.MULTILINE | re.DOTALL,
    )
    assert rest == fresh


def test_the_undoing_comes_first_in_deactivate(fresh: str) -> None:
    text = powershell.patch({"activate.ps1": fresh}, activation(Path("/e"), {}), built_at="")
    body = text["activate.ps1"].split("function global:deactivate", 1)[1].split("\n", 1)[1]
    assert body.startswith("    # >>> envctl >>>\n    if (Test-Path variable:_ENVCTL_OLD)")


def test_an_empty_value_is_refused_before_anything_is_changed(fresh: str) -> None:
    active = activation(Path("/e"), {"EMPTY": ""})
    text = powershell.patch({"activate.ps1": fresh}, active, built_at="")["activate.ps1"]
    assert text.index("throw 'envctl: EMPTY is declared as empty") < text.index(
        "deactivate -nondestr"
    )
    assert script(active, "pwsh").startswith("if (($PSVersionTable")


def test_a_secret_is_in_no_file(built: list[Path]) -> None:
    active = activation(built[0], {"GITHUB_TOKEN": "t0ken"})
    session = shell_command("pwsh", active, {}, folder="/f")
    assert "t0ken" not in "".join([*session.files.values(), *session.argv])
    assert "t0ken" in session.env["_ENVCTL_SECRETS"]
    assert (
        "t0ken" not in (fill(built[0], {"GITHUB_TOKEN": "t0ken"}) / "bin/activate.ps1").read_text()
    )


def test_a_foreign_script_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailure):
        powershell.patch({"activate.ps1": "$x = 1\n"}, activation(tmp_path, {}), built_at="")
