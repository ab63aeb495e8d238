"""What is particular to fish: scopes, lists, what hangs on a variable, subshells, quoting."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envctl.adapters import activators
from envctl.domain.environment.activation import Activation
from envctl.emitters.shells import fish
from envctl.errors import EnvironmentFailure
from envctl.usecases.activate import script, shell_command
from tests.integration.shells.dialect_fish import Fish
from tests.integration.shells.dialects import found
from tests.integration.shells.stage import (
    DEVICES,
    activation,
    build,
    enter,
    evaluate,
    execute,
    fill,
    missing,
    unalike,
)

SHELL = Fish()


@pytest.fixture(autouse=True)
def installed() -> None:
    if not found(SHELL):
        missing(SHELL)


def source(link: Path) -> str:
    return SHELL.say(enter(link)) + "\n"


def test_what_was_not_exported_is_not_exported_afterwards(
    built: list[Path], tmp_path: Path
) -> None:
    link = fill(built[0], {"A": "1", "B": "2", "PKG_CONFIG_PATH": "3"})
    said = execute(
        SHELL,
        f"set -g A mine; set -g B; set -g PKG_CONFIG_PATH x\n{source(link)}{source(link)}"
        "probe inside\ndeactivate\nprobe after\necho $A:(count $B):$PKG_CONFIG_PATH\n",
        tmp_path,
    )
    assert [said["inside"][name] for name in ("A", "B", "PKG_CONFIG_PATH")] == list("123")
    assert not {"A", "B", "PKG_CONFIG_PATH"} & {*said["after"]}
    assert said.stdout == "mine:0:x\n"


def test_lists_and_paths_stay_what_they_were(built: list[Path], tmp_path: Path) -> None:
    names = ("LIST", "COLONS", "SOME_PATH", "PATHS", "NOT_PATH")
    link = fill(built[0], {**dict.fromkeys(names, "1:2"), "LD_LIBRARY_PATH": "/x::/y:"})
    look = "".join(f'set -q --path {n}; echo $status (count ${n}) "${n}"\n' for n in names)
    said = execute(
        SHELL,
        "set -gx LIST 'a b' c; set -gx COLONS a:b c:d; set -gx SOME_PATH /a '' /b\n"
        "set -gx --path PATHS /a /b; set -gx --unpath NOT_PATH a:b c\n"
        f"probe before\n{source(link)}probe inside\ndeactivate\nprobe after\n{look}",
        tmp_path,
    )
    assert {said["inside"][name] for name in names} == {"1:2"}
    assert said["inside"]["LD_LIBRARY_PATH"] == "/x::/y:"
    assert not unalike(said["before"], said["after"])
    assert said.stdout.splitlines() == [
        "1 2 a b c",
        "1 2 a:b c:d",
        "0 3 /a::/b",
        "0 2 /a:/b",
        "1 2 a:b c",
    ]


def test_a_universal_variable_is_neither_written_nor_lost(
    built: list[Path], tmp_path: Path
) -> None:
    link = fill(built[0], {"A": "1", "B": "2"})
    lines = f"probe before\n{source(link)}probe inside\ndeactivate\nprobe after\nset -U\n"
    user = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    set_up = ["fish", "-c", "set -Ux A everywhere; set -U B hidden"]
    subprocess.run(set_up, env=user, check=True, capture_output=True)
    said = execute(WithConfig(), lines, tmp_path)
    assert (said["before"]["A"], said["before"].get("B")) == ("everywhere", None)
    assert (said["inside"]["A"], said["inside"]["B"]) == ("1", "2")
    assert not unalike(said["before"], said["after"])
    assert {"A everywhere", "B hidden"} <= {*said.stdout.splitlines()}


class WithConfig(Fish):
    """fish with the user's files, which universal variables are."""

    def argv(self, body: Path) -> list[str]:
        return [self.NAME, str(body)]


def test_inside_a_function_with_variables_of_the_same_names(
    built: list[Path], tmp_path: Path
) -> None:
    link = fill(built[0], {"A": "1", "name": "2"})
    said = execute(
        SHELL,
        f"probe before\nfunction work\n    set -l A local\n    set -l name n\n    {source(link)}"
        "end\nwork\nprobe inside\nfunction leave\n    set -l A x\n    deactivate\nend\nleave\n"
        "probe after\n",
        tmp_path,
        {"A": "mine"},
    )
    assert (said["inside"]["A"], said["inside"]["name"]) == ("1", "2")
    assert not unalike(said["before"], said["after"])


