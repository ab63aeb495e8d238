"""Profiles: what each makes of the manifest, and where their locks disagree."""

import tomllib
from typing import Any

import pytest
from packaging.pylock import Package, Pylock

from envctl.domain.gpu import torch_builds
from envctl.domain.lock import inputs_of
from envctl.domain.manifest import Index, Manifest
from envctl.domain.manifest.reading import parse_manifest
from envctl.domain.profile import skews, variant, variants
from envctl.errors import ManifestError, UsageError

TEXT = """
[project]
name = "vision"
dependencies = ["numpy"]
[project.optional-dependencies]
viz = ["rich"]
[dependency-groups]
dev = ["pytest"]
gpu = ["pynvml"]
[tool.envctl]
python = "3.11"
platforms = ["linux-x86_64", "linux-aarch64", "macos-arm64", "windows-x86_64"]
groups = ["dev"]
constraints = ["numpy<3"]
[[tool.envctl.index]]
name = "open"
url = "https://index.example/simple"
[tool.envctl.env]
A = "1"
B = "1"
[tool.envctl.gpu]
required = true
count = 2
[tool.envctl.image]
extras = []
"""


def read(more: str) -> Manifest:
    return parse_manifest(tomllib.loads(TEXT + more))


def profile(keys: str, name: str = "p") -> Manifest:
    return variant(read(f"[tool.envctl.profiles.{name}]\n{keys}\n"), name)


def test_without_profiles_the_manifest_is_its_only_variant() -> None:
    manifest = read("")
    assert variants(manifest) == (manifest,)
    assert manifest.lock_name == "pylock.toml"


def test_a_profile_adds_and_replaces() -> None:
    made = profile(
        """
        dependencies = ["cupy", "numpy"]
        extras = ["viz"]
        groups = ["gpu"]
        constraints = ["cupy<14"]
        platforms = ["linux-x86_64"]
        env = {B = "2", C = "3"}
        gpu = {required = false}
        index = [{name = "more", url = "https://more.example/simple", packages = ["cupy"]}]
        """
    )
    assert made.lock_name == "pylock.p.toml"
    assert made.dependencies == ("numpy", "cupy")
    assert made.constraints == ("numpy<3", "cupy<14")
    assert made.default_groups == ("dev", "gpu")
    assert made.default_extras == ("viz",)
    assert made.image.extras == ("viz",)
    assert [platform.name for platform in made.platforms] == ["linux-x86_64"]
    assert made.env == {"A": "1", "B": "2", "C": "3"}
    assert made.gpu.required is False
    assert [index.name for index in made.indexes] == ["open", "more"]


def test_an_index_of_the_same_name_is_replaced() -> None:
    made = profile('index = [{name = "open", url = "https://mirror.example/simple"}]')
    assert made.indexes == (Index(name="open", url="https://mirror.example/simple"),)


@pytest.mark.parametrize(
    ("build", "platforms"),
    [
        ("cpu", "linux-x86_64 linux-aarch64 macos-arm64 windows-x86_64"),
        ("cu118", "linux-x86_64 windows-x86_64"),
        ("cu126", "linux-x86_64 linux-aarch64 windows-x86_64"),
        ("cu130", "linux-x86_64 linux-aarch64 windows-x86_64"),
        ("cu132", "linux-x86_64 linux-aarch64 windows-x86_64"),
        ("rocm6.4", "linux-x86_64"),
        ("xpu", "linux-x86_64 windows-x86_64"),
    ],
)
def test_platforms_without_such_a_build_are_cut(build: str, platforms: str) -> None:
    made = profile(f'torch = "{build}"')
    assert [platform.name for platform in made.platforms] == platforms.split()


def test_a_libc_floor_survives_the_cut() -> None:
    text = TEXT.replace('"linux-x86_64"', '"linux-x86_64-glibc2.28"')
    manifest = parse_manifest(tomllib.loads(text + '[tool.envctl.profiles.p]\ntorch = "rocm6.4"\n'))
    assert [each.name for each in variant(manifest, "p").platforms] == ["linux-x86_64-glibc2.28"]


def test_every_platform_becomes_those_that_have_the_build() -> None:
    text = "\n".join(line for line in TEXT.splitlines() if not line.startswith("platforms"))
    more = '\n[tool.envctl.profiles.p]\ntorch = "cu126"\n[tool.envctl.profiles.c]\ntorch = "cpu"\n'
    manifest = parse_manifest(tomllib.loads(text + more))
    assert [each.name for each in variant(manifest, "p").platforms] == [
        "linux-x86_64",
        "linux-aarch64",
        "windows-x86_64",
    ]
    assert variant(manifest, "c").platforms == ()


def test_no_platform_left_is_an_error_with_the_ones_there_are() -> None:
    text = TEXT.replace(
        '"linux-x86_64", "linux-aarch64", "macos-arm64", "windows-x86_64"', '"macos-arm64"'
    )
    manifest = parse_manifest(tomllib.loads(text + '[tool.envctl.profiles.p]\ntorch = "cu126"\n'))
    with pytest.raises(ManifestError) as caught:
        variants(manifest)
    assert "`cu126`" in caught.value.message
    assert "linux-x86_64" in caught.value.message
    assert caught.value.where == "tool.envctl.profiles.p.torch"


