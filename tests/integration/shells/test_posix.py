"""What is particular to bash, zsh, dash and sh: options, scopes, rc files of subshells, quoting."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from uv import find_uv_bin

from envctl.adapters import activators
from envctl.domain.environment.activation import Activation, declared
from envctl.emitters.shells import posix
from envctl.errors import EnvironmentFailure
from envctl.usecases.activate import script, shell_command
from tests.integration.shells.dialects import DIALECTS, found
from tests.integration.shells.stage import (
    DEVICES,
    activation,
    build,
    execute,
    fill,
    missing,
    unalike,
)
from tests.integration.shells.steps import Dialect


@pytest.fixture(params=["bash", "zsh", "dash", "sh"])
def shell(request: pytest.FixtureRequest) -> Dialect:
    dialect = DIALECTS[request.param]
    if not found(dialect):
        missing(dialect)
    return dialect


def source(link: Path) -> str:
    return f". {shlex.quote(str(link))}/bin/activate\n"


def evaluated(env_dir: Path, values: Mapping[str, str]) -> str:
    """The same as typing `eval "$(envctl activate)"`."""
    code = script(activation(env_dir, values), "sh")
    return f'eval "$(printf %s {shlex.quote(code)})"\n'


@pytest.mark.parametrize("options", ["set -eu", "set -u", "set -e", "set -f", "IFS=':x'", "set -a"])
def test_unset_empty_and_set_come_back_as_they_were(
    shell: Dialect, options: str, built: list[Path], tmp_path: Path
) -> None:
    link = fill(built[0], {"WAS_UNSET": "1", "WAS_EMPTY": "2", "WAS_SET": "3"})
    said = execute(
        shell,
        f"probe before\n{options}\n{source(link)}probe inside\ndeactivate\nprobe after\n",
        tmp_path,
        {"WAS_EMPTY": "", "WAS_SET": "before"},
    )
    names = ("WAS_UNSET", "WAS_EMPTY", "WAS_SET")
    assert [said["inside"][name] for name in names] == ["1", "2", "3"]
    assert [said["after"].get(name) for name in names] == [None, "", "before"]
    # `set -a` exports whatever is assigned, virtualenv's variables included
    assert options == "set -a" or not unalike(said["before"], said["after"])


def test_what_was_not_exported_is_not_exported_afterwards(
    shell: Dialect, built: list[Path], tmp_path: Path
) -> None:
    link = fill(built[0], {"A": "1", "B": "2"})
    said = execute(
        shell,
        f"A=mine\nB=\n{source(link)}{source(link)}probe inside\ndeactivate\nprobe after\n"
        'printf "%s" "$A:${B+x}$B"',
        tmp_path,
    )
    assert said["inside"]["A"] == "1"
    assert not {"A", "B"} & {*said["after"]}
    assert said.stdout == "mine:x"


def test_a_script_rendered_anew_undoes_what_the_one_before_had_set(
    shell: Dialect, built: list[Path], tmp_path: Path
) -> None:
    link = fill(built[0], {"GONE": "1", "A": "1"})
    old = (link / "bin/activate").read_text()
    fill(built[0], {"A": "2"})
    keep = tmp_path / "old"
    keep.write_text(old)
    said = execute(
        shell,
        f"probe before\n. {shlex.quote(str(keep))}\n{source(link)}probe inside\n"
        "deactivate\nprobe after\n",
        tmp_path,
        {"GONE": "mine"},
    )
    assert (said["inside"]["A"], said["inside"]["GONE"]) == ("2", "mine")
    assert not unalike(said["before"], said["after"])


def test_nothing_of_envctl_is_left_in_the_shell(
    shell: Dialect, built: list[Path], tmp_path: Path
) -> None:
    values = {"A": "1", "B": "2", DEVICES: "0"}
    link = fill(built[0], values)
    left = "set | grep -i -e ^_envctl -e ^_old -e ^virtual || :\n"
    functions = "PATH=\ncommand -v deactivate _envctl_set || :\n"
    said = execute(
        shell,
        f"A=x\n{source(link)}{evaluated(built[0], values)}deactivate\n{left}{functions}",
        tmp_path,
        {"B": "y"},
    )
    assert said.stdout == ""


def test_an_environment_built_elsewhere_bakes_its_final_path(
    shell: Dialect, tmp_path: Path
) -> None:
    staged = build(tmp_path.resolve() / "staged it's")
    final = tmp_path.resolve() / "final $é"
    activators.install(staged, activation(final, {"A": "1"}))
    staged.rename(final)
    assert activators.outdated(final, activation(final, {"A": "1"})) == ()
    said = execute(shell, f". {shlex.quote(str(final))}/bin/activate\nprobe inside\n", tmp_path)
    assert said["inside"]["VIRTUAL_ENV"] == str(final)
    assert said["inside"]["A"] == "1"


def test_a_project_behind_a_link(shell: Dialect, tmp_path: Path) -> None:
    (tmp_path / "home").symlink_to(tmp_path / "mnt")
    env_dir = build(tmp_path / "home/env")
    active = activation(env_dir, {"A": "1"})
    assert "activate" in activators.install(env_dir, active)
    assert activators.install(env_dir, active) == ()
    said = execute(shell, f". {shlex.quote(str(env_dir))}/bin/activate\nprobe inside\n", tmp_path)
    assert said["inside"]["VIRTUAL_ENV"] == str(env_dir)


ZSH_OPTIONS = [
    "ksh_arrays",
    "rc_quotes",
    "glob_subst",
    "sh_word_split",
    "magic_equal_subst",
    "null_glob",
    "extended_glob",
    "warn_create_global",
    "err_return",
]


@pytest.mark.parametrize("option", ZSH_OPTIONS)
def test_every_zsh_has_its_own_options(option: str, built: list[Path], tmp_path: Path) -> None:
    zsh = DIALECTS["zsh"]
    if not found(zsh):
        missing(zsh)
    values = {"A": "'a''b' ~ #x $x *", "B": "''"}
    link = fill(built[0], values)
    said = execute(
        zsh,
        f"setopt {option}\n{source(link)}{evaluated(built[0], values)}probe inside\n"
        "deactivate\nprobe after\n",
        tmp_path,
        {"B": "'"},
    )
    assert {name: said["inside"][name] for name in values} == values
    assert (said["after"].get("A"), said["after"]["B"]) == (None, "'")


def interactive(
    shell: Dialect, lines: str, tmp_path: Path, active: Activation, before: Mapping[str, str]
) -> tuple[subprocess.CompletedProcess[str], Path]:
    folder = tmp_path / "it's rc"
    folder.mkdir()
    home = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **before}
    program = shutil.which(shell.NAME) or missing(shell)
    session = shell_command(program, active, home, folder=str(folder))
    for name, text in session.files.items():
        Path(name).write_text(text)
    ended = subprocess.run(
        session.argv, env=session.env, input=lines, capture_output=True, text=True, check=False
    )
    return ended, folder


def test_a_subshell_activates_after_the_users_own_files(
    shell: Dialect, built: list[Path], tmp_path: Path
) -> None:
    rc = 'PS1="mine> "\nA=rc\nexport A\nPATH="/opt/rc:$PATH"\nOWN_RC="$OWN_RC-ran"\n'
    names = {"bash": ".bashrc", "zsh": ".zshrc"}
    (tmp_path / names.get(shell.NAME, "my rc")).write_text(rc)
    (tmp_path / ".zshenv").write_text("OWN_RC=zshenv\n")
    fill(built[0], {"A": "baked"})
    active = activation(built[0], {"A": "1", "GITHUB_TOKEN": "t'0\nken"})
    before = {"ENV": "$HOME/my rc"} if shell.NAME in {"dash", "sh"} else {}
    ended, folder = interactive(
        shell,
        'printf "[%s]" "$A" "$GITHUB_TOKEN" "${PATH%%:*}" "$OWN_RC" "${ENV-none}" "${ZDOTDIR-none}"\n'
        'printf "[%s]" "$PS1" "${_ENVCTL_SECRETS-none}"\n'
        'deactivate\nprintf "[%s]" "$A" "${PATH%%:*}"\nexit 7\n',
        tmp_path,
        active,
        before,
    )
    assert ended.returncode == 7, ended.stderr
    seen = ended.stdout.strip("[]").split("][")
    ran = "zshenv-ran" if shell.NAME == "zsh" else "-ran"
    assert seen[:4] == ["1", "t'0\nken", f"{built[0]}/bin", ran]
    assert seen[4:6] == [before.get("ENV", "none"), "none"]
    assert seen[6].endswith("mine> ")
    assert seen[6] != "mine> "
    assert seen[7:] == ["none", "rc", "/opt/rc"]
    assert not folder.exists()


def test_a_zsh_user_may_keep_the_files_elsewhere(built: list[Path], tmp_path: Path) -> None:
    dots = tmp_path / "dots"
    dots.mkdir()
    (tmp_path / ".zshenv").write_text("ZDOTDIR=$HOME/dots\n")
    (dots / ".zshrc").write_text("OWN=dots\n")
    fill(built[0], {})
    ended, _ = interactive(
        DIALECTS["zsh"],
        'printf "[%s]" "$OWN" "$ZDOTDIR" "$A"\n',
        tmp_path,
        activation(built[0], {"A": "1"}),
        {},
    )
    assert ended.stdout == f"[dots][{dots}][1]"


def test_install_says_what_changed_and_keeps_the_mode(tmp_path: Path) -> None:
    env_dir = build(tmp_path.resolve() / "env")
    active = activation(env_dir, {"A": "1"})
    mode = (env_dir / "bin/activate").stat().st_mode
    changed = activators.outdated(env_dir, active)
    assert {"activate", "activate.fish", "activate.csh", "deactivate.csh"} <= {*changed}
    assert activators.install(env_dir, active) == changed
    assert activators.install(env_dir, active) == ()
    assert (env_dir / "bin/activate").stat().st_mode == mode


def test_a_missing_script_is_an_error_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    with pytest.raises(EnvironmentFailure) as failed:
        activators.install(tmp_path, activation(tmp_path, {}))
    assert failed.value.where == str(tmp_path / "bin/activate")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8")), max_size=60))
def test_any_text_is_quoted_exactly(texts: list[str]) -> None:
    words = " ".join(posix.quote(text) for text in texts)
    ended = subprocess.run(
        ["sh"], input=f"printf '%s\\0' {words}\n".encode(), capture_output=True, check=True
    )
    assert ended.stdout.decode() == "".join(f"{text}\0" for text in texts or [""])


@pytest.mark.parametrize("maker", ["venv", "uv", "virtualenv"])
def test_another_tools_environment_puts_the_variables_back(
    shell: Dialect, maker: str, tmp_path: Path
) -> None:
    made = tmp_path.resolve() / "their's"
    argv = {
        "venv": [sys.executable, "-m", "venv", "--without-pip", str(made)],
        "uv": [find_uv_bin(), "venv", "--quiet", "--python", sys.executable, str(made)],
        "virtualenv": [sys.executable, "-m", "virtualenv", "--no-seed", "--quiet", str(made)],
    }[maker]
    subprocess.run(argv, check=True, cwd=tmp_path)
    active = Activation(
        environment=str(made), variables=declared({"A": "1", "B": "2"}), foreign=True
    )
    code = f'eval "$(printf %s {shlex.quote(script(active, "sh"))})"\n'
    said = execute(
        shell,
        f"set -eu\nPS1=mine\nprobe before\n{code}{code}probe inside\ndeactivate\nprobe after\n"
        'printf "%s" "$PS1"\nPATH=\n! command -v deactivate\n',
        tmp_path,
        {"A": "", "PYTHONHOME": "/x", "PKG_CONFIG_PATH": "/before"},
    )
    assert (said["inside"]["A"], said["inside"]["B"]) == ("1", "2")
    assert said["inside"]["PATH"].split(":")[0] == f"{made}/bin"
    assert unalike(said["before"], said["after"]) <= {"PS1"}  # they export it
    assert said.stdout == "mine"
