"""The variables in real shells, through a real virtualenv: set, put back, nested, hostile, guarded."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import pytest
import virtualenv
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envctl.adapters import activators
from envctl.domain.activation import Activation, declared
from envctl.emitters.shells import posix
from envctl.errors import EnvironmentFailure
from envctl.usecases.activate import script, shell_command
from envctl.usecases.run import patch

SHELLS = {"bash": ["bash"], "zsh": ["zsh", "-f"], "dash": ["dash"], "sh": ["sh"]}
DEVICES = "CUDA_VISIBLE_DEVICES"

HOSTILE = {
    "empty": "",
    "spaces": "  two  spaces \t and a tab ",
    "single quotes": "'it''s'",
    "double quotes": '"said" "he',
    "dollar": "$HOME ${HOME} $(echo x) $((1+1)) $$",
    "backticks": "`echo x`",
    "history": "!! !x !$ wow!",
    "percent": "%PATH% %% %s %n%d",
    "caret": "^a^b ^^",
    "backslashes": "\\ \\\\ \\n \\' \\\" \\",
    "ends in a backslash": "x\\",
    "newlines": "a\nb\n\nc",
    "leading newline": "\na",
    "trailing newlines": "a\n\n",
    "only a newline": "\n",
    "carriage returns": "a\r\nb\r",
    "emoji": "🦔 é ÿ \u202e 漢字 \ufeff",
    "control": "".join(map(chr, range(1, 32))) + "\x7f\x80\x9f",
    "globs": "* ? [a-z] ~ ~root {a,b} =ls **/*",
    "operators": "; & | < > ( ) # && || ;; =",
    "assignment": "A=B=C",
    "a dash": "-n -e --",
    "marker": "x\n# <<< envctl <<<\nexit 9\n# >>> envctl >>>\n",
    "comment": "#!\n#\n # x",
    "heredoc": "<<EOF\nEOF\n",
    "thirty kilobytes": ("0123456789 '\"$`\\!\n" * 2000)[:30_000],
}


def missing(shell: str) -> NoReturn:
    """Fail under CI, where everything must run; skip elsewhere."""
    reason = f"the shell `{shell}` is not installed (Debian: apt-get install {shell})"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(params=list(SHELLS))
def shell(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if shutil.which(name) is None:
        missing(name)
    return name


def build(path: Path) -> Path:
    arguments = [str(path), "--no-seed", "--no-venv-redirect", "--python", sys.executable]
    virtualenv.session_via_cli(arguments, setup_logging=False).run()
    return path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two environments, as they lie in a project: at the real path, with a link that leads there."""
    found = []
    for name in ("one", "two"):
        project = tmp_path_factory.mktemp("it's a $é `project` ") / name
        found.append(build(project.resolve() / ".envctl/envs/abc123"))
        (project / ".venv").symlink_to(".envctl/envs/abc123")
    return found


def fill(env_dir: Path, values: Mapping[str, str]) -> Path:
    """Render the variables and return the link through which people enter."""
    activators.install(env_dir, activation(env_dir, values))
    return env_dir.parents[2] / ".venv"


def activation(env_dir: Path, values: Mapping[str, str]) -> Activation:
    return Activation(environment=str(env_dir), variables=declared(values), prompt="demo")


class Said(dict[str, dict[str, str]]):
    """What the probes in a script saw of the exported environment, by label."""

    stdout = ""
    stderr = ""


