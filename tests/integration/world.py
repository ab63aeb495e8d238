"""A project in a folder, a local index beside it, and envctl as a user calls it: in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.index.server import LocalIndex
from tests.index.wheels import Wheel

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"

STOCK = (
    Wheel("zz-made-app", "1.0", requires=("zz-made-lib>=1",)),
    Wheel("zz-made-app", "2.0", requires=("zz-made-lib>=1",)),
    Wheel("zz-made-lib", "1.0"),
    Wheel("zz-made-lib", "1.1"),
    Wheel("zz-made-test", "3.0", entry_points={"zz-test": "zz_made_test:main"}),
    Wheel("zz-made-plot", "0.5", requires=("zz-made-lib", "zz-made-win; sys_platform == 'win32'")),
    Wheel("zz-made-win", "1.0"),
)

MANIFEST = """\
# the team's project
[project]
name = "demo"
version = "0.1.0"
dependencies = [
    "zz-made-app<2",  # the old one
]

[project.optional-dependencies]
plot = ["zz-made-plot"]

[dependency-groups]
dev = ["zz-made-test"]

[tool.envctl]
python = "{minor}"
resolver = "{resolver}"
platforms = ["linux-x86_64"]
groups = ["dev"]

[[tool.envctl.index]]
name = "team"
url = "{index}"

[tool.envctl.env]
PYTHONHASHSEED = "0"
CUDA_VISIBLE_DEVICES = "2"
"""


@dataclass
class World:
    """One project; ``envctl`` runs the real program in it."""

    root: Path
    index: LocalIndex
    environ: Mapping[str, str] = field(default_factory=dict)

    def manifest(self, resolver: str = "uv") -> str:
        return MANIFEST.format(minor=MINOR, index=self.index.url, resolver=resolver)

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {name}"
        self.write(name, text.replace(old, new))

    def read(self, name: str) -> str:
        return (self.root / name).read_text(encoding="utf-8")

    def run(
        self,
        argv: Sequence[str],
        *,
        code: int | None = 0,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            list(argv),
            cwd=cwd or self.root,
            env={**os.environ, **self.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        if code is not None:
            assert done.returncode == code, f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def envctl(
        self,
        *arguments: str,
        code: int | None = 0,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "envctl", *arguments]
        return self.run(argv, code=code, env=env, cwd=cwd)

    def json(self, *arguments: str, code: int | None = 0) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.envctl(*arguments, "--json", code=code).stdout)
        return found

    def codes(self, *arguments: str, code: int | None = None) -> list[str]:
        """Return the findings' codes; whether a registry has pinned the base image is this machine's affair."""
        report = self.json("verify", *arguments, code=code)
        found = [finding["code"] for finding in report["result"]["findings"]]
        return [each for each in found if each != "base-unpinned"]

    def findings(self, *arguments: str) -> list[dict[str, Any]]:
        report = self.json("verify", *arguments, code=None)
        found: list[dict[str, Any]] = report["result"]["findings"]
        return found

    @property
    def python(self) -> Path:
        return self.root / ".venv" / "bin" / "python"

    @property
    def site(self) -> Path:
        return self.root / ".venv" / "lib" / f"python{MINOR}" / "site-packages"

    def installed(self) -> list[str]:
        return sorted(
            path.name.removesuffix(".dist-info") for path in self.site.glob("*.dist-info")
        )

    def snapshot(self, *names: str) -> dict[str, bytes | None]:
        return {
            name: (self.root / name).read_bytes() if (self.root / name).exists() else None
            for name in names
        }
