"""The real pip-tools against the local index, in both of its modes."""

import os
import platform as machine
import shutil
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from packaging.pylock import Pylock
from packaging.specifiers import SpecifierSet

from envctl.adapters.engines import piptools
from envctl.adapters.piptools.program import environment
from envctl.adapters.process import run
from envctl.domain.lock import assemble
from envctl.domain.lock.entry import version_of
from envctl.domain.lock.table import lock_table
from envctl.domain.manifest import Index, Manifest
from envctl.domain.platforms import platform_of
from envctl.domain.resolution import Interpreter, Pin, Question, Resolution
from envctl.emitters.pylock import emit
from envctl.errors import (
    EnvctlError,
    HashMismatchError,
    IndexFailure,
    InterpreterError,
    ManifestError,
    ResolutionError,
)
from tests.index.server import LocalIndex
from tests.index.wheels import Wheel

HERE = Interpreter(path=sys.executable, version=machine.python_version())
OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, 9, tzinfo=UTC)
CATALOGUE = (
    Wheel("app", "1.0", requires=("dep>=1",)),
    Wheel("app", "2.0", requires=("dep>=2",)),
    Wheel("dep", "1.0"),
    Wheel("dep", "2.0"),
    Wheel("plot", "1.0", requires=("app", "colour")),
    Wheel("colour", "1.0"),
    Wheel("old", "1.0", requires=("dep<2",)),
    Wheel("rich", "1.0", requires=("dep",), extras={"fast": ("speed",)}),
    Wheel("speed", "1.0"),
    Wheel("asks", "1.0", requires=("absent>=1",)),
    Wheel("windows", "1.0", tags=("py3-none-win_amd64",)),
    Wheel("future", "1.0", requires_python=">=3.99"),
    Wheel("needs-windows", "1.0", requires=("colour; sys_platform == 'win32'", "dep")),
)


