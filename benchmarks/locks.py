"""The ratios of a team's locks: three platforms, nothing to do, pip-tools; and the memory that a lock takes."""

import itertools
import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

from uv import find_uv_bin

from benchmarks.measure import Command, Ratio, compare, once, run

PYTHON = sys.executable
SCRIPTS = Path(sysconfig.get_path("scripts"))
ENVCTL = str(SCRIPTS / "envctl")
MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
REAL = (
    *("transformers[torch]", "datasets", "accelerate", "lightning", "evaluate", "peft"),
    *("tensorboard", "scikit-learn", "pandas", "matplotlib", "jupyterlab"),
)
"""A stack of about 170 packages, from the index that this machine has."""

MANIFEST = """\
[project]
name = "bench"
version = "0"
requires-python = "=={minor}.*"
dependencies = {dependencies}

[tool.envctl]
python = "{minor}"
resolver = "{resolver}"
platforms = {platforms}
{index}
[tool.uv]
package = false
environments = [
{environments}
]
"""
INDEX = """
[[tool.envctl.index]]
name = "bench"
url = "{url}"

[[tool.uv.index]]
name = "bench"
url = "{url}"
default = true
"""
MARKERS = {
    "linux-x86_64": "sys_platform == 'linux' and platform_machine == 'x86_64'",
    "linux-aarch64": "sys_platform == 'linux' and platform_machine == 'aarch64'",
    "macos-arm64": "sys_platform == 'darwin' and platform_machine == 'arm64'",
}


def manifest(
    dependencies: list[str],
    *,
    platforms: tuple[str, ...] = tuple(MARKERS),
    resolver: str = "uv",
    url: str = "",
) -> str:
    """Return a manifest that envctl and uv both lock, for the same platforms."""
    return MANIFEST.format(
        minor=MINOR,
        resolver=resolver,
        dependencies=dependencies,
        platforms=list(platforms),
        index=INDEX.format(url=url) if url else "",
        environments="\n".join(f'    "{MARKERS[each]}",' for each in platforms),
    )


class Locks:
    """Folders and caches of one run."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._numbers = itertools.count()

    def folder(self, text: str) -> Path:
        """Make a new folder with that manifest."""
        made = self._root / f"run{next(self._numbers)}"
        made.mkdir(parents=True)
        (made / "pyproject.toml").write_text(text, encoding="utf-8")
        return made

    def env(self) -> dict[str, str]:
        """Return the variables of a command with an empty cache of its own."""
        cache = str(self._root / f"cache{next(self._numbers)}")
        return {"UV_CACHE_DIR": cache, "NO_PROXY": "127.0.0.1", "PIP_CACHE_DIR": f"{cache}-pip"}

    def command(self, name: str, text: str, step: list[str], env: dict[str, str]) -> Command:
        """Return a command that runs in a folder of its own."""
        return Command(name=name, steps=(step,), prepare=lambda: self.folder(text), env=env)

    def three_platforms(self, text: str, what: str, *, pairs: int) -> Ratio:
        """`envctl lock` against `uv lock`, each from nothing and with an empty cache."""
        uv = [find_uv_bin(), "lock", "--quiet", "--python", PYTHON]
        measured = [
            (
                once(self.command("envctl lock", text, [ENVCTL, "lock"], self.env())),
                once(self.command("uv lock", text, uv, self.env())),
            )
            for _ in range(pairs)
        ]
        return Ratio(
            what=f"envctl lock / uv lock, 3 platforms, {what}",
            limit=1.25,
            ours=tuple(ours for ours, _ in measured),
            theirs=tuple(theirs for _, theirs in measured),
        )

    def unchanged(self, text: str) -> Ratio:
        """`envctl lock` with nothing to do against `uv lock --check` with its .venv present."""
        folder, env, uv = self.folder(text), self.env(), find_uv_bin()
        run([ENVCTL, "lock"], folder, env)
        run([uv, "lock", "--quiet", "--python", PYTHON], folder, env)
        run([uv, "venv", "--quiet", "--python", PYTHON], folder, env)
        ours = self._here("envctl lock", folder, [ENVCTL, "lock"], env)
        theirs = self._here("uv lock --check", folder, [uv, "lock", "--quiet", "--check"], env)
        return compare("unchanged envctl lock / uv lock --check", 3, ours, theirs, pairs=15)

    @staticmethod
    def _here(name: str, folder: Path, step: list[str], env: dict[str, str]) -> Command:
        prepare: Callable[[], Path] = lambda: folder  # noqa: E731  # one folder for every run
        return Command(name=name, steps=(step,), prepare=prepare, env=env)

    def pip_tools(self, text: str, url: str, *, pairs: int) -> Ratio:
        """`envctl lock` with pip-tools against `pip-compile --generate-hashes`, empty caches."""
        compile_ = [
            *(str(SCRIPTS / "pip-compile"), "--quiet", "--generate-hashes", "--strip-extras"),
            *("--index-url", url, "--output-file", "requirements.txt", "pyproject.toml"),
        ]
        measured = [
            (
                once(self.command("envctl lock", text, [ENVCTL, "lock"], self.env())),
                once(self.command("pip-compile", text, compile_, self.env())),
            )
            for _ in range(pairs)
        ]
        return Ratio(
            what="envctl lock (pip-tools) / pip-compile --generate-hashes",
            limit=0.6,
            ours=tuple(ours for ours, _ in measured),
            theirs=tuple(theirs for _, theirs in measured),
        )

    def peak_memory(self, text: str) -> int:
        """Return the largest resident size, in bytes, of `envctl lock` and all that it starts."""
        script = (
            "import resource, subprocess, sys; code = subprocess.call(sys.argv[1:]); "
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(code)"
        )
        done = subprocess.run(
            [PYTHON, "-c", script, ENVCTL, "lock"],
            cwd=self.folder(text),
            env={**os.environ, **self.env()},
            capture_output=True,
            text=True,
            check=True,
        )
        return int(done.stdout.split()[-1]) * 1024
