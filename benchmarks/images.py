"""Images of the same packages: envctl's two flavours, and ``FROM python`` with ``pip install -r`` on the same base.

``python -m benchmarks.images [WORD…]`` prints a Markdown table. It needs the engine and the registry of the system
tests (``python3 -m tests.system.engine start``) and a package index. Each project gets a base image that nobody has
seen, so that no step of a first build is in any cache; the wheels' cache is empty as well.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.image_kinds import KINDS, Kind
from tests.system import engine

REPEATS = 1
MEGABYTE = 1_000_000

PIP = "pip install -r"
# Debian's Python, which stands for the official image's, asks for the option.
INSTALL = (
    "RUN --mount=type=secret,id=ca PIP_CERT=/run/secrets/ca"
    " pip install --no-cache-dir --break-system-packages"
)
BASELINE = """\
FROM {base}
WORKDIR /app
COPY requirements.txt .
{install} -r requirements.txt
{source}
CMD ["python"]
"""


@dataclass(kw_only=True)
class Row:
    """What was measured: seconds of each repeat, and the bytes over the base."""

    flavour: str
    kind: str
    first: list[float] = field(default_factory=list)
    source: list[float] = field(default_factory=list)
    light: list[float] = field(default_factory=list)
    size: int = 0

    def line(self) -> str:
        """Return the row of the table."""
        times = (
            f"{statistics.median(each):.1f} s" for each in (self.first, self.source, self.light)
        )
        return f"| {self.kind} | {self.flavour} | {' | '.join(times)} | {self.size / MEGABYTE:.1f} MB |"


def main(words: list[str]) -> None:
    """Measure every kind (whose name has one of the words) in every flavour; print each row as it is done."""
    print(
        "| project | image | first build | source changed | a light package changed | over base |"
    )
    print("|---|---|---|---|---|---|")
    for kind in KINDS:
        if words and not any(word in kind.name for word in words):
            continue
        for flavour in ("buildkit", "hermetic", PIP):
            row = Row(flavour=flavour, kind=kind.name)
            for _ in range(REPEATS):
                with tempfile.TemporaryDirectory(prefix="envctl-bench-") as folder:
                    measure(row, kind, Path(folder) / "project")
            print(row.line(), flush=True)


def measure(row: Row, kind: Kind, root: Path) -> None:
    """Build three times: at first, with another source, with another version of a light package."""
    plain = row.flavour == PIP
    tag = f"envctl-bench-{uuid.uuid4().hex[:12]}"
    with unseen_base() as base:
        kind.make(root)
        setting = "" if plain else f'build = "{row.flavour}"\n'
        edit(root, "[tool.envctl.image]\n", f'[tool.envctl.image]\n{setting}base = "{base}"\n')
        edit(root, f'"{kind.light}"', f'"{kind.light}==2.18.0"')

        def once() -> float:
            if plain:
                prepare(root, base, kind)
            began = time.perf_counter()
            build(root, tag) if plain else ours(root, tag)
            return time.perf_counter() - began

        try:
            envctl(root, "lock")
            row.first.append(once())
            row.size = size(tag) - size(base)
            with (root / kind.source).open("a") as file:
                file.write("# changed\n")
            row.source.append(once())
            edit(root, f'"{kind.light}==2.18.0"', f'"{kind.light}==2.19.1"')
            envctl(root, "lock")
            row.light.append(once())
        finally:
            engine.remove_image(tag)


@contextmanager
def unseen_base() -> Iterator[str]:
    """Give a base image with one file that no other has: nothing that starts from it is in a cache."""
    mark = uuid.uuid4().hex[:8]
    path = f"library/python:3.11-slim-bookworm-{mark}"
    local, name = f"{engine.REGISTRY_NAME}/{path}", f"docker.io/{path}"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "mark").write_text(mark)
        text = f"FROM {engine.ensure_base().pinned}\nCOPY mark /etc/mark\n"
        (Path(folder) / "Dockerfile").write_text(text)
        engine.build(Path(folder), tag=local)
    engine.docker("push", "--quiet", local)
    engine.docker("pull", "--quiet", name)
    try:
        yield name
    finally:
        for each in (local, name):
            engine.remove_image(each)


def ours(root: Path, tag: str) -> None:
    """`envctl dockerize`, which fetches the wheels of a hermetic image, and the build."""
    envctl(root, "dockerize")
    text = (root / "Dockerfile").read_text()
    if "--mount" not in text:
        envctl(root, "image", "build", "--tag", tag)
        return
    # The wheels' cache is the machine's: this project gets one of its own.
    apart = root.parent / "Dockerfile"
    apart.write_text(text.replace("id=envctl-uv", f"id=bench-{tag}"))
    build(root, tag, apart)


def prepare(root: Path, base: str, kind: Kind) -> None:
    """Write the Dockerfile that people write: the same versions, installed by pip into the base's Python."""
    plain = ("--no-default-groups", "--no-hashes", "--output", "requirements.txt")
    envctl(root, "export", "requirements", *plain)
    source = f"COPY . .\n{INSTALL} --no-deps ." if kind.package else "COPY *.py ."
    (root / "Dockerfile").write_text(BASELINE.format(base=base, source=source, install=INSTALL))
    (root / ".dockerignore").write_text(".envctl\n.venv\n")


def build(root: Path, tag: str, dockerfile: Path | None = None) -> None:
    """Build as a user does, with what this machine needs to trust its index."""
    bundle = engine.ca_bundle()
    secrets = {"ca": bundle} if bundle else {}
    engine.build(root, tag=tag, dockerfile=dockerfile, secrets=secrets)


def envctl(root: Path, *arguments: str) -> None:
    """Run envctl in the project; its failure ends the benchmark."""
    argv = [sys.executable, "-m", "envctl", *arguments]
    environ = {**os.environ, "ENVCTL_PREFLIGHT": "off"}
    done = subprocess.run(argv, cwd=root, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)}\n{done.stdout}{done.stderr}")


def edit(root: Path, old: str, new: str) -> None:
    """Replace a text of the manifest."""
    path = root / "pyproject.toml"
    text = path.read_text()
    if old not in text:
        raise SystemExit(f"{old!r} is not in\n{text}")
    path.write_text(text.replace(old, new, 1))


def size(name: str) -> int:
    """Return an image's bytes."""
    return int(engine.docker("image", "inspect", "--format={{.Size}}", name))


if __name__ == "__main__":
    main(sys.argv[1:])
