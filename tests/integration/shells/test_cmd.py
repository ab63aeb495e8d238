"""cmd, which runs on Windows only: its code is parsed, its quoting read back, and compared with golden files.

The scripts are those that virtualenv writes on Windows. By hand they were run in wine's cmd too (docs/how-to/activate).
"""

import re
from pathlib import PureWindowsPath
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from virtualenv.activation.batch import BatchActivator

from envctl.domain.environment.activation import Activation, declared
from envctl.emitters.shells import cmd
from envctl.errors import EnvironmentFailure, ManifestError
from envctl.usecases.activate import script, shell_command
from tests.integration.shells.golden import expected, shown
from tests.integration.shells.grammar import mistakes
from tests.integration.shells.stage import DEVICES, HOSTILE

AT = r"C:\it's 100%\.envctl\envs\1"
REFUSED = {label for label, value in HOSTILE.items() if not value or {"\n", "\r"} & {*value}}


def written(built_at: str = AT) -> dict[str, str]:
    """What virtualenv writes on Windows for an environment at this path."""
    dest = PureWindowsPath(built_at)
    creator: Any = SimpleNamespace(
        dest=dest, bin_dir=dest / "Scripts", env_name=dest.name, interpreter=SimpleNamespace()
    )
    options: Any = SimpleNamespace(prompt=None)
    activator = BatchActivator(options)
    given = activator.replacements(creator, creator.bin_dir)
    texts = {name: activator.instantiate_template(given, name, creator) for name in cmd.SCRIPTS}
    assert all("\r\n" in text for text in texts.values())
    return texts


def activation(environment: str = AT, /, **values: str) -> Activation:
    return Activation(environment=environment, variables=declared(values), prompt="demo")


def patched(active: Activation, built_at: str = AT) -> dict[str, str]:
    return dict(cmd.patch(written(built_at), active, built_at=built_at))


def run_set(line: str) -> tuple[str, str]:
    """What cmd does with a line of a batch file that is one `set`, and nothing else.

    After D. Benham's account of cmd's parser: `%%` first, then quotes and carets, then `set`'s own last quote.
    """
    assert not re.search("[\n\r\x1a\0]", line)
    assert re.fullmatch("(?:[^%]|%%)*", line)
    line, seen, quoted, at = line.replace("%%", "%"), "", False, 0
    while at < len(line):
        if line[at] == "^" and not quoted:
            at += 1
        elif line[at] == '"':
            quoted = not quoted
        else:
            assert quoted or line[at] not in "&|<>()", f"`{line[at]}` is the line's own"
        seen += line[at]
        at += 1
    assert "/?" not in seen or seen.startswith('@set "')
    word = seen.removeprefix("@set ")
    if word.startswith('"'):
        word = word[1 : word.rindex('"')]
    name, _, value = word.partition("=")
    return name, value


CHARACTERS = st.one_of(st.sampled_from('"&|<>^%!()/? ='), st.characters(codec="utf-8"))


@given(st.text(CHARACTERS, max_size=40))
def test_any_value_is_set_exactly_or_refused(value: str) -> None:
    if cmd.refused(value):
        with pytest.raises(ManifestError):
            script(activation(A=value), "cmd")
        return
    code = script(activation(A=value), "cmd")
    line = next(line for line in code.split("\n") if line.startswith(("@set A=", '@set "A=')))
    assert run_set(line) == ("A", value)


@given(st.text(CHARACTERS, max_size=40).filter(lambda value: not cmd.refused(value)))
def test_the_parser_sees_one_command_in_it(value: str) -> None:
    # The grammar takes these for white space or the end of a line, as no cmd does.
    if not re.search(
        "[\x00-\x1f\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f\u3000\ufeff]", value
    ):
        assert not mistakes("cmd", f"@set A=0\n{cmd.setting('A', value)}")


@pytest.mark.parametrize("label", [label for label in HOSTILE if label not in REFUSED])
def test_every_text_that_holds_a_value_parses(label: str) -> None:
    value = HOSTILE[label]
    active = activation(A=value, CUDA_VISIBLE_DEVICES=value, GITHUB_TOKEN=value)
    session = shell_command("cmd", active, {}, folder=r"C:\Temp\f")
    texts = [*patched(active).values(), script(active, "cmd"), *session.files.values()]
    for text in texts:
        assert not mistakes("cmd", text.replace("\r\n", "\n"))


@pytest.mark.parametrize("label", sorted(REFUSED))
def test_what_cmd_cannot_hold_is_refused_with_a_message(label: str) -> None:
    active = activation(A=HOSTILE[label])
    for refuse in (
        lambda: script(active, "cmd"),
        lambda: shell_command("cmd", active, {}, folder="C:\\f"),
        lambda: cmd.quote(HOSTILE[label]),
    ):
        with pytest.raises(ManifestError) as failed:
            refuse()
        assert re.search("a line break|is empty", str(failed.value))
        assert "PowerShell" in (failed.value.hint or "")