def execute(
    shell: str, lines: str, tmp_path: Path, before: Mapping[str, str] | None = None
) -> Said:
    """Run a script; `probe LABEL` in it notes the environment that a child process gets."""
    notes = tmp_path / "notes"
    notes.write_text("")
    note = tmp_path / "probe.py"
    note.write_text(
        "import json, os, sys\n"
        "seen = {os.fsdecode(k): os.fsdecode(v) for k, v in os.environb.items()}\n"
        f"print(json.dumps([sys.argv[1], seen]), file=open({str(notes)!r}, 'a'))\n"
    )
    program = f"{shlex.quote(sys.executable)} -I -S {shlex.quote(str(note))}"
    body = tmp_path / "body.sh"
    body.write_text(f'probe () {{ {program} "$1"; }}\n{lines}')
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8", **(before or {})}
    ended = subprocess.run(
        [*SHELLS[shell], str(body)], env=env, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    said = Said(json.loads(line) for line in notes.read_text().splitlines())
    said.stdout, said.stderr = ended.stdout, ended.stderr
    return said


def unalike(one: Mapping[str, str], two: Mapping[str, str]) -> set[str]:
    names = {*one, *two} - {"_", "SHLVL", "OLDPWD", "PWD"}
    return {name for name in names if one.get(name) != two.get(name)}


def enter(link: Path) -> str:
    return f". {shlex.quote(str(link))}/bin/activate\n"


def evaluate(env_dir: Path, values: Mapping[str, str], shell: str) -> str:
    """The same as typing `eval "$(envctl activate)"`."""
    code = script(activation(env_dir, values), shell)
    return f'eval "$(printf %s {shlex.quote(code)})"\n'


@pytest.mark.parametrize("label", list(HOSTILE))
def test_a_hostile_value_arrives_and_comes_back(
    shell: str, label: str, built: list[Path], tmp_path: Path
) -> None:
    value = HOSTILE[label]
    link = fill(built[0], {"NEW": value, "OLD": "other"})
    said = execute(
        shell,
        f"probe before\n{enter(link)}probe inside\ndeactivate\nprobe after\n",
        tmp_path,
        {"OLD": value},
    )
    assert said["inside"]["NEW"] == value
    assert said["inside"]["OLD"] == "other"
    assert said["after"]["OLD"] == value
    assert not unalike(said["before"], said["after"])
    assert not said.stderr


@pytest.mark.parametrize("label", list(HOSTILE))
def test_a_hostile_value_arrives_through_eval(
    shell: str, label: str, built: list[Path], tmp_path: Path
) -> None:
    values = {"NEW": HOSTILE[label], "GITHUB_TOKEN": HOSTILE[label]}
    fill(built[0], {"NEW": "baked", "GONE": "baked"})
    said = execute(
        shell,
        f"probe before\n{evaluate(built[0], values, shell)}probe inside\ndeactivate\nprobe after\n",
        tmp_path,
    )
    assert {name: said["inside"][name] for name in values} == values
    assert "GONE" not in said["inside"]
    assert not unalike(said["before"], said["after"])
    assert not said.stderr


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_bytes_do_not_depend_on_the_locale(
    shell: str, locale: str, built: list[Path], tmp_path: Path
) -> None:
    link = fill(built[0], {"A": HOSTILE["emoji"], "B": HOSTILE["control"]})
    said = execute(shell, f"{enter(link)}probe inside\n", tmp_path, {"LC_ALL": locale})
    assert said["inside"]["A"] == HOSTILE["emoji"]
    assert said["inside"]["B"] == HOSTILE["control"]


@pytest.mark.parametrize("options", ["set -eu", "set -u", "set -e", "set -f", "IFS=':x'", "set -a"])
def test_unset_empty_and_set_come_back_as_they_were(
    shell: str, options: str, built: list[Path], tmp_path: Path
) -> None:
    link = fill(built[0], {"WAS_UNSET": "1", "WAS_EMPTY": "2", "WAS_SET": "3"})
    said = execute(
        shell,
        f"probe before\n{options}\n{enter(link)}probe inside\ndeactivate\nprobe after\n",
        tmp_path,
        {"WAS_EMPTY": "", "WAS_SET": "before"},
    )
    names = ("WAS_UNSET", "WAS_EMPTY", "WAS_SET")
    assert [said["inside"][name] for name in names] == ["1", "2", "3"]
    assert [said["after"].get(name) for name in names] == [None, "", "before"]
    # `set -a` exports whatever is assigned, virtualenv's variables included
    assert options == "set -a" or not unalike(said["before"], said["after"])


def test_what_was_not_exported_is_not_exported_afterwards(
    shell: str, built: list[Path], tmp_path: Path
) -> None:
    link = fill(built[0], {"A": "1", "B": "2"})
    said = execute(
        shell,
        f"A=mine\nB=\n{enter(link)}{enter(link)}probe inside\ndeactivate\nprobe after\n"
        'printf "%s" "$A:${B+x}$B"',
        tmp_path,
    )
    assert said["inside"]["A"] == "1"
    assert not {"A", "B"} & {*said["after"]}
    assert said.stdout == "mine:x"


def test_activating_twice_keeps_the_outermost_state(
    shell: str, built: list[Path], tmp_path: Path
) -> None:
    values = {"A": "1", "B": "2"}
    link = fill(built[0], values)
    twice = enter(link) + evaluate(built[0], values, shell) + enter(link)
    said = execute(
        shell,
        f"probe before\n{twice}probe inside\ndeactivate\nprobe after\n",
        tmp_path,
        {"A": "before"},
    )
    assert (said["inside"]["A"], said["inside"]["B"]) == ("1", "2")
    assert said["inside"]["PATH"].count(f"{built[0]}/bin") == 1
    assert not unalike(said["before"], said["after"])


def test_another_project_inside_then_deactivate(
    shell: str, built: list[Path], tmp_path: Path
) -> None:
    one = fill(built[0], {"BOTH": "1", "FIRST": "1"})
    two = fill(built[1], {"BOTH": "2", "SECOND": "2"})
    said = execute(
        shell,
        f"probe before\n{enter(one)}probe one\n{enter(two)}probe two\n{enter(one)}probe again\n"
        f"{enter(two)}deactivate\nprobe after\n",
        tmp_path,
        {"BOTH": "", "FIRST": "mine"},
    )
    assert (said["one"]["BOTH"], said["one"]["FIRST"]) == ("1", "1")
    assert (said["two"]["BOTH"], said["two"]["FIRST"], said["two"]["SECOND"]) == ("2", "mine", "2")
    assert not unalike(said["one"], said["again"])
    assert not unalike(said["before"], said["after"])


def test_a_script_rendered_anew_undoes_what_the_one_before_had_set(
    shell: str, built: list[Path], tmp_path: Path
) -> None:
    link = fill(built[0], {"GONE": "1", "A": "1"})
    old = (link / "bin/activate").read_text()
    fill(built[0], {"A": "2"})
    keep = tmp_path / "old"
    keep.write_text(old)
    said = execute(
        shell,
        f"probe before\n. {shlex.quote(str(keep))}\n{enter(link)}probe inside\n"
        "deactivate\nprobe after\n",
        tmp_path,
        {"GONE": "mine"},
    )
    assert (said["inside"]["A"], said["inside"]["GONE"]) == ("2", "mine")
    assert not unalike(said["before"], said["after"])


def test_nothing_of_envctl_is_left_in_the_shell(
    shell: str, built: list[Path], tmp_path: Path
) -> None:
    values = {"A": "1", "B": "2", DEVICES: "0"}
    link = fill(built[0], values)
    left = "set | grep -i -e ^_envctl -e ^_old -e ^virtual || :\n"
    functions = "PATH=\ncommand -v deactivate _envctl_set || :\n"
    said = execute(
        shell,
        f"A=x\n{enter(link)}{evaluate(built[0], values, shell)}deactivate\n{left}{functions}",
        tmp_path,
        {"B": "y"},
    )
    assert said.stdout == ""


@pytest.mark.parametrize(
    "job", ["SLURM_JOB_ID", "KUBERNETES_SERVICE_HOST", "PBS_JOBID", "LSB_JOBID"]
)
@pytest.mark.parametrize("given", [None, "", "5"])
def test_in_a_job_the_schedulers_devices_stay(
    shell: str, job: str, given: str | None, built: list[Path], tmp_path: Path
) -> None:
    values = {DEVICES: "2", "PYTHONHASHSEED": "0"}
    link = fill(built[0], values)
    before = {job: "7", **({} if given is None else {DEVICES: given})}
    said = execute(
        shell,
        f"set -eu\n{enter(link)}probe plain\ndeactivate\nprobe after\n"
        f"{evaluate(built[0], values, shell)}probe eval\n",
        tmp_path,
        before,
    )
    assert [said[at].get(DEVICES) for at in ("plain", "after", "eval")] == [given] * 3
    assert [said[at]["PYTHONHASHSEED"] for at in ("plain", "eval")] == ["0", "0"]


def test_outside_a_job_the_declared_devices_are_set_and_the_callers_come_back(
    shell: str, built: list[Path], tmp_path: Path
) -> None:
    link = fill(built[0], {DEVICES: "2"})
    said = execute(
        shell, f"{enter(link)}probe inside\ndeactivate\nprobe after\n", tmp_path, {DEVICES: "0"}
    )
    assert (said["inside"][DEVICES], said["after"][DEVICES]) == ("2", "0")


def test_the_link_leads_to_the_real_path(shell: str, built: list[Path], tmp_path: Path) -> None:
    link = fill(built[0], {})
    said = execute(shell, f"{enter(link)}probe inside\npython -c 'import sys'\n", tmp_path)
    assert said["inside"]["VIRTUAL_ENV"] == str(built[0])
    assert said["inside"]["PATH"].split(":")[0] == f"{built[0]}/bin"


def test_an_environment_built_elsewhere_bakes_its_final_path(shell: str, tmp_path: Path) -> None:
    staged = build(tmp_path.resolve() / "staged it's")
    final = tmp_path.resolve() / "final $é"
    activators.install(staged, activation(final, {"A": "1"}))
    staged.rename(final)
    assert activators.outdated(final, activation(final, {"A": "1"})) == ()
    said = execute(shell, f". {shlex.quote(str(final))}/bin/activate\nprobe inside\n", tmp_path)
    assert said["inside"]["VIRTUAL_ENV"] == str(final)
    assert said["inside"]["A"] == "1"


def test_a_project_behind_a_link(shell: str, tmp_path: Path) -> None:
    (tmp_path / "home").symlink_to(tmp_path / "mnt")
    env_dir = build(tmp_path / "home/env")
    active = activation(env_dir, {"A": "1"})
    assert activators.install(env_dir, active) == ("activate",)
    assert activators.install(env_dir, active) == ()
    said = execute(shell, f". {shlex.quote(str(env_dir))}/bin/activate\nprobe inside\n", tmp_path)
    assert said["inside"]["VIRTUAL_ENV"] == str(env_dir)


def test_run_and_activation_give_the_same(shell: str, built: list[Path], tmp_path: Path) -> None:
    values = {"A": HOSTILE["newlines"], "PKG_CONFIG_PATH": "/declared"}
    active = Activation(environment=str(built[0]), variables=declared(values))
    link = fill(built[0], values)
    before = {"PYTHONHOME": "/x", "PKG_CONFIG_PATH": "/before"}
    said = execute(shell, f"probe before\n{enter(link)}probe inside\n", tmp_path, before)
    assert "PYTHONHOME" in said["before"]
    assert not unalike(patch(active, said["before"]), said["inside"]) - {"PS1"}


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
    if shutil.which("zsh") is None:
        missing("zsh")
    values = {"A": "'a''b' ~ #x $x *", "B": "''"}
    link = fill(built[0], values)
    said = execute(
        "zsh",
        f"setopt {option}\n{enter(link)}{evaluate(built[0], values, 'zsh')}probe inside\n"
        "deactivate\nprobe after\n",
        tmp_path,
        {"B": "'"},
    )
    assert {name: said["inside"][name] for name in values} == values
    assert (said["after"].get("A"), said["after"]["B"]) == (None, "'")


def interactive(
    shell: str, lines: str, tmp_path: Path, active: Activation, before: Mapping[str, str]
) -> tuple[subprocess.CompletedProcess[str], Path]:
    folder = tmp_path / "it's rc"
    folder.mkdir()
    home = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **before}
    program = shutil.which(shell) or missing(shell)
    session = shell_command(program, active, home, folder=str(folder))
    for name, text in session.files.items():
        Path(name).write_text(text)
    ended = subprocess.run(
        session.argv, env=session.env, input=lines, capture_output=True, text=True, check=False
    )
    return ended, folder


