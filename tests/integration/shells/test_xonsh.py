"""What is particular to xonsh: variables that are lists, state in Python objects, rc files of subshells, quoting."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.adapters import activators
from envctl.emitters.shells import xonsh
from envctl.errors import EnvironmentFailure
from envctl.usecases.activate import script, shell_command
from tests.integration.shells.dialect_xonsh import Xonsh
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
    noted,
    prober,
    unalike,
)
from tests.integration.shells.steps import Probe

SHELL = Xonsh()


@pytest.fixture(autouse=True)
def installed() -> None:
    if not found(SHELL):
        missing(SHELL)


def source(link: Path) -> str:
    return SHELL.say(enter(link))


def test_lists_arrive_as_they_were_written(plain: list[Path], tmp_path: Path) -> None:
    values = {
        "LD_LIBRARY_PATH": "$ORIGIN/../lib:~/lib::$HOME/x:",
        "XDG_DATA_DIRS": "~",
        "MY_EMPTY_PATH": "",
    }
    link = fill(plain[0], values)
    steps = [enter(link), evaluate(plain[0], values, SHELL, tmp_path)]
    before = {"LD_LIBRARY_PATH": "/a:/b", "MY_EMPTY_PATH": "/c"}
    text = "".join(SHELL.say(step) for step in steps)
    said = execute(
        SHELL,
        f"@(PROBE) before\n{source(link)}@(PROBE) plain\n{text}@(PROBE) inside\n"
        "assert list($LD_LIBRARY_PATH)[1] == '~/lib'\n$LD_LIBRARY_PATH.append('/d')\n@(PROBE) more\n"
        "deactivate\n@(PROBE) after\n",
        tmp_path,
        before,
    )
    for at in ("plain", "inside"):
        assert {name: said[at][name] for name in values} == values
    assert said["more"]["LD_LIBRARY_PATH"] == values["LD_LIBRARY_PATH"] + ":/d"
    assert not unalike(said["before"], said["after"])


def test_a_script_rendered_anew_undoes_what_the_one_before_had_set(
    plain: list[Path], tmp_path: Path
) -> None:
    link = fill(plain[0], {"GONE": "1", "MINE": "1", "A": "1"})
    keep = tmp_path / "old.xsh"
    keep.write_bytes((link / "bin/activate.xsh").read_bytes())
    fill(plain[0], {"A": "2"})
    said = execute(
        SHELL,
        f"@(PROBE) before\nsource @({str(keep)!a})\n{source(link)}@(PROBE) inside\n"
        "deactivate\n@(PROBE) after\n",
        tmp_path,
        {"MINE": "mine"},
    )
    assert (said["inside"]["A"], said["inside"]["MINE"]) == ("2", "mine")
    assert "GONE" not in said["inside"]
    assert not unalike(said["before"], said["after"])


def test_nothing_of_envctl_is_left_in_the_shell(plain: list[Path], tmp_path: Path) -> None:
    values = {"A": "1", DEVICES: "0"}
    link = fill(plain[0], values)
    printed = SHELL.say(evaluate(plain[0], values, SHELL, tmp_path))
    said = execute(
        SHELL,
        f"{source(link)}{printed}{source(link)}deactivate\n"
        "left = [*__xonsh__.env.rawkeys(), *__xonsh__.ctx, *aliases, *vars(__xonsh__.xontrib)]\n"
        "print([n for n in left if 'envctl' in n.lower() or n.startswith('_OLD')])\n",
        tmp_path,
        {"A": "x"},
    )
    assert ast.literal_eval(said.stdout) == []


def test_what_is_printed_is_ascii(plain: list[Path]) -> None:
    assert script(activation(plain[0], {"A": "é\n\u2028"}), "xonsh").isascii()


def test_a_subshell_activates_after_the_users_own_files(plain: list[Path], tmp_path: Path) -> None:
    probe = prober(tmp_path)
    (tmp_path / ".config/xonsh/rc.d").mkdir(parents=True)
    (tmp_path / ".config/xonsh/rc.d/one.xsh").write_text("$OWN_DIR = 'ran'\n")
    (tmp_path / ".xonshrc").write_text(
        f"$A = 'rc'\n$PATH.insert(0, '/opt/rc')\n$OWN = $XONSH_CACHE_SCRIPTS\nPROBE = {probe!a}\n"
    )
    fill(plain[0], {"A": "baked", "GONE": "baked"})
    active = activation(plain[0], {"A": "1", "GITHUB_TOKEN": "t'0\nken"})
    folder = tmp_path / "it's rc"
    folder.mkdir()
    home = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    session = shell_command("/where/ever/xonsh", active, home, folder=str(folder))
    assert "ken" not in "".join([*session.files.values(), *session.argv])
    for name, text in session.files.items():
        Path(name).write_text(text)
    ended = subprocess.run(
        [sys.executable, "-m", "xonsh", *session.argv[1:]],
        env=session.env,
        input="@(PROBE) inside\ndeactivate\n@(PROBE) after\nexit 7\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 7, ended.stderr
    said = noted(tmp_path)
    assert (said["inside"]["A"], said["inside"]["GITHUB_TOKEN"]) == ("1", "t'0\nken")
    assert said["inside"]["PATH"].split(":")[:2] == [f"{plain[0]}/bin", "/opt/rc"]
    assert (said["inside"]["OWN"], said["inside"]["OWN_DIR"]) == ("True", "ran")
    for at in ("inside", "after"):
        assert not {"GONE", "_ENVCTL_SECRETS", "XONSH_CACHE_SCRIPTS"} & {*said[at]}
    assert (said["after"]["A"], said["after"].get("GITHUB_TOKEN")) == ("rc", None)
    assert said["after"]["PATH"].split(":")[0] == "/opt/rc"
    assert not folder.exists()
    assert not list(tmp_path.rglob("*it*s*"))


def test_an_environment_built_elsewhere_bakes_its_final_path(tmp_path: Path) -> None:
    staged = build(tmp_path.resolve() / "staged 'it\"s'")
    final = tmp_path.resolve() / "final '#\"é"
    activators.install(staged, activation(final, {"A": "1"}))
    staged.rename(final)
    assert "activate.xsh" not in activators.outdated(final, activation(final, {"A": "1"}))
    text = f"source @({f'{final}/bin/activate.xsh'!a})\n@(PROBE) inside\n"
    said = execute(SHELL, text, tmp_path)
    assert said["inside"]["VIRTUAL_ENV"] == str(final)
    assert said["inside"]["A"] == "1"


@pytest.mark.parametrize("job", [None, "7"])
def test_an_environment_of_another_tool(job: str | None, tmp_path: Path) -> None:
    env_dir = build(tmp_path.resolve() / "p/.envctl/envs/foreign")
    step = evaluate(env_dir, {"A": "1", DEVICES: "2"}, SHELL, tmp_path)
    before = {"SLURM_JOB_ID": job} if job else {}
    said = execute(SHELL, [step, Probe(label="inside")], tmp_path, before)
    assert (said["inside"]["A"], said["inside"].get(DEVICES)) == ("1", None if job else "2")
    assert said["inside"]["VIRTUAL_ENV"] == str(env_dir)


def test_where_the_path_is_odd_there_is_no_script_and_no_complaint(built: list[Path]) -> None:
    assert not (built[0] / "bin/activate.xsh").exists()
    active = activation(built[0], {"A": "1"})
    activators.install(built[0], active)
    assert activators.outdated(built[0], active) == ()


def test_what_to_evaluate_there_is_refused(built: list[Path], tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailure) as failed:
        script(activation(built[0], {}), "xonsh")
    assert failed.value.where == str(built[0])


def test_a_foreign_script_is_refused(tmp_path: Path) -> None:
    foreign = {"activate.xsh": "$VIRTUAL_ENV = 'x'\n"}
    with pytest.raises(EnvironmentFailure):
        xonsh.patch(foreign, activation(tmp_path, {}), built_at=str(tmp_path))


@given(st.text())
def test_any_text_is_quoted_exactly(text: str) -> None:
    quoted = xonsh.quote(text)
    assert ast.literal_eval(quoted) == text
    assert quoted.isascii()
    assert quoted.isprintable()
