"""`envctl sync`: exactly the lock, never half done."""

import hashlib
import io
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.index.wheels import Wheel, sdist
from tests.integration.world import World


def environments(world: World) -> list[Path]:
    """Return the folders of all environments."""
    return [path for path in (world.root / ".envctl" / "envs").iterdir() if path.is_dir()]


BASE = ["zz_made_app-1.0", "zz_made_lib-1.1", "zz_made_test-3.0"]


def test_it_installs_the_slice_of_the_default_groups(synced: World) -> None:
    assert synced.installed() == BASE
    shown = synced.run(
        [str(synced.python), "-c", "import zz_made_app; print(zz_made_app.__version__)"]
    )
    assert shown.stdout.strip() == "1.0"


def test_a_second_run_does_nothing_and_says_so(synced: World) -> None:
    before = (synced.root / ".venv").readlink()
    done = synced.envctl("sync")
    assert "is in sync: 3 packages" in done.stderr
    assert (synced.root / ".venv").readlink() == before


def test_adds_removes_and_upgrades(synced: World) -> None:
    synced.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-app>=2", "zz-made-plot"')
    synced.edit("pyproject.toml", 'dev = ["zz-made-test"]', "dev = []")
    synced.envctl("lock")
    done = synced.envctl("sync")
    assert synced.installed() == ["zz_made_app-2.0", "zz_made_lib-1.1", "zz_made_plot-0.5"]
    for line in ("+ zz-made-plot 0.5", "- zz-made-test 3.0", "~ zz-made-app 1.0 → 2.0"):
        assert line in done.stderr


def test_check_prints_the_plan_and_changes_nothing(world: World) -> None:
    world.envctl("lock")
    done = world.envctl("sync", "--check", code=1)
    assert "+ zz-made-app 1.0" in done.stderr
    assert not (world.root / ".venv").is_symlink()
    world.envctl("sync")
    world.envctl("sync", "--check")


def test_the_first_one_has_no_environment_to_speak_of(world: World) -> None:
    world.envctl("lock")
    assert "* there is no environment yet\n" in world.envctl("sync").stderr


def test_the_plan_of_a_repair_and_of_making_it_anew(synced: World) -> None:
    where = (synced.root / ".venv").readlink()
    assert "is in sync" in synced.envctl("sync", "--check", "--repair").stderr
    edited = synced.site / "zz_made_lib" / "__init__.py"
    edited.unlink()
    edited.write_text("edited")
    (synced.root / ".venv" / "bin" / "stray").write_text("")
    for options in (("--dry-run",), ("--dry-run", "--recreate")):
        found = synced.envctl("sync", "--repair", *options).stderr
        assert "* added: bin/stray\n" in found
        assert "* changed: files of zz-made-lib\n" in found
        assert "would sync .venv" in found
    assert (
        "* it is to be made anew\n" in synced.envctl("sync", "--check", "--recreate", code=1).stderr
    )
    assert (synced.root / ".venv").readlink() == where
    assert edited.read_text() == "edited"
    done = synced.envctl("sync", "--repair").stderr
    assert "* added: bin/stray\n" in done
    assert "* changed: files of zz-made-lib\n" in done
    synced.envctl("verify", "--only", "environment", "--full")


def test_groups_and_extras(synced: World) -> None:
    synced.envctl("sync", "--no-default-groups", "--extra", "plot")
    assert synced.installed() == ["zz_made_app-1.0", "zz_made_lib-1.1", "zz_made_plot-0.5"]
    done = synced.envctl("sync", "--group", "nope", code=2)
    assert "no group `nope`" in done.stderr
    assert "dev" in done.stderr


def test_what_another_tool_did_is_undone(synced: World) -> None:
    (synced.site / "zz_stray-1.dist-info").mkdir()
    (synced.site / "zz_stray-1.dist-info" / "METADATA").write_text("Name: zz-stray\nVersion: 1\n")
    done = synced.envctl("sync")
    assert "- zz-stray 1" in done.stderr
    assert synced.installed() == BASE


def test_a_lock_that_does_not_answer_any_more_is_named(synced: World) -> None:
    synced.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-app>=2"')
    for _ in range(2):
        done = synced.envctl("sync")
        assert "does not answer pyproject.toml any more: run `envctl lock`" in done.stderr
    looked = synced.envctl("sync", "--check")
    assert "does not answer pyproject.toml any more: run `envctl lock`" in looked.stderr
    assert synced.installed() == BASE


