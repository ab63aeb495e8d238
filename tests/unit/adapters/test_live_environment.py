"""Reading an environment's files: what is found, and that no content of them makes it fail."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envctl.adapters.live.environment import look
from envctl.errors import EnvironmentFailure


def environment(root: Path, minor: str = "3.11", config: str = "version = 3.11.4\n") -> Path:
    """Make the bare bones of an environment; return its site-packages."""
    folder = root / "lib" / f"python{minor}" / "site-packages"
    folder.mkdir(parents=True)
    (root / "pyvenv.cfg").write_text(config)
    return folder


def package(folder: Path, stem: str, files: Mapping[str, str] = {}) -> Path:
    info = folder / f"{stem}.dist-info"
    info.mkdir()
    name, version = stem.split("-")
    (info / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
    for file, text in files.items():
        (info / file).write_text(text)
    return info


def test_the_version_is_that_of_the_settings_or_of_the_folder(tmp_path: Path) -> None:
    environment(tmp_path / "a", config="version_info = 3.11.7.final.0\n")
    assert look(tmp_path / "a", "a").python == "3.11.7"
    environment(tmp_path / "b", config="home = /usr/bin\n")
    environment_of_old = tmp_path / "b/lib/python3.9/site-packages"
    environment_of_old.mkdir(parents=True)
    assert look(tmp_path / "b", "b").python == "3.11"
    environment(tmp_path / "c", config="version = 3.8.1\n")
    assert look(tmp_path / "c", "c").python == "3.11"


def test_its_python_and_a_redirecting_file_lead_to_it(tmp_path: Path) -> None:
    package(environment(tmp_path / "env"), "thing-1.0")
    (tmp_path / "env" / "bin").mkdir()
    (tmp_path / "env" / "bin" / "python").symlink_to("/bin/sh")
    (tmp_path / ".venv").write_text("env\n")
    for path in ("env", "env/bin/python", ".venv", "link"):
        if path == "link":
            (tmp_path / "link").symlink_to("env")
        found = look(tmp_path / path, "x")
        assert [each.name for each in found.packages] == ["thing"], path
        assert found.executable == os.path.realpath("/bin/sh")


@pytest.mark.parametrize("text", ["", "a\nb", "\0", "elsewhere", "/"])
def test_what_is_no_environment(tmp_path: Path, text: str) -> None:
    (tmp_path / ".venv").write_text(text)
    for path in (tmp_path, tmp_path / ".venv", tmp_path / "absent", Path("/dev/null")):
        with pytest.raises(EnvironmentFailure, match="no Python environment here"):
            look(path, "x")


def test_of_two_versions_the_one_whose_files_are_there_counts(tmp_path: Path) -> None:
    folder = environment(tmp_path)
    empty = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
    package(folder, "thing-2.0", {"RECORD": f"gone.py,{empty},0\n"})
    package(folder, "thing-1.0", {"RECORD": f"there.py,{empty},0\n"})
    (folder / "there.py").write_text("")
    (found,) = look(tmp_path, "x").packages
    assert (found.version, found.faults) == ("1.0", ("it is there twice: 2.0 as well",))
    (folder / "gone.py").write_text("")
    (found,) = look(tmp_path, "x").packages
    assert found.version == "2.0"


def test_a_record_that_leads_outside_opens_nothing(tmp_path: Path) -> None:
    folder = environment(tmp_path / "env")
    os.mkfifo(folder / "pipe")
    outside = tmp_path / "outside.py"
    outside.write_text("")
    rows = "".join(
        f"{path},sha256=AAAA,1\n" for path in ("/dev/zero", "../../../../outside.py", "pipe")
    )
    package(folder, "thing-1.0", {"RECORD": rows})
    os.mkfifo(folder / "thing-1.0.dist-info" / "direct_url.json")
    (found,) = look(tmp_path / "env", "x").packages
    assert found.changed == ("pipe",)  # no file is opened that could never end
    assert found.faults == ("its RECORD names files outside of the environment",)


def test_byte_compiled_files_are_python_s_to_write(tmp_path: Path) -> None:
    folder = environment(tmp_path)
    rows = "".join(f"{path},sha256=AAAA,1\n" for path in ("__pycache__/a.pyc", "a.py"))
    package(folder, "thing-1.0", {"RECORD": rows})
    (folder / "__pycache__").mkdir()
    for path in ("__pycache__/a.pyc", "a.py"):
        (folder / path).write_text("anew")
    (found,) = look(tmp_path, "x").packages
    assert found.changed == ("a.py",)


def test_what_the_system_adds_is_said(tmp_path: Path) -> None:
    environment(tmp_path, config="version = 3.11.1\nInclude-System-Site-Packages = TRUE\n")
    (said,) = look(tmp_path, "x").remarks
    assert "sees the system's packages" in said


_NAMES = ["METADATA", "RECORD", "INSTALLER", "WHEEL", "direct_url.json", "PKG-INFO", "requires.txt"]
_CONTENT = st.binary(max_size=60) | st.sampled_from(
    [
        b"Name: a\nVersion: 1",
        b"x.py,sha256=a,1\n../../../../../x,,\n",
        b'{"url": "file:///x"}',
        b"conda",
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.data())
def test_no_content_makes_it_fail(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("env")
    folder = environment(root, config=data.draw(st.text(max_size=30).map(ascii)))
    (root / "conda-meta").mkdir()
    (root / "conda-meta" / "a.json").write_bytes(data.draw(_CONTENT))
    stems = [
        "a-1.dist-info",
        "a-2.dist-info",
        "b.dist-info",
        "c-1.egg-info",
        "d-1.egg",
        "~x-1.dist-info",
    ]
    for stem in data.draw(st.lists(st.sampled_from(stems), unique=True)):
        inner = folder / stem / ("EGG-INFO" if stem.endswith(".egg") else "")
        inner.mkdir(parents=True)
        for name in data.draw(st.lists(st.sampled_from(_NAMES), unique=True)):
            (inner / name).write_bytes(data.draw(_CONTENT))
    (folder / "e.egg-link").write_bytes(data.draw(_CONTENT))
    (folder / "f-1.egg-info").write_bytes(data.draw(_CONTENT))
    found = look(root, "x")
    assert len({each.name for each in found.packages}) == len(found.packages)
    assert all(text.isprintable() for each in found.packages for text in each.faults)
    assert all(text.isprintable() for text in found.remarks)


@pytest.mark.parametrize("text", ["{", "[]", '{"name": "thing"}', ""])
def test_a_damaged_note_of_conda_is_reported(tmp_path: Path, text: str) -> None:
    package(environment(tmp_path), "thing-1.0")
    meta = tmp_path / "conda-meta"
    meta.mkdir()
    (meta / "history").write_text("no note of a package\n")
    (meta / "thing-1.0-py311_0.json").write_text(text)
    (meta / "blas-1.0-0.json").write_text('{"name": "blas", "version": "1.0"}')
    found = look(tmp_path, "x")
    (only,) = found.packages
    assert only.faults == ("what conda notes of it is damaged",)
    assert [each.name for each in found.conda] == ["blas"]
    (remark,) = (each for each in found.remarks if "conda-meta" in each)
    assert remark.startswith("`conda-meta/thing-1.0-py311_0.json` is damaged")


def test_the_packages_of_a_systems_python_are_not_read_and_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "lib/python3/dist-packages").mkdir(parents=True)
    with pytest.raises(EnvironmentFailure, match="dist-packages, which are not read") as info:
        look(tmp_path, "usr")
    assert "virtual environment" in (info.value.hint or "")
    environment(tmp_path)
    assert any("dist-packages" in remark for remark in look(tmp_path, "usr").remarks)
