"""What dockerize writes, keeps, refuses and tells."""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any, Never

import pytest

from envctl.domain import blocks
from envctl.errors import ImageError, LockError, ManifestError
from tests import image_projects as projects
from tests.unit.checks.test_image import Workspace

FILES = {
    ".dockerignore",
    ".envctl/image/contract.json",
    ".envctl/image/preflight.py",
    ".envctl/image/pylock.heavy.toml",
    ".envctl/image/pylock.light.toml",
    ".envctl/image/uv.txt",
    "Dockerfile",
}
OTHER = "sha256:" + "e" * 64


def never(*_arguments: object) -> Never:
    raise AssertionError("this must not be asked")


@pytest.fixture
def cpu(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, projects.CPU, *projects.CPU_PACKAGES)


@pytest.fixture
def gpu(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, projects.GPU, *projects.GPU_PACKAGES)


def test_it_writes_all_files_once(cpu: Workspace) -> None:
    plan = cpu.plan()
    assert set(plan.files) == set(plan.changed) == FILES
    assert cpu.project.read("Dockerfile") is None  # a plan writes nothing
    assert set(cpu.dockerize()) == FILES
    again = cpu.plan(registry=never, uv_pin=never)
    assert (again.changed, again.diff) == ((), "")


def test_the_install_lists(gpu: Workspace) -> None:
    files = gpu.plan().files
    heavy = tomllib.loads(files[".envctl/image/pylock.heavy.toml"])["packages"]
    light = tomllib.loads(files[".envctl/image/pylock.light.toml"])["packages"]
    x86, arm = 'platform_machine == "x86_64"', 'platform_machine == "aarch64"'
    assert [(p["name"], p.get("marker")) for p in heavy] == [
        ("nvidia-cuda-runtime-cu12", x86),
        ("torch", x86),
        ("torch", arm),
    ]
    assert [(p["name"], p.get("marker")) for p in light] == [("numpy", x86), ("numpy", arm)]
    assert all(len(p["wheels"]) == 1 for p in [*heavy, *light])


def test_a_package_that_is_the_same_everywhere_has_no_marker(tmp_path: Path) -> None:
    made = Workspace(
        tmp_path, projects.GPU, *projects.GPU_PACKAGES, projects.package("six", "1.17")
    )
    light = tomllib.loads(made.plan().files[".envctl/image/pylock.light.toml"])["packages"]
    assert [p.get("marker") for p in light if p["name"] == "six"] == [None]


def test_the_installer_is_pinned_and_comes_from_the_manifest_s_index(gpu: Workspace) -> None:
    lines = gpu.plan().files[".envctl/image/uv.txt"].splitlines()
    assert lines[:2] == [f"--index-url {projects.INDEX}", "uv==0.13.8 \\"]
    assert lines[2].strip() == f"--hash=sha256:{'a' * 64} \\"


def test_the_installer_is_kept_until_the_base_is_renewed(cpu: Workspace) -> None:
    cpu.dockerize()
    newer = projects.UV_PIN.replace("0.13.8", "0.14.0")
    assert "uv==0.13.8" in cpu.plan(uv_pin=never).files[".envctl/image/uv.txt"]
    plan = cpu.plan(uv_pin=lambda: newer, upgrade_base=True)
    assert "uv==0.14.0" in plan.files[".envctl/image/uv.txt"]
    assert "-uv==0.13.8" in plan.diff
    assert "+uv==0.14.0" in plan.diff


@pytest.mark.parametrize("pin", ["uv==1", "uv>=1 --hash=sha256:" + "a" * 64, "", "uv==1\n-r x"])
def test_an_unpinned_installer_is_refused(cpu: Workspace, pin: str) -> None:
    with pytest.raises(ImageError, match="pinned"):
        cpu.plan(uv_pin=lambda: pin)


def test_an_index_with_odd_characters_is_refused(tmp_path: Path) -> None:
    text = projects.GPU.replace("https://index.example/simple", "https://x/$(id)")
    made = Workspace(tmp_path, text, *projects.GPU_PACKAGES)
    with pytest.raises(ImageError, match="not an address"):
        made.plan()


def test_an_index_with_a_line_end_is_no_manifest(tmp_path: Path) -> None:
    text = projects.GPU.replace("https://index.example/simple", "https://x/\\nuv==1")
    with pytest.raises(ManifestError, match="not the address of an index"):
        Workspace(tmp_path, text, *projects.GPU_PACKAGES)


