"""What is particular to tcsh: two kinds of variables, no functions, one line to evaluate, no rc file by option."""

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
from envctl.emitters.shells import csh
from envctl.errors import EnvironmentFailure
from envctl.usecases.activate import script, shell_command
from tests.integration.shells.dialect_csh import Csh
from tests.integration.shells.dialects import found
from tests.integration.shells.stage import (
    DEVICES,
    HOSTILE,
    activation,
    build,
    enter,
    evaluate,
    execute,
    fill,
    missing,
    unalike,
)

SHELL = Csh()
LABELS = ["history", "caret", "backslashes", "single quotes", "newlines", "control", "operators"]


@pytest.fixture(autouse=True)
def installed() -> None:
    if not found(SHELL):
        missing(SHELL)


def source(link: Path) -> str:
    return SHELL.say(enter(link)) + "\n"


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize(
    "option",
    [
        "set backslash_quote",
        "set histchars = '@%'",
        "set noglob",
        "unset csubstnonl",
        "set symlinks",
    ],
)
def test_every_user_has_options(option: str, label: str, built: list[Path], tmp_path: Path) -> None:
    values = {"A": HOSTILE[label], "B": "x @% @@ ^x^y\n@x\n^x^y", DEVICES: "1"}
    link = fill(built[0], values)
    evaluated = SHELL.say(evaluate(built[0], values, SHELL, tmp_path))
    said = execute(
        SHELL,
        f"probe before\n{option}\n{source(link)}probe inside\n{evaluated}\nprobe eval\n"
        "deactivate\nprobe after\n",
        tmp_path,
        {"B": HOSTILE[label]},
    )
    for at in ("inside", "eval"):
        assert {name: said[at][name] for name in values} == values
    assert not unalike(said["before"], said["after"])
    assert not said.stderr


def test_a_variable_of_the_shell_and_one_of_the_environment_are_two(
    built: list[Path], tmp_path: Path
) -> None:
    link = fill(built[0], {"BOTH": "1", "OWN": "2", "LIST": "3", "EMPTY": "4"})
    said = execute(
        SHELL,
        "set BOTH = 'its own'\nset OWN = ''\nset LIST = ('a b' c)\nset EMPTY = ()\n"
        f"probe before\n{source(link)}{source(link)}probe inside\ndeactivate\nprobe after\n"
        'echo "$BOTH":"$OWN":"$LIST[1]":"$LIST[2]":$#EMPTY\n',
        tmp_path,
        {"BOTH": "exported\n", "EMPTY": ""},
    )
    assert [said["inside"][name] for name in ("BOTH", "OWN", "LIST", "EMPTY")] == list("1234")
    assert not unalike(said["before"], said["after"])
    assert said.stdout == "its own::a b:c:0\n"


@pytest.mark.parametrize("value", ["(", ")", "-r", "=x", "a=(b)", "1 2", "\n", "$x", "-"])
def test_a_value_from_before_that_looks_like_syntax(
    value: str, built: list[Path], tmp_path: Path
) -> None:
    link = fill(built[0], {"A": "1"})
    said = execute(
        SHELL, f"{source(link)}{source(link)}deactivate\nprobe after\n", tmp_path, {"A": value}
    )
    assert said["after"]["A"] == value


def test_a_script_rendered_anew_undoes_what_the_one_before_had_set(
    built: list[Path], tmp_path: Path
) -> None:
    link = fill(built[0], {"GONE": "1", "A": "1"})
    keep = tmp_path / "old.csh"
    keep.write_bytes((link / "bin/activate.csh").read_bytes())
    fill(built[0], {"A": "2"})
    said = execute(
        SHELL,
        f"probe before\nsource {csh.quote(str(keep))}\n{source(link)}probe inside\n"
        "deactivate\nprobe after\n",
        tmp_path,
        {"GONE": "mine"},
    )
    assert (said["inside"]["A"], said["inside"]["GONE"]) == ("2", "mine")
    assert not unalike(said["before"], said["after"])


@pytest.mark.parametrize("given", [None, "", "/mine", "/mine:/b c"])
@pytest.mark.parametrize("name", ["PKG_CONFIG_PATH", "PYTHONHOME", "TCL_LIBRARY"])
def test_what_virtualenv_changes_comes_back_too(
    name: str, given: str | None, built: list[Path], tmp_path: Path
) -> None:
    """Its own part takes empty for unset."""
    declared = {} if name == "PYTHONHOME" else {name: "declared"}
    one, two = fill(built[0], declared), fill(built[1], {})
    said = execute(
        SHELL,
        f"probe before\n{source(two)}{source(one)}probe inside\n{source(two)}deactivate\n"
        "probe after\n",
        tmp_path,
        {} if given is None else {name: given},
    )
    assert said["inside"].get(name) == declared.get(name)
    assert not unalike(said["before"], said["after"])