def test_switching_back_is_a_new_link(synced: World) -> None:
    first = (synced.root / ".venv").readlink()
    synced.envctl("sync", "--no-default-groups")
    synced.index.forget_requests()
    synced.envctl("sync")
    assert (synced.root / ".venv").readlink() == first
    assert synced.index.requests == []


def test_a_running_process_keeps_its_files(synced: World) -> None:
    code = "import sys; print('up', flush=True); sys.stdin.read(); import zz_made_test; print('ok')"
    process = subprocess.Popen(
        [sys.executable, "-m", "envctl", "run", "--", "python", "-c", code],
        cwd=synced.root,
        env={**os.environ, **synced.environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    for options in (("--no-default-groups",), ("--extra", "plot", "--no-default-groups"), ()):
        synced.envctl("sync", *options)
    out, _ = process.communicate("", timeout=60)
    assert out == "ok\n"


def test_old_environments_go_when_nobody_uses_them(synced: World) -> None:
    homes = synced.root / ".envctl" / "envs"
    synced.envctl("sync", "--no-default-groups")
    synced.envctl("sync", "--extra", "plot")
    synced.envctl("sync", "--no-default-groups", "--extra", "plot")
    # A shell that activated one says so nowhere: they stay for a day.
    assert len(environments(synced)) == 4
    for stamp in homes.glob("*/envctl.json"):
        os.utime(stamp, (1, 1))
    synced.envctl("sync")
    assert len(environments(synced)) == 2


def test_a_folder_has_one_spelling(synced: World, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(synced.root)
    for place in (synced.root, tmp_path / "link"):
        done = synced.envctl("-C", str(place), "sync", cwd=tmp_path)
        assert "is in sync" in done.stderr


def test_a_changed_source_tree_is_installed_anew(world: World, tmp_path: Path) -> None:
    for version in ("1", "2"):
        folder = tmp_path / f"tree{version}"
        folder.mkdir()
        with tarfile.open(fileobj=io.BytesIO(sdist(Wheel("zz-made-tree", version))[1])) as archive:
            archive.extractall(folder)
    trees = [next((tmp_path / f"tree{version}").iterdir()).as_uri() for version in ("1", "2")]
    world.edit("pyproject.toml", '"zz-made-app<2"', f'"zz-made-tree @ {trees[0]}"')
    world.envctl("lock")
    world.envctl("sync")
    assert "zz_made_tree-1" in world.installed()
    assert "is in sync" in world.envctl("sync").stderr
    world.edit("pyproject.toml", trees[0], trees[1])
    world.envctl("lock")
    world.envctl("sync")
    assert "zz_made_tree-2" in world.installed()
    assert world.codes("--only", "environment") == []


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_a_foreign_environment_is_never_touched_unasked(
    world: World, kind: str, tmp_path: Path
) -> None:
    world.envctl("lock")
    venv = world.root / ".venv"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if kind == "folder":
        venv.mkdir()
        (venv / "precious").write_text("mine")
    elif kind == "file":
        venv.write_text(str(elsewhere))
    else:
        venv.symlink_to(elsewhere)
    done = world.envctl("sync", code=3)
    assert "--recreate" in done.stderr
    assert venv.exists()
    if kind == "folder":
        assert (venv / "precious").read_text() == "mine"
    world.envctl("sync", "--recreate")
    assert world.installed() == BASE
    assert elsewhere.is_dir()


def test_recreate_says_that_all_was_made_anew(synced: World) -> None:
    before = (synced.root / ".venv").resolve()
    done = synced.envctl("sync", "--recreate")
    assert f"made .venv anew: {len(BASE)} packages" in done.stderr
    assert "in sync" not in done.stderr
    assert (synced.root / ".venv").resolve() != before
    assert synced.json("sync", "--recreate")["result"]["changed"] is True
    assert ".venv is in sync" in synced.envctl("sync").stderr


def test_killed_at_any_moment_it_repairs_itself(synced: World) -> None:
    """Kill a sync to another slice at moments spread over its whole life; old or new must be complete."""
    argv = [sys.executable, "-m", "envctl", "sync", "--extra", "plot"]
    plot = sorted([*BASE, "zz_made_plot-0.5"])
    started = time.monotonic()
    synced.envctl("sync", "--extra", "plot")
    whole = time.monotonic() - started
    seen = set()
    for step in range(12):
        synced.envctl("sync")
        for path in environments(synced):
            if path.name != (synced.root / ".venv").readlink().name:
                subprocess.run(["rm", "-rf", str(path)], check=True)
        process = subprocess.Popen(
            argv,
            cwd=synced.root,
            env={**os.environ, **synced.environ},
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(whole * (step + 0.5) / 12)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert synced.installed() in (BASE, plot)
        seen.add(tuple(synced.installed()))
        synced.run([str(synced.python), "-c", "import zz_made_app, zz_made_test"])
        synced.envctl("sync", "--extra", "plot")
        assert synced.installed() == plot
        assert synced.codes("--only", "environment") == []
    assert len(environments(synced)) <= 2


def test_two_at_once(world: World) -> None:
    world.envctl("lock")
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "envctl", "sync"],
            cwd=world.root,
            env={**os.environ, **world.environ},
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sum("is in sync" in text for text in said) == 1
    assert world.installed() == BASE


def test_personal_virtualenv_settings_change_nothing(world: World) -> None:
    world.envctl("lock")
    world.envctl(
        "sync", env={"VIRTUALENV_SYSTEM_SITE_PACKAGES": "1", "VIRTUALENV_ACTIVATORS": "fish"}
    )
    cfg = (world.root / ".venv" / "pyvenv.cfg").read_text()
    assert "include-system-site-packages = false" in cfg
    assert (world.root / ".venv" / "bin" / "activate").exists()


def test_what_killed_ones_left_goes_with_the_next_sync(synced: World) -> None:
    """Even where there is nothing else to do: the fast path must not answer."""
    homes = synced.root / ".envctl" / "envs"
    assert "is in sync" in synced.envctl("sync").stderr
    for name in (".link-1", ".link-2", ".probe-3", "abc"):
        (homes / name).symlink_to(".envctl/envs/abc")
    for name in (".replaced-1", ".replaced-2/deep", "0123456789ab/lib", ".history.envctl-0123"):
        (homes / name).mkdir(parents=True)
    (homes / ".replaced-3").write_text("a file")
    (homes / "mine").mkdir()
    for name in ("mine.txt", ".DS_Store"):
        (homes / name).write_text("somebody's own")
    (homes / "elsewhere").symlink_to(synced.root.parent)
    before = (synced.root / ".venv").readlink()
    assert "is in sync" in synced.envctl("sync").stderr
    assert (synced.root / ".venv").readlink() == before
    names = sorted(path.name for path in homes.iterdir())
    assert names == sorted([".DS_Store", "elsewhere", "history", "mine", "mine.txt", before.name])


def test_what_cannot_be_removed_stays_and_fails_nothing(synced: World) -> None:
    """What a container's root or a colleague made; here it is marked immutable, as root may remove all else."""
    old = (synced.root / ".venv").resolve()
    synced.envctl("sync", "--no-default-groups")
    (old / "envctl.json").unlink()  # as if it had never been finished
    precious = old / "bin" / "precious"
    precious.write_text("x")
    if subprocess.run(["chattr", "+i", str(precious)], check=False).returncode:
        pytest.skip("this file system has no immutable files")
    try:
        for options in (("--extra", "plot"), ("--no-default-groups",)):
            synced.envctl("sync", *options)
        assert precious.exists()
    finally:
        subprocess.run(["chattr", "-i", str(precious)], check=True)
    synced.envctl("sync")
    assert not old.exists()


def test_a_file_that_only_a_broken_hash_fits_is_not_installed(synced: World) -> None:
    """uv takes a file that any one hash fits; here the wheel was exchanged and its MD5 put beside the right SHA-256."""
    text = synced.read("pylock.toml").partition("[tool.envctl]")[0]
    (file,) = (each for each in synced.index.files("zz-made-lib") if "-1.1-" in each.filename)
    assert isinstance(file.content, bytes)
    digest = file.sha256
    assert digest in text
    both = f'sha256 = "{"0" * 64}", md5 = "{hashlib.md5(file.content, usedforsecurity=False).hexdigest()}"'
    synced.write("pylock.toml", text.replace(f'sha256 = "{digest}"', both))
    (synced.root / ".venv").unlink()
    shutil.rmtree(synced.root / ".envctl" / "envs")
    done = synced.envctl("sync", code=None)
    assert done.returncode == 3, done.stdout + done.stderr
    assert not (synced.root / ".venv").exists()
