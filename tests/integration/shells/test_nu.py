"""What is particular to nushell: overlays, its own names for them, JSON, subshells, quoting."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envctl.adapters import activators
from envctl.emitters.shells import nu
from envctl.errors import EnvironmentFailure
from envctl.usecases.activate import script, shell_command
from tests.integration.shells.dialect_nu import Nu
from tests.integration.shells.dialects import found
from tests.integration.shells.stage import (
    DEVICES,
    activation,
    build,
    enter,
    execute,
    fill,
    missing,
    noted,
    prober,
    unalike,
)
from tests.integration.shells.steps import Leave
from tests.integration.shells.terminal import converse

SHELL = Nu()


@pytest.fixture(autouse=True)
def installed() -> None:
    if not found(SHELL):
        missing(SHELL)


def overlay(link: Path) -> str:
    return SHELL.say(enter(link))


def program() -> str:
    return shutil.which("nu") or missing(SHELL)


def home(tmp_path: Path, probe: list[str]) -> dict[str, str]:
    """The user's own start-up file: a variable, a prompt, and the tests' probe."""
    config = tmp_path / ".config/nushell/config.nu"
    config.parent.mkdir(parents=True)
    config.write_text(
        '$env.A = "rc"\n$env.config.show_banner = false\n$env.PROMPT_COMMAND = {|| "mine" }\n'
        + SHELL.script([], probe)
    )
    path = os.environ["PATH"]
    return {"HOME": str(tmp_path), "PATH": path, "LC_ALL": "C.UTF-8", "TERM": "dumb"}


def test_a_script_rendered_anew_undoes_what_the_one_before_had_set(
    built: list[Path], tmp_path: Path
) -> None:
    link = fill(built[0], {"GONE": "1", "MINE": "1", "A": "1"})
    keep = tmp_path / "old/activate.nu"
    keep.parent.mkdir()
    keep.write_bytes((link / "bin/activate.nu").read_bytes())
    fill(built[0], {"A": "2"})
    said = execute(
        SHELL,
        f"probe before\noverlay use {nu.quote(str(keep))}\n{overlay(link)}probe inside\n"
        "deactivate\nprobe after\n",
        tmp_path,
        {"MINE": "mine"},
    )
    assert (said["inside"]["A"], said["inside"]["MINE"]) == ("2", "mine")
    assert "GONE" not in said["inside"]
    assert not unalike(said["before"], said["after"])


def test_an_overlay_may_have_a_name_of_its_own(built: list[Path], tmp_path: Path) -> None:
    one, two = fill(built[0], {"A": "1", "B": "1"}), fill(built[1], {"A": "2"})
    said = execute(
        SHELL,
        f"probe before\n{overlay(one).strip()} as mine\n{overlay(two)}probe two\ndeactivate\n"
        "probe one\noverlay hide mine\nprobe after\n",
        tmp_path,
        {"A": ""},
    )
    assert (said["two"]["A"], said["two"].get("B")) == ("2", None)
    assert (said["one"]["A"], said["one"]["B"]) == ("1", "1")
    assert not unalike(said["before"], said["after"])


def test_nothing_of_envctl_is_left_in_the_shell(built: list[Path], tmp_path: Path) -> None:
    link = fill(built[0], {"A": "1", DEVICES: "0"})
    left = "(scope commands | get name) ++ (scope aliases | get name) ++ ($env | columns)"
    said = execute(
        SHELL,
        f"let before = ({left})\n{overlay(link)}{overlay(link)}deactivate\n"
        f"print ({left} | where {{|name| $name not-in $before }} | to json --raw)\n",
        tmp_path,
        {"A": "x"},
    )
    assert json.loads(said.stdout) == []


def test_names_that_differ_in_case_only_are_two(built: list[Path], tmp_path: Path) -> None:
    link = fill(built[0], {"http_proxy": "declared"})
    before = {"HTTP_PROXY": "mine"}
    said = execute(
        SHELL,
        f"{overlay(link)}{overlay(link)}probe inside\ndeactivate\nprobe after\n",
        tmp_path,
        before,
    )
    assert (said["inside"]["http_proxy"], said["inside"]["HTTP_PROXY"]) == ("declared", "mine")
    assert (said["after"].get("http_proxy"), said["after"]["HTTP_PROXY"]) == (None, "mine")


def test_what_is_printed_is_plain_json(built: list[Path]) -> None:
    text = script(activation(built[0], {"A": "é\n", "GITHUB_TOKEN": "t"}), "nu")
    assert json.loads(text) == {"A": "é\n", "GITHUB_TOKEN": "t"}
    assert text.isascii()


def test_every_line_may_be_typed_at_a_prompt(built: list[Path], tmp_path: Path) -> None:
    env = home(tmp_path, prober(tmp_path))
    link = fill(built[0], {"A": "1", "GONE": "1"})
    code = tmp_path / "printed"
    code.write_text(script(activation(built[0], {"A": "2"}), "nu"))
    anew = f"^cp {nu.quote(str(tmp_path / 'anew'))} {nu.quote(str(link / 'bin/activate.nu'))}"
    (tmp_path / "anew").write_text(
        (link / "bin/activate.nu").read_text().replace('"A": "1", "GONE": "1"', '"A": "3"')
    )
    lines = [
        "probe before",
        overlay(link).strip(),
        "probe inside",
        f"open --raw {nu.quote(str(code))} | envctl-load",
        "probe loaded",
        anew,
        overlay(link).strip(),
        "probe anew",
        SHELL.say(Leave()).strip(),
        "probe after",
        "exit 7",
    ]
    status, shown = converse([program()], env, lines)
    said = noted(tmp_path)
    assert status == 7, shown
    assert [said[at]["A"] for at in ("inside", "loaded", "anew")] == ["1", "2", "3"]
    assert [said[at].get("GONE") for at in ("inside", "loaded", "anew")] == ["1", None, None]
    assert not unalike(said["before"], said["after"])


def test_a_subshell_activates_after_the_users_own_files(built: list[Path], tmp_path: Path) -> None:
    env = home(tmp_path, prober(tmp_path))
    fill(built[0], {"A": "baked", "GONE": "baked"})
    active = activation(built[0], {"A": "1", "GITHUB_TOKEN": "t'0\nken"})
    folder = tmp_path / "it's rc"
    folder.mkdir()
    session = shell_command(program(), active, env, folder=str(folder))
    assert "ken" not in "".join([*session.files.values(), *session.argv])
    for name, text in session.files.items():
        Path(name).write_text(text)
    lines = ["probe inside", "deactivate", "probe after", "exit 7"]
    status, shown = converse(session.argv, session.env, lines)
    assert status == 7, shown
    said = noted(tmp_path)
    assert (said["inside"]["A"], said["inside"]["GITHUB_TOKEN"]) == ("1", "t'0\nken")
    assert said["inside"]["PATH"].split(":")[0] == f"{built[0]}/bin"
    assert "(demo) mine" in shown or "(abc123) mine" in shown
    for at in ("inside", "after"):
        assert not {"GONE", "_ENVCTL_SECRETS"} & {*said[at]}
    assert (said["after"]["A"], said["after"].get("GITHUB_TOKEN")) == ("rc", None)
    assert not folder.exists()


def test_a_subshell_in_an_environment_of_another_tool(tmp_path: Path) -> None:
    env = home(tmp_path, prober(tmp_path))
    env_dir = build(tmp_path.resolve() / "foreign")
    active = activation(env_dir, {"A": "1", DEVICES: "2", "GITHUB_TOKEN": "t0ken"})
    folder = tmp_path / "rc"
    folder.mkdir()
    session = shell_command(program(), active, {**env, "SLURM_JOB_ID": "7"}, folder=str(folder))
    for name, text in session.files.items():
        Path(name).write_text(text)
    lines = ["probe inside", "deactivate", "probe after", "exit 7"]
    status, shown = converse(session.argv, session.env, lines)
    assert status == 7, shown
    said = noted(tmp_path)
    assert (said["inside"]["A"], said["inside"]["GITHUB_TOKEN"]) == ("1", "t0ken")
    assert DEVICES not in said["inside"]
    assert (said["after"]["A"], said["after"].get("GITHUB_TOKEN")) == ("rc", None)
    assert not folder.exists()


def test_an_environment_built_elsewhere_bakes_its_final_path(tmp_path: Path) -> None:
    staged = build(tmp_path.resolve() / "staged #'it's'##")
    final = tmp_path.resolve() / "final '#$é"
    activators.install(staged, activation(final, {"A": "1"}))
    staged.rename(final)
    assert "activate.nu" not in activators.outdated(final, activation(final, {"A": "1"}))
    said = execute(
        SHELL, f"overlay use {nu.quote(f'{final}/bin/activate.nu')}\nprobe inside\n", tmp_path
    )
    assert said["inside"]["VIRTUAL_ENV"] == str(final)
    assert said["inside"]["A"] == "1"


def test_a_foreign_script_is_refused(tmp_path: Path) -> None:
    foreign = {"activate.nu": 'export-env { $env.VIRTUAL_ENV = "x" }\n'}
    with pytest.raises(EnvironmentFailure):
        nu.patch(foreign, activation(tmp_path, {}), built_at=str(tmp_path))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8")), max_size=60))
def test_any_text_is_quoted_exactly(texts: list[str]) -> None:
    code = f"[{', '.join(map(nu.quote, texts))}] | to json --raw"
    ended = subprocess.run(
        [program(), "--no-config-file", "--stdin", "-c", f"print ({code})"],
        input=b"",
        capture_output=True,
        check=True,
    )
    assert json.loads(ended.stdout) == texts