def test_torch_comes_from_its_own_index_and_from_nowhere_else() -> None:
    made = profile('torch = "cu126"')
    index = made.indexes[-1]
    assert (index.name, index.url) == ("pytorch-cu126", torch_builds.index_url("cu126"))
    assert {"torch", "torchvision", "torchaudio"} <= set(index.packages)
    assert "numpy" not in index.packages
    assert any(line.startswith("index pytorch-cu126 ") for line in inputs_of(made))


def test_a_declared_index_of_that_name_is_taken_instead() -> None:
    made = profile(
        'torch = "cu126"\nindex = [{name = "pytorch-cu126", url = "https://torch.example/cu126"}]'
    )
    assert [index.name for index in made.indexes] == ["open", "pytorch-cu126"]
    assert made.indexes[-1].url == "https://torch.example/cu126"
    assert "torch" in made.indexes[-1].packages
    own = profile(
        'torch = "cpu"\nindex = [{name = "pytorch-cpu", url = "https://t.example", packages = ["torch"]}]'
    )
    assert own.indexes[-1].packages == ("torch",)


def test_a_required_gpu_is_not_required_of_the_cpu() -> None:
    assert profile('torch = "cpu"').gpu.required is False
    assert profile('torch = "cu126"').gpu.required is True
    assert profile('torch = "cpu"\ngpu = {required = true}').gpu.required is True


def test_an_unknown_profile_names_the_nearest() -> None:
    manifest = read('[tool.envctl.profiles.cu126]\ntorch = "cu126"\n')
    with pytest.raises(UsageError) as caught:
        variant(manifest, "cu162")
    assert caught.value.hint == "did you mean `cu126`?"


def packages(*entries: dict[str, Any]) -> list[Package]:
    tables = [
        {
            "name": entry["name"],
            "version": entry["version"],
            **({"marker": entry["marker"]} if "marker" in entry else {}),
            "archive": {"url": "https://index.example/x.whl", "hashes": {"sha256": "00"}},
        }
        for entry in entries
    ]
    lock = Pylock.from_dict({"lock-version": "1.0", "created-by": "test", "packages": tables})
    return list(lock.packages)


def one(name: str, version: str, marker: str = "") -> dict[str, Any]:
    return {"name": name, "version": version} | ({"marker": marker} if marker else {})


BOTH = """
[tool.envctl.profiles.cpu]
torch = "cpu"
[tool.envctl.profiles.cu126]
torch = "cu126"
dependencies = ["zz-own>1"]
constraints = ["zz-kept<2"]
"""


def test_public_versions_are_compared() -> None:
    manifest = read(BOTH)
    same = {
        "cpu": packages(one("torch", "2.9.0+cpu"), one("numpy", "2.0")),
        "cu126": packages(one("torch", "2.9.0+cu126"), one("numpy", "2.0")),
    }
    assert skews(same, manifest) == ()
    differ = same | {"cu126": packages(one("torch", "2.8.0+cu126"), one("numpy", "2.1"))}
    found = {skew.name: dict(skew.versions) for skew in skews(differ, manifest)}
    assert found == {
        "numpy": {"cpu": ("2.0",), "cu126": ("2.1",)},
        "torch": {"cpu": ("2.9.0",), "cu126": ("2.8.0",)},
    }


@pytest.mark.parametrize(
    "name", ["nvidia-cublas-cu12", "triton", "cuda-toolkit", "zz-own", "zz-kept"]
)
def test_what_comes_with_the_build_or_is_the_profiles_own_may_differ(name: str) -> None:
    locked = {"cpu": packages(one(name, "1")), "cu126": packages(one(name, "2"))}
    assert skews(locked, read(BOTH)) == ()


def test_a_package_that_one_profile_lacks_is_no_skew() -> None:
    assert skews({"cpu": packages(one("a", "1")), "cu126": packages()}, read(BOTH)) == ()


def test_forks_are_compared_where_both_profiles_are_served() -> None:
    # cu126 has no macOS: there, cpu may have what it likes.
    mac, rest = "sys_platform == 'darwin'", "sys_platform != 'darwin'"
    locked = {
        "cpu": packages(one("a", "1", mac), one("a", "2", rest)),
        "cu126": packages(one("a", "2")),
    }
    assert skews(locked, read(BOTH)) == ()
    locked["cu126"] = packages(one("a", "1"))
    assert [skew.name for skew in skews(locked, read(BOTH))] == ["a"]


def test_every_row_of_the_table_names_known_platforms() -> None:
    from envctl.domain.platforms import parse_platform

    for build in ("cpu", "cu118", "cu126", "cu128", "cu129", "cu130", "rocm6.4", "xpu"):
        names = torch_builds.platforms(build)
        assert names
        for name in names:
            parse_platform(name)


def test_a_profile_of_a_project_that_has_none() -> None:
    """Whoever asks, `sync` or `lock`, is told the same."""
    with pytest.raises(UsageError, match="this project has no profiles") as caught:
        variant(read(""), "cu126")
    assert (caught.value.where, caught.value.hint) == ("--profile", "run it without `--profile`")