def test_the_digest_is_kept_until_asked_for(cpu: Workspace) -> None:
    assert cpu.plan(registry=lambda _reference: None).base.endswith("slim-bookworm")
    assert "not pinned" in "".join(cpu.plan(registry=lambda _reference: None).warnings)
    cpu.dockerize(registry=lambda _reference: None)
    cpu.dockerize()  # now a registry answers
    assert cpu.plan(registry=never).base.endswith("@" + projects.DIGEST)
    upgraded = cpu.plan(registry=lambda _reference: OTHER, upgrade_base=True)
    assert upgraded.base.endswith("@" + OTHER)
    offline = cpu.plan(registry=lambda _reference: None, upgrade_base=True)
    assert offline.base.endswith("@" + projects.DIGEST)


def test_another_tag_has_another_digest(cpu: Workspace) -> None:
    cpu.dockerize()
    asked: list[str] = []
    cpu.change(projects.CPU.replace('"3.11"', '"3.11.7"'), *projects.CPU_PACKAGES)

    def registry(reference: str) -> str:
        asked.append(reference)
        return OTHER

    plan = cpu.plan(registry=registry)
    assert asked == ["docker.io/library/python:3.11.7-slim-bookworm"]
    assert plan.base.endswith(OTHER)


@pytest.mark.parametrize(
    ("line", "base"),
    [
        ('registry = "r.example:5000/mirror"', "r.example:5000/mirror/python:3.11-slim-bookworm"),
        ('base = "r.example/py:1"', "r.example/py:1"),
    ],
)
def test_registry_and_base_override(tmp_path: Path, line: str, base: str) -> None:
    text = projects.CPU.replace("command =", f"{line}\ncommand =")
    plan = Workspace(tmp_path, text, *projects.CPU_PACKAGES).plan()
    assert plan.base == f"{base}@{projects.DIGEST}"


def test_a_digest_in_the_manifest_needs_no_registry(tmp_path: Path) -> None:
    reference = f"r.example/py:1@{OTHER}"
    text = projects.CPU.replace("command =", f'base = "{reference}"\ncommand =')
    assert Workspace(tmp_path, text, *projects.CPU_PACKAGES).plan(registry=never).base == reference


def test_a_python_that_is_not_declared_stays_what_it_was(tmp_path: Path) -> None:
    text = projects.CPU.replace('python = "3.11"', "")
    any_numpy = projects.package("numpy", "2.4.6")
    made = Workspace(tmp_path, text, any_numpy)
    assert "python:3.12-slim" in made.plan(python="3.12.4").base
    made.dockerize(python="3.12.4")
    assert "python:3.12-slim" in made.plan(python="3.13.1").base


def test_a_foreign_dockerfile_is_never_overwritten(cpu: Workspace) -> None:
    cpu.project.write({"Dockerfile": "FROM scratch\n"})
    with pytest.raises(ImageError) as caught:
        cpu.dockerize()
    assert "--adopt" in (caught.value.hint or "")
    cpu.dockerize(adopt=True)
    cpu.project.write({"Dockerfile": "FROM scratch\n"})
    with pytest.raises(ImageError, match="in the way"):
        cpu.dockerize(adopt=True)


def test_lines_around_the_block_survive(cpu: Workspace) -> None:
    cpu.dockerize()
    text = cpu.text("Dockerfile")
    mine = "# top\n" + text + "RUN true\r\n# no line end"
    cpu.project.write({"Dockerfile": mine})
    cpu.change(projects.CPU.replace('"0"', '"1"'), *projects.CPU_PACKAGES)
    cpu.dockerize()
    again = cpu.text("Dockerfile")
    assert again.startswith("# top\n" + blocks.BEGIN)
    assert again.endswith(blocks.END + "\nRUN true\r\n# no line end")


