"""The ratios of `envctl verify`: a commit hook's layers against uv and Poetry, all layers against a stat walk.

Each tool has the same project in a folder of its own, locked and installed.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from uv import find_uv_bin

from benchmarks import integrity
from benchmarks.measure import Command, Ratio, compare, run
from tests import machines

POETRY = "2.5.1"
MACHINES = ("b200", "h100", "h200", "no-gpu", "rtx4090")
HOOK = ("verify", "--only", "lock,image,fleet")
POETRY_TABLES = """
[tool.poetry]
package-mode = false

[[tool.poetry.source]]
name = "bench"
url = "{url}"
priority = "primary"
"""


def hook(
    envctl: str, root: Path, manifest: str, env: Mapping[str, str], *, url: str, tools: Path
) -> tuple[Ratio, ...]:
    """Measure the commit hook's work against `uv lock --check` and `poetry check --lock`.

    Raises ``SystemExit`` where Poetry cannot be installed into ``tools``, once: what is not measured is not met.
    """
    text = manifest + POETRY_TABLES.format(url=url)
    ours, theirs, third = (_folder(root / name, text) for name in ("envctl", "uv", "poetry"))
    in_order(envctl, ours, env)
    uv, program = find_uv_bin(), poetry(tools)
    run([uv, "sync", "--quiet", "--python", sys.executable], theirs, env)
    more = {**env, "POETRY_VIRTUALENVS_IN_PROJECT": "true", "POETRY_CACHE_DIR": str(root / "cache")}
    for words in (["lock"], ["sync"]):
        run([program, *words, "--quiet", "--no-interaction"], third, more)
    checked = _command(ours, env, envctl, *HOOK)
    what = f"envctl {' '.join(HOOK)}, 170 pkgs, {len(MACHINES)} machines"
    return (
        compare(
            f"{what} / uv lock --check",
            1.3,
            checked,
            _command(theirs, env, uv, "lock", "--quiet", "--check"),
            pairs=41,
        ),
        compare(
            f"{what} / poetry check --lock",
            0.05,
            checked,
            _command(third, more, program, "check", "--lock", "--quiet"),
            pairs=11,
        ),
    )


def whole(envctl: str, folder: Path, env: Mapping[str, str]) -> Ratio:
    """Measure all six layers, in a project whose environment is in order, against a walk that only looks."""
    in_order(envctl, folder, env)
    top = os.path.realpath(folder / ".venv")
    count = sum(len(names) for _, _, names in os.walk(top))
    return compare(
        f"envctl verify / stat walk in Python, {count:,} files",
        1.3,
        _command(folder, env, envctl, "verify"),
        _command(folder, env, sys.executable, "-c", integrity.WALK, top),
        pairs=25,
    )


def in_order(envctl: str, folder: Path, env: Mapping[str, str]) -> None:
    """Lock and sync, record a team's machines, write the Dockerfile, and let each command see that all agrees."""
    records = folder / ".envctl" / "machines"
    records.mkdir(parents=True, exist_ok=True)
    for name in MACHINES:
        (records / f"{name}.toml").write_text(machines.text(name), encoding="utf-8")
    for words in (["lock"], ["sync"], ["dockerize"], ["verify"], HOOK):
        run([envctl, *words], folder, env)


def poetry(tools: Path) -> str:
    """Return Poetry's program, in an environment of its own that is made once."""
    program = tools / f"poetry-{POETRY}" / "bin" / "poetry"
    if not program.exists():
        home = program.parents[1]
        uv = find_uv_bin()
        steps = (
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(home)],
            [str(home / "bin" / "python"), "-m", "ensurepip"],
            [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", f"poetry=={POETRY}"],
        )
        for step in steps:
            done = subprocess.run(step, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(f"Poetry is not to be had: {' '.join(step)}\n{done.stderr}")
    return str(program)


def _folder(path: Path, text: str) -> Path:
    path.mkdir(parents=True)
    (path / "pyproject.toml").write_text(text, encoding="utf-8")
    return path


def _command(folder: Path, env: Mapping[str, str], *step: str) -> Command:
    return Command(name=step[0], steps=(step,), prepare=lambda: folder, env=env)