def test_a_subshell_activates_after_the_users_own_files(
    shell: str, built: list[Path], tmp_path: Path
) -> None:
    rc = 'PS1="mine> "\nA=rc\nexport A\nPATH="/opt/rc:$PATH"\nOWN_RC="$OWN_RC-ran"\n'
    names = {"bash": ".bashrc", "zsh": ".zshrc"}
    (tmp_path / names.get(shell, "my rc")).write_text(rc)
    (tmp_path / ".zshenv").write_text("OWN_RC=zshenv\n")
    fill(built[0], {"A": "baked"})
    active = activation(built[0], {"A": "1", "GITHUB_TOKEN": "t'0\nken"})
    before = {"ENV": "$HOME/my rc"} if shell in {"dash", "sh"} else {}
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
    ran = "zshenv-ran" if shell == "zsh" else "-ran"
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
        "zsh",
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
    assert activators.outdated(env_dir, active) == ("activate",)
    assert activators.install(env_dir, active) == ("activate",)
    assert activators.install(env_dir, active) == ()
    assert (env_dir / "bin/activate").stat().st_mode == mode
    others = [path.name for path in (env_dir / "bin").glob("activate*") if path.name != "activate"]
    assert "activate.fish" in others
    assert not [n for n in others if "envctl" in (env_dir / "bin" / n).read_text(errors="replace")]


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
