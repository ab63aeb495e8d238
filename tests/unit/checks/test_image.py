"""The image layer of verify: what is stale, what was edited, and what is neither."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from envctl.adapters.project import ProjectFiles
from envctl.adapters.sources import paths as source_paths
from envctl.checks.image import check
from envctl.domain import blocks
from envctl.domain.finding import Finding
from envctl.usecases import dockerize
from tests import image_projects as projects

EXTRA = projects.package("httpx", "1.0")


class Workspace:
    """A project on disk with a lock, whose image files are written on demand."""

    def __init__(self, root: Path, text: str, *packages: Mapping[str, Any]) -> None:
        self.project = ProjectFiles(root)
        self.change(text, *packages)

    def change(self, text: str, *packages: Mapping[str, Any]) -> None:
        self.manifest = projects.manifest(text)
        self.lock = projects.lock(self.manifest, *packages)

    def plan(self, **changes: Any) -> dockerize.DockerPlan:
        options: dict[str, Any] = {
            "registry": lambda _reference: projects.DIGEST,
            "uv_pin": lambda: projects.UV_PIN,
            "paths": projects.PATHS,
            **changes,
        }
        return dockerize.plan(self.project, self.manifest, self.lock, **options)

    def dockerize(self, **changes: Any) -> tuple[str, ...]:
        return dockerize.write(self.project, [self.plan(**changes)])

    def findings(self, **changes: Any) -> list[Finding]:
        evidence = dockerize.evidence(self.project, self.manifest, self.lock)
        options: dict[str, Any] = {"paths": projects.PATHS, **changes}
        found = list(check(**evidence, **options))
        # A project with profiles has several: a report that says "it" leaves open which one.
        assert all(finding.subject in finding.message for finding in found if finding.fix)
        return found

    def codes(self, **changes: Any) -> list[tuple[str, str]]:
        return [(f.code, f.subject) for f in self.findings(**changes)]

    def text(self, name: str) -> str:
        text = self.project.read(name)
        assert text is not None
        return text

    def edit(self, name: str, old: str, new: str) -> None:
        text = self.text(name)
        assert old in text
        self.project.write({name: text.replace(old, new, 1)})


@pytest.fixture
def gpu(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path, projects.GPU, *projects.GPU_PACKAGES)
    made.dockerize()
    return made


STALE = [("dockerfile-stale", "Dockerfile")]


def test_nothing_is_wrong_right_after(gpu: Workspace) -> None:
    assert gpu.findings() == []
    assert gpu.findings(required=True) == []
    assert gpu.findings(paths=None) == []


def test_no_dockerfile_is_only_missed_when_asked_for(tmp_path: Path) -> None:
    made = Workspace(tmp_path, projects.CPU, *projects.CPU_PACKAGES)
    assert made.findings() == []
    (finding,) = made.findings(required=True)
    assert (finding.code, finding.fix) == ("dockerfile-missing", "envctl dockerize")
    made.dockerize()
    assert made.findings(required=True) == []


def test_a_dockerfile_of_the_user_s_is_none_of_our_business(tmp_path: Path) -> None:
    made = Workspace(tmp_path, projects.CPU, *projects.CPU_PACKAGES)
    made.project.write({"Dockerfile": "FROM scratch\n"})
    assert made.findings() == []
    (finding,) = made.findings(required=True)
    assert (finding.code, finding.fix) == ("dockerfile-foreign", "envctl dockerize --adopt")
    made.dockerize(adopt=True)
    assert made.findings(required=True) == []
    assert made.project.read("Dockerfile.before-envctl") == "FROM scratch\n"


def test_a_changed_slice_is_stale_and_says_what_changed(gpu: Workspace) -> None:
    newer = projects.bumped(projects.GPU_PACKAGES, "numpy", "2.5.0")
    gpu.change(projects.GPU, *newer, EXTRA)
    (finding,) = gpu.findings()
    assert (finding.code, finding.subject) == STALE[0]
    assert "httpx none → 1.0, numpy 2.4.6 → 2.5.0" in finding.message
    assert finding.fix == "envctl dockerize"
    gpu.dockerize()
    assert gpu.findings() == []


def test_another_file_of_the_same_version_is_stale(gpu: Workspace) -> None:
    other = projects.package("torch", "2.10.0+cu126", "cp311-cp311-manylinux_2_28_x86_64")
    other["wheels"][0]["hashes"] = {"sha256": "0" * 64}
    gpu.change(projects.GPU.replace('"linux-aarch64", ', ""), *(*projects.GPU_PACKAGES[:3], other))
    assert "the same versions, but other files" in gpu.findings()[0].message


def test_a_test_tool_or_another_platform_s_package_is_not(gpu: Workspace) -> None:
    bumped = projects.bumped(projects.GPU_PACKAGES, "pytest", "9.1.0")
    mac = projects.package("appnope", "1.0", marker="sys_platform == 'darwin'")
    gpu.change(projects.GPU, *bumped, mac)
    assert gpu.findings() == []


def test_a_group_that_the_image_takes_counts(gpu: Workspace) -> None:
    text = projects.GPU.replace('source = ["src"]', 'source = ["src"]\ngroups = ["dev"]')
    gpu.change(text, *projects.GPU_PACKAGES)
    assert "pytest none → 9.0.0" in gpu.findings()[0].message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"linux-aarch64", ', ""),
        ('CUDA_VISIBLE_DEVICES = "2"', 'CUDA_VISIBLE_DEVICES = "3"'),
        ('"libgl1"', '"libglib2.0-0"'),
        ('for = "docker"', 'for = "slurm"'),
        ("https://index.example/simple", "https://other.example/simple"),
        ("count = 2", "count = 3"),
        ('command = ["python", "-m", "vision"]', 'command = ["python"]'),
        ('command = ["python", "-m", "vision"]', 'base = "x.example/python:3.11-slim-bookworm"'),
        ('source = ["src"]', 'source = ["lib"]'),
    ],
)
def test_a_changed_setting_is_stale_until_dockerize(gpu: Workspace, old: str, new: str) -> None:
    assert old in projects.GPU
    gpu.change(projects.GPU.replace(old, new), *projects.GPU_PACKAGES)
    assert gpu.codes() == STALE
    gpu.dockerize()
    assert gpu.findings() == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('HF_TOKEN = "never"', 'HF_TOKEN = "another"'),  # a secret's value is nowhere
        ('NCCL_SOCKET_IFNAME = "eth0"', 'NCCL_SOCKET_IFNAME = "eth1"'),  # nor a host variable's
        ('["libgl1", "libgomp1=12.2.0-14"]', '["libgomp1=12.2.0-14", "libgl1"]'),
        ("[tool.envctl.gpu]", "# a comment\n[tool.envctl.gpu]"),
    ],
)
def test_what_changes_nothing_is_not_stale(gpu: Workspace, old: str, new: str) -> None:
    gpu.change(projects.GPU.replace(old, new), *projects.GPU_PACKAGES)
    assert gpu.findings() == []
    assert gpu.dockerize() == ()


def test_what_a_newer_envctl_would_write_is_not_stale(gpu: Workspace) -> None:
    """The block and the companions are known by their own digests, whatever they say."""
    block = blocks.find(gpu.text("Dockerfile"), "Dockerfile")
    assert block is not None
    lines = tuple(line.replace("PYTHONUNBUFFERED", "PYTHONNODEBUGRANGES") for line in block.body)
    gpu.project.write({"Dockerfile": blocks.text(lines)})
    assert gpu.findings() == []


@pytest.mark.parametrize(
    "name",
    [
        "Dockerfile",
        ".dockerignore",
        ".envctl/image/contract.json",
        ".envctl/image/preflight.py",
        ".envctl/image/pylock.heavy.toml",
        ".envctl/image/pylock.light.toml",
        ".envctl/image/uv.txt",
    ],
)
def test_an_edit_of_any_file_is_noticed_and_mended(gpu: Workspace, name: str) -> None:
    before = gpu.text(name)
    lines = before.splitlines(keepends=True)
    gpu.project.write({name: "".join([*lines[:3], "# mine\n", *lines[3:]])})
    (finding,) = gpu.findings()
    assert (finding.code, finding.subject, finding.fix) == (
        "dockerfile-edited",
        name,
        "envctl dockerize",
    )
    gpu.dockerize()
    assert gpu.findings() == []
    if not name.endswith("uv.txt"):
        assert gpu.text(name) == before


@pytest.mark.parametrize("name", [".dockerignore", ".envctl/image/preflight.py"])
def test_a_missing_companion_is_noticed_and_mended(gpu: Workspace, name: str) -> None:
    (gpu.project.root / name).unlink()
    assert gpu.codes() == [("dockerfile-edited", name)]
    gpu.dockerize()
    assert gpu.findings() == []


def test_windows_line_ends_are_no_edit(gpu: Workspace) -> None:
    for name in ("Dockerfile", ".dockerignore", ".envctl/image/contract.json"):
        path = gpu.project.root / name
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert gpu.findings() == []


def test_lines_around_the_block_are_the_user_s(gpu: Workspace) -> None:
    text = gpu.text("Dockerfile")
    gpu.project.write({"Dockerfile": "# top\n" + text + "LABEL mine=1\n"})
    assert gpu.findings() == []


def test_conflict_markers_inside_are_regenerated(gpu: Workspace) -> None:
    gpu.edit("Dockerfile", "# settings", "<<<<<<< ours\n# settings x\n=======\n# settings")
    gpu.edit("Dockerfile", "# python", ">>>>>>> theirs\n# python")
    gpu.edit(".envctl/image/contract.json", "{", "<<<<<<< ours\n{")
    # Nothing is said on top of it that two branches' halves of a block would make of themselves.
    assert gpu.codes() == [
        ("dockerfile-conflict", "Dockerfile"),
        ("dockerfile-conflict", ".envctl/image/contract.json"),
    ]
    gpu.dockerize()
    assert gpu.findings() == []
    assert "<<<<" not in gpu.text("Dockerfile") + gpu.text(".envctl/image/contract.json")


def test_a_torn_block_is_for_a_person_to_mend(gpu: Workspace) -> None:
    gpu.edit("Dockerfile", blocks.END + "\n", "")
    (finding,) = gpu.findings()
    assert (finding.code, finding.fix) == ("dockerfile-edited", None)
    assert blocks.END in (finding.advice or "")


def test_new_source_is_stale_when_the_files_are_known(tmp_path: Path) -> None:
    made = Workspace(tmp_path, projects.CPU, *projects.CPU_PACKAGES)
    made.dockerize()
    assert made.codes(paths=(*projects.PATHS, "serve.py")) == STALE
    assert made.codes(paths=None) == []


def test_a_lock_that_no_image_can_be_made_from(gpu: Workspace) -> None:
    sdist = {
        "name": "torch-2.10.0.tar.gz",
        "url": "https://x.example/t",
        "hashes": {"sha256": "0" * 64},
    }
    torch = {"name": "torch", "version": "2.10.0", "sdist": sdist}
    gpu.change(projects.GPU, *projects.GPU_PACKAGES[:3], torch)
    (finding,) = gpu.findings()
    assert (finding.code, finding.fix) == ("dockerfile-stale", None)
    assert "`torch` has no wheel for linux-x86_64" in finding.message


def test_an_edit_never_costs_the_base_image_s_digest(gpu: Workspace) -> None:
    gpu.edit("Dockerfile", "PYTHONUNBUFFERED", "X")
    plan = gpu.plan(registry=lambda _reference: None)
    assert plan.base.endswith(projects.DIGEST)
    assert any("changed by hand" in line for line in plan.warnings)


def test_end_of_support_is_a_warning(gpu: Workspace) -> None:
    late = gpu.plan(today=date(2031, 1, 1)).warnings
    assert [line for line in late if "out of support since 2027-10-31" in line]
    assert [line for line in late if "Debian bookworm" in line]
    assert not [line for line in gpu.plan(today=date(2026, 1, 1)).warnings if "support" in line]


def test_source_paths(tmp_path: Path) -> None:
    for name in ("train.py", "vision/__init__.py", "src/pkg/__init__.py", ".venv/x.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert source_paths(tmp_path) == ("src/pkg/", "train.py", "vision/__init__.py")
