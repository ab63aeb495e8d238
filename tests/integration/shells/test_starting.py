"""What `envctl shell` and `envctl activate` leave and say where they cannot do it."""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from envctl.adapters.shell_folder import shell_folder
from tests.integration.shells.dialects import DIALECTS
from tests.integration.shells.stage import build, missing
from tests.integration.shells.test_detection import MANIFEST, PROGRAM, project, run

__all__ = ["project"]


def attempted(
    project: Path, tmp_path: Path, *arguments: str, env: Mapping[str, str] | None = None
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run `envctl shell` where nothing else makes files, and say what lies there afterwards."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    done = run(["envctl", "shell", *arguments], project, {"TMPDIR": str(folder), **(env or {})})
    return done, sorted(str(each.relative_to(folder)) for each in folder.rglob("*"))


@pytest.mark.parametrize("shell", ["pwsh", "/nonexistent/bash", "/nonexistent/-zsh", "nu-9.9"])
def test_a_shell_that_is_not_there(shell: str, project: Path, tmp_path: Path) -> None:
    if shutil.which(shell):
        pytest.skip("it is there")
    done, left = attempted(project, tmp_path, "--shell", shell)
    assert done.returncode not in {0, 1}
    assert f"`{shell}` was not found" in done.stderr
    assert "install it, or correct the name" in done.stderr
    assert left == []


def test_a_shell_that_the_system_cannot_start(project: Path, tmp_path: Path) -> None:
    broken = tmp_path / "bash"
    broken.write_bytes(b"\x7fELF no")
    broken.chmod(0o755)
    done, left = attempted(project, tmp_path, "--shell", str(broken))
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "is not a program that the system can start" in done.stderr
    assert left == []


@pytest.mark.parametrize("name", ["cmd", "cmd.exe", "/mnt/c/Windows/System32/cmd.exe"])
def test_cmd_is_for_windows(name: str, project: Path, tmp_path: Path) -> None:
    done, left = attempted(project, tmp_path, "--shell", name)
    assert done.returncode == 2
    assert "`cmd` can be started on Windows only" in done.stderr
    assert left == []


def odd(tmp_path: Path, name: str) -> Path:
    root = tmp_path.resolve() / name
    (root / "programs").mkdir(parents=True)
    (root / "pyproject.toml").write_text(MANIFEST)
    build(root / ".venv")
    (root / "programs/envctl").write_text(PROGRAM)
    (root / "programs/envctl").chmod(0o755)
    return root


@pytest.mark.parametrize(("shell", "name"), [("tcsh", "a\nb"), ("xonsh", "a${b"), ("cmd", "ab")])
def test_a_path_that_the_shell_has_no_script_for(shell: str, name: str, tmp_path: Path) -> None:
    root = odd(tmp_path, name)
    done = run(["envctl", "activate", "--shell", shell], root)
    assert done.returncode == 3, done.stderr
    assert done.stdout == ""
    assert "use another shell" in done.stderr
    if shell == "cmd":
        return
    if not shutil.which(shell):
        missing(DIALECTS[shell])
    started, left = attempted(root, tmp_path, "--shell", shell)
    assert started.returncode == 3, started.stderr
    assert "use another shell" in started.stderr
    assert left == []
    other = run(["envctl", "activate", "--shell", "sh"], root)
    assert other.returncode == 0, other.stderr


def test_what_was_left_long_ago_is_removed_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    long_ago = time.time() - 2 * 24 * 60 * 60
    kept = tmp_path / "elsewhere"
    for name in ("envctl-shell-old", "envctl-shell-new", "envctl-other", "elsewhere"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rc").write_text("")
        if name != "envctl-shell-new":
            os.utime(tmp_path / name, (long_ago, long_ago))
    (tmp_path / "envctl-shell-file").write_text("")
    os.utime(tmp_path / "envctl-shell-file", (long_ago, long_ago))
    link = tmp_path / "envctl-shell-link"
    link.symlink_to(kept)
    os.utime(link, (long_ago, long_ago), follow_symlinks=False)
    names = {"envctl-shell-new", "envctl-other", "elsewhere", "envctl-shell-file", link.name}
    if os.geteuid() == 0:
        others = tmp_path / "envctl-shell-others"
        others.mkdir()
        os.utime(others, (long_ago, long_ago))
        os.chown(others, 12345, -1)
        names.add(others.name)
    with shell_folder() as lent:
        assert lent.stat().st_mode & 0o777 == 0o700
        assert {each.name for each in tmp_path.iterdir()} == {*names, lent.name}
        (lent / "rc").write_text("")
    assert {each.name for each in tmp_path.iterdir()} == names
    assert (kept / "rc").exists()
