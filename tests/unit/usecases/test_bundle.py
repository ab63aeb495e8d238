"""What dockerize writes for a hermetic image, and what verify says of its wheels."""

import hashlib
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Never

import pytest

from envctl.domain.build.locked import from_tables
from envctl.domain.image.bundle import Bundled
from envctl.domain.indexes.fetching import Heard
from envctl.errors import ImageError
from envctl.usecases import bundle, dockerize
from tests import image_projects as projects
from tests.unit.checks.test_image import Workspace
from tests.unit.domain.test_image_wheels import UV

FOLDER = ".envctl/image"
SHELVES = ("heavy", "light", "uv")
X86 = "uv-0.13.8-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"


def never(*_arguments: object) -> Never:
    raise AssertionError("this must not be asked")


class Disk:
    """Shelves whose wheels hold their own name: what the made-up locks have the hash of."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def amiss(self, wanted: Mapping[str, str]) -> dict[str, str]:
        found = {}
        for path, sha256 in wanted.items():
            file = self.root / path
            if not file.is_file():
                found[path] = "missing"
            elif hashlib.sha256(file.read_bytes()).hexdigest() != sha256:
                found[path] = "altered"
        return found

    def fetch(
        self, folder: str, files: Sequence[Bundled], heard: Heard | None = None
    ) -> tuple[str, ...]:
        for file in files:
            path = self.root / folder / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.name)
        return tuple(file.name for file in files)

    def keep(self, folder: str, wanted: Collection[str]) -> tuple[str, ...]:
        top = self.root / folder
        gone = [
            path for path in top.rglob("*.whl") if path.relative_to(top).as_posix() not in wanted
        ]
        for path in gone:
            path.unlink()
        return tuple(path.name for path in gone)


def _uv() -> dict[str, str]:
    return {name: hashlib.sha256(name.encode()).hexdigest() for name in UV}


class Hermetic(Workspace):
    def plan(self, **changes: Any) -> dockerize.DockerPlan:
        return super().plan(**{"uv_pin": never, "uv_files": _uv, **changes})

    def fill(self, **changes: Any) -> tuple[str, ...]:
        plan, disk = self.plan(**changes), Disk(self.project.root)
        fetched = bundle.fetch(disk, [plan])
        dockerize.write(self.project, [plan])
        bundle.clear(disk, [plan])
        return fetched

    def check(self) -> list[tuple[str, str, str]]:
        found = dockerize.check(
            self.project,
            self.manifest,
            self.lock,
            paths=projects.PATHS,
            shelves=Disk(self.project.root),
        )
        return [(each.code, each.severity, each.subject) for each in found]

    def wheels(self) -> list[str]:
        root = self.project.root / FOLDER / "wheels"
        return sorted(path.relative_to(root).as_posix() for path in root.rglob("*.whl"))


@pytest.fixture
def made(tmp_path: Path) -> Hermetic:
    return Hermetic(tmp_path, projects.HERMETIC, *projects.GPU_PACKAGES)


def test_it_writes_the_lists_and_names_the_wheels(made: Hermetic) -> None:
    plan = made.plan()
    texts = {name.removeprefix(f"{FOLDER}/"): text for name, text in plan.files.items()}
    assert {name for name in texts if name.startswith("wheels")} == {
        "wheels/.gitignore",
        *(f"wheels/{shelf}/SHA256SUMS" for shelf in SHELVES),
    }
    assert texts["wheels/.gitignore"].splitlines()[1] == "*"
    listed = tomllib.loads(texts["pylock.heavy.toml"])["packages"]
    paths = [wheel["path"] for package in listed for wheel in package["wheels"]]
    assert sorted(paths) == sorted(w.path for w in plan.bundle if w.shelf == "heavy")
    assert not any("url" in wheel for package in listed for wheel in package["wheels"])
    for shelf in SHELVES:
        named = {line[66:]: line[:64] for line in texts[f"wheels/{shelf}/SHA256SUMS"].splitlines()}
        assert named == {w.name: w.sha256 for w in plan.bundle if w.shelf == shelf}
    own = [w for w in plan.bundle if w.shelf == "uv"]
    assert [wheel.name for wheel in own] == [X86, "uv-0.13.8-py3-none-manylinux_2_28_aarch64.whl"]
    hashes = " \\\n".join(f"    --hash=sha256:{wheel.sha256}" for wheel in own)
    assert texts["uv.txt"] == f"uv==0.13.8 \\\n{hashes}\n"


def test_the_same_again_asks_nobody(made: Hermetic) -> None:
    made.fill()
    assert made.plan(uv_files=never, registry=never).changed == ()
    newer = {name.replace("0.13.8", "0.14.0"): digest for name, digest in _uv().items()}
    upgraded = made.plan(uv_files=lambda: newer, upgrade_base=True)
    assert "uv==0.14.0" in upgraded.files[f"{FOLDER}/uv.txt"]


def test_another_platform_needs_another_installer(tmp_path: Path) -> None:
    one = projects.HERMETIC.replace('"linux-x86_64", "linux-aarch64", ', '"linux-x86_64", ')
    made = Hermetic(tmp_path, one, *projects.GPU_PACKAGES)
    made.fill()
    assert [path for path in made.wheels() if path.startswith("uv/")] == [f"uv/{X86}"]
    made.change(projects.HERMETIC, *projects.GPU_PACKAGES)
    with pytest.raises(AssertionError, match="must not be asked"):
        made.plan(uv_files=never)
    made.fill()
    assert len([path for path in made.wheels() if path.startswith("uv/")]) == 2


def test_an_index_without_uv_is_said(made: Hermetic) -> None:
    with pytest.raises(ImageError, match="no wheel of uv"):
        made.plan(uv_files=dict)


def test_missing_and_altered_wheels_are_found(made: Hermetic) -> None:
    made.dockerize()
    assert made.check() == [("bundle-missing", "error", f"{FOLDER}/wheels")]
    (note,) = made.findings()
    assert (note.code, note.severity, note.fix) == ("bundle-missing", "note", "envctl dockerize")
    assert "of the 7 files" in note.message
    made.fill()
    assert made.check() == []
    changed = f"{FOLDER}/wheels/{made.wheels()[0]}"
    (made.project.root / changed).write_text("other")
    assert made.check() == [("bundle-altered", "error", changed)]
    assert made.findings() == []  # verify opens none: it must be quick


def test_a_list_of_hashes_that_was_edited_is_found(made: Hermetic) -> None:
    made.fill()
    name = f"{FOLDER}/wheels/light/SHA256SUMS"
    made.project.write({name: ""})
    assert ("dockerfile-edited", name) in made.codes()
    made.dockerize()
    assert made.text(name).endswith(".whl\n")


def test_what_the_lock_dropped_goes_from_the_bundle(made: Hermetic) -> None:
    made.fill()
    assert any("nvidia" in path for path in made.wheels())
    kept = [each for each in projects.GPU_PACKAGES if not each["name"].startswith("nvidia")]
    made.change(projects.HERMETIC, *kept)
    made.fill()
    assert not any("nvidia" in path for path in made.wheels())


def test_the_other_flavour_keeps_nothing_of_it(made: Hermetic) -> None:
    made.fill()
    made.change(projects.HERMETIC.replace('"hermetic"', '"buildkit"'), *projects.GPU_PACKAGES)
    assert [finding.code for finding in made.findings()] == ["dockerfile-stale"]
    made.fill(uv_pin=lambda: projects.UV_PIN, uv_files=never)
    assert made.wheels() == []
    assert f"--hash=sha256:{'b' * 64}" in made.text(
        f"{FOLDER}/uv.txt"
    )  # all hashes, not the bundle's
    assert made.findings() == []


def test_an_image_without_packages_needs_no_wheel(tmp_path: Path) -> None:
    made = Hermetic(tmp_path, projects.HERMETIC.replace('"torch", "numpy"', ""))
    plan = made.plan(uv_files=never)
    assert plan.bundle == ()
    assert not any("wheels" in name or "uv.txt" in name for name in plan.files)
    assert "uv" not in plan.files["Dockerfile"].partition("FROM")[2]


def test_sources_are_bundled_with_what_builds_them(tmp_path: Path) -> None:
    """The source of each, its build environment's wheels, and no address for the build to ask."""
    text = projects.KERNELS.replace(
        "[tool.envctl.image]", '[tool.envctl.image]\nbuild = "hermetic"'
    )
    made = Hermetic(tmp_path, text, *projects.KERNELS_PACKAGES)
    made.lock = replace(made.lock, builds=from_tables(dict(projects.KERNELS_BUILDS)))
    plan = made.plan(paths=projects.TREE)
    shelves = {file.shelf for file in plan.bundle}
    assert {"heavy", "light", "uv", "build-flash-attn", "package"} <= shelves
    flash = [file.name for file in plan.bundle if file.shelf == "build-flash-attn"]
    assert "flash_attn-2.8.3.tar.gz" in flash
    listed = [name for name in plan.files if "pylock.build-" in name or "pylock.package" in name]
    for name in listed:
        packages = tomllib.loads(plan.files[name])["packages"]
        wheels = [wheel for package in packages for wheel in package["wheels"]]
        paths = {file.path for file in plan.bundle}
        assert {wheel["path"] for wheel in wheels} <= paths
        assert not any("url" in wheel for wheel in wheels)
    assert not any(name.endswith(".txt") and "build-" in name for name in plan.files)


def test_the_file_says_how_it_is_built(made: Hermetic) -> None:
    text = made.plan().files["Dockerfile"]
    assert "--network none" in text
    assert "`envctl dockerize` fetches them" in text
    assert "--mount" not in text
