"""What the README and the tutorial tell people to type is typed here, in their order, and says what they show.

The README's way is gone in an empty folder, with the envctl that its own command installs. The tutorial's packages
come from an index on this machine, under their names and with the versions that the page shows.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.image_projects import UV_PIN
from tests.index.server import LocalIndex
from tests.index.wheels import Wheel
from tests.system import engine

pytestmark = [pytest.mark.docker, pytest.mark.index]

ROOT = Path(__file__).parents[2]
README, TUTORIAL = ROOT / "README.md", ROOT / "docs" / "tutorial" / "first-project.md"
BREAK = "--- typed ---"
MACHINE = re.compile(r"(?<=\.envctl/machines/)[a-z0-9-]+(?=\.toml)")
NEEDED = ("scipy", "joblib", "threadpoolctl", "narwhals", "cloudpickle")
TESTING = ("iniconfig", "packaging", "pluggy", "pygments")
STOCK = (
    Wheel("numpy", "2.4.6"),
    Wheel(
        "scikit-learn",
        "1.9.1",
        requires=NEEDED,
        files={"sklearn/__init__.py": "__version__ = '1.9.1'\n"},
    ),
    Wheel("pytest", "9.2.0", requires=TESTING),
    *(Wheel(name, "1.0") for name in NEEDED + TESTING),
)
NO_NETWORK = """
[tool.envctl.image]
build = "hermetic"

[[tool.envctl.index]]
name = "here"
url = "{url}"
"""


@dataclass(frozen=True)
class Typed:
    """One command of a page, and the lines that the page shows below it."""

    command: str
    shown: tuple[str, ...]


def blocks(text: str) -> list[list[Typed]]:
    """Return a page's console blocks: what is typed in one shell, one after the other."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        lines = block.replace("\\\n", " ").splitlines()
        starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
        parts = [lines[a:b] for a, b in pairwise([*starts, len(lines)])]
        found.append([Typed(part[0][2:], tuple(part[1:])) for part in parts])
    return found


def section(path: Path, title: str) -> str:
    return path.read_text(encoding="utf-8").partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def type_in(folder: Path, block: list[Typed], env: Mapping[str, str]) -> list[str]:
    """Type a block's commands into one bash that stops at the first failure; return what each said."""
    script = "\n".join(f"{typed.command}\necho '{BREAK}'" for typed in block)
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}"
    return done.stdout.split(f"{BREAK}\n")[: len(block)]


def holds(said: str, shown: tuple[str, ...]) -> bool:
    """Whether the lines are as shown; `…` stands for any, a machine may have another name."""
    lines = (MACHINE.sub("HERE", line) for line in shown)
    pattern = "".join(".*" if line.strip() == "…" else re.escape(f"{line}\n") for line in lines)
    return re.fullmatch(pattern, MACHINE.sub("HERE", said), re.DOTALL) is not None


@pytest.fixture(scope="module")
def images(docker_engine: engine.Engine, python_base: engine.BaseImage) -> Iterator[list[str]]:
    made: list[str] = []
    yield made
    for tag in made:
        engine.remove_image(tag)


def test_the_readmes_way(
    tmp_path: Path, images: list[str], machine_environ: Mapping[str, str]
) -> None:
    (tmp_path / "envctl").symlink_to(ROOT)
    programs = Path(os.environ["HOME"]) / ".local" / "bin"
    own = {name: os.environ[name] for name in ("HOME", "XDG_CACHE_HOME")}
    install = {**machine_environ, **own}
    install["PATH"] = f"{Path(find_uv_bin()).parent}:{os.environ['PATH']}"
    [ways] = blocks(section(README, "Install"))
    type_in(tmp_path, ways, install)
    project = tmp_path / "zz-made-readme"
    (project / ".envctl" / "image").mkdir(parents=True)
    (project / ".envctl" / "image" / "uv.txt").write_text(UV_PIN)
    (project / "train.py").write_text("print('trained')\n")
    subprocess.run(["git", "init", "--quiet", str(project)], check=True)
    env = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    images.append("zz-made-readme:latest")
    said: dict[str, str] = {}
    for block in blocks(section(README, "Five minutes")):
        said |= zip((typed.command for typed in block), type_in(project, block, env), strict=True)
    assert said["envctl run -- python train.py"] == "trained\n"
    assert said["envctl verify"].count(" ok") == 5
    assert (
        "image        skipped: there is no Dockerfile (envctl dockerize)" in said["envctl verify"]
    )
    assert (project / ".git/hooks/pre-commit").is_file()


@pytest.fixture
def tutorial(tmp_path: Path) -> Iterator[Path]:
    text = TUTORIAL.read_text(encoding="utf-8")
    [manifest] = re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    folder = tmp_path / "tabular"
    folder.mkdir()
    uv = ["--quiet", "--no-deps", "--only-binary=:all:", f"uv=={version('uv')}"]
    argv = [sys.executable, "-m", "pip", "download", f"--dest={tmp_path / 'uv'}", *uv]
    subprocess.run(argv, check=True)
    with LocalIndex() as index:
        index.add(*STOCK)
        index.serve_folder(tmp_path / "uv")
        (folder / "pyproject.toml").write_text(manifest + NO_NETWORK.format(url=index.url))
        (folder / "train.py").write_text("import numpy, sklearn\nprint(sklearn.__version__)\n")
        yield folder


def test_the_tutorial(tutorial: Path, images: list[str]) -> None:
    images.append("tabular:latest")
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    env["UV_CACHE_DIR"] = str(tutorial.parent / "cache")
    count = 0
    for block in blocks(TUTORIAL.read_text(encoding="utf-8")):
        for typed, said in zip(block, type_in(tutorial, block, env), strict=True):
            if typed.shown:
                assert holds(said, typed.shown), f"$ {typed.command}\n{said}"
                count += 1
            if typed.command.startswith("envctl image run"):
                assert said.splitlines()[-1] == "1.9.1"
    assert count == 5
