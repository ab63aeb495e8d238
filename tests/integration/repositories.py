"""git repositories with projects of envctl's in them: a template that is locked once, and a copy for each test."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.index.server import LocalIndex
from tests.integration.test_image_choice import UV
from tests.integration.world import STOCK, World

PROGRAMS = Path(sys.executable).parent
STALE = ('"zz-made-app<2"', '"zz-made-app>=2"')
"""An edit of the manifest that its lock does not answer."""


@dataclass
class Repository:
    """A work tree; ``git`` runs in it as a user would, with envctl on the PATH."""

    root: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    def run(
        self,
        *argv: str,
        code: int | None = 0,
        env: Mapping[str, str] | None = None,
        cwd: str | Path = ".",
    ) -> str:
        path = f"{PROGRAMS}:{os.environ['PATH']}"
        done = subprocess.run(
            argv,
            cwd=self.root / cwd,
            env={**os.environ, "PATH": path, **self.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=300,
            check=False,
        )
        said = (done.stdout + done.stderr).decode(errors="surrogateescape")
        assert "Traceback" not in said, said
        if code is not None:
            assert done.returncode == code, f"{argv}: {done.returncode}\n{said}"
        return said

    def git(
        self,
        *words: str,
        code: int | None = 0,
        env: Mapping[str, str] | None = None,
        cwd: str | Path = ".",
    ) -> str:
        return self.run("git", *words, code=code, env=env, cwd=cwd)

    def envctl(
        self,
        *words: str,
        code: int | None = 0,
        env: Mapping[str, str] | None = None,
        cwd: str | Path = ".",
    ) -> str:
        return self.run(sys.executable, "-m", "envctl", *words, code=code, env=env, cwd=cwd)

    def commit(
        self, *words: str, code: int | None = 0, env: Mapping[str, str] | None = None
    ) -> str:
        return self.git("commit", "--message", "a change", *words, code=code, env=env)

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return path

    def read(self, name: str) -> str:
        return (self.root / name).read_bytes().decode()

    def edit(self, name: str, old: str, new: str) -> None:
        text = self.read(name)
        assert old in text, f"{old!r} is not in {name}"
        self.write(name, text.replace(old, new))

    def stale(self, folder: str = ".") -> None:
        """Edit a project's manifest, so that its lock does not answer any more."""
        self.edit(f"{folder}/pyproject.toml", *STALE)

    def hook(self, name: str) -> Path:
        return self.root / ".git" / "hooks" / name

    def hooks(self) -> dict[str, tuple[bytes, int]]:
        """Return what stands in the folder of hooks, with its permissions."""
        return {
            path.name: (path.read_bytes(), path.lstat().st_mode)
            for path in (self.root / ".git" / "hooks").iterdir()
            if not path.name.endswith(".sample")
        }


@contextmanager
def template(folder: Path, *, image: bool = False) -> Iterator[World]:
    """Give a locked project, with its Dockerfile if that is wanted, and its index while tests need it."""
    root = folder / "template"
    root.mkdir()
    with LocalIndex(mode="html") as index:
        index.add(*STOCK)
        world = World(
            root=root,
            index=index,
            environ={
                "UV_CACHE_DIR": str(folder / "uv cache"),
                "UV_HTTP_RETRIES": "0",
                "NO_PROXY": "127.0.0.1",
            },
        )
        world.write("pyproject.toml", world.manifest())
        world.envctl("lock")
        if image:
            world.write(".envctl/image/uv.txt", UV)
            world.envctl("dockerize")
        shutil.rmtree(root / ".envctl" / "cache")
        yield world


def copied(made: World, folder: Path, *projects: str) -> Repository:
    """Make a repository with a copy of the project in each of these folders, all committed."""
    folder.mkdir(parents=True, exist_ok=True)
    repository = Repository(root=folder, environ=made.environ)
    for name in projects or (".",):
        shutil.copytree(made.root, folder / name, dirs_exist_ok=True, symlinks=True)
    repository.git("init", "--quiet", "--initial-branch", "main")
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--message", "start")
    return repository
