"""Two real environments, and the running of a script of steps in a real shell."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import pytest
import virtualenv

from envctl.adapters import activators
from envctl.domain.environment.activation import Activation, declared
from envctl.usecases.activate import script
from tests.integration.shells.steps import Dialect, Enter, Evaluate, Leave, Probe, Step

DEVICES = "CUDA_VISIBLE_DEVICES"
# What a shell changes in its own environment, whatever it reads.
OWN = {"_", "SHLVL", "OLDPWD", "PWD"}
OWN |= {"LAST_EXIT_CODE", "CMD_DURATION_MS", "CURRENT_FILE", "FILE_PWD"}  # nushell
OWN |= {"XONSH_CAPTURE_ALWAYS"}

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


def missing(dialect: Dialect) -> NoReturn:
    """Fail under CI, where everything must run; skip elsewhere."""
    reason = f"the shell `{dialect.NAME}` is not installed ({dialect.FROM})"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def build(path: Path) -> Path:
    """Make a real environment."""
    arguments = [str(path), "--no-seed", "--no-venv-redirect", "--python", sys.executable]
    virtualenv.session_via_cli(arguments, setup_logging=False).run()
    return path


def fill(env_dir: Path, values: Mapping[str, str]) -> Path:
    """Render the variables and return the link through which people enter."""
    activators.install(env_dir, activation(env_dir, values))
    return env_dir.parents[2] / ".venv"


def activation(env_dir: Path, values: Mapping[str, str]) -> Activation:
    return Activation(environment=str(env_dir), variables=declared(values), prompt="demo")


def evaluate(env_dir: Path, values: Mapping[str, str], dialect: Dialect, tmp_path: Path) -> Step:
    """The same as what a user types to evaluate `envctl activate`."""
    code = script(activation(env_dir, values), dialect.NAME)
    file = tmp_path / f"activate it's {len(list(tmp_path.iterdir()))}"
    file.write_bytes(code.encode())
    return Evaluate(file=file, link=env_dir.parents[2] / ".venv")


class Said(dict[str, dict[str, str]]):
    """What the probes saw of the exported environment, by label."""

    stdout = ""
    stderr = ""


def prober(tmp_path: Path) -> list[str]:
    """Return a command that notes its environment under the label that it is given."""
    notes = tmp_path / "notes"
    notes.write_text("")
    note = tmp_path / "probe.py"
    note.write_text(
        "import json, os, sys\n"
        "seen = {os.fsdecode(k): os.fsdecode(v) for k, v in os.environb.items()}\n"
        f"print(json.dumps([sys.argv[1], seen]), file=open({str(notes)!r}, 'a'))\n"
    )
    return [sys.executable, "-I", "-S", str(note)]


def noted(tmp_path: Path) -> Said:
    """Return what the prober has noted."""
    return Said(json.loads(line) for line in (tmp_path / "notes").read_text().splitlines())


def execute(
    dialect: Dialect,
    steps: Sequence[Step] | str,
    tmp_path: Path,
    before: Mapping[str, str] | None = None,
) -> Said:
    """Run the steps (or text in the shell's own words) in a fresh shell."""
    probe = prober(tmp_path)
    body = tmp_path / "body"
    text = dialect.script([] if isinstance(steps, str) else steps, probe)
    text += steps if isinstance(steps, str) else ""
    body.write_bytes(text.encode())
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8", **(before or {})}
    ended = subprocess.run(
        dialect.argv(body), env=env, capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 0, f"{ended.stdout}{ended.stderr}"
    said = noted(tmp_path)
    said.stdout, said.stderr = ended.stdout, ended.stderr
    return said


def unalike(one: Mapping[str, str], two: Mapping[str, str]) -> set[str]:
    """Return the names of the variables that differ."""
    names = {*one, *two} - OWN
    return {name for name in names if one.get(name) != two.get(name)}


def around(*inside: Step) -> list[Step]:
    """Return: note, enter, note, leave, note."""
    return [Probe(label="before"), *inside, Probe(label="inside"), Leave(), Probe(label="after")]


def enter(link: Path) -> Step:
    return Enter(link=link)
