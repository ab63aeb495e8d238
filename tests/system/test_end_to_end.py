"""The main job on a real project: a model trained on a laptop and in its image gives the same number.

numpy, pandas and scikit-learn come from the default index; engine, registry and base image are real.
"""

import hashlib
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system import engine

pytestmark = [pytest.mark.docker, pytest.mark.index]

REQUIREMENTS = """\
# what the model needs
numpy
pandas
scikit-learn  # trees
"""

TRAIN = """\
import os

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_score

assert os.environ["PYTHONHASHSEED"] == "0"
rng = np.random.default_rng(7)
table = pd.DataFrame(rng.normal(size=(300, 5)), columns=list("abcde"))
target = (table.a * table.b + 0.3 * table.c > 0).astype(int)
model = RandomForestClassifier(n_estimators=20, random_state=0)
print(f"{cross_val_score(model, table, target, cv=3).mean():.17g}")
"""

# What product.md excepts from "byte for byte"; envctl's stamp, which says where the rest came from, and its snapshot.
_SCRIPTS = ("activate", "deactivate")
_OWN = ("pyvenv.cfg", "envctl.json", "envctl.files")


class Project:
    """The project's folder and envctl in a process of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def envctl(self, *arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "envctl", *arguments],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def files(self) -> dict[str, str]:
        environment = (self.root / ".venv").resolve()
        found = {}
        for path in environment.rglob("*"):
            name = path.relative_to(environment).as_posix()
            if path.is_file() and not path.is_symlink() and not excepted(name):
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found


def excepted(name: str) -> bool:
    parts = name.split("/")
    return (
        name in _OWN
        or "__pycache__" in parts
        or (parts[0] == "bin" and parts[-1].lower().startswith(_SCRIPTS))
    )


LIST_FILES = """\
import hashlib, json, os
root, found = "/opt/venv", {}
for folder, _, names in os.walk(root):
    for name in names:
        path = os.path.join(folder, name)
        if not os.path.islink(path):
            found[os.path.relpath(path, root)] = hashlib.sha256(open(path, "rb").read()).hexdigest()
print(json.dumps(found))
"""


STRAY = (
    "d=/opt/venv/lib/python3.11/site-packages/stray-1.dist-info"
    r"; mkdir $d && printf 'Name: stray\nVersion: 1\n' > $d/METADATA"
)


def secrets() -> dict[str, Path]:
    """Give the machine's CA bundle to the build, as someone behind a company proxy does."""
    bundle = engine.ca_bundle()
    return {"ca": bundle} if bundle else {}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, python_base: engine.BaseImage) -> Project:
    made = Project(tmp_path_factory.mktemp("model"))
    (made.root / "requirements.txt").write_text(REQUIREMENTS)
    (made.root / "train.py").write_text(TRAIN)
    made.envctl("init")
    manifest = made.root / "pyproject.toml"
    manifest.write_text(
        manifest.read_text()
        + '\n[tool.envctl.env]\nPYTHONHASHSEED = "0"\nCUDA_VISIBLE_DEVICES = "2"\n'
        + '\n[tool.envctl.image]\ncommand = ["python", "train.py"]\n'
    )
    made.envctl("lock")
    made.envctl("sync")
    made.envctl("dockerize")
    return made


@pytest.fixture(scope="module")
def image(project: Project, docker_engine: engine.Engine) -> Iterator[str]:
    tag = f"envctl-test-{uuid.uuid4().hex[:12]}"  # its own: another worker may build it as well
    engine.build(project.root, tag=tag, secrets=secrets())
    yield tag
    engine.remove_image(tag)


def test_everything_agrees_before_the_build(project: Project) -> None:
    assert project.envctl("run", "--", sys.executable, "-m", "envctl", "verify").count(" ok\n") == 5
    project.envctl("dockerize", "--check")


def test_the_same_number_here_and_in_the_container(project: Project, image: str) -> None:
    here = project.envctl("run", "--", "python", "train.py").strip()
    there = engine.run(image).stdout.strip()
    assert 0.5 < float(here) < 1
    assert there == here


def test_the_same_files_byte_for_byte(project: Project, image: str) -> None:
    listed = engine.run(image, ["python", "-I", "-S", "-c", LIST_FILES]).stdout
    there = {name: each for name, each in json.loads(listed).items() if not excepted(name)}
    here = project.files()
    assert len(here) > 3000
    assert there == here


def test_the_image_is_read_only_for_its_user(image: str) -> None:
    shown = engine.run(
        image,
        ["python", "-c", "import os; print(os.getuid(), os.access('/opt/venv/lib', os.W_OK))"],
    )
    assert shown.stdout.split() == ["10001", "False"]


def test_the_declared_variables_are_there(image: str) -> None:
    code = "import os; print(os.environ['PYTHONHASHSEED'], os.environ['CUDA_VISIBLE_DEVICES'])"
    assert engine.run(image, ["python", "-c", code]).stdout.split() == ["0", "2"]


def test_no_secret_stays_in_the_image(image: str) -> None:
    look = "import os; print(os.path.exists('/run/secrets/ca'), os.path.exists('/root/.netrc'))"
    assert engine.run(image, ["python", "-c", look]).stdout.split() == ["False", "False"]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ("echo '# mine' >> /opt/venv/lib/python3.11/site-packages/numpy/__init__.py", "numpy"),
        ("rm -r /opt/venv/lib/python3.11/site-packages/joblib*", "joblib"),
        (STRAY, "stray"),
    ],
)
def test_an_altered_image_is_refused_with_a_line_a_problem(
    image: str, image_tag: str, tmp_path: Path, change: str, word: str
) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(f"FROM {image}\nUSER 0\nRUN {change}\nUSER 10001:0\n")
    engine.build(context, tag=image_tag)
    done = engine.run(image_tag, check=False)
    assert done.returncode == 78
    assert done.stdout == ""
    said = done.stderr.strip().splitlines()
    assert word in said[0], done.stderr
    # One line a problem: what, need, have, fix.
    assert all(line.startswith("envctl preflight: error: ") for line in said)
    assert all(part in line for line in said for part in ("; need: ", "; have: ", "; fix: "))


def test_the_image_is_not_much_larger_than_base_and_environment(
    image: str, project: Project
) -> None:
    import docker

    client = docker.from_env()
    try:
        sizes = [layer["Size"] for layer in client.images.get(image).history()]
    finally:
        client.close()
    environment = sum(
        path.stat().st_size
        for path in (project.root / ".venv").resolve().rglob("*")
        if path.is_file() and not path.is_symlink() and "__pycache__" not in path.parts
    )
    # Byte-compiled caches are the only large thing that the image has and the laptop has not.
    assert sum(sizes[:-1]) < 1.6 * environment, (sizes, environment)
