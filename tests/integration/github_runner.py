"""What a runner of GitHub's does with a job, as far as our workflows need it: scripts for real, actions as noted.

Source: "Workflow syntax for GitHub Actions" (``jobs.<job_id>.steps[*].shell``: how bash is started), "Workflow
commands" (``GITHUB_ENV``, ``GITHUB_PATH``), "Evaluate expressions" (``hashFiles``).
"""

import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
_EXPRESSION = re.compile(r"\$\{\{ (.*?) \}\}")
# `gh` as our workflow calls it: what it is asked for is noted, pull requests are kept in a file.
# It starts as pip's scripts do where the interpreter's path has a space: a `#!` line would end there.
_GH = """\
#!/bin/sh
'''exec' {python} "$0" "$@"
' '''
import json, pathlib, sys

here = pathlib.Path({state!r})
state = json.loads(here.read_text())
words = sys.argv[1:]
body = next((w.removeprefix("body=@") for w in words if w.startswith("body=@")), None)
if "--body-file" in words:
    body = words[words.index("--body-file") + 1]
text = pathlib.Path(body).read_text() if body else None
state["calls"].append([words, text])
if words[:2] == ["pr", "list"]:
    print("\\n".join(state["pulls"]))
here.write_text(json.dumps(state))
"""


@dataclass
class Done:
    """What a job came to: the step that failed, if one did, and what was said by step."""

    failed: str | None = None
    said: dict[str, str] = field(default_factory=dict)
    used: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Runner:
    """One machine: its folder, its environment, and the values that GitHub has for expressions."""

    folder: Path
    environ: Mapping[str, str]
    given: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._state.parent.mkdir(parents=True, exist_ok=True)
        self._bin.mkdir()
        self._state.write_text(json.dumps({"calls": [], "pulls": []}))
        (self._bin / "gh").write_text(
            _GH.format(python=shlex.quote(sys.executable), state=str(self._state))
        )
        (self._bin / "gh").chmod(0o755)
        (self._bin / "python").symlink_to(sys.executable)

    @property
    def _state(self) -> Path:
        return self.folder / "gh.json"

    @property
    def _bin(self) -> Path:
        return self.folder / "programs"

    @property
    def ready(self) -> bool:
        """Whether an earlier job has left a program in the folder that jobs put on `PATH`."""
        return (self.folder / "temporary" / "bin").is_dir()

    def has_pulls(self, *lines: str) -> None:
        """From now on `gh pr list` prints these: state, number, commit."""
        state = json.loads(self._state.read_text()) | {"pulls": lines}
        self._state.write_text(json.dumps(state))

    def calls(self) -> list[tuple[list[str], str | None]]:
        """Return the calls of `gh` since the last question, each with the body that it was given."""
        state = json.loads(self._state.read_text())
        self._state.write_text(json.dumps(state | {"calls": []}))
        return [(words, text) for words, text in state["calls"]]

    def run(
        self,
        workflow: Mapping[str, Any],
        job: str,
        clone: Path,
        *,
        matrix: Mapping[str, str] | None = None,
        leaving: tuple[str, ...] = (),
    ) -> Done:
        """Do a job's steps in order, in a clone; ``leaving``: steps by name that are left out."""
        given = {f"matrix.{key}": value for key, value in (matrix or {}).items()} | dict(self.given)
        temporary = self.folder / "temporary"
        temporary.mkdir(exist_ok=True)
        environ = {
            **os.environ,
            **self.environ,
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(clone),
            "GITHUB_REPOSITORY": "team/vision",
            "GITHUB_REF_NAME": "main",
            "RUNNER_TEMP": str(temporary),
            "PATH": f"{self._bin}{os.pathsep}{self.environ.get('PATH', os.environ['PATH'])}",
        }
        if self.ready:
            environ["PATH"] = f"{temporary / 'bin'}{os.pathsep}{environ['PATH']}"
        defaults = workflow["defaults"]["run"]
        assert defaults["shell"] == "bash"
        folder = clone / defaults.get("working-directory", ".")
        own = _values(workflow.get("env", {}), given, clone)
        done = Done()
        for step in workflow["jobs"][job]["steps"]:
            if "uses" in step:
                done.used.append(_values(step.get("with", {}), given, clone) | {"": step["uses"]})
            elif step["name"] not in leaving:
                with_own = environ | own | _values(step.get("env", {}), given, clone)
                ended = _script(step["run"], folder, with_own, environ)
                done.said[step["name"]] = ended.stdout + ended.stderr
                if ended.returncode != 0:
                    done.failed = step["name"]
                    break
        return done


def _script(
    script: str, folder: Path, environ: Mapping[str, str], later: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run one; what it says of the next steps' environment goes into ``later``."""
    told = Path(environ["RUNNER_TEMP"])
    files = {name: told / name for name in ("GITHUB_ENV", "GITHUB_PATH")}
    for path in files.values():
        path.write_text("")
    (told / "script.sh").write_text(script)
    ended = subprocess.run(
        [*BASH, str(told / "script.sh")],
        cwd=folder,
        env={**environ, **{name: str(path) for name, path in files.items()}},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    for line in files["GITHUB_ENV"].read_text().splitlines():
        name, _, value = line.partition("=")
        later[name] = value
    for line in files["GITHUB_PATH"].read_text().splitlines():
        later["PATH"] = f"{line}{os.pathsep}{later['PATH']}"
    return ended


def _values(table: Mapping[str, Any], given: Mapping[str, str], clone: Path) -> dict[str, str]:
    def one(match: re.Match[str]) -> str:
        hashed = re.fullmatch(r"hashFiles\((.*)\)", match[1])
        if hashed is None:
            return given.get(match[1], "")
        word = hashed[1]
        return hash_files(clone, given[word] if word in given else word[1:-1].replace("''", "'"))

    return {name: _EXPRESSION.sub(one, str(value)) for name, value in table.items()}


def hash_files(clone: Path, pattern: str) -> str:
    """Return what GitHub's ``hashFiles`` does: the SHA-256 of the files' SHA-256s, nothing for no file."""
    found = sorted(clone.glob(pattern.removeprefix("./")))
    digests = [hashlib.sha256(path.read_bytes()).digest() for path in found if path.is_file()]
    return hashlib.sha256(b"".join(digests)).hexdigest() if digests else ""