@pytest.mark.parametrize("path", ["{}:", ":{}", "{}::/x y", "{}:/a(b)"])
def test_an_odd_path_comes_back(path: str, built: list[Path], tmp_path: Path) -> None:
    link = fill(built[0], {"A": "1"})
    before = {"PATH": path.format(os.environ["PATH"])}
    said = execute(SHELL, f"{source(link)}deactivate\nprobe after\n", tmp_path, before)
    assert said["after"]["PATH"] == before["PATH"]


def test_nothing_of_envctl_is_left_in_the_shell(built: list[Path], tmp_path: Path) -> None:
    values = {"A": "1", "B": "2", DEVICES: "0"}
    link = fill(built[0], values)
    evaluated = SHELL.say(evaluate(built[0], values, SHELL, tmp_path))
    said = execute(
        SHELL,
        f"set A = x\nunalias envctl\n{source(link)}{evaluated}\nunalias envctl\ndeactivate\n"
        "set | grep -i -e ^_envctl -e ^_old -e ^virtual\nalias | grep -v ^probe\n:\n",
        tmp_path,
        {"B": "y"},
    )
    assert said.stdout == ""


def test_a_block_that_is_skipped_may_hold_any_value(built: list[Path], tmp_path: Path) -> None:
    """csh looks for the end of a block that it skips at the beginning of lines."""
    value = "a\nendif\nelse\nend\n"
    link = fill(built[0], {DEVICES: value})
    inside = f"if (1) then\n{source(link)}endif\nprobe inside\ndeactivate\nprobe after\n"
    assert execute(SHELL, inside, tmp_path)["inside"][DEVICES] == value
    job = execute(SHELL, inside, tmp_path, {"SLURM_JOB_ID": "1"})
    assert DEVICES not in {**job["inside"], **job["after"]}


def test_another_tools_environment_inside(built: list[Path], tmp_path: Path) -> None:
    """Its `deactivate` replaces ours: what is declared stays until ours is called, or the next activation."""
    other = build(tmp_path.resolve() / "other's")
    link = fill(built[0], {"A": "1"})
    plain = f"source {csh.quote(str(other / 'bin/activate.csh'))}\n"
    ours = f"source {csh.quote(str(link / 'bin/deactivate.csh'))}\n"
    head = f"probe before\n{source(link)}{plain}probe inside\ndeactivate\nprobe between\n"
    before = {"A": "mine", "PKG_CONFIG_PATH": ""}
    called = execute(SHELL, f"{head}{ours}probe after\n", tmp_path, before)
    assert called["inside"]["VIRTUAL_ENV"] == str(other)
    assert called["between"]["A"] == "1"
    assert not unalike(called["before"], called["after"])
    again = execute(SHELL, f"{head}{source(link)}deactivate\nprobe after\n", tmp_path, before)
    assert not unalike(again["before"], again["after"])


def test_an_environment_built_elsewhere_bakes_its_final_path(tmp_path: Path) -> None:
    staged = build(tmp_path.resolve() / "staged it's")
    final = tmp_path.resolve() / "final $é it's !\\"
    activators.install(staged, activation(final, {"A": "1"}))
    staged.rename(final)
    assert not activators.outdated(final, activation(final, {"A": "1"}))
    said = execute(
        SHELL,
        f"probe before\nsource {csh.quote(str(final / 'bin/activate.csh'))}\nprobe inside\n"
        "deactivate\nprobe after\n",
        tmp_path,
    )
    assert said["inside"]["VIRTUAL_ENV"] == str(final)
    assert said["inside"]["A"] == "1"
    assert not unalike(said["before"], said["after"])


def test_a_foreign_script_is_refused(tmp_path: Path) -> None:
    foreign = {"activate.csh": "setenv VIRTUAL_ENV x\n", "deactivate.csh": ""}
    with pytest.raises(EnvironmentFailure):
        csh.patch(foreign, activation(tmp_path, {}), built_at=str(tmp_path))


def test_what_is_printed_is_one_line(built: list[Path]) -> None:
    text = script(activation(built[0], {"A": HOSTILE["control"], "GITHUB_TOKEN": "\r\n"}), "tcsh")
    assert text.count("\n") == text.endswith("\n")
    assert "\r" not in text


