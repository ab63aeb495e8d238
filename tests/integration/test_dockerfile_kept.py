"""A Dockerfile that stays true: a user's own lines, edits, a lock that moves on, and two branches that meet."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from envctl.domain import blocks
from tests import machines
from tests.index.server import LocalIndex
from tests.index.wheels import Wheel
from tests.integration.test_image_choice import UV
from tests.integration.test_merge import git
from tests.integration.world import STOCK, World

BEFORE = "# check=skip=none\n# the team's own head\n"
BETWEEN = "\n# a stage of ours\nFROM base AS assets\nRUN echo 1 > /assets\n\n"
AFTER = 'COPY --from=assets /assets /app/assets\nLABEL mine="it\'s # $HOME"'


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A locked project whose Dockerfile has a user's lines wherever they may stand; nobody changes it."""
    folder = tmp_path_factory.mktemp("kept")
    with LocalIndex(mode="html") as index:
        index.add(*STOCK, Wheel("zz-made-one", "1.0"), Wheel("zz-made-two", "1.0"))
        environ = {"UV_CACHE_DIR": str(folder / "uv"), "NO_PROXY": "127.0.0.1"}
        world = World(root=folder / "project", index=index, environ=environ)
        world.write("pyproject.toml", world.manifest())
        world.envctl("lock")
        world.write(".envctl/image/uv.txt", UV)
        world.envctl("dockerize")
        first, gap, second = world.read("Dockerfile").partition(f"\n{blocks.AGAIN}")
        assert gap
        world.write("Dockerfile", BEFORE + first + BETWEEN + gap[1:] + second + AFTER)
        yield world


@pytest.fixture
def dockerized(original: World, tmp_path: Path) -> World:
    """Give a copy of that project."""
    shutil.copytree(original.root, tmp_path / "project")
    return replace(original, root=tmp_path / "project")


def generated(world: World) -> tuple[str, ...]:
    block = blocks.find(world.read("Dockerfile"), "Dockerfile")
    assert block is not None
    assert (block.before, block.between, block.after) == (BEFORE, BETWEEN, AFTER)
    assert not block.edited
    return block.lines


def images(world: World) -> list[str]:
    return world.codes("--only", "image")


def test_a_user_s_lines_are_no_edit_and_survive(dockerized: World) -> None:
    world = dockerized
    assert images(world) == []
    old = generated(world)
    before = world.read("Dockerfile")
    assert "are up to date" in world.envctl("dockerize").stderr
    assert world.read("Dockerfile") == before
    world.edit("pyproject.toml", "zz-made-app<2", "zz-made-app>=2")
    world.envctl("lock")
    assert images(world) == ["dockerfile-stale"]
    done = world.envctl("dockerize")
    assert generated(world) != old
    assert images(world) == []
    # What has changed in it is shown.
    assert "\n-# slice linux-x86_64 sha256:" in done.stderr
    assert "\n+# slice linux-x86_64 sha256:" in done.stderr
    assert "mine=" not in done.stdout


def test_the_whole_diff_is_data(dockerized: World) -> None:
    world = dockerized
    world.edit("pyproject.toml", "zz-made-app<2", "zz-made-app>=2")
    stale = "note: pylock.toml does not answer pyproject.toml: run `envctl lock`"
    assert stale in world.envctl("dockerize", "--check").stderr
    world.envctl("lock")
    before = world.read("Dockerfile")
    looked = world.envctl("dockerize", "--check", "--diff", code=1)
    assert world.read("Dockerfile") == before
    assert "does not answer" not in looked.stderr
    done = world.envctl("dockerize", "--diff")
    assert done.stdout
    assert looked.stdout.startswith(done.stdout)
    assert "--- a/Dockerfile\n+++ b/Dockerfile\n" in done.stdout
    assert '-version = "1.0"' in done.stdout  # in a list that the build reads
    assert "--- a/Dockerfile" not in done.stderr
    assert world.envctl("dockerize", "--diff").stdout == ""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("FROM base AS empty", "FROM base AS empty\nRUN id"),  # in the first block
        ("WORKDIR /app", "WORKDIR /srv"),  # in the second
        ("# python 3", "# python  3"),
        ("USER 10001:0\n", ""),
    ],
)
def test_an_edit_inside_is_said_and_mended(dockerized: World, old: str, new: str) -> None:
    world = dockerized
    whole = world.read("Dockerfile")
    world.edit("Dockerfile", old, new)
    (finding, *_) = world.findings("--only", "image")
    assert (finding["code"], finding["fix"]) == ("dockerfile-edited", "envctl dockerize")
    done = world.envctl("dockerize")
    assert "had been changed by hand" in done.stderr
    assert world.read("Dockerfile") == whole