def test_a_script_rendered_anew_undoes_what_the_one_before_had_set(
    built: list[Path], tmp_path: Path
) -> None:
    link = fill(built[0], {"GONE": "1", "A": "1"})
    keep = tmp_path / "old.fish"
    keep.write_bytes((link / "bin/activate.fish").read_bytes())
    fill(built[0], {"A": "2"})
    said = execute(
        SHELL,
        f"probe before\nsource {fish.quote(str(keep))}\n{source(link)}probe inside\n"
        "deactivate\nprobe after\n",
        tmp_path,
        {"GONE": "mine"},
    )
    assert (said["inside"]["A"], said["inside"]["GONE"]) == ("2", "mine")
    assert not unalike(said["before"], said["after"])


@pytest.mark.parametrize("given", [None, "", "/mine", "/mine::/b c"])
@pytest.mark.parametrize("name", ["PKG_CONFIG_PATH", "PYTHONHOME", "TCL_LIBRARY"])
def test_what_virtualenv_changes_comes_back_too(
    name: str, given: str | None, built: list[Path], tmp_path: Path
) -> None:
    """Its own part takes empty for unset."""
    declared = {} if name == "PYTHONHOME" else {name: "declared"}
    one, two = fill(built[0], declared), fill(built[1], {})
    evaluated = SHELL.say(evaluate(built[0], {}, SHELL, tmp_path))
    said = execute(
        SHELL,
        f"probe before\n{source(two)}probe two\n{source(one)}probe inside\n{evaluated}\n"
        f"probe eval\n{source(two)}deactivate\nprobe after\n",
        tmp_path,
        {} if given is None else {name: given},
    )
    assert said["inside"].get(name) == declared.get(name)
    assert said["eval"].get(name, "").split(":")[1:] == said["two"].get(name, "").split(":")[1:]
    assert not unalike(said["before"], said["after"])


def test_nothing_of_envctl_is_left_in_the_shell(built: list[Path], tmp_path: Path) -> None:
    values = {"A": "1", "B": "2", DEVICES: "0"}
    link = fill(built[0], values)
    evaluated = SHELL.say(evaluate(built[0], values, SHELL, tmp_path))
    said = execute(
        SHELL,
        f"set -g A x\nset -l before (set -n) (functions -a)\n{source(link)}{evaluated}\n"
        "deactivate\nfor each in (set -n) (functions -a)\n"
        "    contains -- $each $before; or echo $each\nend\n",
        tmp_path,
        {"B": "y"},
    )
    left = {*said.stdout.split()} - {"before", "each", "fish_prompt", "_old_fish_prompt"}
    assert not {name for name in left if not name.startswith(("fish_", "__fish"))}


def test_what_virtualenv_saved_is_not_exported(built: list[Path], tmp_path: Path) -> None:
    """A shell inside would put back what was before an activation that is not its own."""
    link = fill(built[0], {"A": "1"})
    said = execute(SHELL, f"{source(link)}probe inside\n", tmp_path, {"PYTHONHOME": "/x"})
    assert not {name for name in said["inside"] if name.startswith(("_OLD", "_ENVCTL"))}


def test_another_tools_environment_inside(built: list[Path], tmp_path: Path) -> None:
    """Its `deactivate` replaces ours, but it erases VIRTUAL_ENV too."""
    other = build(tmp_path.resolve() / "other's")
    link = fill(built[0], {"A": "1", "B": "2"})
    plain = f"source {fish.quote(str(other / 'bin/activate.fish'))}\n"
    said = execute(
        SHELL,
        f"probe before\n{source(link)}{plain}probe inside\ndeactivate\nprobe after\n"
        f"{plain}{source(link)}probe ours\ndeactivate\nprobe end\n",
        tmp_path,
        {"A": "mine"},
    )
    assert said["inside"]["VIRTUAL_ENV"] == str(other)
    assert (said["inside"]["A"], said["inside"].get("B")) == ("mine", None)
    assert not unalike(said["before"], said["after"])
    assert (said["ours"]["A"], said["ours"]["B"]) == ("1", "2")
    assert not unalike(said["before"], said["end"])


def test_one_command_with_another_virtual_env_changes_nothing(
    built: list[Path], tmp_path: Path
) -> None:
    link = fill(built[0], {"A": "1"})
    said = execute(
        SHELL,
        f"probe before\n{source(link)}VIRTUAL_ENV= probe one\n"
        "begin; set -lx VIRTUAL_ENV x; set -e VIRTUAL_ENV; end\n"
        "env -u VIRTUAL_ENV true\nprobe inside\ndeactivate\nprobe after\n",
        tmp_path,
    )
    assert [said[at]["A"] for at in ("one", "inside")] == ["1", "1"]
    assert not unalike(said["before"], said["after"])