@pytest.mark.parametrize("label", sorted(REFUSED))
def test_activate_bat_says_so_and_does_nothing(label: str) -> None:
    texts = patched(activation(A=HOSTILE[label], B="fine"))
    lines = texts["activate.bat"].split("\r\n")
    assert lines[0] == "@REM >>> envctl >>>"
    assert re.fullmatch(r"@echo envctl: A (holds|is) [\w .,+]+ 1>&2", lines[1])
    assert lines[2] == "@exit /b 1"
    assert "B=fine" not in texts["activate.bat"]


@pytest.mark.parametrize("value", ["\x1a", "\0", 'a "b" /?'])
def test_what_else_ends_a_line_is_refused(value: str) -> None:
    with pytest.raises(ManifestError):
        cmd.quote(value)


def test_a_line_has_a_limit() -> None:
    fits = 8191 - len('@set "A="\r\n') + len("\r")
    script(activation(A="x" * fits), "cmd")
    for too_long in ("x" * (fits + 1), "🦔" * (fits // 2 + 1), "%" * (fits // 2 + 1), "x" * 30_000):
        with pytest.raises(ManifestError, match="8191"):
            script(activation(A=too_long), "cmd")


def test_an_exclamation_mark_needs_delayed_expansion_off() -> None:
    plain, loud = activation(A="x"), activation(A="x!")
    assert "!!" not in script(plain, "cmd")
    assert script(loud, "cmd").startswith('@if "!!"=="" @echo envctl: A holds')
    assert "!!" not in patched(plain)["activate.bat"]
    assert patched(loud)["activate.bat"].startswith('@REM >>> envctl >>>\r\n@if "!!"=="" @echo')


VALUES = {"A": 'say "hi" & go', "B": "50% ^ é", DEVICES: "2", "PYTHONHASHSEED": "0"}


@pytest.mark.parametrize("what", ["blocks", "printed", "session"])
def test_the_whole_text(what: str) -> None:
    active = activation(**VALUES)
    match what:
        case "blocks":
            text = "\n".join(
                "".join(
                    re.findall(
                        r"^@REM >>> envctl >>>\r\n.*?^@REM <<< envctl <<<\r\n",
                        each,
                        re.MULTILINE | re.DOTALL,
                    )
                )
                for each in patched(active).values()
            ).replace("\r\n", "\n")
        case "printed":
            text = script(active, "cmd")
        case _:
            active = activation(A="1", GITHUB_TOKEN='t"0&ken')
            session = shell_command("cmd", active, {"A": "0"}, folder=r"C:\Temp\f")
            text = shown(session)
    name = f"cmd-{what}.{'json' if what == 'session' else 'cmd'}"
    assert text == expected(name, text)


def test_a_secret_is_in_no_file_of_a_session() -> None:
    active = activation(GITHUB_TOKEN="t0ken")
    session = shell_command("cmd", active, {}, folder="C:\\f")
    assert "t0ken" not in "".join([*session.files.values(), *session.argv])
    assert "t0ken" in session.env.values()
    assert "t0ken" not in "".join(patched(active).values())


def test_rendering_again_replaces_the_blocks() -> None:
    one, two = activation(A="!", B="1"), activation(A="2")
    through = cmd.patch(patched(one), two, built_at=AT)
    assert through == patched(two)
    for name, text in through.items():
        rest = re.sub(
            r"^@REM >>> envctl >>>\r\n.*?^@REM <<< envctl <<<\r\n",
            "",
            text,
            flags=re.MULTILINE | re.DOTALL,
        )
        assert rest == written()[name]
        assert "\n" not in text.replace("\r\n", "")


def test_the_variables_are_set_while_the_code_page_is_utf_8() -> None:
    text = patched(activation(A="é"))["activate.bat"]
    assert text.index("65001") < text.index('@set "A=é"') < text.index("%_OLD_CODEPAGE% > nul")


@pytest.mark.parametrize("final", [r"D:\final 50%\env", r"C:\it's 100%\.envctl\envs\1\x"])
def test_the_final_path_is_baked(final: str) -> None:
    assert patched(activation(final, A="1")) == patched(activation(final, A="1"), final)


@pytest.mark.parametrize("final", ["C:\\a&b", "C:\\a!b", "C:\\a^b"])
def test_a_path_that_virtualenv_refuses_is_refused(final: str) -> None:
    with pytest.raises(EnvironmentFailure):
        patched(activation(final))
    with pytest.raises(EnvironmentFailure):
        script(activation(final), "cmd")


def test_foreign_scripts_are_refused() -> None:
    foreign = {**written(), "activate.bat": "@echo mine\r\n"}
    with pytest.raises(EnvironmentFailure):
        cmd.patch(foreign, activation(), built_at=AT)