def test_what_does_not_make_it_stale(dockerized: World) -> None:
    """A test tool bumped, a record more, what a newer envctl would write otherwise."""
    world = dockerized
    before = world.read("Dockerfile")
    world.index.add(Wheel("zz-made-test", "4.0", entry_points={"zz-test": "zz_made_test:main"}))
    world.envctl("lock", "--upgrade", "zz-made-test")
    assert "4.0" in world.read("pylock.toml")
    assert images(world) == []
    world.write(".envctl/machines/h100.toml", machines.text("h100"))
    assert images(world) == []
    block = blocks.find(before, "Dockerfile")
    assert block is not None
    older = (*(line for line in block.body if "chmod" not in line), blocks.CUT, "# once worded so")
    world.write("Dockerfile", blocks.put(older, block, "Dockerfile"))
    assert images(world) == []
    world.envctl("dockerize")
    assert world.read("Dockerfile") == before


def test_two_branches_meet(dockerized: World) -> None:
    """Both changed what the image installs: git's conflict is in lock, lists and Dockerfile, and none is a person's."""
    world = dockerized
    git(world, "init", "-q", "-b", "main")
    git(world, "add", "-A", ".")
    git(world, "commit", "-qm", "start")
    anchor = '    "zz-made-app<2",  # the old one\n'
    for name in ("one", "two"):
        git(world, "checkout", "-qb", name, "main")
        world.edit("pyproject.toml", anchor, f'{anchor}    "zz-made-{name}",\n')
        world.envctl("lock")
        world.envctl("dockerize")
        git(world, "commit", "-qam", name)
    git(world, "merge", "-q", "one", code=1)
    assert "<<<<<<<" in world.read("Dockerfile")
    both = f'{anchor}    "zz-made-one",\n    "zz-made-two",\n'
    world.write("pyproject.toml", world.manifest().replace(anchor, both))
    world.envctl("lock")
    assert set(images(world)) == {"dockerfile-conflict"}
    world.envctl("verify", "--fix", "--only", "image")
    assert images(world) == []
    generated(world)
    for file in (world.root / ".envctl/image").glob("*"):
        assert "<<<<<<<" not in file.read_text()
    listed = world.read(".envctl/image/pylock.light.toml")
    assert "zz-made-one" in listed
    assert "zz-made-two" in listed


def test_a_user_s_own_conflict_is_left_to_the_user(dockerized: World) -> None:
    world = dockerized
    world.edit(
        "Dockerfile", "RUN echo 1 > /assets\n", "<<<<<<< a\nRUN 1\n=======\nRUN 2\n>>>>>>> b\n"
    )
    before = world.read("Dockerfile")
    done = world.envctl("dockerize", code=3)
    assert "merge-conflict markers outside the generated block" in done.stderr
    assert world.read("Dockerfile") == before


def test_same_input_same_bytes(dockerized: World, tmp_path: Path) -> None:
    world = dockerized
    for name in ("Dockerfile", ".dockerignore", ".envctl/image/pylock.light.toml"):
        (world.root / name).unlink()
    other = replace(world, root=tmp_path / "a copy")
    shutil.copytree(world.root, other.root)
    # The same said in another order, by another user, in another language and time zone.
    text = other.read("pyproject.toml")
    head, env = text.split("[tool.envctl.env]\n")
    (one, two) = env.strip().splitlines()
    other.write("pyproject.toml", f"{head}[tool.envctl.env]\n{two}\n{one}\n# a word\n")
    world.envctl("dockerize")
    other.envctl("dockerize", env={"TZ": "Asia/Tokyo", "LC_ALL": "C", "USER": "b", "UMASK": "0"})
    names = [".dockerignore", "Dockerfile"]
    names += [f".envctl/image/{path.name}" for path in (world.root / ".envctl/image").iterdir()]
    assert other.snapshot(*names) == world.snapshot(*names)


@pytest.mark.parametrize(
    ("target", "baked"), [("docker", True), ("slurm", False), ("kubernetes", False)]
)
def test_the_three_targets(dockerized: World, target: str, baked: bool) -> None:
    world = dockerized
    world.write("pyproject.toml", f'{world.manifest()}\n[tool.envctl.image]\nfor = "{target}"\n')
    assert images(world) == ([] if target == "docker" else ["dockerfile-stale"])
    done = world.envctl("dockerize")
    text = world.read("Dockerfile")
    assert ('ENV CUDA_VISIBLE_DEVICES="2"\n' in text) is baked
    assert 'ENV PYTHONHASHSEED="0"\n' in text
    assert (f"left out of an image for {target}" in done.stderr) is not baked
    assert f'io.envctl.for="{target}"' in text