@pytest.fixture(autouse=True)
def poisoned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give everybody a personal configuration that would change each result, if it were read."""
    trap = tmp_path / "trap"
    trap.mkdir()
    with LocalIndex("html") as index:
        index.add(Wheel("app", "99.0"))
        for file in index.files("app"):
            assert isinstance(file.content, bytes)
            (trap / file.filename).write_bytes(file.content)
    (trap / "constraints.txt").write_text("dep==1.0\napp==1.0\n")
    (trap / "pip.conf").write_text(f"[global]\nfind-links = {trap}\nno-index = true\n")
    (trap / "pyproject.toml").write_text("[tool.pip-tools]\nupgrade = true\npre = true\n")
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name, value in {
        "PIP_FIND_LINKS": str(trap),
        "PIP_CONFIG_FILE": str(trap / "pip.conf"),
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_EXTRA_INDEX_URL": "http://127.0.0.1:9/more",
        "PIP_CONSTRAINT": str(trap / "constraints.txt"),
        "PIP_PRE": "1",
        "PIP_TOOLS_CACHE_DIR": str(trap / "cache"),
        "PIP_RETRIES": "0",
        "PYTHONPATH": str(trap),
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["html", "json"])
def index(request: pytest.FixtureRequest) -> Iterator[LocalIndex]:
    with LocalIndex(request.param) as serving:
        serving.add(*CATALOGUE, uploaded=OCTOBER)
        yield serving


@pytest.fixture
def html() -> Iterator[LocalIndex]:
    with LocalIndex("html") as serving:
        serving.add(*CATALOGUE)
        yield serving


def ask(
    index: LocalIndex | Sequence[Index], folder: Path, *requirements: str, **more: object
) -> Resolution:
    indexes = (named(index),) if isinstance(index, LocalIndex) else tuple(index)
    workspace = folder / "workspace"
    shutil.rmtree(workspace, ignore_errors=True)
    workspace.mkdir()
    asked = {"interpreter": HERE, "indexes": indexes, "requirements": requirements} | more
    return piptools.resolve(Question(**asked), run=run, workspace=workspace)  # type: ignore[arg-type]


def named(index: LocalIndex, *patterns: str, name: str = "main") -> Index:
    return Index(name=name, url=index.url, packages=patterns)


def versions(resolution: Resolution) -> dict[str, str]:
    return {package.name: version_of(package) for package in resolution.packages}


def markers(resolution: Resolution) -> dict[str, str | None]:
    return {p.name: str(p.marker) if p.marker else None for p in resolution.packages}


def test_names_every_file_with_its_hash_and_index(index: LocalIndex, tmp_path: Path) -> None:
    index.add_sdist(CATALOGUE[1])
    answer = ask(index, tmp_path, "app")
    assert versions(answer) == {"app": "2.0", "dep": "2.0"}
    app = answer.packages[0]
    known = {file.filename: file for file in index.files("app")}
    assert app.index == index.url
    assert app.sdist is not None
    assert app.sdist.hashes == {"sha256": known["app-2.0.tar.gz"].sha256}
    (wheel,) = app.wheels or ()
    assert wheel.url == index.origin + known["app-2.0-py3-none-any.whl"].path
    assert answer.edges == {("app", "2.0"): ("dep",), ("dep", "2.0"): ()}
    assert answer.made_by.startswith("pip-tools ")
    assert "(pip " in answer.made_by
    if index.mode == "json":
        assert wheel.size == known["app-2.0-py3-none-any.whl"].size
        assert wheel.upload_time is not None


def test_no_file_is_downloaded_for_its_hash(html: LocalIndex, tmp_path: Path) -> None:
    ask(html, tmp_path, "app")
    # pip itself opens the wheels for their metadata: once each, and nothing else.
    assert len(html.downloads) <= len({"app", "dep"})


def test_the_lock_is_for_this_machine_and_python(html: LocalIndex, tmp_path: Path) -> None:
    answer = ask(html, tmp_path, "app")
    here = platform_of(sys.platform, machine.machine())
    assert here is not None
    (marker,) = answer.environments
    assert here.marker in marker
    assert f"python_version == '{HERE.minor}'" in marker
    assert answer.requires_python == f"=={HERE.minor}.*"
    lock = assemble(answer, Manifest(dependencies=("app",), resolver="pip-tools"), {})
    pylock = Pylock.from_dict(lock_table(lock))
    assert [package.name for package, _ in pylock.select()] == ["app", "dep"]


def test_the_same_question_gives_the_same_lock(index: LocalIndex, tmp_path: Path) -> None:
    manifest = Manifest(dependencies=("plot", "rich[fast]"))
    first, second = (
        emit(lock_table(assemble(ask(index, tmp_path, *manifest.dependencies), manifest, {})))
        for _ in "ab"
    )
    assert first == second


def test_markers_name_the_roots(html: LocalIndex, tmp_path: Path) -> None:
    answer = ask(
        html,
        tmp_path,
        "dep",
        extras={"viz": ("plot",), "none": ()},
        groups={"dev": ("app", "speed"), "test": ("speed",)},
    )
    assert markers(answer) == {
        "app": '"viz" in extras or "dev" in dependency_groups',
        "colour": '"viz" in extras',
        "dep": None,
        "plot": '"viz" in extras',
        "speed": '"dev" in dependency_groups or "test" in dependency_groups',
    }


def test_versions_agree_over_all_roots(html: LocalIndex, tmp_path: Path) -> None:
    answer = ask(html, tmp_path, "app", groups={"dev": ("old",)})
    assert versions(answer) == {"app": "1.0", "dep": "1.0", "old": "1.0"}


def test_an_extra_that_only_one_root_wants_stays_there(html: LocalIndex, tmp_path: Path) -> None:
    answer = ask(html, tmp_path, "rich", groups={"dev": ("rich[fast]",)})
    assert markers(answer) == {"dep": None, "rich": None, "speed": '"dev" in dependency_groups'}


def test_other_platforms_requirements_are_left_out(html: LocalIndex, tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("this is that platform")
    assert versions(ask(html, tmp_path, "needs-windows")) == {"dep": "2.0", "needs-windows": "1.0"}
    answer = ask(html, tmp_path, "dep", "app; sys_platform == 'win32'", "speed; os_name != 'x'")
    assert versions(answer) == {"dep": "2.0", "speed": "1.0"}


def test_nothing_asked_nothing_locked(html: LocalIndex, tmp_path: Path) -> None:
    assert ask(html, tmp_path).packages == ()
    assert html.requests == []


def test_constraints_hold_and_bring_nothing(html: LocalIndex, tmp_path: Path) -> None:
    answer = ask(html, tmp_path, "app", constraints=("dep[x]<2", "plot==1.0"))
    assert versions(answer) == {"app": "1.0", "dep": "1.0"}


def test_earlier_pins_are_kept_where_they_can_be(html: LocalIndex, tmp_path: Path) -> None:
    pins = tuple(Pin(name=n, version=v) for n, v in (("app", "1.0"), ("dep", "1.0"), ("gone", "3")))
    assert versions(ask(html, tmp_path, "app", "plot", pins=pins)) == {
        "app": "1.0",
        "colour": "1.0",
        "dep": "1.0",
        "plot": "1.0",
    }
    assert versions(ask(html, tmp_path, "app>=2", pins=pins)) == {"app": "2.0", "dep": "2.0"}


def test_a_yanked_version_is_kept_where_it_is_asked_for(index: LocalIndex, tmp_path: Path) -> None:
    index.yank("dep", "2.0", "broken")
    assert versions(ask(index, tmp_path, "dep")) == {"dep": "1.0"}
    answer = ask(index, tmp_path, "dep==2.0")
    assert len(answer.packages[0].wheels or ()) == 1


def test_a_source_package_is_locked_from_its_sdist(html: LocalIndex, tmp_path: Path) -> None:
    html.add_sdist(Wheel("source", "1.0", requires=("dep",)), static_metadata=False)
    answer = ask(html, tmp_path, "source")
    assert versions(answer) == {"dep": "2.0", "source": "1.0"}
    assert answer.packages[1].sdist is not None
    assert not answer.packages[1].wheels


def test_an_index_without_hashes_is_hashed_by_hand(tmp_path: Path) -> None:
    with LocalIndex("html", hashes=False) as index:
        other = Wheel("dep", "1.0", tags=("py3-none-win_amd64",))
        index.add(Wheel("dep", "1.0"), other)
        index.add_sdist(Wheel("dep", "1.0"))
        (package,) = ask(index, tmp_path, "dep").packages
        known = {file.filename: file.sha256 for file in index.files("dep")}
        (wheel,) = package.wheels or ()
        assert wheel.hashes == {"sha256": known["dep-1.0-py3-none-any.whl"]}
        assert package.sdist is None
        assert set(index.downloads) == {"dep-1.0-py3-none-any.whl"}


def test_time_has_a_bound_where_the_index_tells_it(tmp_path: Path) -> None:
    with LocalIndex("json", max_age=0) as index:
        index.add(Wheel("dep", "1.0"), uploaded=OCTOBER)
        index.add(Wheel("dep", "2.0"), uploaded=NOVEMBER)
        assert versions(ask(index, tmp_path, "dep", exclude_newer="2026-10-31")) == {"dep": "1.0"}
        assert versions(ask(index, tmp_path, "dep", exclude_newer="2026-11-01")) == {"dep": "2.0"}
        first = ask(index, tmp_path, "dep", exclude_newer="2026-10-31")
        tags = (f"cp3{sys.version_info.minor}-none-any",)
        index.add(Wheel("dep", "1.0", tags=tags), uploaded=NOVEMBER)
        assert ask(index, tmp_path, "dep", exclude_newer="2026-10-31") == first


def test_a_bound_is_refused_where_the_index_tells_no_time(html: LocalIndex, tmp_path: Path) -> None:
    with pytest.raises(ResolutionError, match="does not tell when") as caught:
        ask(html, tmp_path, "dep", exclude_newer="2026-10-31")
    assert caught.value.where == "tool.envctl.exclude-newer"


def test_a_claimed_name_comes_from_its_index_only(html: LocalIndex, tmp_path: Path) -> None:
    with LocalIndex("html") as company:
        company.add(Wheel("acme-core", "1.0", requires=("dep",)))
        indexes = [named(html), named(company, "Acme_*", name="company")]
        answer = ask(indexes, tmp_path, "acme-core")
        assert {p.name: p.index for p in answer.packages} == {
            "acme-core": company.url,
            "dep": html.url,
        }
        html.add(Wheel("acme-core", "99.0"))
        html.forget_requests()
        assert ask(indexes, tmp_path, "acme-core") == answer
        assert not [path for _, path in html.requests if "acme" in path]


def test_an_index_gives_only_what_it_claims(html: LocalIndex, tmp_path: Path) -> None:
    with LocalIndex("html") as company:
        company.add(Wheel("dep", "99.0"))
        indexes = [named(company, "acme-*", name="company"), named(html)]
        assert versions(ask(indexes, tmp_path, "dep")) == {"dep": "2.0"}
        assert company.requests == []


def test_a_second_open_index_is_looked_at(html: LocalIndex, tmp_path: Path) -> None:
    with LocalIndex("json") as more:
        more.add(Wheel("extra-thing", "1.0", requires=("dep",)))
        answer = ask([named(html), named(more, name="more")], tmp_path, "extra-thing")
        assert [package.index for package in answer.packages] == [html.url, more.url]


def test_a_file_named_by_its_address_becomes_an_archive(html: LocalIndex, tmp_path: Path) -> None:
    file = html.files("app")[0]
    address = html.origin + file.path
    answer = ask(html, tmp_path, f"app @ {address}#sha256={file.sha256}")
    archive = answer.packages[0].archive
    assert versions(answer) == {"app": "1.0", "dep": "2.0"}
    assert archive is not None
    assert (archive.url, archive.hashes) == (address, {"sha256": file.sha256})
    assert answer.edges["app", "1.0"] == ("dep",)


@pytest.mark.parametrize(
    "url",
    ["git+https://x.example/thing.git@main", "file:///srv/thing", "https://me:pw@x.example/t.whl"],
)
def test_what_is_no_file_on_a_server_needs_the_other_resolver(
    html: LocalIndex, tmp_path: Path, url: str
) -> None:
    with pytest.raises(ResolutionError, match="no lock entry for `thing") as caught:
        ask(html, tmp_path, f"thing @ {url}")
    assert 'resolver = "uv"' in (caught.value.hint or "")
    assert "pw" not in str(caught.value)
    assert html.requests == []


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("app>=2", "old"), r"app 2\.0 needs dep>=2\n    old 1\.0 needs dep<2"),
        (("absent",), "there is no package `absent` on http"),
        (("asks",), r"there is no package `absent` on http[^ ]+ \(asks needs it\)"),
        (("app>=3",), r"no version of `app` answers `app>=3` \(there are: 1.0, 2.0\)"),
        (("windows",), "no file of `windows` can be installed on this platform"),
        (("future",), "versions for another Python: 1.0 Requires-Python >=3.99"),
    ],
)
def test_no_answer_says_why(
    html: LocalIndex, tmp_path: Path, asked: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ResolutionError, match=message) as caught:
        ask(html, tmp_path, *asked)
    assert caught.value.where == "pyproject.toml"
    assert caught.value.hint
    assert "pip" in caught.value.details


def test_a_constraint_in_the_way_is_named(html: LocalIndex, tmp_path: Path) -> None:
    with pytest.raises(ResolutionError, match="a constraint asks for dep<2"):
        ask(html, tmp_path, "app>=2", constraints=("dep<2",))


def test_a_source_that_cannot_be_built_is_named(html: LocalIndex, tmp_path: Path) -> None:
    folder = tmp_path / "broken-1.0"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "nobody"\nbackend-path = ["."]\n'
    )
    (folder / "nobody.py").write_text("raise SystemExit('no compiler here')\n")
    served = tmp_path / "served"
    served.mkdir()
    shutil.make_archive(str(served / "broken-1.0"), "gztar", tmp_path, "broken-1.0")
    html.serve_folder(served)
    with pytest.raises(ResolutionError, match="`broken` has no wheel for this") as caught:
        ask(html, tmp_path, "broken")
    assert "no compiler here" in caught.value.details


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        ("down", IndexFailure, "hung up"),
        ("500", IndexFailure, "answered 500"),
        ("login-page", IndexFailure, "most likely a login"),
        ("truncate", IndexFailure, "cut off"),
        ("wrong-hash", HashMismatchError, "the file for `dep` is not the one"),
        ("404", ResolutionError, "there is no package `dep` on http"),
    ],
)
def test_a_broken_index_is_not_a_missing_package(
    html: LocalIndex, tmp_path: Path, fault: str, kind: type[EnvctlError], message: str
) -> None:
    html.fault = fault  # type: ignore[assignment]
    html.add(Wheel("dep", "3.0", files={"dep.py": fault}))  # new to pip's cache
    with pytest.raises(kind, match=message):
        ask(html, tmp_path, "dep")


def test_an_index_that_is_gone(tmp_path: Path) -> None:
    with LocalIndex("html") as index:
        pass
    with pytest.raises(IndexFailure, match="refused") as caught:
        ask(index, tmp_path, "dep")
    assert index.url in (caught.value.where or "")


def test_another_platform_needs_the_other_resolver(html: LocalIndex, tmp_path: Path) -> None:
    foreign = platform_of("win32" if sys.platform != "win32" else "linux", "ARM64")
    foreign = foreign or platform_of("linux", "aarch64")
    with pytest.raises(ManifestError, match="not for") as caught:
        ask(html, tmp_path, "app", platforms=(foreign,))
    assert caught.value.where == "tool.envctl.platforms"
    assert 'resolver = "uv"' in (caught.value.hint or "")


def test_an_interpreter_outside_the_range_is_refused(html: LocalIndex, tmp_path: Path) -> None:
    with pytest.raises(InterpreterError, match=r"the project needs <3"):
        ask(html, tmp_path, "app", requires_python=str(SpecifierSet("<3")))


def test_an_interpreter_that_pip_tools_left_behind_is_refused(
    html: LocalIndex, tmp_path: Path
) -> None:
    with pytest.raises(InterpreterError, match=r"cannot resolve for Python 3\.6\.15") as caught:
        ask(html, tmp_path, "app", interpreter=Interpreter(path="python3.6", version="3.6.15"))
    assert 'resolver = "uv"' in (caught.value.hint or "")


def test_another_python_resolves_for_itself(html: LocalIndex, tmp_path: Path) -> None:
    found = next(filter(None, map(_other_python, ("3.12", "3.13", "3.14"))), None)
    if found is None:
        pytest.skip("no other Python on this machine (looked for 3.12, 3.13, 3.14)")
    html.add(Wheel("choosy", "1.0"), Wheel("choosy", "2.0", requires_python=f"=={found.minor}.*"))
    requirements = ("choosy", f"dep; python_full_version == '{found.version}'")
    answer = ask(html, tmp_path, *requirements, interpreter=found)
    assert versions(answer) == {"choosy": "2.0", "dep": "2.0"}
    assert f"python_version == '{found.minor}'" in answer.environments[0]
    assert versions(ask(html, tmp_path, *requirements)) == {"choosy": "1.0"}


def _other_python(minor: str) -> Interpreter | None:
    if HERE.minor == minor:
        return None
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{minor}.*/bin/python{minor}"))
    for path in filter(None, (shutil.which(f"python{minor}"), *map(str, pyenv))):
        # pyenv's shims are there even for a Python that is not switched on: ask.
        done = run([path, "-c", "import platform; print(platform.python_version())"])
        if done.code == 0:
            return Interpreter(path=path, version=done.stdout.strip())
    return None


def test_only_transport_is_taken_from_the_environment() -> None:
    given = {
        "PIP_CERT": "/ca.pem",
        "PIP_PROXY": "http://proxy.example",
        "PIP_TIMEOUT": "3",
        "PIP_FIND_LINKS": "/trap",
        "PIP_TOOLS_CACHE_DIR": "/trap",
        "PYTHONPATH": "/trap",
        "PYTHONHOME": "/trap",
        "VIRTUAL_ENV": "/trap",
        "HTTPS_PROXY": "http://proxy.example",
        "PATH": "/bin",
    }
    made = environment(given, ["/here"])
    assert "/trap" not in made.values()
    assert {name for name in given if name in made} == {
        *("PIP_CERT", "PIP_PROXY", "PIP_TIMEOUT", "PYTHONPATH", "HTTPS_PROXY", "PATH")
    }
    assert made["PIP_CONFIG_FILE"] == os.devnull
