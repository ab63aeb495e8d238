"""What the user's own shell has made of its variables: read-only, empty, not exported, a parameter of the shell."""

import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from envctl.emitters.shells import csh
from tests.integration.shells.dialects import DIALECTS, found
from tests.integration.shells.stage import (
    activation,
    build,
    execute,
    fill,
    missing,
    unalike,
)
from tests.integration.shells.steps import Dialect
from tests.integration.shells.test_posix import evaluated, interactive, source

POSIX = ["bash", "zsh", "dash", "sh"]
SAVED = ["PKG_CONFIG_PATH", "PYTHONHOME", "TCL_LIBRARY", "TK_LIBRARY"]


def installed(name: str) -> Dialect:
    if not found(DIALECTS[name]):
        missing(DIALECTS[name])
    return DIALECTS[name]


@pytest.fixture(params=POSIX)
def shell(request: pytest.FixtureRequest) -> Dialect:
    return installed(request.param)


@pytest.mark.parametrize("options", ["", "set -eu\n"])
def test_what_is_read_only_stays_and_all_else_is_set(
    shell: Dialect, options: str, built: list[Path], tmp_path: Path
) -> None:
    values = {"A": "1", "FIXED": "declared", "NONE": "declared", "Z": "2"}
    link = fill(built[0], values)
    code = evaluated(built[0], values)
    said = execute(
        shell,
        f"readonly FIXED NONE\n{options}probe before\n{source(link)}probe inside\n{code}"
        f"probe eval\ndeactivate\nprobe after\nreadonly A\n{source(link)}probe again\ndeactivate\n",
        tmp_path,
        {"FIXED": "mine"},
    )
    for at in ("inside", "eval"):
        assert (said[at]["A"], said[at]["FIXED"], said[at]["Z"]) == ("1", "mine", "2")
        assert said[at]["VIRTUAL_ENV"] == str(built[0])
    assert not said["inside"].get("NONE")  # zsh makes it empty
    assert not unalike(said["before"], said["after"])
    assert said["again"]["Z"] == "2"
    # once for each activation: two, then one of three names
    assert said.stderr.count("does not let FIXED be set") == 3, said.stderr
    assert said.stderr.count("does not let A be set") == 1
    assert said.stderr.count("\n") == 7


def test_what_became_read_only_inside_does_not_keep_the_rest_from_coming_back(
    shell: Dialect, built: list[Path], tmp_path: Path
) -> None:
    link = fill(built[0], {"A": "1", "B": "2", "C": "3"})
    said = execute(
        shell,
        f"{source(link)}readonly B\ndeactivate\nprobe after\n",
        tmp_path,
        {"A": "mine", "C": "own"},
    )
    assert [said["after"].get(name) for name in "ABC"] == ["mine", "2", "own"]
    assert "VIRTUAL_ENV" not in said["after"]
    assert said.stderr.count("B is read-only by now") == 1


@pytest.mark.parametrize("line", ["typeset -r FIXED=ro", "set -u", "set -eu; typeset -r FIXED=ro"])
def test_zsh_cannot_hold_every_value(line: str, built: list[Path], tmp_path: Path) -> None:
    """COLUMNS is a number there, and its value an expression."""
    zsh = installed("zsh")
    link = fill(built[0], {"A": "1", "COLUMNS": "abc", "FIXED": "x", "Z": "2"})
    said = execute(
        zsh,
        f"{line}\n{source(link)}probe inside\ndeactivate\nprobe after\n",
        tmp_path,
    )
    assert (said["inside"]["A"], said["inside"]["Z"]) == ("1", "2")
    assert "does not let COLUMNS be set" in said.stderr
    assert not {"A", "COLUMNS", "FIXED", "Z", "VIRTUAL_ENV"} & {*said["after"]}


ZSH_OWN = {
    "COLUMNS": "77",
    "LINES": "33",
    "HISTSIZE": "9",
    "CDPATH": "/a:/b",
    "HISTCHARS": "@^#",
    "LISTMAX": "7",
    "MANPATH": "/m",
}


@pytest.mark.parametrize("exported", [False, True])
def test_zshs_own_parameters_are_exported_as_before(
    exported: bool, built: list[Path], tmp_path: Path
) -> None:
    zsh = installed("zsh")
    values = dict(ZSH_OWN)
    link = fill(built[0], values)
    show = "".join(f'printf "[%s]" "${{{name}-none}}"\n' for name in values)
    export = f"export {' '.join(values)}\n" if exported else ""
    said = execute(
        zsh,
        f"{export}probe before\n{show}echo\n{source(link)}probe inside\ndeactivate\n"
        f"probe after\n{show}",
        tmp_path,
    )
    assert {name: said["inside"][name] for name in values} == values
    assert not unalike(said["before"], said["after"])
    before, after = said.stdout.split("\n")
    assert before == after
    assert not said.stderr


def test_zshs_tied_variables_stay_tied(built: list[Path], tmp_path: Path) -> None:
    zsh = installed("zsh")
    link = fill(built[0], {"MY_LIST": "/declared"})
    said = execute(
        zsh,
        "typeset -T MY_LIST my_list\nexport MY_LIST=/a:/b\nprobe before\n"
        f"{source(link)}deactivate\nprobe after\n"
        'my_list+=(/c)\nprintf "%s" "$MY_LIST"\n',
        tmp_path,
    )
    assert said.stdout == "/a:/b:/c"
    assert not unalike(said["before"], said["after"])