def test_an_environment_built_elsewhere_bakes_its_final_path(tmp_path: Path) -> None:
    staged = build(tmp_path.resolve() / "staged it's")
    final = tmp_path.resolve() / "final $é it's \\"
    activators.install(staged, activation(final, {"A": "1"}))
    staged.rename(final)
    assert not activators.outdated(final, activation(final, {"A": "1"}))
    path = fish.quote(str(final / "bin/activate.fish"))
    said = execute(SHELL, f"source {path}\nprobe inside\n", tmp_path)
    assert said["inside"]["VIRTUAL_ENV"] == str(final)
    assert said["inside"]["A"] == "1"


def test_a_foreign_script_is_refused(tmp_path: Path) -> None:
    foreign = {"activate.fish": "set -gx VIRTUAL_ENV x\n"}
    with pytest.raises(EnvironmentFailure):
        fish.patch(foreign, activation(tmp_path, {}), built_at=str(tmp_path))


def interactive(
    lines: str, tmp_path: Path, active: Activation, before: Mapping[str, str]
) -> tuple[subprocess.CompletedProcess[str], Path]:
    folder = tmp_path / "it's rc"
    folder.mkdir()
    home = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **before}
    program = shutil.which(SHELL.NAME) or missing(SHELL)
    session = shell_command(program, active, home, folder=str(folder))
    assert "ken" not in "".join([*session.files.values(), *session.argv])
    for name, text in session.files.items():
        Path(name).write_text(text)
    ended = subprocess.run(
        session.argv,
        env=session.env,
        input=lines,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return ended, folder


def test_a_subshell_activates_after_the_users_own_files(built: list[Path], tmp_path: Path) -> None:
    config = tmp_path / ".config/fish/config.fish"
    config.parent.mkdir(parents=True)
    config.write_text(
        "function fish_prompt; echo 'mine> '; end\nset -gx A rc\nset -gx PATH /opt/rc $PATH\n"
        "set -g OWN ran\n"
    )
    fill(built[0], {"A": "baked", "GONE": "baked"})
    active = activation(built[0], {"A": "1", "GITHUB_TOKEN": "t'0\nken"})
    show = 'printf "[%s]" "$A" "$GITHUB_TOKEN" "$PATH[1]" "$OWN" "$GONE" (fish_prompt) (set -q {0}; echo $status)\n'
    ended, folder = interactive(
        f"{show.format('_ENVCTL_SECRETS')}deactivate\n{show.format('GITHUB_TOKEN')}exit 7\n",
        tmp_path,
        active,
        {},
    )
    assert ended.returncode == 7, ended.stderr
    assert f"[1][t'0\nken][{built[0]}/bin][ran][]" in ended.stdout
    assert "mine> ][1]" in ended.stdout
    assert "[rc][][/opt/rc][ran][][mine> ][1]" in ended.stdout
    assert not folder.exists()


def test_a_shell_started_inside_leaves_to_where_it_began(built: list[Path], tmp_path: Path) -> None:
    link = fill(built[0], {"A": "1"})
    inner = f"{SHELL.script([], ['true'])}{source(link)}deactivate; test $A = 1; and exit 3"
    said = execute(
        SHELL,
        f"{source(link)}fish --no-config -c {fish.quote(inner)}; test $status = 3; or exit 9\n"
        "probe inside\ndeactivate\nprobe after\n",
        tmp_path,
        {"A": "mine"},
    )
    assert (said["inside"]["A"], said["after"]["A"]) == ("1", "mine")


def test_secrets_are_printed_and_never_written(built: list[Path]) -> None:
    link = fill(built[0], {"GITHUB_TOKEN": "ken"})
    assert "ken" not in (link / "bin/activate.fish").read_text()
    assert "'ken'" in script(activation(built[0], {"GITHUB_TOKEN": "ken"}), "fish")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8")), max_size=60))
def test_any_text_is_quoted_exactly(texts: list[str]) -> None:
    words = " ".join(fish.quote(text) for text in texts)
    ended = subprocess.run(
        ["fish", "--no-config"],
        input=f"printf '%s\\0' {words}\n".encode(),
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        capture_output=True,
        check=True,
    )
    assert ended.stdout.decode() == "".join(f"{text}\0" for text in texts or [""])
