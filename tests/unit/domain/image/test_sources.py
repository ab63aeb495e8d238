"""What an image builds: the order, the lists, and locks that a build must not see."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from envctl.domain.image import Image
from envctl.domain.image.sources import sources_digest
from envctl.errors import EnvctlError, ImageError, LockError
from tests import image_projects as projects

CPU = projects.CPU.replace('"numpy", "pandas"', '"made-c"')


def built(package: dict[str, Any], builds: dict[str, Any] | None = None, text: str = CPU) -> Image:
    told = deepcopy(projects.KERNELS_BUILDS)
    told["builds"] = builds or {"made-c==1.0": {"requires": ["made-backend==4.0"], "needs": ["c"]}}
    return projects.image(text, package, builds=told)


def test_it_is_fetched_by_the_hash_and_address_of_the_lock() -> None:
    (source,) = built(projects.source("made-c", "1.0")).built.sources
    file = projects.sdist("made-c", "1.0")
    assert source.line() == f"made_c-1.0.tar.gz sha256:{file['hashes']['sha256']} {file['url']}\n"
    assert (source.section, source.machines, source.needs) == ("light", ("x86_64",), ("c",))
    assert [item.name for items in source.within.values() for item in items] == ["made-backend"]


def test_two_versions_of_one_source_are_two_stages() -> None:
    """One is installed; the other is what the first is built with."""
    builds = {
        "made-ninja==2.0": {"requires": ["made-ninja==1.12"]},
        "made-ninja==1.12": {"requires": ["made-backend==4.0"]},
    }
    text = CPU.replace("made-c", "made-ninja")
    found = built(projects.source("made-ninja", "2.0"), builds, text).built.sources
    assert [(each.version, each.section) for each in found] == [("1.12", "build"), ("2.0", "light")]
    assert len({each.stage for each in found}) == 2
    assert found[1].after == {found[0].stage: ("x86_64",)}


def test_a_changed_build_is_another_image_and_an_equal_one_is_not() -> None:
    package = projects.source("made-c", "1.0")
    one = sources_digest(built(package).built.sources)
    assert one == sources_digest(built(package).built.sources)
    others = [
        {"requires": ["made-backend==4.0"], "needs": ["c"], "env": {"A": "1"}},
        {"requires": [], "needs": ["c"]},
        {"requires": ["made-backend==4.0"], "needs": ["c++"]},
    ]
    digests = {
        sources_digest(built(package, {"made-c==1.0": each}).built.sources) for each in others
    }
    assert len(digests | {one}) == 4
    assert sources_digest(()) is None


def test_wheels_alone_build_nothing() -> None:
    made = projects.image(projects.CPU, *projects.CPU_PACKAGES)
    assert (made.built.sources, made.built.builder, len(made.bases)) == ((), None, 1)


def test_an_undeclared_machine_is_left_out_if_it_had_to_build() -> None:
    text = CPU.replace('platforms = ["linux-x86_64"]\n', "")
    made = built(projects.source("made-c", "1.0"), None, text)
    assert [platform.machine for platform in made.slices] == ["x86_64"]


HOSTILE: dict[str, Callable[[dict[str, Any]], object]] = {
    "a file": lambda sdist: sdist.update(url="file:///etc/passwd"),
    "another scheme": lambda sdist: sdist.update(url="ftp://x.example/made_c-1.0.tar.gz"),
    "a login": lambda sdist: sdist.update(url="https://me:word@x.example/made_c-1.0.tar.gz"),
    "two words": lambda sdist: sdist.update(url="https://x.example/a b-1.0.tar.gz"),
    "a second line": lambda sdist: sdist.update(url="https://x.example/a-1.0.tar.gz\nx"),
    "a weak hash": lambda sdist: sdist.update(hashes={"md5": "0" * 32}),
    "a broken hash": lambda sdist: sdist.update(hashes={"sha256": "0"}),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_a_build_must_not_be_told_is_refused(what: str) -> None:
    package = projects.source("made-c", "1.0")
    HOSTILE[what](package["sdist"])
    with pytest.raises(LockError) as caught:
        built(package)
    assert caught.value.hint
    assert "word" not in str(caught.value.hint)


@pytest.mark.parametrize("name", ["made_ninja-1.12.sh", "-rf.tar.gz", "a;b-1.tar.gz", "é.zip"])
def test_a_build_requirement_s_file_name_is_checked_too(name: str) -> None:
    """The library reads the names of `[[packages]]`, and nobody those of the build requirements."""
    told = deepcopy(projects.KERNELS_BUILDS)
    told["builds"]["made-c==1.0"] = {"requires": ["made-ninja==1.12"]}
    line = f"{name} sha256:{'f' * 64} https://index.example/files/{name}"
    told["build-packages"]["made-ninja==1.12"]["files"] = [line]
    with pytest.raises(LockError, match="is not the name of a source"):
        projects.image(CPU, projects.source("made-c", "1.0"), builds=told)


def test_a_source_that_the_lock_does_not_explain_is_refused() -> None:
    with pytest.raises(ImageError, match="does not say how"):
        built(projects.source("made-c", "1.0"), {"other==1.0": {"requires": []}})
    with pytest.raises(ImageError, match="of which the lock has no wheel"):
        built(
            projects.source("made-c", "1.0"),
            {"made-c==1.0": {"requires": ["made-ninja==1.12"], "needs": ["c"]}},
        )


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (projects.CPU.replace("command =", 'project = "package"\ncommand ='), "image.project"),
        (projects.PACKAGE.replace('name = "churn"', 'name = "a\'; id"'), "project.name"),
        (CPU.replace("command =", 'builder = "python"\ncommand ='), "image.builder"),
        (CPU.replace("command =", 'builder = "x:y\\nRUN id"\ncommand ='), "image.builder"),
    ],
)
def test_what_is_wrong_names_its_key(text: str, where: str) -> None:
    package = projects.source("made-c", "1.0")
    builds = {
        ".": {"requires": ["made-backend==4.0"]},
        "made-c==1.0": {"requires": ["made-backend==4.0"], "needs": ["c"]},
    }
    with pytest.raises(EnvctlError) as caught:
        built(package, builds, text)
    assert str(caught.value.where).endswith(where)


def test_no_toolkit_is_known_for_an_old_cuda() -> None:
    packages = projects.bumped(projects.KERNELS_PACKAGES[2:], "torch", "2.6.0+cu118")
    text = projects.KERNELS.replace(', "made-c"', "").replace('project = "package"\n', "")
    builds = {"flash-attn==2.8.3": {"requires": [], "needs": ["nvcc"]}}
    with pytest.raises(ImageError, match=r"CUDA 11\.8") as caught:
        projects.image(text, projects.KERNELS_PACKAGES[0], *packages, builds={"builds": builds})
    assert caught.value.where == "tool.envctl.image.builder"