@pytest.mark.parametrize("options", ["", "set -eu\n"])
@pytest.mark.parametrize("given", ["unset", "empty", "value", "own empty", "own value"])
def test_what_virtualenv_changes_comes_back_exactly(
    shell: Dialect, given: str, options: str, built: list[Path], tmp_path: Path
) -> None:
    one, two = fill(built[0], {"PKG_CONFIG_PATH": "declared"}), fill(built[1], {})
    value = "/mine" if "value" in given else ""
    for link in (one, two):
        text = (link / "bin/activate").read_text()
        text = text.replace("if [ '' != \"\" ]; then", "if :; then")
        (link / "bin/activate").write_text(text)
        assert text.count("if :; then\n        _OLD_VIRTUAL_T") == 2
    own = "".join(f"{name}={value}\n" for name in SAVED) if given.startswith("own") else ""
    show = "".join(f'printf "[%s]" "${{{name}-none}}"\n' for name in SAVED)
    said = execute(
        shell,
        f"{options}{own}probe before\n{show}echo\n{source(one)}{source(two)}{source(one)}"
        f"probe inside\n{source(two)}deactivate\nprobe after\n{show}",
        tmp_path,
        dict.fromkeys(SAVED, value) if given in {"empty", "value"} else {},
    )
    assert "PYTHONHOME" not in said["inside"]
    assert {"TCL_LIBRARY", "TK_LIBRARY"} <= {*said["inside"]}
    before, after = said.stdout.split("\n")
    assert before == after
    assert not unalike(said["before"], said["after"])


@pytest.mark.parametrize("prompt", ["unset PS1", "PS1=", "export PS1=", "PS1=x", "export PS1=x"])
def test_the_prompt_comes_back_exactly(
    shell: Dialect, prompt: str, built: list[Path], tmp_path: Path
) -> None:
    link = fill(built[0], {})
    said = execute(
        shell,
        f'{prompt}\nprobe before\nprintf "%s" "${{PS1-none}}"\necho\n'
        f'{source(link)}{source(link)}deactivate\nprobe after\nprintf "%s" "${{PS1-none}}"\n',
        tmp_path,
    )
    before, after = said.stdout.split("\n")
    assert before == after
    assert not unalike(said["before"], said["after"])


def test_what_the_user_sets_after_another_tool_has_left_stays(
    shell: Dialect, built: list[Path], tmp_path: Path
) -> None:
    other = build(tmp_path.resolve() / "other's")
    link = fill(built[0], {})
    plain = f". {shlex.quote(str(other))}/bin/activate\n"
    said = execute(
        shell,
        f"{source(link)}{plain}deactivate\nexport PKG_CONFIG_PATH=/new PYTHONHOME=/new\n"
        f"{source(link)}deactivate\nprobe after\n",
        tmp_path,
        {"PKG_CONFIG_PATH": "/old", "PYTHONHOME": "/old"},
    )
    assert [said["after"][name] for name in ("PKG_CONFIG_PATH", "PYTHONHOME")] == ["/new"] * 2


RC: Mapping[str, str] = {"bash": ".bashrc", "zsh": ".zshrc", "dash": "my rc", "sh": "my rc"}


@pytest.mark.parametrize(
    "line",
    [
        "readonly FIXED=ro",
        "readonly VIRTUAL_ENV",
        "readonly PATH",
        "if",
        "set -u",
        "set -a",
        ". /no/such/file",
        "exit 0",
        "return 1",
        "unalias -a; alias rm=false",
    ],
)
def test_whatever_the_users_file_does_no_secret_and_no_file_is_left(
    shell: Dialect, line: str, built: list[Path], tmp_path: Path
) -> None:
    (tmp_path / RC[shell.NAME]).write_text(f"env > {shlex.quote(str(tmp_path))}/seen\n{line}\n")
    fill(built[0], {})
    active = activation(built[0], {"FIXED": "1", "GITHUB_TOKEN": "t0ken"})
    before = {"ENV": "$HOME/my rc"} if RC[shell.NAME] == "my rc" else {}
    lines = 'env | grep ^_ENVCTL_SECRETS\nprintf "[%s]" "${GITHUB_TOKEN-}"\nexit 0\n'
    ended, folder = interactive(shell, lines, tmp_path, active, before)
    assert "_ENVCTL_SECRETS" not in ended.stdout
    assert not folder.exists()
    seen = tmp_path / "seen"
    assert not seen.exists() or "t0ken" not in seen.read_text()
    if line in {"readonly FIXED=ro", "set -u", "set -a"}:
        assert "[t0ken]" in ended.stdout, ended.stderr


@pytest.mark.parametrize("gone", ["envs", "bin"])
def test_tcsh_leaves_what_has_been_removed(gone: str, tmp_path: Path) -> None:
    tcsh = installed("tcsh")
    project = tmp_path.resolve() / "it's $é ! [x]"
    env_dir = build(project / ".envctl/envs/abc123")
    (project / ".venv").symlink_to(".envctl/envs/abc123")
    link = fill(env_dir, {"A": "1", "B": "2"})
    away = {"envs": env_dir.parent, "bin": env_dir / "bin"}[gone]
    enter = f"source {csh.quote(f'{link}/bin/activate.csh')}\n"
    said = execute(
        tcsh,
        f"set prompt = 'mine> '\nprobe before\n{enter}probe inside\n"
        f"mv {csh.quote(str(away))} {csh.quote(str(tmp_path / 'away'))}\n"
        "deactivate\nprobe after\n"
        'echo "$prompt:q"\nset | grep -i -e ^_envctl -e ^_old -e ^virtual -e ^deactivate\n'
        "alias deactivate\nalias pydoc\n:\n",
        tmp_path,
        {"A": "mine\n", "PKG_CONFIG_PATH": "", "PYTHONHOME": "/x"},
    )
    assert said["inside"]["A"] == "1"
    assert not unalike(said["before"], said["after"])
    assert said.stdout == "mine> \n"
    assert not said.stderr
    shutil.rmtree(tmp_path / "away")