def test_the_user_s_dockerignore_has_the_last_word(cpu: Workspace) -> None:
    cpu.project.write({".dockerignore": "*.ckpt\n"})
    cpu.dockerize()
    text = cpu.text(".dockerignore")
    assert text.startswith(blocks.BEGIN)
    assert text.endswith(blocks.END + "\n*.ckpt\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# escape=`\n", ""),
        ("<<<<<<< ours\nRUN a\n=======\nRUN b\n>>>>>>> theirs\n", ""),
        ("", "<<<<<<< ours\n"),
        ("", blocks.BEGIN + "\n" + blocks.END + "\n"),
        ("", blocks.BEGIN + "\n"),
    ],
)
def test_what_a_person_must_settle_first(cpu: Workspace, before: str, after: str) -> None:
    cpu.dockerize()
    text = cpu.text("Dockerfile")
    cpu.project.write({"Dockerfile": before + text + after})
    with pytest.raises(ImageError) as caught:
        cpu.dockerize()
    assert caught.value.hint


def _with(**changes: Any) -> dict[str, Any]:
    return {**projects.package("odd", "1.0"), **changes}


def _file(url: str) -> dict[str, Any]:
    return {"name": "odd-1.0-py3-none-any.whl", "url": url, "hashes": {"sha256": "0" * 64}}


@pytest.mark.parametrize(
    ("package", "said"),
    [
        ({"name": "odd", "directory": {"path": "../odd"}}, "a folder, a repository"),
        (
            {
                "name": "odd",
                "vcs": {"type": "git", "url": "https://x.example/o", "commit-id": "0" * 40},
            },
            "a folder, a repository",
        ),
        ({"name": "odd", "archive": _file("https://x.example/odd.zip")}, "a direct address"),
        (
            {"name": "odd", "version": "1.0", "sdist": _file("https://x.example/odd-1.0.tar.gz")},
            "does not say how its source is built",
        ),
        (_with(wheels=[_file("file:///srv/odd-1.0-py3-none-any.whl")]), "cannot reach"),
        (_with(wheels=[_file("ftp://x.example/odd-1.0-py3-none-any.whl")]), "cannot reach"),
    ],
)
def test_what_cannot_be_installed_in_an_image_is_named(
    tmp_path: Path, package: dict[str, Any], said: str
) -> None:
    if "archive" in package or "sdist" in package:
        for key in ("archive", "sdist"):
            package.get(key, {}).pop("name", None)
    made = Workspace(tmp_path, projects.CPU, package)
    with pytest.raises(ImageError, match=said) as caught:
        made.plan()
    assert "`odd`" in caught.value.message


def test_a_loopback_index_is_a_warning(tmp_path: Path) -> None:
    made = Workspace(
        tmp_path, projects.CPU, _with(wheels=[_file("http://127.0.0.1:9/odd-1.0-py3-none-any.whl")])
    )
    assert any(
        "only this machine reaches the index of odd" in line for line in made.plan().warnings
    )


def test_platforms(tmp_path: Path) -> None:
    only_mac = projects.CPU.replace("linux-x86_64", "macos-arm64")
    with pytest.raises(ImageError, match="not declared for Linux"):
        Workspace(tmp_path, only_mac, projects.NUMPY).plan()
    unbuildable = projects.CPU.replace("linux-x86_64", "linux-aarch64")
    with pytest.raises((ImageError, LockError)):
        Workspace(tmp_path, unbuildable, *projects.CPU_PACKAGES).plan()
    undeclared = projects.CPU.replace('platforms = ["linux-x86_64"]', "")
    both = Workspace(tmp_path, undeclared, projects.NUMPY).plan().files["Dockerfile"]
    assert "# slice linux-aarch64 sha256:" in both
    one = Workspace(tmp_path, undeclared, *projects.CPU_PACKAGES).plan().files["Dockerfile"]
    assert "linux-aarch64" not in one


def test_a_profile_has_files_of_its_own(cpu: Workspace) -> None:
    cpu.manifest = replace(cpu.manifest, profile="cu126")
    plan = cpu.plan()
    assert "Dockerfile.cu126" in plan.files
    assert ".envctl/image/cu126/pylock.heavy.toml" in plan.files
    assert "source=.envctl/image/cu126/uv.txt" in plan.files["Dockerfile.cu126"]
    assert ".dockerignore" in plan.files


def test_no_secret_and_no_foreign_value_is_written(gpu: Workspace) -> None:
    gpu.change(projects.GPU.replace('"never"', '"s3cr3t-value"'), *projects.GPU_PACKAGES)
    plan = gpu.plan()
    everything = "\n".join([*plan.files.values(), *plan.warnings, *plan.notes, plan.diff])
    assert "s3cr3t-value" not in everything
    assert "eth0" not in everything
