"""The files of a project: read as they are, written all or none."""

import errno
import os
import stat
import threading
import time
from pathlib import Path

import pytest
from filelock import FileLock

from envctl.adapters.project import ProjectFiles, find_root, nearest_root
from envctl.errors import ProjectError


def everything(root: Path) -> dict[str, bytes]:
    """Return every file below a folder, leftovers of staging included."""
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def test_reading_keeps_line_ends_and_drops_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfa = 1\r\n")
    project = ProjectFiles(tmp_path)
    assert project.read("a.toml") == "a = 1\r\n"
    assert project.read("b.toml") is None
    assert project.read("a.toml/b") is None


def test_what_is_not_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_bytes(b"six\n# caf\xe9\n")
    with pytest.raises(ProjectError, match="byte 0xe9 in line 2") as info:
        ProjectFiles(tmp_path).read("r.txt")
    assert info.value.where == f"{tmp_path}/r.txt:2"
    assert "iconv" in (info.value.hint or "")


def test_a_folder_a_circle_and_a_nul_are_errors(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    project = ProjectFiles(tmp_path)
    for name in ("d", "loop", "a\0b"):
        with pytest.raises(ProjectError):
            project.read(name)


def test_only_what_differs_is_written_and_named(tmp_path: Path) -> None:
    project = ProjectFiles(tmp_path)
    assert project.write({"a": "1\r\n", "sub/deep/b": "2"}) == ("a", "sub/deep/b")
    before = (tmp_path / "a").stat()
    assert project.write({"a": "1\r\n", "sub/deep/b": "3"}) == ("sub/deep/b",)
    assert (tmp_path / "a").stat().st_ino == before.st_ino
    assert everything(tmp_path) == {"a": b"1\r\n", "sub/deep/b": b"3"}


def test_a_byte_order_mark_alone_is_no_reason_to_write(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfx")
    assert ProjectFiles(tmp_path).write({"a": "x"}) == ()


def test_the_mode_of_a_file_stays_and_a_new_one_follows_the_umask(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "a").chmod(0o640)
    old = os.umask(0o027)
    try:
        ProjectFiles(tmp_path).write({"a": "new", "b": "new"})
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o640


def test_a_link_stays_a_link_and_its_file_is_written(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/a").write_text("old")
    (tmp_path / "root").mkdir()
    (tmp_path / "root/a").symlink_to("../real/a")
    (tmp_path / "root/dangling").symlink_to("../real/b")
    ProjectFiles(tmp_path / "root").write({"a": "new", "dangling": "new"})
    assert (tmp_path / "root/a").is_symlink()
    assert everything(tmp_path / "real") == {"a": b"new", "b": b"new"}


@pytest.mark.parametrize("name", ["../a", "/etc/a", "a/../../b", "", "a\0b"])
def test_nothing_outside_the_project_is_ever_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProjectError, match="only inside"):
        ProjectFiles(tmp_path / "p").write({name: "x"})
    assert not list(tmp_path.iterdir())


def test_a_refused_rename_puts_everything_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = ProjectFiles(tmp_path)
    project.write({"a": "old", "b": "old"})
    before = everything(tmp_path)
    swap = Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if Path(target).name == "b":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(target))
        return swap(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(ProjectError, match="read-only file system") as info:
        project.write({"new/c": "x", "a": "new", "b": "new"})
    assert info.value.where == str(tmp_path / "b")
    assert everything(tmp_path) == before
    assert not (tmp_path / "new").exists()


def test_an_interrupt_between_two_renames_puts_everything_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = ProjectFiles(tmp_path)
    project.write({"a": "old", "b": "old"})
    before = everything(tmp_path)
    swap = Path.replace

    def interrupted(self: Path, target: Path) -> Path:
        if Path(target).name == "b":
            monkeypatch.undo()
            raise KeyboardInterrupt
        return swap(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        project.write({"a": "new", "b": "new"})
    assert everything(tmp_path) == before


@pytest.mark.parametrize(
    ("link", "name"),
    [
        (".envctl/image/preflight.py", ".envctl/image/preflight.py"),
        (".envctl/image", ".envctl/image/preflight.py"),
        (".envctl/machines/a.toml", ".envctl/machines/a.toml"),
        (".dockerignore", ".dockerignore"),
        ("Dockerfile.cpu", "Dockerfile.cpu"),
    ],
)
def test_no_generated_file_is_written_through_a_link_out_of_the_project(
    tmp_path: Path, link: str, name: str
) -> None:
    away, root = tmp_path / "away", tmp_path / "root"
    target = away / name.removeprefix(link).strip("/") if link != name else away / "theirs"
    target.parent.mkdir(parents=True)
    target.write_text("theirs")
    (root / link).parent.mkdir(parents=True)
    (root / link).symlink_to(target if link == name else away)
    project = ProjectFiles(root)
    for act in (
        lambda: project.write({"a.toml": "a", name: "ours"}),
        lambda: project.remove([name]),
    ):
        with pytest.raises(ProjectError, match="leads out of the project") as info:
            act()
        assert info.value.where == str(root / name)
    assert everything(away) == {str(target.relative_to(away)): b"theirs"}
    assert not (root / "a.toml").exists()


def test_generated_files_may_be_links_within_and_their_folder_may_lie_elsewhere(
    tmp_path: Path,
) -> None:
    root = tmp_path / "root"
    (root / "docker").mkdir(parents=True)
    (root / "Dockerfile").symlink_to("docker/Dockerfile")
    (tmp_path / "disk").mkdir()
    (root / ".envctl").symlink_to("../disk")
    ProjectFiles(root).write({"Dockerfile": "FROM x", ".envctl/image/uv.txt": "uv"})
    assert (root / "docker/Dockerfile").read_text() == "FROM x"
    assert (tmp_path / "disk/image/uv.txt").read_text() == "uv"


def test_a_file_system_without_links_is_served_by_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    project = ProjectFiles(tmp_path)
    project.write({"a": "old"})
    monkeypatch.setattr(os, "link", no_links)
    project.write({"a": "new"})
    assert everything(tmp_path) == {"a": b"new"}


@pytest.mark.parametrize(("in_the_way", "reason"), [("folder", "folder"), ("file", "file")])
def test_something_in_the_way_is_named(tmp_path: Path, in_the_way: str, reason: str) -> None:
    if in_the_way == "folder":
        (tmp_path / "a").mkdir()
        name = "a"
    else:
        (tmp_path / "sub").write_text("I am a file")
        name = "sub/a"
    before = everything(tmp_path)
    with pytest.raises(ProjectError) as info:
        ProjectFiles(tmp_path).write({"first": "x", name: "x"})
    assert f"a {reason} stands" in (info.value.hint or "")
    assert everything(tmp_path) == before


def test_what_a_killed_command_left_is_swept_but_not_what_is_in_use(tmp_path: Path) -> None:
    old, fresh = tmp_path / ".a.envctl-0123", tmp_path / ".a.envctl-4567"
    old.write_text("x")
    fresh.write_text("x")
    long_ago = time.time() - 7200
    os.utime(old, (long_ago, long_ago))
    ProjectFiles(tmp_path).write({"a": "1"})
    assert sorted(everything(tmp_path)) == [fresh.name, "a"]


def test_a_long_name_can_be_staged(tmp_path: Path) -> None:
    name = "n" * 255
    ProjectFiles(tmp_path).write({name: "x"})
    assert list(everything(tmp_path)) == [name]


def test_listing_is_sorted_and_holds_files_only(tmp_path: Path) -> None:
    project = ProjectFiles(tmp_path)
    project.write({"m/b.toml": "", "m/a.toml": "", "m/sub/c": ""})
    assert project.listing("m") == ("a.toml", "b.toml")
    assert project.listing("gone") == ()
    assert project.listing("m/a.toml") == ()


def test_one_odd_name_hides_no_other(tmp_path: Path) -> None:
    project = ProjectFiles(tmp_path)
    project.write({"m/a.toml": "", "m/sub/c": ""})
    (tmp_path / "m/loop.toml").symlink_to("loop.toml")
    (tmp_path / "m/gone.toml").symlink_to("nowhere")
    os.mkfifo(tmp_path / "m/pipe.toml")
    assert project.listing("m") == ("a.toml",)
    assert project.entries("m") == ("a.toml", "gone.toml", "loop.toml", "pipe.toml", "sub")
    assert project.entries("gone") == ()


@pytest.mark.parametrize("kind", ["file", "pipe", "dangling", "loop"])
def test_what_is_no_folder_has_no_entries(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "m"
    if kind == "file":
        place.write_text("")
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to("nowhere" if kind == "dangling" else "m")
    with pytest.raises(ProjectError) as caught:
        ProjectFiles(tmp_path).entries("m")
    assert caught.value.where == str(place)


def test_the_lock_may_be_nested_and_is_free_afterwards(tmp_path: Path) -> None:
    project = ProjectFiles(tmp_path)
    with project.locked("try"), project.locked("try more"):
        assert (tmp_path / ".envctl/state.lock").exists()
    with ProjectFiles(tmp_path).locked("try again"):
        pass


def test_a_long_wait_is_explained_once_and_ends(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / ".envctl").mkdir()
    other = FileLock(tmp_path / ".envctl/state.lock", thread_local=False)
    held = threading.Event()

    def hold() -> None:
        with other:
            held.set()
            time.sleep(1.6)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    with ProjectFiles(tmp_path, say=said.append).locked("lock"):
        assert not other.is_locked
    holder.join()
    assert said == [f"waiting for another envctl that works in {tmp_path} (in order to lock)"]


def test_a_lock_that_cannot_be_made_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / ".envctl").write_text("a file")
    with pytest.raises(ProjectError), ProjectFiles(tmp_path).locked("lock"):
        pass


def test_an_exception_inside_frees_the_lock(tmp_path: Path) -> None:
    project = ProjectFiles(tmp_path)
    with pytest.raises(ZeroDivisionError), project.locked("fail"):
        raise ZeroDivisionError
    with ProjectFiles(tmp_path, say=pytest.fail).locked("again"):
        pass


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_the_root_is_the_nearest_manifest_upward(home: Path) -> None:
    deep = home / "p/src/pkg"
    deep.mkdir(parents=True)
    (home / "p/pyproject.toml").touch()
    (home / "p/src/requirements.txt").touch()
    assert find_root(deep) == home / "p"
    (home / "p/pyproject.toml").unlink()
    assert find_root(deep) == home / "p/src"


def test_a_folder_with_records_alone_is_a_project(home: Path) -> None:
    (home / "p/.envctl/machines").mkdir(parents=True)
    assert find_root(home / "p") == home / "p"


def test_the_search_ends_at_a_repository_and_at_home(home: Path) -> None:
    (home / "pyproject.toml").touch()
    (home / "repo/src").mkdir(parents=True)
    assert nearest_root(home / "repo/src") is None
    (home / "outer/repo/.git").mkdir(parents=True)
    (home / "outer/pyproject.toml").touch()
    assert nearest_root(home / "outer/repo") is None
    assert nearest_root(home) == home
    with pytest.raises(ProjectError, match="not a project") as info:
        find_root(home / "repo")
    assert "envctl init" in (info.value.hint or "")


def test_the_projects_below_are_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = home / "whole"
    for name in ("a b", "services/-x", "services/web", "services/z", ".hidden", "a/b/deep"):
        (whole / name).mkdir(parents=True)
        (whole / name / "pyproject.toml").write_text("[tool.envctl]\n")
    (whole / "other").mkdir()
    (whole / "other/pyproject.toml").write_text("[tool.uv]\n")
    (whole / ".git").mkdir()
    for folder, start in ((whole, ""), (home, "whole/")):
        monkeypatch.chdir(folder)
        with pytest.raises(ProjectError) as info:
            find_root(whole)
        calls = f"`envctl -C '{start}a b' …`, `envctl -C {start}services/-x …`"
        assert info.value.hint == (
            f"name the project that is meant: {calls}, `envctl -C {start}services/web …`"
        )