def interactive(
    lines: str, tmp_path: Path, active: Activation, before: Mapping[str, str] | None = None
) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Run the lines in a subshell, and return what it said; the environment before has ``before`` as well."""
    folder = tmp_path / "it's rc"
    folder.mkdir()
    home = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    program = shutil.which(SHELL.NAME) or missing(SHELL)
    session = shell_command(program, active, home, folder=str(folder))
    assert "ken" not in "".join([*session.files.values(), *session.argv])
    for name, text in session.files.items():
        Path(name).write_text(text)
    ended = subprocess.run(
        session.argv,
        env={**session.env, **(before or {})},
        input=lines,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return ended, folder


SHOW = "\n".join(
    f"if ($?{name}) eval 'echo \"<{name}>${name}:q</>\"'"
    for name in ("A", "GITHUB_TOKEN", "HOME", "OWN", "PATH", "SITE", "prompt")
)
REST = "env | grep -e ^_ENVCTL\nalias precmd\n"


def seen(text: str, name: str) -> list[str]:
    return [part.partition("</>")[0] for part in text.split(f"<{name}>")[1:]]


@pytest.mark.parametrize("rc", [".tcshrc", ".cshrc"])
def test_a_subshell_activates_after_the_users_own_files(
    rc: str, built: list[Path], tmp_path: Path
) -> None:
    (tmp_path / rc).write_text(
        "set prompt = 'mine> '\nsetenv A rc\nset path = (/opt/rc $path:q)\nset OWN = ~/x\n"
    )
    if rc == ".tcshrc":
        (tmp_path / ".cshrc").write_text("set OWN = 'the wrong file'\n")
    fill(built[0], {"A": "baked", "GONE": "baked"})
    active = activation(built[0], {"A": "1", "GITHUB_TOKEN": "t'0\nken"})
    ended, folder = interactive(
        f"{SHOW}\n{REST}deactivate\n{SHOW}\nset | grep ^_ENVCTL\nexit 7\n", tmp_path, active
    )
    assert ended.returncode == 7, ended.stderr
    out = ended.stdout
    assert seen(out, "A") == ["1", "rc"]
    assert seen(out, "GITHUB_TOKEN") == ["t'0\nken"]
    assert seen(out, "HOME") == [str(tmp_path)] * 2
    assert seen(out, "OWN") == [f"{tmp_path}/x"] * 2
    inside, after = seen(out, "PATH")
    assert inside.startswith(f"{built[0]}/bin:/opt/rc:")
    assert after == f"/opt/rc:{os.environ['PATH']}"
    assert [text.endswith("mine> ") for text in seen(out, "prompt")] == [True, True]
    assert seen(out, "prompt")[0] != "mine> "
    assert "_ENVCTL" not in out
    assert not folder.exists()


def test_an_error_in_the_users_files_does_not_keep_the_environment_out(
    built: list[Path], tmp_path: Path
) -> None:
    (tmp_path / ".tcshrc").write_text("set OWN = rc\necho $no_such_variable\nset OWN = no\n")
    fill(built[0], {})
    ended, folder = interactive(
        f"{SHOW}\n{REST}", tmp_path, activation(built[0], {"A": "1", "GITHUB_TOKEN": "ken"})
    )
    assert seen(ended.stdout, "A") == ["1"]
    assert seen(ended.stdout, "GITHUB_TOKEN") == ["ken"]
    assert seen(ended.stdout, "OWN") == ["rc"]
    assert "precmd" not in ended.stdout
    assert not folder.exists()


def test_a_users_precmd_stays(built: list[Path], tmp_path: Path) -> None:
    (tmp_path / ".tcshrc").write_text("alias precmd 'echo -n'\n")
    fill(built[0], {})
    ended, _ = interactive(f"{SHOW}\nalias precmd\n", tmp_path, activation(built[0], {"A": "1"}))
    assert seen(ended.stdout, "A") == ["1"]
    assert "echo -n" in ended.stdout


def test_what_the_system_derived_from_our_folder_is_taken_back(
    built: list[Path], tmp_path: Path
) -> None:
    """`/etc/csh.cshrc` runs before our first line."""
    fill(built[0], {})
    folder = str(tmp_path / "it's rc")
    derived = {"SITE": f"{folder}/config", "PATH": f"{folder}/bin:{os.environ['PATH']}"}
    ended, _ = interactive(f"{SHOW}\nenv\n", tmp_path, activation(built[0], {"A": "1"}), derived)
    assert seen(ended.stdout, "SITE") == []
    assert seen(ended.stdout, "PATH") == [f"{built[0]}/bin:{os.environ['PATH']}"]
    assert folder not in ended.stdout


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8")), max_size=60))
def test_any_text_is_quoted_exactly(texts: list[str]) -> None:
    lines = "".join(f"setenv A {csh.quote(text)}\nprintenv A\necho ,\n" for text in texts)
    ended = subprocess.run(
        ["tcsh", "-f"],
        input=lines.encode(),
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        capture_output=True,
        check=True,
    )
    assert ended.stdout.decode() == "".join(f"{text}\n,\n" for text in texts)
