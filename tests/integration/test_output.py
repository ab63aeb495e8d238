"""`--output` of `tree` and `export`: a file of the user's own, and none that the project or envctl works with."""

import pytest

from tests.integration.world import World

COMMANDS = (("tree",), ("export", "requirements"))


@pytest.fixture
def locked(world: World) -> World:
    world.envctl("lock")
    return world


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "name",
    [
        "pyproject.toml",
        "PyProject.toml",
        "pylock.toml",
        "pylock.cpu.toml",
        "sub/pylock.toml",
        ".envctl/machines/cpu.toml",
        ".envctl",
        "docs/../.envctl/x",
        ".venv/pyvenv.cfg",
        ".git/config",
        "sub/.git/hooks/pre-commit",
        "Dockerfile",
        "Dockerfile.cpu",
        "dockerfile",
        "Dockerfile.dockerignore",
        ".dockerignore",
        ".gitignore",
        ".pre-commit-config.yaml",
        "uv.lock",
        "poetry.lock",
        "pdm.lock",
        "Pipfile.lock",
    ],
)
def test_the_machinery_is_not_replaced(locked: World, command: tuple[str, ...], name: str) -> None:
    before = {path: path.read_bytes() for path in locked.root.rglob("*") if path.is_file()}
    done = locked.envctl(*command, "--output", name, code=2)
    assert "does not replace" in done.stderr
    assert "next:  choose another name, for example `" in done.stderr
    assert done.stdout == ""
    assert {p: p.read_bytes() for p in locked.root.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("command", COMMANDS)
def test_nor_through_a_link(locked: World, command: tuple[str, ...]) -> None:
    (locked.root / "out").symlink_to(".envctl")
    (locked.root / "text").symlink_to("pyproject.toml")
    for name in ("out/x", "text"):
        done = locked.envctl(*command, "--output", name, code=2)
        assert "does not replace" in done.stderr
        assert f"--output {name}" in done.stderr
    assert not (locked.root / ".envctl" / "x").exists()


def test_a_lock_for_one_platform_is_no_machinery(locked: World) -> None:
    options = ("--platform", "linux-x86_64", "-o", "pylock.linux.toml")
    assert "wrote pylock.linux.toml" in locked.envctl("export", "pylock", *options).stderr
    for name in ("uv.lock", ".envctl/pylock.a.toml"):
        done = locked.envctl("export", "pylock", *options[:3], name, code=2)
        assert "does not replace" in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_another_text_is_replaced_and_that_is_said(locked: World, command: tuple[str, ...]) -> None:
    first = locked.envctl(*command, "--output", "notes.txt").stderr
    assert "wrote notes.txt" in first
    text = locked.read("notes.txt")
    assert "notes.txt is up to date" in locked.envctl(*command, "--output", "notes.txt").stderr
    for stood in (b"my own notes\n", b"", b"\xff\xfe no text"):
        (locked.root / "notes.txt").write_bytes(stood)
        done = locked.envctl(*command, "--output", "notes.txt")
        assert "replaced notes.txt" in done.stderr
        assert "wrote" not in done.stderr
        assert locked.read("notes.txt") == text
