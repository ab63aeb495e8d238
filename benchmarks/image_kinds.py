"""The kinds of project of which images are measured: two of the examples, CUDA from wheels, one that is a package."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"
CUDA = """\
[project]
name = "cuda"
version = "1"
dependencies = ["nvidia-cuda-runtime-cu12==12.6.77", "nvidia-cuda-nvrtc-cu12==12.6.77", "numpy>=2", "pygments"]
[tool.envctl]
python = "3.11"
platforms = ["linux-x86_64"]
[tool.envctl.image]
source = ["main.py"]
command = ["python", "main.py"]
"""
PACKAGE = """\
[project]
name = "shop"
version = "1"
dependencies = ["flask>=3", "gunicorn>=23", "pygments"]
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[tool.hatch.build.targets.wheel]
packages = ["src/shop"]
[tool.envctl]
python = "3.11"
platforms = ["linux-x86_64"]
[tool.envctl.image]
project = "package"
command = ["python", "-c", "import shop"]
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """A kind of project: how its folder is made, the file that is changed as a source, and a light package."""

    name: str
    make: Callable[[Path], None]
    source: str
    light: str = "pygments"

    @property
    def package(self) -> bool:
        """Whether the project itself is installed."""
        return self.source.startswith("src/")


def example(name: str) -> Callable[[Path], None]:
    """Return a maker of a project that is one of the examples, with one light package more."""

    def make(root: Path) -> None:
        hidden = shutil.ignore_patterns("__pycache__", ".*", "pylock.toml", "Dockerfile")
        shutil.copytree(EXAMPLES / name, root, ignore=hidden)
        path = root / "pyproject.toml"
        text = path.read_text().replace("dependencies = [", 'dependencies = [\n    "pygments",', 1)
        if "platforms" not in text:
            text = text.replace(
                "[tool.envctl]\n",
                '[tool.envctl]\npython = "3.11"\nplatforms = ["linux-x86_64"]\n',
                1,
            )
        path.write_text(text)

    return make


def written(manifest: str, source: str) -> Callable[[Path], None]:
    """Return a maker of a project with this manifest and one file."""

    def make(root: Path) -> None:
        (root / source).parent.mkdir(parents=True)
        (root / source).write_text("print(1)\n")
        (root / "pyproject.toml").write_text(manifest)

    return make


KINDS = (
    Kind(name="CPU: numpy, pandas, scikit-learn", make=example("tabular"), source="train.py"),
    Kind(name="CUDA from wheels (runtime, nvrtc)", make=written(CUDA, "main.py"), source="main.py"),
    Kind(name="service: Flask, gunicorn", make=example("service"), source="service.py"),
    Kind(
        name="the project as a package",
        make=written(PACKAGE, "src/shop/__init__.py"),
        source="src/shop/__init__.py",
    ),
)
